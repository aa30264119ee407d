#include "base/schema.h"

#include <cmath>

#include "base/limits.h"
#include "base/text.h"

namespace remit::schema {
namespace {

constexpr double kExactInteger = 9007199254740992.0;  // 2^53: beyond it a double skips integers

std::string shown(const Json& value) {
  return std::string(prefix_chars(dump(value), limits::kEchoedInput));
}

std::string number(double value) {
  Json json = value;
  if (std::trunc(value) == value && std::fabs(value) < kExactInteger) {
    json = static_cast<std::int64_t>(value);
  }
  return dump(json);
}

Result<void> in_range(double value, const Json& from, const Rules& rules,
                      const std::string& pointer) {
  if (value < rules.minimum) {
    return tl::unexpected<Error>(
        bad(pointer, "below minimum " + number(rules.minimum) + ", got " + shown(from)));
  }
  if (value > rules.maximum) {
    return tl::unexpected<Error>(
        bad(pointer, "above maximum " + number(rules.maximum) + ", got " + shown(from)));
  }
  return {};
}

// True if the JSON number is an integer: 3 and 3.0 are, 2.9, 1e300, true and "3" are not.
bool is_integer(const Json& from) {
  if (from.is_number_integer()) return true;
  if (!from.is_number_float()) return false;
  const double value = from.get<double>();
  return std::trunc(value) == value && std::fabs(value) <= kExactInteger;
}

Error wrong(const char* expected, const Json& from, const std::string& pointer) {
  return bad(pointer, std::string("expected ") + expected + ", got " + shown(from));
}

bool type_fits(const std::string& type, const Json& value) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return is_integer(value);
  return value.is_number();
}

// A pointer is put together on the way out of a failure: values that fit cost no strings.
Error below(std::string_view key, Error error) {
  error.where = child("", key) + (error.where == "/" ? "" : error.where);
  return error;
}

}  // namespace

Error bad(const std::string& pointer, std::string message) {
  return Error{ErrorKind::invalid_argument,
               std::move(message),
               pointer.empty() ? "/" : pointer,
               {},
               nullptr};
}

std::string child(const std::string& pointer, std::string_view key) {
  return pointer + "/" + pointer_token(key);
}

Result<void> read(const Json& from, bool& to, const Rules&, const std::string& pointer) {
  if (!from.is_boolean()) return tl::unexpected<Error>(wrong("true or false", from, pointer));
  to = from.get<bool>();
  return {};
}

Result<void> read(const Json& from, std::int64_t& to, const Rules& rules,
                  const std::string& pointer) {
  if (!is_integer(from)) return tl::unexpected<Error>(wrong("an integer", from, pointer));
  TRY_DO(in_range(from.get<double>(), from, rules, pointer));
  if (from.is_number_unsigned() && from.get<std::uint64_t>() > std::uint64_t{INT64_MAX}) {
    return tl::unexpected<Error>(wrong("a 64-bit integer", from, pointer));
  }
  to = from.is_number_float() ? static_cast<std::int64_t>(from.get<double>())
                              : from.get<std::int64_t>();
  return {};
}

Result<void> read(const Json& from, std::uint64_t& to, const Rules& rules,
                  const std::string& pointer) {
  if (!is_integer(from)) return tl::unexpected<Error>(wrong("an integer", from, pointer));
  Rules bounds = rules;
  bounds.minimum = std::max(bounds.minimum, 0.0);
  TRY_DO(in_range(from.get<double>(), from, bounds, pointer));
  to = from.is_number_float() ? static_cast<std::uint64_t>(from.get<double>())
                              : from.get<std::uint64_t>();
  return {};
}

Result<void> read(const Json& from, double& to, const Rules& rules, const std::string& pointer) {
  if (!from.is_number()) return tl::unexpected<Error>(wrong("a number", from, pointer));
  TRY_DO(in_range(from.get<double>(), from, rules, pointer));
  to = from.get<double>();
  return {};
}

