// What a browser sends: the fields of a form (application/x-www-form-urlencoded), one cookie of a
// Cookie field, and where a request says that it comes from. Strict: what is malformed, too much or
// said twice is refused as a whole.
//
// Pure functions, safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "server/transport/http_head.h"

namespace remit::console {

class Form {
 public:
  // At most kConsoleFormFields fields and kConsoleFormBytes bytes; names once each, values UTF-8
  // without NUL. Errors: invalid_argument, too_large.
  static Result<Form> parse(std::string_view body);
  // "" if it is not there.
  const std::string& get(std::string_view name) const;
  std::size_t size() const { return fields_.size(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// The value of the cookie; nullopt if it is not there, or there more than once: which of two was
// ours cannot be told.
std::optional<std::string> cookie(const transport::Head& head, std::string_view name);

// Digits alone; nullopt for anything else.
std::optional<std::int64_t> whole_number(std::string_view text);
// 123 of a target whose whole query is "after=123"; nullopt if it is anything else.
std::optional<std::int64_t> number_in_query(std::string_view target, std::string_view name);

}  // namespace remit::console
