// How a person reads a question: one frame for a command and for a change of a file. Everything
// given must be printable ASCII already (escape_ascii). Pure functions; private to policy/.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace remit::policy {

// Title, what is asked, and a table of keys and values; the caller appends what belongs below it.
std::string question_text(const std::string& title, const std::string& what,
                          const std::vector<std::pair<std::string, std::string>>& rows);

// `lines` if a client's form shows them whole, else none: what does not fit is not asked there.
std::vector<std::string> form_lines(std::vector<std::string> lines);

}  // namespace remit::policy