Result<void> read(const Json& from, std::string& to, const Rules& rules,
                  const std::string& pointer) {
  if (!from.is_string()) return tl::unexpected<Error>(wrong("a string", from, pointer));
  const auto& text = from.get_ref<const std::string&>();
  if (text.size() < rules.min_length) {
    return tl::unexpected<Error>(
        bad(pointer, rules.min_length == 1
                         ? std::string("must not be empty")
                         : "shorter than " + std::to_string(rules.min_length) + " bytes"));
  }
  if (rules.max_length != 0 && text.size() > rules.max_length) {
    return tl::unexpected<Error>(
        bad(pointer, "longer than " + std::to_string(rules.max_length) + " bytes"));
  }
  to = text;
  return {};
}

Result<const Json*> structured(const Json& from, bool array, const std::string& pointer,
                               Json& parsed) {
  const auto fits = [array](const Json& value) {
    return array ? value.is_array() : value.is_object();
  };
  if (fits(from)) return &from;
  if (from.is_string()) {
    auto read = parse_json(from.get_ref<const std::string&>());
    if (read && fits(*read)) {
      parsed = std::move(*read);
      return &parsed;
    }
  }
  return tl::unexpected<Error>(wrong(array ? "an array" : "an object", from, pointer));
}

Result<void> only_keys(const Json& object, const std::vector<std::string>& names,
                       const std::string& pointer) {
  for (const auto& [key, value] : object.items()) {
    if (key == "wait_for_previous") continue;
    bool known = false;
    for (const std::string& name : names) known = known || name == key;
    if (known) continue;
    const std::vector<std::string> near = nearest(key, names, 1);
    std::string message = "unknown property";
    if (!near.empty()) {
      message += ", did you mean " + near.front();
    } else if (!names.empty()) {
      message += ", known are " + join_text(names, ", ");
    }
    return tl::unexpected<Error>(
        bad(child(pointer, prefix_chars(key, limits::kEchoedInput)), message));
  }
  return {};
}

OrderedJson scalar(const char* type, const char* doc, const Rules& rules) {
  OrderedJson out;
  out["type"] = type;
  if (doc != nullptr && *doc != '\0') out["description"] = doc;
  const auto bound = [&](const char* key, double value) {
    if (!std::isfinite(value)) return;
    if (std::trunc(value) == value) {
      out[key] = static_cast<std::int64_t>(value);
    } else {
      out[key] = value;
    }
  };
  bound("minimum", rules.minimum);
  bound("maximum", rules.maximum);
  return out;
}

Result<void> validate(const OrderedJson& schema, const Json& value) {
  if (const auto type = schema.find("type"); type != schema.end()) {
    const auto& name = type->get_ref<const std::string&>();
    if (!type_fits(name, value)) return tl::unexpected<Error>(wrong(name.c_str(), value, ""));
  }
  if (const auto names = schema.find("enum"); names != schema.end()) {
    bool known = false;
    for (const auto& name : *names) known = known || Json(name) == value;
    if (!known) return tl::unexpected<Error>(wrong("one of the enum", value, ""));
  }
  if (value.is_number()) {
    Rules rules;
    rules.minimum = schema.value("minimum", rules.minimum);
    rules.maximum = schema.value("maximum", rules.maximum);
    return in_range(value.get<double>(), value, rules, "");
  }
  if (value.is_array()) {
    const auto items = schema.find("items");
    if (items == schema.end()) return {};
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (auto fits = validate(*items, value[i]); !fits) {
        return tl::unexpected<Error>(below(std::to_string(i), std::move(fits).error()));
      }
    }
    return {};
  }
  if (!value.is_object()) return {};
  if (const auto needed = schema.find("required"); needed != schema.end()) {
    for (const auto& name : *needed) {
      const auto& key = name.get_ref<const std::string&>();
      if (!value.contains(key)) return tl::unexpected<Error>(bad(child("", key), "required"));
    }
  }
  const auto properties = schema.find("properties");
  const auto others = schema.find("additionalProperties");
  for (const auto& [key, item] : value.items()) {
    const OrderedJson* rule = nullptr;
    if (properties != schema.end()) {
      if (const auto known = properties->find(key); known != properties->end()) rule = &*known;
    }
    if (rule == nullptr && others != schema.end()) {
      if (*others == false) return tl::unexpected<Error>(bad(child("", key), "unknown property"));
      if (others->is_object()) rule = &*others;
    }
    if (rule == nullptr) continue;
    if (auto fits = validate(*rule, item); !fits) {
      return tl::unexpected<Error>(below(key, std::move(fits).error()));
    }
  }
  return {};
}

}  // namespace remit::schema
