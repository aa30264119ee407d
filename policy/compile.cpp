#include "policy/compile.h"

#include <algorithm>

#include "base/fs.h"
#include "base/limits.h"
#include "base/text.h"
#include "policy/tool_grants.h"

namespace remit::policy {

namespace {

// The kernel's name of a directory if it exists, else the cleaned text.
std::string real_folder(const std::string& path) {
  if (const auto root = fs::open_root(path)) {
    if (auto name = fs::real_path(*root)) return *name;
  }
  return fs::absolute(path);
}

class Compiler {
 public:
  explicit Compiler(const CompileInput& input)
      : in_(input),
        persona_(input.persona),
        manifest_(input.manifest != nullptr ? input.manifest->manifest : kNoManifest),
        site_(input.installation.site),
        notes_(input.persona.file),
        manifest_notes_(manifest_.file) {}

  Compiled run() {
    out_.diagnostics = persona_.diagnostics;
    if (in_.manifest != nullptr) {
      const auto& list = in_.manifest->diagnostics.list();
      out_.diagnostics.insert(out_.diagnostics.end(), list.begin(), list.end());
    }
    const bool manifest_ok = in_.manifest == nullptr || !in_.manifest->diagnostics.has_errors();
    if (persona_.ok && manifest_ok) {
      bind();
      tools();
      memory();
      collaboration();
      roots();
      bash();
      out_.ok = !notes_.has_errors() && !manifest_notes_.has_errors();
      if (out_.ok) {
        grant_memory();
        grant_edges();
        describe();
      }
    }
    for (const Diagnostics* notes : {&notes_, &manifest_notes_}) {
      out_.diagnostics.insert(out_.diagnostics.end(), notes->list().begin(), notes->list().end());
    }
    sort_diagnostics(out_.diagnostics);
    if (!out_.ok) {
      Compiled refused;
      refused.diagnostics = std::move(out_.diagnostics);
      return refused;
    }
    return std::move(out_);
  }

 private:
  static const Manifest kNoManifest;

  bool provided(std::string_view tool) const { return one_of(tool, in_.provided); }

  void bind() {
    out_.bindings.instruction_id = in_.binding.instruction_id;
    out_.bindings.domain = manifest_.domain;
    out_.bindings.extra = manifest_.placeholders;
    out_.exclusive = manifest_.exclusive;
  }

  void tools() {
    GrantedTools granted = grant_tools(persona_, manifest_, site_, in_.installation.capabilities,
                                       in_.provided, notes_);
    out_.tools = std::move(granted.names);
    out_.tools_not_provided = std::move(granted.not_provided);
    out_.diagnostics_not_provided = std::move(granted.diagnostics_not_provided);
    out_.remit.tools = std::move(granted.tools);
    out_.remit.diagnostics = std::move(granted.diagnostics);
  }

  bool disallowed(std::string_view name) const {
    const auto& list = persona_.disallowed_tools;
    return std::any_of(list.begin(), list.end(), [&](const Located& l) { return l.text == name; });
  }

  // --- Agent_Memory ---

  void memory() {
    out_.memory = persona_.memory.entries;
    enable_memory(out_.memory, out_.bindings, notes_);
    if (!persona_.memory.present && manifest_.memory_read.empty() &&
        manifest_.memory_write.empty()) {
      notes_.add("I-SEC-01", {}, "no memory section: all of Agent_Memory is denied");
    }
    std::vector<MemoryEntry> own;
    const auto supply = [&](const std::vector<Located>& list, Mode mode, bool remove) {
      for (const Located& one : list) {
        if (!remove && persona_.memory.present) {
          manifest_notes_.add("W-MEM-01", position_of(one.origin),
                              "the persona has a memory section: this line grants nothing");
          continue;
        }
        MemoryEntry entry = memory_entry(one.text, mode, one.origin);
        entry.remove = remove;
        entry.from_manifest = true;
        own.push_back(std::move(entry));
      }
    };
    supply(manifest_.memory_read, Mode::read, false);
    supply(manifest_.memory_write, Mode::write, false);
    supply(manifest_.memory_delete, Mode::none, true);
    enable_memory(own, out_.bindings, manifest_notes_);
    out_.memory.insert(out_.memory.end(), own.begin(), own.end());
    if (manifest_.write_implies_read) return;
    for (const MemoryEntry* entry : write_only(out_.memory, out_.bindings)) {
      (entry->from_manifest ? manifest_notes_ : notes_)
          .add("I-MEM-03", position_of(entry->origin), "write-only: no Read line covers it");
    }
  }

