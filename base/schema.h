// Declare once: a struct and its list of fields give the JSON Schema (2020-12), the strict decoder,
// the encoder and the documentation. Nothing about a tool's arguments is written a second time.
//
//   struct TailArgs { std::string file_path; int lines = 50; std::optional<std::string> since; };
//   template <> struct remit::Fields<TailArgs> {
//     static constexpr auto list = std::tuple{
//         required("file_path", &TailArgs::file_path, "Log file", {.max_length = 4096}),
//         field("lines", &TailArgs::lines, "How many", {.minimum = 1, .maximum = 10'000}),
//         field("since", &TailArgs::since, "Only entries after this RFC 3339 time")};
//   };
//   Result<TailArgs> args = decode<TailArgs>(json);   // error.where = "/lines"
//
// Members may be bool, integers, double, std::string, an enum with EnumNames, Json (anything),
// std::optional, std::vector, std::map<std::string, T> and structs with Fields. Defaults come from
// T{}. Enums: template <> struct remit::EnumNames<E> { static constexpr std::array list{...pairs};
// };
//
// Strict: an unknown key, a wrong type, 2.9 or true for an integer, or a value out of range is
// invalid_argument with the JSON pointer in `where`. Two leniencies for real clients
// (docs/protocol.md): an array or object may come as a string that holds its JSON; the key
// "wait_for_previous", which Gemini CLI adds, is ignored.
// Threads: pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace remit {

template <class T>
struct Fields;
template <class E>
struct EnumNames;

// Bounds of one field; 0 lengths mean "no bound". Lengths count bytes.
struct Rules {
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  std::size_t min_length = 0;
  std::size_t max_length = 0;
  std::size_t max_items = 0;
};

template <class Owner, class Member>
struct Field {
  const char* name;
  Member Owner::* member;
  const char* doc;
  Rules rules;
  bool required;
};

template <class Owner, class Member>
constexpr Field<Owner, Member> field(const char* name, Member Owner::* member, const char* doc,
                                     Rules rules = {}) {
  return {name, member, doc, rules, false};
}
template <class Owner, class Member>
constexpr Field<Owner, Member> required(const char* name, Member Owner::* member, const char* doc,
                                        Rules rules = {}) {
  return {name, member, doc, rules, true};
}

namespace schema {

template <class T>
concept Struct = requires { Fields<T>::list; };
template <class T>
concept Enum = requires { EnumNames<T>::list; };
template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};
template <class T>
struct is_map : std::false_type {};
template <class T>
struct is_map<std::map<std::string, T>> : std::true_type {};

// The non-template half, in schema.cpp.
Error bad(const std::string& pointer, std::string message);
Result<void> read(const Json& from, bool& to, const Rules& rules, const std::string& pointer);
Result<void> read(const Json& from, std::int64_t& to, const Rules& rules,
                  const std::string& pointer);
Result<void> read(const Json& from, std::uint64_t& to, const Rules& rules,
                  const std::string& pointer);
Result<void> read(const Json& from, double& to, const Rules& rules, const std::string& pointer);
Result<void> read(const Json& from, std::string& to, const Rules& rules,
                  const std::string& pointer);
// The value itself, or what the JSON in a string says where an object or array is expected, which
// is then put into `parsed`. Nothing is copied: arguments may be as large as a message.
Result<const Json*> structured(const Json& from, bool array, const std::string& pointer,
                               Json& parsed);
// Refuses keys that are not in `names`, naming the nearest one.
Result<void> only_keys(const Json& object, const std::vector<std::string>& names,
                       const std::string& pointer);
OrderedJson scalar(const char* type, const char* doc, const Rules& rules);
std::string child(const std::string& pointer, std::string_view key);

template <class T>
Result<void> read_value(const Json& from, T& to, const Rules& rules, const std::string& pointer);

