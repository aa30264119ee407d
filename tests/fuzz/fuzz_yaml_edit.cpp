// Typed edits of YAML: the first line is a key, the second a value, the rest a document. An edit is
// an error, or a document that says what it said before and what was asked, and nothing else.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/yaml.h"
#include "tests/fuzz/require.h"
#include "tools/yaml_edit.h"

using namespace remit;

namespace {

yaml::Parsed parse(std::string_view text) {
  return yaml::parse(text, {limits::kDocumentBytes, limits::kDocumentNodes, limits::kJsonDepth});
}

bool same(const yaml::Node& a, const yaml::Node& b) {
  return a.kind == b.kind && a.text == b.text && a.plain == b.plain &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), same) &&
         std::equal(a.entries.begin(), a.entries.end(), b.entries.begin(), b.entries.end(),
                    [](const yaml::Entry& x, const yaml::Entry& y) {
                      return x.key == y.key && same(x.value, y.value);
                    });
}

void check_list(const yaml::Node* before, const yaml::Node& after, const Json& entry) {
  const std::size_t had = before != nullptr ? before->items.size() : 0;
  REQUIRE_THAT(after.kind == yaml::Kind::sequence && after.items.size() == had + 1);
  for (std::size_t i = 0; i < had; ++i) REQUIRE_THAT(same(before->items[i], after.items[i]));
  const yaml::Node& added = after.items.back();
  REQUIRE_THAT(added.entries.size() == entry.size());
  for (const auto& [key, value] : entry.items()) {
    const yaml::Node* const found = added.find(key);
    REQUIRE_THAT(found != nullptr);
    REQUIRE_THAT(!value.is_string() || (found->text == value.get<std::string>() && !found->plain));
  }
}

// Every entry of `before` but `key` stands in `after` unchanged, in its place.
void check_others(const yaml::Node& before, const yaml::Node& after, std::string_view key) {
  for (std::size_t i = 0; i < before.entries.size(); ++i) {
    REQUIRE_THAT(after.entries[i].key == before.entries[i].key);
    if (before.entries[i].key == key) continue;
    REQUIRE_THAT(same(before.entries[i].value, after.entries[i].value));
  }
}

void check_add(std::string_view document, const std::string& key, const Json& entry) {
  const auto edited = tools::add_entry(document, key, entry, "id");
  if (!edited) return;
  const yaml::Parsed before = parse(document), after = parse(*edited);
  REQUIRE_THAT(before.ok() && after.ok());
  if (before.root.kind == yaml::Kind::sequence) return check_list(&before.root, after.root, entry);
  REQUIRE_THAT(after.root.kind == yaml::Kind::mapping);
  const yaml::Node* const list = before.root.find(key);
  REQUIRE_THAT(after.root.find(key) != nullptr);
  REQUIRE_THAT(after.root.entries.size() == before.root.entries.size() + (list == nullptr ? 1 : 0));
  check_list(list, *after.root.find(key), entry);
  check_others(before.root, after.root, key);
}

void check_set(std::string_view document, const std::string& key, const Json& value) {
  const auto edited = tools::set_key(document, "/" + key, value);
  if (!edited) return;
  const yaml::Parsed before = parse(document), after = parse(*edited);
  REQUIRE_THAT(before.ok() && after.ok() && after.root.kind == yaml::Kind::mapping);
  const yaml::Node* const now = after.root.find(key);
  REQUIRE_THAT(now != nullptr &&
               now->kind == (value.is_null() ? yaml::Kind::null : yaml::Kind::scalar));
  if (value.is_string()) REQUIRE_THAT(now->text == value.get<std::string>() && !now->plain);
  const bool fresh = before.root.kind != yaml::Kind::mapping || before.root.find(key) == nullptr;
  REQUIRE_THAT(after.root.entries.size() == before.root.entries.size() + (fresh ? 1 : 0));
  check_others(before.root, after.root, key);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t first = std::min(text.find('\n'), size);
  const std::size_t second = std::min(text.find('\n', std::min(first + 1, size)), size);
  const std::string key = to_utf8(text.substr(0, first));
  const std::string value = first < size ? to_utf8(text.substr(first + 1, second - first - 1)) : "";
  const std::string_view document = second < size ? text.substr(second + 1) : std::string_view();
  check_add(document, key,
            Json{{"id", value}, {key, {{"n", 1}, {"list", {value, true, nullptr}}}}});
  check_set(document, key, value);
  check_set(document, key, true);
  check_set(document, key, -7);
  check_set(document, key, nullptr);
  return 0;
}