  void grant_memory() {
    for (const MemoryEntry& entry : out_.memory) {
      if (!entry.enabled) continue;
      auto pattern = memory::DocPattern::compile(entry.pattern, out_.bindings);
      if (!pattern) continue;  // not_bound: enable_memory() found everything else
      MemoryRule rule;
      rule.pattern = std::move(*pattern);
      rule.source = entry.source;
      rule.origin = entry.origin;
      if (entry.remove) {
        rule.remove = true;
      } else if (entry.mode == Mode::read) {
        rule.read = rule.list = true;
      } else {
        rule.list = rule.create = rule.replace = rule.append = true;
        rule.read = manifest_.write_implies_read;
      }
      out_.remit.memory.push_back(std::move(rule));
    }
    const auto first = [&](auto wanted) -> const MemoryRule* {
      const auto& rules = out_.remit.memory;
      const auto found = std::find_if(rules.begin(), rules.end(), wanted);
      return found != rules.end() ? &*found : nullptr;
    };
    const auto tool = [&](std::string_view name, const MemoryRule* rule) {
      if (rule != nullptr && provided(name) && !disallowed(name)) {
        out_.remit.tools.push_back({std::string(name), rule->origin});
      }
    };
    tool("memory_read", first([](const MemoryRule& r) { return r.read; }));
    tool("memory_list", first([](const MemoryRule& r) { return r.list; }));
    tool("memory_history", first([](const MemoryRule& r) { return r.list; }));
    tool("memory_search", first([](const MemoryRule& r) { return r.read; }));
    tool("memory_write", first([](const MemoryRule& r) { return r.create || r.remove; }));
  }

  // --- collaboration ---

  void collaboration() {
    out_.collaboration = persona_.collaboration.entries;
    for (CollaborationEntry& entry : out_.collaboration) {
      if (entry.kind == EdgeKind::report && manifest_.reports_to_is_escalation) {
        entry.authority = true;
      }
    }
    if (!persona_.collaboration.present) {
      notes_.add("I-SEC-01", {}, "no collaboration section: no handoff is permitted");
    }
    resolve_edges(out_.collaboration, persona_.slug, in_.installation.directory, in_.known, notes_);
  }

  static HandoffKind handoff_kind(EdgeKind kind) {
    switch (kind) {
      case EdgeKind::consult:
        return HandoffKind::consult;
      case EdgeKind::delegate:
        return HandoffKind::delegate;
      case EdgeKind::escalate:
      case EdgeKind::report:
      case EdgeKind::coordinate:
      case EdgeKind::support:
      case EdgeKind::receive:
      case EdgeKind::hand_off:
        return HandoffKind::escalate;
    }
    return HandoffKind::escalate;
  }

  // The ladder of the edge's target. Its first step may be the target itself, with the time it has.
  void climb(const std::string& name, EdgeRule& edge) {
    const auto ladder = in_.installation.directory.ladders.find(name);
    if (ladder == in_.installation.directory.ladders.end()) return;
    for (LadderStep step : ladder->second) {
      const Resolved next = resolve(step.to, persona_.slug, in_.installation.directory, in_.known);
      step.to = next.target;
      step.resolution = next.resolution;
      switch (next.resolution) {
        case Resolution::agent:
        case Resolution::queue:
        case Resolution::human:
          if (edge.ladder.empty() && step.to == edge.target) {
            edge.ack = step.ack;
          } else {
            edge.ladder.push_back(std::move(step));
          }
          break;
        case Resolution::self:  // who raised it need not be told
          break;
        case Resolution::external:
        case Resolution::unresolved:
        case Resolution::ambiguous:
          notes_.add("W-COL-01", {edge.origin.line, edge.origin.col},
                     "the ladder \"" + name + "\" of " + edge.target + " goes on to \"" + step.to +
                         "\", which cannot be reached: that step is left out",
                     "add the persona, or an entry to manifests/directory.yaml");
      }
    }
  }

  void grant_edges() {
    for (const CollaborationEntry& entry : out_.collaboration) {
      if (!entry.authority) continue;
      const Resolved resolved =
          resolve(entry.target, persona_.slug, in_.installation.directory, in_.known);
      EdgeRule edge;
      edge.kind = handoff_kind(entry.kind);
      edge.target = entry.vague ? entry.target : resolved.target;
      edge.reason = entry.reason;
      edge.resolution = entry.resolution;
      edge.origin = entry.origin;
      if (!entry.vague && resolved.entry != nullptr) {
        edge.requires_bug_report = resolved.entry->requires_bug_report;
        edge.file_drop = resolved.entry->file_drop;
        if (edge.kind == HandoffKind::escalate) climb(resolved.entry->ladder, edge);
      }
      out_.remit.edges.push_back(std::move(edge));
    }
    const auto& edges = out_.remit.edges;
    const auto wants_report = std::find_if(
        edges.begin(), edges.end(), [](const EdgeRule& edge) { return edge.requires_bug_report; });
    const auto tool = [&](std::string_view name, const Origin& origin) {
      if (provided(name) && !disallowed(name)) {
        out_.remit.tools.push_back({std::string(name), origin});
      }
    };
    if (!edges.empty()) tool("handoff", edges.front().origin);
    const auto reporting = wants_report != edges.end() ? wants_report : edges.begin();
    if (!edges.empty()) tool("bug_report", reporting->origin);
    // Whoever collaborates is spoken to: answering needs no edge of one's own.
    if (!persona_.collaboration.present) return;
    for (const char* name : {"inbox", "respond"}) tool(name, persona_.collaboration_heading);
  }

  // --- the world outside Agent_Memory ---