template <Struct T>
Result<void> read_struct(const Json& from, T& to, const std::string& pointer) {
  Json parsed;
  TRY(const Json* const object, structured(from, false, pointer, parsed));
  Result<void> outcome;
  std::vector<std::string> names;
  const auto one = [&](const auto& f) {
    names.emplace_back(f.name);
    if (!outcome) return;
    const auto at = object->find(f.name);
    // null stands for "absent": several clients send it for every optional property.
    if (at == object->end() || (at->is_null() && !f.required)) {
      if (f.required) outcome = tl::unexpected<Error>(bad(child(pointer, f.name), "required"));
      return;
    }
    outcome = read_value(*at, to.*(f.member), f.rules, child(pointer, f.name));
  };
  std::apply([&](const auto&... f) { (one(f), ...); }, Fields<T>::list);
  TRY_DO(only_keys(*object, names, pointer));
  return outcome;
}

template <class T>
Result<void> read_value(const Json& from, T& to, const Rules& rules, const std::string& pointer) {
  if constexpr (std::is_same_v<T, Json>) {
    to = from;
    return {};
  } else if constexpr (is_optional<T>::value) {
    return read_value(from, to.emplace(), rules, pointer);
  } else if constexpr (is_vector<T>::value) {
    Json parsed;
    TRY(const Json* const array, structured(from, true, pointer, parsed));
    if (rules.max_items != 0 && array->size() > rules.max_items) {
      return tl::unexpected<Error>(
          bad(pointer, "more than " + std::to_string(rules.max_items) + " items"));
    }
    Rules item = rules;
    item.max_items = 0;
    for (std::size_t i = 0; i < array->size(); ++i) {
      typename T::value_type value{};
      TRY_DO(read_value((*array)[i], value, item, child(pointer, std::to_string(i))));
      to.push_back(std::move(value));
    }
    return {};
  } else if constexpr (is_map<T>::value) {
    Json parsed;
    TRY(const Json* const object, structured(from, false, pointer, parsed));
    for (const auto& [key, value] : object->items()) {
      TRY_DO(read_value(value, to[key], rules, child(pointer, key)));
    }
    return {};
  } else if constexpr (Struct<T>) {
    return read_struct(from, to, pointer);
  } else if constexpr (Enum<T>) {
    std::string word, known;
    TRY_DO(read(from, word, Rules{}, pointer));
    for (const auto& [value, name] : EnumNames<T>::list) {
      if (word == name) {
        to = value;
        return {};
      }
      known += known.empty() ? name : std::string(", ") + name;
    }
    return tl::unexpected<Error>(bad(pointer, "must be one of " + known));
  } else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, double> ||
                       std::is_same_v<T, std::string>) {
    return read(from, to, rules, pointer);
  } else if constexpr (std::is_unsigned_v<T>) {
    std::uint64_t wide = 0;
    Rules bounds = rules;
    bounds.maximum = std::min(bounds.maximum, static_cast<double>(std::numeric_limits<T>::max()));
    TRY_DO(read(from, wide, bounds, pointer));
    to = static_cast<T>(wide);
    return {};
  } else {
    static_assert(std::is_integral_v<T>, "no schema for this member type");
    std::int64_t wide = 0;
    Rules bounds = rules;
    bounds.minimum = std::max(bounds.minimum, static_cast<double>(std::numeric_limits<T>::min()));
    bounds.maximum = std::min(bounds.maximum, static_cast<double>(std::numeric_limits<T>::max()));
    TRY_DO(read(from, wide, bounds, pointer));
    to = static_cast<T>(wide);
    return {};
  }
}

template <class T>
Json write_value(const T& value);

template <Struct T>
Json write_struct(const T& value) {
  Json out = Json::object();
  const auto one = [&](const auto& f) {
    const auto& member = value.*(f.member);
    if constexpr (is_optional<std::remove_cvref_t<decltype(member)>>::value) {
      if (member) out[f.name] = write_value(*member);
    } else {
      out[f.name] = write_value(member);
    }
  };
  std::apply([&](const auto&... f) { (one(f), ...); }, Fields<T>::list);
  return out;
}

