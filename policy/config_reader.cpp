#include "policy/config_reader.h"

#include <algorithm>

#include "base/limits.h"
#include "base/text.h"

namespace remit::policy {

ConfigReader::ConfigReader(std::string file, std::string_view text)
    : parsed_(yaml::parse(text)), diagnostics_(std::move(file)) {
  add_yaml_problems(parsed_, 0, diagnostics_);
  if (!failed() && parsed_.root.kind != yaml::Kind::mapping) {
    diagnostics_.add("E-FM-04", parsed_.root.at, "the file must be a mapping of keys to values");
  }
}

void ConfigReader::error(yaml::Position at, std::string message) {
  diagnostics_.add("E-FM-13", at, std::move(message));
}

bool ConfigReader::keys(const yaml::Node& node, std::string_view what,
                        std::initializer_list<std::string_view> known) {
  if (node.kind != yaml::Kind::mapping) {
    error(node.at, std::string(what) + " must be a mapping of keys to values");
    return false;
  }
  for (const yaml::Entry& entry : node.entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    const std::vector<std::string> names(known.begin(), known.end());
    std::string message =
        "unknown key \"" + entry.key.substr(0, limits::kEchoedInput) + "\" in " + std::string(what);
    const std::vector<std::string> near = nearest(entry.key, names, 1);
    message += near.empty() ? "; known: " + join_text(names, ", ") : "; did you mean " + near[0];
    error(entry.key_at, std::move(message));
  }
  return true;
}

void ConfigReader::version() {
  const yaml::Node* node = root().find("version");
  if (node == nullptr || yaml::as_integer(*node) != 1) {
    error(node != nullptr ? node->at : yaml::Position{}, "version must be 1");
  }
}

std::optional<Located> ConfigReader::text(const yaml::Node& map, std::string_view key) {
  const yaml::Node* node = map.find(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind != yaml::Kind::scalar) {
    error(node->at, std::string(key) + " must be text");
    return std::nullopt;
  }
  return Located{node->text, origin(node->at)};
}

std::optional<bool> ConfigReader::boolean(const yaml::Node& map, std::string_view key) {
  const yaml::Node* node = map.find(key);
  if (node == nullptr) return std::nullopt;
  const std::optional<bool> value = yaml::as_bool(*node);
  if (!value) error(node->at, std::string(key) + " must be true or false");
  return value;
}

std::optional<std::int64_t> ConfigReader::integer(const yaml::Node& map, std::string_view key,
                                                  std::int64_t low, std::int64_t high) {
  const yaml::Node* node = map.find(key);
  if (node == nullptr) return std::nullopt;
  const std::optional<std::int64_t> value = yaml::as_integer(*node);
  if (!value || *value < low || *value > high) {
    error(node->at, std::string(key) + " must be a whole number from " + std::to_string(low) +
                        " to " + std::to_string(high));
    return std::nullopt;
  }
  return value;
}

std::vector<Located> ConfigReader::texts(const yaml::Node& map, std::string_view key) {
  std::vector<Located> out;
  const yaml::Node* node = map.find(key);
  if (node == nullptr) return out;
  if (node->kind != yaml::Kind::sequence) {
    error(node->at, std::string(key) + " must be a list");
    return out;
  }
  for (const yaml::Node& item : node->items) {
    if (item.kind != yaml::Kind::scalar || item.text.empty()) {
      error(item.at, std::string(key) + " must be a list of texts");
    } else {
      out.push_back({item.text, origin(item.at)});
    }
  }
  return out;
}

Error config_error(const Diagnostics& diagnostics) {
  for (const Diagnostic& one : diagnostics.list()) {
    if (one.severity() != Severity::error) continue;
    const std::string where =
        one.file + ":" + std::to_string(one.line) + ":" + std::to_string(one.col);
    return Error{ErrorKind::invalid_argument, where + ": " + one.message, where, one.code, nullptr};
  }
  return Error{
      ErrorKind::internal, "a configuration file failed without a reason", {}, {}, nullptr};
}

}  // namespace remit::policy