  void roots() {
    const std::string& workspace = in_.binding.workspace;
    if (!workspace.empty()) {
      RootRule root;
      root.path = real_folder(workspace);
      root.write = true;
      root.origin = persona_.tools_line;
      if (!manifest_.workspace_roots.empty()) {
        const auto& roots = manifest_.workspace_roots;
        const auto found = std::find_if(roots.begin(), roots.end(), [&](const Located& one) {
          return fs::is_beneath(root.path, real_folder(one.text));
        });
        if (found == roots.end()) {
          manifest_notes_.add("E-FM-13", position_of(roots.front().origin),
                              "the workspace lies beneath none of workspace_roots");
        } else {
          root.origin = found->origin;
        }
      }
      out_.remit.roots.push_back(std::move(root));
    }
    for (const Located& log : manifest_.log_roots) {
      const std::string path = real_folder(log.text);
      const bool allowed = std::any_of(
          site_.read_roots.begin(), site_.read_roots.end(),
          [&](const Located& one) { return fs::is_beneath(path, real_folder(one.text)); });
      if (allowed) {
        out_.remit.roots.push_back({path, true, false, log.origin});
      } else {
        manifest_notes_.add("E-FM-13", position_of(log.origin),
                            "log root " + log.text + " lies beneath none of the site's read_roots");
      }
    }
    for (const Located& target : manifest_.targets) {
      out_.remit.targets.push_back({target.text, target.origin});
    }
    out_.remit.protected_paths = site_.protected_paths;
    out_.remit.read_denied = site_.read_denied;
    out_.remit.write_ask = manifest_.write_ask;
  }

  void bash() {
    BashPolicy& bash = out_.remit.bash;
    bash.apply = stricter(site_.apply, manifest_.apply.value_or(Apply::as_write));
    bash.minimum_tier = site_.min_tier;
    if (!manifest_.profile.empty()) bash.profile = manifest_.profile;
    const auto profile = in_.installation.profiles.find(bash.profile);
    if (profile == in_.installation.profiles.end()) {
      Diagnostics& notes = manifest_.profile.empty() ? notes_ : manifest_notes_;
      notes.add("E-FM-13", {}, "no sandbox profile is called \"" + bash.profile + "\"");
      return;
    }
    bash.layer_on_disk = profile->second.layer_on_disk;
    bash.limits = narrowed(with_values(SpawnLimits{}, profile->second.limits), manifest_.limits);
  }

  void describe() {
    Remit& remit = out_.remit;
    remit.name = persona_.name;
    remit.slug = persona_.slug;
    remit.description = persona_.description;
    remit.model = persona_.model;
    remit.color = persona_.color;
    remit.persona_file = persona_.file;
    remit.persona_sha256 = persona_.sha256;
    remit.manifest_file = manifest_.file;
    remit.manifest_sha256 = manifest_.sha256;
    remit.site_file = site_.file;
    remit.site_sha256 = site_.sha256;
    remit.body = persona_.body;
    remit.instruction_id = in_.binding.instruction_id;
    remit.tools_not_provided = out_.tools_not_provided;
    if (!in_.binding.memory_root.empty()) {
      remit.memory_database = in_.binding.memory_database;
      remit.memory_root = remit.memory_database.empty() ? real_folder(in_.binding.memory_root)
                                                        : in_.binding.memory_root;
    }
    remit.approval_timeout_s = site_.approval_timeout_s;
    remit.approvals_by_terminal = site_.approvals_cli;
    remit.file_drop_root = !site_.file_drop_root.empty() ? site_.file_drop_root
                           : in_.binding.state.empty()   ? std::string{}
                                                         : fs::join(in_.binding.state, "drop");
    remit.same_user_answers = site_.same_user_answers;
    remit.memory_limits = site_.memory;
    remit.tools_line = persona_.tools_line;
    remit.memory_heading = persona_.memory_heading;
    remit.collaboration_heading = persona_.collaboration_heading;
  }

  const CompileInput& in_;
  const Persona& persona_;
  const Manifest& manifest_;
  const Site& site_;
  Diagnostics notes_, manifest_notes_;
  Compiled out_;
};

const Manifest Compiler::kNoManifest{};

}  // namespace

bool valid_instruction(std::string_view id) {
  constexpr std::size_t kLongest = 96;
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  return !id.empty() && id.size() <= kLongest && letter(id[0]) &&
         std::all_of(id.begin(), id.end(), [&](char c) {
           return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-';
         });
}

Compiled compile(const CompileInput& input) {
  return Compiler(input).run();
}

Error refusal(const Compiled& compiled) {
  for (const Diagnostic& one : compiled.diagnostics) {
    if (one.severity() != Severity::error) continue;
    const std::string where =
        one.file + ":" + std::to_string(one.line) + ":" + std::to_string(one.col);
    return Error{ErrorKind::invalid_argument,
                 where + ": " + one.code + ": " + one.message + "; see all with remit check " +
                     printable(one.file),
                 where, "persona_invalid", nullptr};
  }
  return Error{ErrorKind::internal,
               "the persona was refused without a reason",
               {},
               "persona_invalid",
               nullptr};
}

}  // namespace remit::policy
