#include "policy/capabilities.h"

#include <algorithm>

#include "base/text.h"
#include "policy/config_reader.h"

namespace remit::policy {

namespace {

std::string normal(std::string_view capability) {
  std::string out = lower_ascii(trim(capability));
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

}  // namespace

const std::vector<std::string>* Capabilities::find(std::string_view capability) const {
  const auto found = by_name.find(normal(capability));
  return found != by_name.end() ? &found->second : nullptr;
}

Result<Capabilities> parse_capabilities(std::string file, std::string_view text) {
  ConfigReader reader(std::move(file), text);
  Capabilities out;
  if (!reader.failed() && reader.keys(reader.root(), "the file", {"version", "capabilities"})) {
    reader.version();
    const yaml::Node* map = reader.root().find("capabilities");
    if (map == nullptr || map->kind != yaml::Kind::mapping) {
      reader.error({}, "capabilities must be a mapping of names to lists");
    } else {
      for (const yaml::Entry& entry : map->entries) {
        std::vector<std::string> tools;
        for (Located& one : reader.texts(*map, entry.key)) tools.push_back(std::move(one.text));
        if (!out.by_name.emplace(normal(entry.key), std::move(tools)).second) {
          reader.error(entry.key_at, "the capability is there twice ('-' and '_' are the same)");
        }
      }
    }
  }
  if (reader.failed()) return tl::unexpected(config_error(reader.diagnostics()));
  return out;
}

}  // namespace remit::policy
