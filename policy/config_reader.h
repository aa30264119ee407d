// Reads the operator's YAML files (manifests, site policy, directory, ...): strict keys, typed
// values, every mistake of a file in one pass as a diagnostic with its place. An unknown key is an
// error, because a mistyped restriction would otherwise be no restriction.
// One reader serves one file; not for concurrent use.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/yaml.h"
#include "policy/lint/diagnostics.h"
#include "policy/remit.h"

namespace remit::policy {

// A text with the place where it was written.
struct Located {
  std::string text;
  Origin origin;
};

inline yaml::Position position_of(const Origin& origin) {
  return {origin.line, origin.col};
}
inline yaml::Position position_of(const Located& text) {
  return position_of(text.origin);
}

class ConfigReader {
 public:
  // Parses at once; problems become diagnostics and the root is empty then.
  ConfigReader(std::string file, std::string_view text);

  const yaml::Node& root() const { return parsed_.root; }
  Diagnostics& diagnostics() { return diagnostics_; }
  bool failed() const { return diagnostics_.has_errors(); }
  Origin origin(yaml::Position at) const { return {diagnostics_.file(), at.line, at.col}; }
  void error(yaml::Position at, std::string message);

  // Complains unless `node` is a mapping with none but these keys. False: not a mapping.
  bool keys(const yaml::Node& node, std::string_view what,
            std::initializer_list<std::string_view> known);
  // Complains unless `version: 1` is there.
  void version();

  // Each is empty when the key is absent or, after a complaint, of the wrong type.
  std::optional<Located> text(const yaml::Node& map, std::string_view key);
  std::optional<bool> boolean(const yaml::Node& map, std::string_view key);
  std::optional<std::int64_t> integer(const yaml::Node& map, std::string_view key, std::int64_t low,
                                      std::int64_t high);
  std::vector<Located> texts(const yaml::Node& map, std::string_view key);

 private:
  yaml::Parsed parsed_;
  Diagnostics diagnostics_;
};

// All diagnostics of a failed file as one Error: the first one's text, where = file:line:col.
Error config_error(const Diagnostics& diagnostics);

}  // namespace remit::policy
