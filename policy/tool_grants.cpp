#include "policy/tool_grants.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace remit::policy {

namespace {

constexpr std::array<std::string_view, 6> kGeneric{"Read", "Grep", "Glob", "Write", "Edit", "Bash"};
constexpr std::array<std::string_view, 2> kWithBash{"BashOutput", "KillShell"};
constexpr std::array<std::string_view, 3> kReadOnly{"Read", "Grep", "Glob"};

bool is_wildcard(std::string_view word) {
  return word == "*" || equals_folded(word, "All tools");
}

class Granter {
 public:
  Granter(const Persona& persona, const Manifest& manifest, const Site& site,
          const Capabilities& capabilities, std::span<const std::string_view> provided,
          Diagnostics& notes)
      : persona_(persona),
        manifest_(manifest),
        site_(site),
        capabilities_(capabilities),
        provided_(provided),
        notes_(notes) {}

  GrantedTools run() {
    tools();
    capabilities();
    return std::move(out_);
  }

 private:
  bool provided(std::string_view tool) const { return one_of(tool, provided_); }

  bool granted(std::string_view diagnostic) const {
    return std::any_of(out_.diagnostics.begin(), out_.diagnostics.end(),
                       [&](const ToolRule& rule) { return rule.name == diagnostic; });
  }

  void tools() {
    std::vector<Located> wanted;
    if (!persona_.tools_declared) {
      wanted = default_tools();
    } else {
      for (const Located& one : persona_.tools) want(one, wanted);
    }
    const std::size_t before = wanted.size();
    subtract(wanted);
    if (persona_.tools_declared && wanted.empty() && before > 0) {
      notes_.add("W-TOOLS-03", position_of(persona_.tools_line), "disallowedTools leaves no tool");
    }
    for (const Located& one : wanted) {
      if (site_.tools && !listed(*site_.tools, one.text)) continue;
      if (manifest_.tools && !listed(*manifest_.tools, one.text)) continue;
      out_.names.push_back(one.text);
      out_.tools.push_back({one.text, one.origin});
      if (one.text != "Bash") continue;
      for (const std::string_view with : kWithBash) {
        if (provided(with) && !disallowed(with)) {
          out_.tools.push_back({std::string(with), one.origin});
        }
      }
    }
  }

  static bool listed(const std::vector<Located>& list, std::string_view name) {
    return std::any_of(list.begin(), list.end(), [&](const Located& l) { return l.text == name; });
  }

  bool disallowed(std::string_view name) const { return listed(persona_.disallowed_tools, name); }

  std::vector<Located> default_tools() {
    std::vector<Located> out;
    const std::string message = "no tools line: no generic tools";
    switch (site_.tools_default) {
      case ToolsDefault::none:
        notes_.add("W-TOOLS-01", position_of(persona_.tools_line), message);
        break;
      case ToolsDefault::readonly:
        notes_.add("W-TOOLS-01", position_of(persona_.tools_line),
                   "no tools line: the site gives Read, Grep, Glob");
        for (const std::string_view name : kReadOnly) {
          if (provided(name)) out.push_back({std::string(name), site_.tools_default_origin});
        }
        break;
      case ToolsDefault::refuse:
        notes_.add("W-TOOLS-01", position_of(persona_.tools_line), message);
        // The site turns the warning into a refusal; E-FM-13 is the code of a missing value.
        notes_.add("E-FM-13", position_of(persona_.tools_line),
                   "the site serves no persona without a tools line");
        break;
    }
    return out;
  }

  void want(const Located& one, std::vector<Located>& wanted) {
    if (is_wildcard(one.text)) {
      if (!manifest_.allow_wildcard_tools) {
        notes_.add("W-TOOLS-05", position_of(one.origin),
                   "\"" + one.text + "\" grants nothing: name the tools",
                   "or set allow_wildcard_tools: true in the manifest");
        return;
      }
      for (const std::string_view name : kGeneric) {
        if (provided(name) && !listed(wanted, name)) {
          wanted.push_back({std::string(name), one.origin});
        }
      }
      return;
    }
    const std::size_t open = one.text.find('(');
    if (open != std::string::npos) {
      notes_.add("W-TOOLS-04", position_of(one.origin),
                 "\"" + one.text + "\" cannot be enforced as written: it grants nothing",
                 "grant " + one.text.substr(0, open) +
                     ", and let the shell rules and a person "
                     "decide on each command");
      return;
    }
    if (one_of(one.text, kGeneric) && provided(one.text)) {
      if (!listed(wanted, one.text)) wanted.push_back(one);
      return;
    }
    // BashOutput and KillShell exist with Bash and not otherwise.
    const bool with_bash =
        one_of(one.text, kWithBash) && provided(one.text) && listed(persona_.tools, "Bash");
    if (with_bash) return;
    out_.not_provided.push_back(one.text);
    notes_.add("I-TOOLS-02", position_of(one.origin),
               "the tool \"" + one.text + "\" is not provided by this server: it grants nothing");
  }

  void subtract(std::vector<Located>& wanted) {
    for (const Located& no : persona_.disallowed_tools) {
      const std::size_t open = no.text.find('(');
      const std::string name = no.text.substr(0, open);
      const bool all = is_wildcard(no.text);
      if (open != std::string::npos && listed(wanted, name)) {
        notes_.add("W-TOOLS-04", position_of(no.origin),
                   "\"" + no.text + "\" cannot be subtracted as written: " + name +
                       " is taken away whole");
      }
      std::erase_if(wanted, [&](const Located& one) { return all || one.text == name; });
    }
  }

  void capabilities() {
    for (const Located& capability : persona_.capabilities) {
      const auto* tools = capabilities_.find(capability.text);
      if (tools == nullptr) {
        notes_.add("I-CAP-01", position_of(capability.origin),
                   "unknown capability \"" + capability.text + "\": it grants nothing");
        continue;
      }
      for (const std::string& name : *tools) {
        if (!provided(name)) {
          if (!one_of(name, out_.diagnostics_not_provided)) {
            out_.diagnostics_not_provided.push_back(name);
          }
        } else if (!disallowed(name) && !granted(name)) {
          out_.diagnostics.push_back({name, capability.origin});
        }
      }
    }
  }

  const Persona& persona_;
  const Manifest& manifest_;
  const Site& site_;
  const Capabilities& capabilities_;
  std::span<const std::string_view> provided_;
  Diagnostics& notes_;
  GrantedTools out_;
};

}  // namespace

GrantedTools grant_tools(const Persona& persona, const Manifest& manifest, const Site& site,
                         const Capabilities& capabilities,
                         std::span<const std::string_view> provided, Diagnostics& notes) {
  return Granter(persona, manifest, site, capabilities, provided, notes).run();
}

}  // namespace remit::policy
