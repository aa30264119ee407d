#include "tests/docs/include_direction.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace remit::docs_test {
namespace {

bool under(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path.substr(0, folder.size()) == folder &&
         path[folder.size()] == '/';
}

// Who may include whom. The first row that names the file or its folder rules; a target is a folder
// or one file.
struct Direction {
  std::string_view folder;
  std::vector<std::string_view> may_include;
};
const std::vector<Direction>& directions() {
  static const std::vector<Direction> table = {
      {"base", {"base"}},
      {"memory", {"base", "memory"}},
      {"policy", {"base", "memory", "policy"}},
      {"tools/sandbox", {"base", "memory", "policy", "tools/sandbox"}},
      {"tools/search", {"base", "memory", "policy", "tools/search"}},
      {"tools/diagnostics", {"base", "memory", "policy", "tools/diagnostics"}},
      {"tools", {"base", "memory", "policy", "tools"}},
      // The one place where the process is put together: starter, lock, tools.
      {"server/assembly.cpp",
       {"base", "memory", "policy", "tools/registry.h", "tools/tool.h", "tools/sandbox/starter.h",
        "tools/sandbox/confine.h", "server"}},
      {"server/assembly_standing.cpp",
       {"base", "memory", "policy", "tools/registry.h", "tools/tool.h", "tools/sandbox/starter.h",
        "server"}},
      // So do the front of many agents, and the keeper of deadlines beside it.
      {"server/cli/serve_agents.cpp",
       {"base", "memory", "policy", "tools/sandbox/confine.h", "server"}},
      {"server/cli/handoffs_command.cpp",
       {"base", "memory", "policy", "tools/sandbox/confine.h", "server"}},
      // The process that checks PINs locks itself in.
      {"server/cli/console_command.cpp",
       {"base", "memory", "policy", "tools/sandbox/confine.h", "server"}},
      // The command line wires all of these; none of them knows of it.
      {"server/mcp",
       {"base", "memory", "policy", "tools/registry.h", "tools/tool.h", "server/mcp",
        "server/limits.h"}},
      {"server/transport",
       {"base", "memory", "policy", "server/mcp", "server/transport", "server/limits.h"}},
      {"server/console",
       {"base", "memory", "policy", "server/mcp", "server/transport", "server/console",
        "server/limits.h"}},
      {"server/front",
       {"base", "memory", "policy", "tools/registry.h", "server/mcp", "server/transport",
        "server/front", "server/limits.h", "server/documents.h", "server/process.h",
        "server/tokens.h", "server/assembly.h"}},
      // The registry hands out Tools, so its own type comes with it; no concrete tool does.
      {"server", {"base", "memory", "policy", "tools/registry.h", "tools/tool.h", "server"}},
      {"tests", {"base", "memory", "policy", "tools", "server", "tests"}},
  };
  return table;
}

// A library header that costs seconds per file that includes it, or that pulls in behaviour which
// belongs in one place. `files`: prefixes of the paths that may include it; empty: nobody.
struct Heavy {
  std::string_view header;  // prefix of the included name
  std::vector<std::string_view> files;
  std::string_view instead;
};
const std::vector<Heavy>& heavy_headers() {
  static const std::vector<Heavy> table = {
      {"nlohmann/json.hpp",
       {"base/json.h"},
       "base/json.h in a .cpp, nlohmann/json_fwd.hpp in a header"},
      {"yaml-cpp/", {"base/yaml.cpp"}, "base/yaml.h"},
      {"re2/",
       {"tools/search/pattern.cpp", "tools/diagnostics/log", "policy/document_check.cpp"},
       "tools/search/pattern.h"},
      {"spdlog/", {"base/log.cpp"}, "base/log.h"},
      {"fmt/", {"base/log.cpp", "base/text.cpp"}, "base/text.h"},
      {"sqlite3.h", {"memory/sqlite"}, "memory/sqlite.h"},
      {"openssl/",
       {"base/crypto.cpp", "server/console/cose_key.cpp", "tools/diagnostics/tls.cpp",
        "tools/diagnostics/token.cpp", "tests/console/authenticator.h"},
       "base/crypto.h"},
      {"sodium", {"base/crypto.cpp"}, "base/crypto.h"},
      {"httplib.h",
       {"server/transport/http_listener.cpp", "tests/diagnostics/"},
       "server/transport"},
      {"curl/", {"base/egress.cpp"}, "base/egress.h"},
      {"pqxx/", {"memory/postgres_session.cpp", "tools/diagnostics/postgres"}, "memory/store.h"},
      {"libpq-fe.h",
       {"memory/postgres_session.cpp", "tools/diagnostics/postgres"},
       "memory/postgres_session.h"},
      {"doctest/", {"tests/"}, "nothing: doctest is for tests"},
      {"regex", {}, "tools/search/pattern.h (std::regex recurses on hostile input)"},
      {"iostream", {}, "base/log.h or <cstdio> (a static initialiser in every file)"},
  };
  return table;
}

// Standard headers too heavy for a header of ours.
const std::set<std::string_view>& not_in_headers() {
  static const std::set<std::string_view> names = {"filesystem", "ranges", "base/json.h"};
  return names;
}

// Headers whose purpose is to offer what base/json.h has: the templates of the schema code, and the
// messages of the protocol, which hold their params by value.
bool may_hold_json(std::string_view path) {
  // export.h holds what stands in JSON files; whoever includes it builds or reads JSON anyway.
  return path.starts_with("base/schema") || path == "base/json.h" ||
         path == "server/mcp/messages.h" || path == "server/cli/export.h";
}

struct Include {
  std::string name;
  bool quoted = false;
};

std::optional<Include> parse_include(const std::string& line) {
  std::size_t at = line.find_first_not_of(" \t");
  if (at == std::string::npos || line[at] != '#') return std::nullopt;
  at = line.find_first_not_of(" \t", at + 1);
  if (at == std::string::npos || line.compare(at, 7, "include") != 0) return std::nullopt;
  at = line.find_first_of("\"<", at + 7);
  if (at == std::string::npos) return std::nullopt;
  const bool quoted = line[at] == '"';
  const std::size_t end = line.find(quoted ? '"' : '>', at + 1);
  if (end == std::string::npos) return std::nullopt;
  return Include{line.substr(at + 1, end - at - 1), quoted};
}

bool matches(std::string_view name, std::string_view header) {
  return header.ends_with('/') ? name.starts_with(header) : name == header;
}

std::string check_direction(const std::string& path, const std::string& included) {
  for (const Direction& row : directions()) {
    if (path != row.folder && !under(path, row.folder)) continue;
    const bool allowed =
        std::any_of(row.may_include.begin(), row.may_include.end(),
                    [&](std::string_view to) { return included == to || under(included, to); });
    if (allowed) return "";
    std::string may;
    for (const std::string_view to : row.may_include) {
      may += (may.empty() ? "" : ", ") + std::string(to);
    }
    return std::string(row.folder) + "/ may not include " + included + "; it may include " + may;
  }
  return path + " lies in no folder of the include table";
}

std::string check_heavy(const std::string& path, const std::string& name) {
  for (const Heavy& row : heavy_headers()) {
    if (!matches(name, row.header)) continue;
    const bool allowed = std::any_of(row.files.begin(), row.files.end(),
                                     [&](std::string_view file) { return path.starts_with(file); });
    if (!allowed) return "<" + name + "> does not belong here; use " + std::string(row.instead);
  }
  const bool test = path.starts_with("tests/");
  if (path.ends_with(".h") && !test && not_in_headers().contains(name) && !may_hold_json(path)) {
    return name + " is too heavy for a header; include it in the .cpp";
  }
  return "";
}

}  // namespace

std::vector<Finding> check_includes(const std::vector<SourceFile>& files,
                                    const std::vector<SourceFile>& tree) {
  std::set<std::string> paths;
  for (const SourceFile& file : tree) paths.insert(file.path);
  std::vector<Finding> findings;
  for (const SourceFile& file : files) {
    const std::vector<std::string> code = code_only(file.lines);
    for (std::size_t i = 0; i < code.size(); ++i) {
      const std::optional<Include> include = parse_include(code[i]);
      if (!include) continue;
      const int line = static_cast<int>(i) + 1;
      std::string problem = check_heavy(file.path, include->name);
      const bool ours = paths.contains(include->name);
      if (problem.empty() && include->quoted && !ours) {
        problem = "\"" + include->name +
                  "\" is no file of the tree; write project includes from the repository root";
      }
      if (problem.empty() && ours && !include->quoted) {
        problem = "<" + include->name + "> is ours; write it with quotes";
      }
      if (problem.empty() && ours) problem = check_direction(file.path, include->name);
      if (!problem.empty()) findings.push_back({file.path, line, problem});
    }
  }
  return findings;
}

}  // namespace remit::docs_test
