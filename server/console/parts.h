// The pieces that several pages are made of.
//
// Pure, safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/console/html.h"

namespace remit::console {

// A message that a screen reader announces: an error, or what was done.
Html alert(const std::string& text);
// "in 4 min 10 s" to `at_ms`; "" if that is over.
std::string time_left(std::int64_t at_ms, std::int64_t now_ms);
// <time> with the moment in UTC.
Html moment(std::int64_t at_ms);
// A link.
Html anchor(const std::string& where, const std::string& text);
// One line of a <dl>.
Html fact(const char* name, Html value);
// <label> and the field for the PIN.
Html pin_field(const std::string& id);
// What stands there as it is, in a box that scrolls with the keyboard.
Html text_box(std::string_view text);
// The lines of a unified diff; the added and the removed ones are also told apart by colour.
Html diff_box(std::string_view text);
// A table in a region of its own, which scrolls with the keyboard. `rows`: <tr> elements.
Html table(const char* label, const std::vector<const char*>& heads, const std::vector<Html>& rows,
           std::vector<Attribute> body = {});
// <tr> of <td>.
Html table_row(const std::vector<Html>& cells);

}  // namespace remit::console
