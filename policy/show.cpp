#include "policy/show.h"

#include <algorithm>

#include "base/crypto.h"
#include "base/json.h"
#include "base/text.h"

namespace remit::policy {

namespace {

OrderedJson node_json(const yaml::Node& node) {
  switch (node.kind) {
    case yaml::Kind::null:
      return nullptr;
    case yaml::Kind::scalar:
      return node.text;
    case yaml::Kind::sequence: {
      OrderedJson out = OrderedJson::array();
      for (const yaml::Node& item : node.items) out.push_back(node_json(item));
      return out;
    }
    case yaml::Kind::mapping: {
      OrderedJson out = OrderedJson::object();
      for (const yaml::Entry& entry : node.entries) out[entry.key] = node_json(entry.value);
      return out;
    }
  }
  return nullptr;
}

OrderedJson texts(const std::vector<Located>& list) {
  OrderedJson out = OrderedJson::array();
  for (const Located& one : list) out.push_back(one.text);
  return out;
}

OrderedJson head_json(const Persona& persona, const Compiled& compiled) {
  OrderedJson out;
  out["name"] = persona.name;
  out["slug"] = persona.slug;
  out["description"] = persona.description;
  out["model"] = persona.model;
  out["color"] = persona.color;
  out["tools"] = compiled.tools;
  out["tools_declared"] = persona.tools_declared;
  out["tools_not_provided"] = compiled.tools_not_provided;
  out["disallowed_tools"] = texts(persona.disallowed_tools);
  out["capabilities"] = texts(persona.capabilities);
  out["other"] =
      persona.other.kind == yaml::Kind::mapping ? node_json(persona.other) : OrderedJson::object();
  out["body_line"] = persona.body_line;
  out["body_bytes"] = persona.body.size();
  return out;
}

const char* mode_name(Mode mode) {
  switch (mode) {
    case Mode::read:
    case Mode::both:
      return "read";
    case Mode::write:
      return "write";
    case Mode::none:
      return "none";
  }
  return "none";
}

std::string origin_name(bool from_manifest, const Origin& origin) {
  return from_manifest ? "manifest:" + origin.file : "persona";
}

OrderedJson memory_json(const std::vector<MemoryEntry>& entries) {
  OrderedJson out = OrderedJson::array();
  for (const MemoryEntry& entry : entries) {
    if (entry.remove) continue;  // no read or write line: `remit` has the grant
    OrderedJson one;
    one["pattern"] = entry.pattern;
    one["mode"] = mode_name(entry.mode);
    one["line"] = entry.origin.line;
    one["col"] = entry.origin.col;
    one["source"] = entry.source;
    one["label"] = entry.label;
    one["shape"] = memory::to_string(entry.shape);
    one["placeholders"] = entry.placeholders;
    one["enabled"] = entry.enabled;
    one["origin"] = origin_name(entry.from_manifest, entry.origin);
    out.push_back(std::move(one));
  }
  return out;
}

OrderedJson collaboration_json(const std::vector<CollaborationEntry>& entries) {
  OrderedJson out = OrderedJson::array();
  for (const CollaborationEntry& entry : entries) {
    OrderedJson one;
    one["kind"] = to_string(entry.kind);
    one["target"] = entry.target;
    one["reason"] = entry.reason;
    one["line"] = entry.origin.line;
    one["col"] = entry.origin.col;
    one["source"] = entry.source;
    one["verb"] = entry.verb;
    one["form"] = entry.form;
    one["authority"] = entry.authority;
    one["resolution"] = to_string(entry.resolution);
    one["origin"] = "persona";
    out.push_back(std::move(one));
  }
  return out;
}

void append_persona(OrderedJson& out, const Persona& persona, const Compiled& compiled) {
  out["file"] = persona.file;
  out["sha256"] = persona.sha256;
  out["ok"] = compiled.ok && count(compiled.diagnostics).errors == 0;
  out["dialect"] = "claude";
  out["persona"] = compiled.ok ? head_json(persona, compiled) : OrderedJson(nullptr);
  out["memory"] = compiled.ok ? memory_json(compiled.memory) : OrderedJson::array();
  out["collaboration"] =
      compiled.ok ? collaboration_json(compiled.collaboration) : OrderedJson::array();
  OrderedJson diagnostics = OrderedJson::array();
  for (const Diagnostic& one : compiled.diagnostics) diagnostics.push_back(to_json(one));
  out["diagnostics"] = std::move(diagnostics);
}

OrderedJson globs_json(const std::vector<PathRule>& rules) {
  OrderedJson out = OrderedJson::array();
  for (const PathRule& rule : rules) out.push_back(rule.glob);
  return out;
}

OrderedJson limits_json(const SpawnLimits& limits) {
  OrderedJson out;
  out["wall_ms"] = limits.wall.count();
  out["idle_ms"] = limits.idle.count();
  out["cpu_s"] = limits.cpu.count();
  out["memory_bytes"] = limits.memory_bytes;
  out["processes"] = limits.processes;
  out["file_bytes"] = limits.file_bytes;
  out["open_files"] = limits.open_files;
  out["layer_bytes"] = limits.layer_bytes;
  out["layer_inodes"] = limits.layer_inodes;
  return out;
}

// --- text ---

class Page {
 public:
  void title(std::string_view text) {
    out_ += (out_.empty() ? "" : "\n") + std::string(text) + "\n";
  }
  void row(std::string_view left, std::string_view right, std::string_view note) {
    constexpr std::size_t kLeft = 18;
    constexpr std::size_t kRight = 66;
    std::string line = "  " + printable(left);
    pad(line, kLeft + 2);
    line += printable(right);
    if (!note.empty()) {
      pad(line, kLeft + kRight);
      line += printable(note);
    }
    out_ += line + "\n";
  }
  std::string take() { return std::move(out_); }

