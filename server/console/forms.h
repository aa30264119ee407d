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
  // At most kConsoleFormFields fields and kConsoleActBytes bytes; names once each, values UTF-8
  // without NUL. Errors: invalid_argument, too_large.
  static Result<Form> parse(std::string_view body);
  // "" if it is not there.
  const std::string& get(std::string_view name) const;
  std::size_t size() const { return fields_.size(); }
  // Name and value, in the order in which they came.
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// The value of the cookie; nullopt if it is not there, or there more than once: which of two was
// ours cannot be told.
std::optional<std::string> cookie(const transport::Head& head, std::string_view name);

// Digits alone; nullopt for anything else.
std::optional<std::int64_t> whole_number(std::string_view text);
// The fields of a target's query; none if it has none. Errors: those of Form::parse.
Result<Form> query_of(std::string_view target);
// A text as one component of a path, and back; nullopt for what is not UTF-8 or malformed.
std::string encoded(std::string_view text);
std::optional<std::string> decoded(std::string_view text);

}  // namespace remit::console