template <class T>
Json write_value(const T& value) {
  if constexpr (Struct<T>) {
    return write_struct(value);
  } else if constexpr (Enum<T>) {
    for (const auto& [known, name] : EnumNames<T>::list) {
      if (known == value) return name;
    }
    return nullptr;
  } else if constexpr (is_vector<T>::value) {
    Json out = Json::array();
    for (const auto& item : value) out.push_back(write_value(item));
    return out;
  } else if constexpr (is_map<T>::value) {
    Json out = Json::object();
    for (const auto& [key, item] : value) out[key] = write_value(item);
    return out;
  } else {
    return value;
  }
}

template <class T>
OrderedJson describe(const char* doc, const Rules& rules);

template <Struct T>
OrderedJson describe_struct(const char* doc) {
  OrderedJson out;
  out["type"] = "object";
  if (doc != nullptr && *doc != '\0') out["description"] = doc;
  OrderedJson properties = OrderedJson::object();
  OrderedJson needed = OrderedJson::array();
  const T defaults{};
  const auto one = [&](const auto& f) {
    using Member = std::remove_cvref_t<decltype(defaults.*(f.member))>;
    OrderedJson property = describe<Member>(f.doc, f.rules);
    if (f.required) {
      needed.push_back(f.name);
    } else if constexpr (std::is_arithmetic_v<Member> || Enum<Member>) {
      property["default"] = OrderedJson(write_value(defaults.*(f.member)));
    }
    properties[f.name] = std::move(property);
  };
  std::apply([&](const auto&... f) { (one(f), ...); }, Fields<T>::list);
  out["properties"] = std::move(properties);
  if (!needed.empty()) out["required"] = std::move(needed);
  out["additionalProperties"] = false;
  return out;
}

template <class T>
OrderedJson describe(const char* doc, const Rules& rules) {
  if constexpr (std::is_same_v<T, Json>) {
    OrderedJson out = OrderedJson::object();
    if (doc != nullptr && *doc != '\0') out["description"] = doc;
    return out;
  } else if constexpr (is_optional<T>::value) {
    return describe<typename T::value_type>(doc, rules);
  } else if constexpr (is_vector<T>::value) {
    OrderedJson out = scalar("array", doc, Rules{});
    Rules item = rules;
    item.max_items = 0;
    if (rules.max_items != 0) out["maxItems"] = rules.max_items;
    out["items"] = describe<typename T::value_type>("", item);
    return out;
  } else if constexpr (is_map<T>::value) {
    OrderedJson out = scalar("object", doc, Rules{});
    out["additionalProperties"] = describe<typename T::mapped_type>("", rules);
    return out;
  } else if constexpr (Struct<T>) {
    return describe_struct<T>(doc);
  } else if constexpr (Enum<T>) {
    OrderedJson out = scalar("string", doc, Rules{});
    OrderedJson names = OrderedJson::array();
    for (const auto& [value, name] : EnumNames<T>::list) names.push_back(name);
    out["enum"] = std::move(names);
    return out;
  } else if constexpr (std::is_same_v<T, bool>) {
    return scalar("boolean", doc, Rules{});
  } else if constexpr (std::is_same_v<T, std::string>) {
    return scalar("string", doc, rules);
  } else if constexpr (std::is_integral_v<T>) {
    return scalar("integer", doc, rules);
  } else {
    return scalar("number", doc, rules);
  }
}

// Checks `value` against a schema made by this file (type, properties, required, items, enum,
// bounds, additionalProperties). The error's `where` is the JSON pointer.
Result<void> validate(const OrderedJson& schema, const Json& value);

}  // namespace schema

// Reads a T; the first problem is the error, with its JSON pointer in `where`.
template <schema::Struct T>
Result<T> decode(const Json& from) {
  T out{};
  TRY_DO(schema::read_struct(from, out, ""));
  return out;
}

// Writes a T; absent optionals are left out.
template <schema::Struct T>
Json encode(const T& value) {
  return schema::write_struct(value);
}

// The JSON Schema of T, properties in the order of declaration.
template <schema::Struct T>
OrderedJson schema_of() {
  return schema::describe_struct<T>("");
}

}  // namespace remit