 private:
  static void pad(std::string& line, std::size_t width) {
    const std::size_t now = count_chars(line);
    line.append(now < width ? width - now : 1, ' ');
  }
  std::string out_;
};

std::string place(const Origin& origin) {
  return origin.short_text() + ":" + std::to_string(origin.col);
}

void memory_text(Page& page, const Persona& persona, const Compiled& compiled) {
  page.title("Agent_Memory   (write does not include read; everything else is denied)");
  if (compiled.memory.empty()) page.row("-", "nothing: " + place(persona.memory_heading), "");
  for (const MemoryEntry& entry : compiled.memory) {
    std::string state;
    if (!entry.enabled) {
      state = "  [no access]";
    } else if (!memory::DocPattern::compile(entry.pattern, compiled.bindings)) {
      state = "  [when an instruction is bound]";
    }
    page.row(entry.remove ? "delete" : mode_name(entry.mode), entry.pattern + state,
             place(entry.origin));
  }
}

void collaboration_text(Page& page, const Persona& persona, const Compiled& compiled) {
  page.title("Handoffs   (no other is possible)");
  bool any = false;
  for (const CollaborationEntry& entry : compiled.collaboration) {
    if (!entry.authority) continue;
    any = true;
    std::string what = entry.target;
    if (!entry.reason.empty()) what += " (" + entry.reason + ")";
    switch (entry.resolution) {
      case Resolution::agent:
        break;
      case Resolution::queue:
      case Resolution::human:
      case Resolution::external:
        what += std::string("  [") + to_string(entry.resolution) + "]";
        break;
      case Resolution::unresolved:
      case Resolution::ambiguous:
      case Resolution::self:
        what += std::string("  [") + to_string(entry.resolution) + ": refused]";
        break;
    }
    page.row(to_string(entry.kind), what, place(entry.origin));
  }
  if (!any) page.row("-", "nobody: " + place(persona.collaboration_heading), "");
}

}  // namespace

OrderedJson grants_json(const std::vector<Grant>& grants) {
  OrderedJson out = OrderedJson::array();
  for (const Grant& grant : grants) {
    OrderedJson one;
    one["grant"] = grant.grant;
    one["what"] = grant.what;
    one["origin"] = grant.origin.text();
    out.push_back(std::move(one));
  }
  return out;
}

std::vector<Grant> grants_of(const Remit& remit) {
  std::vector<Grant> out;
  for (const ToolRule& rule : remit.tools) out.push_back({"tool", rule.name, rule.origin});
  for (const ToolRule& rule : remit.diagnostics) {
    out.push_back({"diagnostic", rule.name, rule.origin});
  }
  for (const MemoryRule& rule : remit.memory) {
    const auto add = [&](bool granted, const char* verb) {
      if (granted) out.push_back({std::string("memory.") + verb, rule.pattern.text(), rule.origin});
    };
    add(rule.read, "read");
    add(rule.list, "list");
    add(rule.create, "create");
    add(rule.replace, "replace");
    add(rule.append, "append");
    add(rule.remove, "delete");
    add(rule.remove, "rename");
  }
  for (const EdgeRule& edge : remit.edges) {
    if (edge.resolution == Resolution::unresolved || edge.resolution == Resolution::ambiguous ||
        edge.resolution == Resolution::self) {
      continue;  // written, but refused at call time: nothing is granted
    }
    out.push_back({std::string("handoff.") + to_string(edge.kind), edge.target, edge.origin});
  }
  for (const RootRule& root : remit.roots) {
    if (root.read) out.push_back({"root.read", root.path, root.origin});
    if (root.write) out.push_back({"root.write", root.path, root.origin});
  }
  for (const TargetRule& target : remit.targets) {
    out.push_back({"target", target.alias, target.origin});
  }
  return out;
}

OrderedJson persona_json(const Persona& persona, const Compiled& compiled) {
  OrderedJson out;
  append_persona(out, persona, compiled);
  return out;
}

OrderedJson show_json(const Persona& persona, const Compiled& compiled,
                      std::string_view tools_list_sha256) {
  OrderedJson out;
  out["format"] = "remit.persona/1";
  append_persona(out, persona, compiled);
  out["tools_list_sha256"] = tools_list_sha256;
  out["remit"] = compiled.ok ? grants_json(grants_of(compiled.remit)) : OrderedJson::array();
  return out;
}

std::string show_text(const Persona& persona, const Compiled& compiled) {
  Page page;
  page.title(printable(persona.name) + "   (" + printable(persona.file) + ", sha256 " +
             persona.sha256.substr(0, 12) + ")");
  page.title("Tools");
  const Remit& remit = compiled.remit;
  for (const ToolRule& rule : remit.tools) page.row("tool", rule.name, place(rule.origin));
  for (const ToolRule& rule : remit.diagnostics) {
    page.row("diagnostic", rule.name, place(rule.origin));
  }
  if (remit.tools.empty()) page.row("-", "none", place(persona.tools_line));
  for (const std::string& name : compiled.tools_not_provided) page.row("not provided", name, "");
  for (const std::string& name : compiled.diagnostics_not_provided) {
    page.row("not provided", name, "");
  }
  memory_text(page, persona, compiled);
  collaboration_text(page, persona, compiled);
  page.title("Files");
  if (remit.tool("Read") != nullptr || remit.tool("Bash") != nullptr ||
      remit.tool("Write") != nullptr) {
    page.row("workspace", "the folder it is served over", place(remit.tools_line));
  }
  for (const RootRule& root : remit.roots) {
    page.row(root.write ? "read, write" : "read", root.path, place(root.origin));
  }
  for (const TargetRule& target : remit.targets) {
    page.row("target", target.alias, place(target.origin));
  }
  if (remit.tool("Bash") != nullptr) {
    page.title("Bash");
    page.row("changes", to_string(remit.bash.apply), "");
    page.row("profile", remit.bash.profile, "");
  }
  if (!compiled.diagnostics.empty()) {
    page.title("Remarks");
    std::string out = page.take();
    for (const Diagnostic& one : compiled.diagnostics) out += "  " + render(one);
    return out;
  }
  return page.take();
}

std::string Remit::sha256() const {
  OrderedJson out;
  out["persona"] = persona_sha256;
  out["manifest"] = manifest_sha256;
  out["site"] = site_sha256;
  out["slug"] = slug;
  out["instruction"] = instruction_id;
  out["grants"] = grants_json(grants_of(*this));
  OrderedJson edge_list = OrderedJson::array();
  for (const EdgeRule& edge : edges) {
    edge_list.push_back({to_string(edge.kind), edge.target, to_string(edge.resolution),
                         edge.requires_bug_report, edge.file_drop});
  }
  out["edges"] = std::move(edge_list);
  out["bash"]["apply"] = to_string(bash.apply);
  out["bash"]["profile"] = bash.profile;
  out["bash"]["tier"] = to_string(bash.minimum_tier);
  out["bash"]["limits"] = limits_json(bash.limits);
  out["protected"] = globs_json(protected_paths);
  out["read_denied"] = globs_json(read_denied);
  out["write_ask"] = globs_json(write_ask);
  out["memory_root"] = memory_root;
  if (!memory_database.empty()) out["memory_database"] = memory_database;
  out["file_drop_root"] = file_drop_root;
  out["approvals"] = {approvals_by_terminal, approval_timeout_s};
  return sha256_hex(dump(out));
}

}  // namespace remit::policy
