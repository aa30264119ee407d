#include "server/assembly.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/crypto.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "policy/find.h"
#include "policy/shell_render.h"
#include "policy/spawn_gate.h"
#include "policy/spool.h"
#include "server/documents.h"
#include "tools/sandbox/confine.h"
#include "tools/sandbox/starter.h"

namespace remit::server {
namespace {

// The kernel's name of a directory that must exist.
Result<std::string> real_directory(const std::string& path, const char* what) {
  const std::string absolute = fs::absolute(path);
  const auto fd = fs::open_root(absolute);
  if (!fd) {
    return fail(ErrorKind::unavailable,
                std::string(what) + " " + escape_ascii(absolute) + ": " + fd.error().message);
  }
  if (::faccessat(AT_FDCWD, absolute.c_str(), R_OK | X_OK, AT_EACCESS) != 0) {
    return fail(ErrorKind::unavailable,
                std::string(what) + " " + escape_ascii(absolute) + " cannot be read");
  }
  return fs::real_path(*fd);
}

// WORKSPACE/Agent_Memory when it is missing. Its path was compiled into the Remit: what appears
// there meanwhile must be a directory of that very name.
Result<void> make_memory(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
    return fail(ErrorKind::unavailable,
                errno_error(errno, "make the memory folder " + escape_ascii(path)).message);
  }
  TRY(const std::string real, real_directory(path, "the memory folder"));
  if (real == path) return {};
  return fail(ErrorKind::unavailable,
              "the memory folder " + escape_ascii(path) + " was replaced by a symlink");
}

}  // namespace

std::string mint_instruction(const Clock& clock) {
  const std::string day = rfc3339(clock.unix_ms());
  return "inst_" + day.substr(0, 4) + day.substr(5, 2) + day.substr(8, 2) + "_" + random_hex(4);
}

std::string state_directory(const std::string& option) {
  if (!option.empty()) return fs::absolute(option);
  if (const char* xdg = std::getenv("XDG_STATE_HOME"); xdg != nullptr && xdg[0] == '/') {
    return fs::absolute(std::string(xdg) + "/remit");
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || home[0] != '/') {
    const struct passwd* entry = ::getpwuid(::geteuid());
    home = entry != nullptr ? entry->pw_dir : "/";
  }
  return fs::absolute(std::string(home) + "/.local/state/remit");
}

Assembly::Assembly() = default;
Assembly::~Assembly() = default;

Result<std::unique_ptr<Assembly>> Assembly::build(const AssemblyOptions& options) {
  std::unique_ptr<Assembly> out(new Assembly());
  TRY_DO(out->compile(options));
  TRY_DO(out->wire(options));
  return out;
}

Result<void> Assembly::compile(const AssemblyOptions& options) {
  const ServeOptions& serve = options.serve;
  TRY(const std::string persona, policy::find_persona(serve.agent));
  TRY(const std::string manifests, policy::find_manifests());
  auto source = std::make_shared<policy::Source>();
  source->persona = persona;
  source->manifest = serve.manifest.empty() ? policy::manifest_beside(persona) : serve.manifest;
  source->site = policy::find_site(serve.site, manifests);
  source->folder = fs::absolute(".");
  TRY(source->installation, policy::load_installation(manifests, serve.site));
  policy::Binding& binding = source->binding;
  TRY(binding.workspace,
      real_directory(serve.workspace.empty() ? "." : serve.workspace, "the workspace"));
  state_directory_ = state_directory(serve.state);
  binding.state = state_directory_;
  binding.instruction_id = serve.instruction;
  if (binding.instruction_id.empty()) {
    binding.instruction_id = mint_instruction(system_clock());
    minted_ = true;
  } else if (!policy::valid_instruction(binding.instruction_id)) {
    return fail(ErrorKind::invalid_argument,
                "not an instruction id (a letter, then up to 95 of A-Za-z0-9_-): " +
                    escape_ascii(binding.instruction_id));
  }
  const bool own_memory = serve.memory.empty();
  TRY(database_, database_of(serve.memory));
  if (database_) binding.memory_database = database_->shown;
  const std::string memory =
      own_memory || database_ ? binding.workspace + "/Agent_Memory" : serve.memory;
  if (struct stat there{}; database_ || (own_memory && ::lstat(memory.c_str(), &there) != 0)) {
    binding.memory_root = memory;  // wire() makes it, once nothing can be refused any more
  } else {
    TRY(binding.memory_root, real_directory(memory, "the memory folder"));
  }
  std::vector<std::string> folders = policy::persona_folders();
  if (!options.colleagues.empty()) folders.insert(folders.begin(), options.colleagues);
  source->known = policy::index_personas(folders);
  source->provided = tools::tool_names();
  auto standing = std::make_shared<Standing>();
  if (options.files) {
    const policy::OperatorFiles& files = *options.files;
    TRY(source->installation.site, policy::parse_site(source->site, files.site));
    standing->checked =
        policy::judge_persona({persona, files.persona, source->manifest, files.manifest},
                              source->installation, source->known, source->provided, binding);
  } else {
    TRY(standing->checked, policy::load_persona(persona, serve.manifest, source->installation,
                                                source->known, source->provided, binding));
  }
  const policy::Compiled& compiled = standing->checked.compiled;
  if (!compiled.ok) return tl::unexpected<Error>(policy::refusal(compiled));
  standing->remit = std::make_shared<const policy::Remit>(compiled.remit);
  principal_ = {"uid:" + std::to_string(::geteuid()), compiled.remit.slug,
                compiled.remit.instruction_id, ""};
  source_ = std::move(source);
  standing_ = std::move(standing);
  operator_may_approve_ = options.operator_may_approve;
  console_ = options.console;
  native_approval_ = options.native_approval;
  serve_approver_ = options.serve_approver;
  const std::string exec = source_->installation.manifests + "/exec/default.yaml";
  TRY(const std::string exec_text, fs::read_file(exec, limits::kManifestBytes));
  TRY(policy::ShellRules rules, policy::load_shell_rules(exec_text, exec));
  shell_rules_ = std::make_shared<policy::ShellRules>(std::move(rules));
  return {};
}

Result<void> Assembly::wire(const AssemblyOptions& options) {
  const Clock& clock = system_clock();
  const policy::Remit& granted = remit();
  std::vector<std::string> roots{granted.memory_root};
  for (const policy::RootRule& root : granted.roots) roots.push_back(root.path);
  TRY_DO(memory::State::prepare({state_directory_, roots}));
  if (!options.dry && !database_) TRY_DO(make_memory(granted.memory_root));
  if (!options.dry || options.asks_sandbox) TRY_DO(start_starter());
  TRY(state_, memory::State::open({state_directory_, roots}, clock));
  ledger_ = std::make_unique<memory::Ledger>(*state_);
  TRY_DO(open_store(options.dry));
  TRY(std::string case_key, state_->key("case"));
  redactor_ = std::make_shared<Redactor>(std::move(case_key));
  log::set_filter(
      [redactor = redactor_](std::string_view text) { return redactor->redact(text).text; });
  if (!options.dry) {
    TRY_DO(memory::ServerRows(*state_).reap());
    TRY_DO(memory::Ledger::recover(*state_));
    TRY(registration_,
        memory::ServerRegistration::make(*state_, granted.slug, granted.instruction_id,
                                         policy::principal_text(principal_)));
    server_id_ = registration_->row().server_id;
    TRY(wake_, memory::Wake::open(*state_, server_id_));
    TRY(const Fd spill, state_->subdirectory("spill"));
    policy::sweep_spools(spill, clock.unix_ms());
    if (const auto swept = state_->unfinished().sweep(); !swept) {
      log::warning("unfinished files of dead processes stay", {{"error", swept.error().message}});
    }
  }
  principal_.session = server_id_;
  auto standing = std::make_shared<Standing>();
  standing->checked = standing_->checked;
  standing->remit = standing_->remit;
  TRY_DO(furnish(*standing, nullptr));
  standing_ = std::move(standing);
  return {};
}

Result<void> Assembly::open_store(bool dry) {
  const policy::Remit& granted = remit();
  if (database_) {
    auto opened = open_database(*state_, *database_);
    // A dry decision can do without, but for who wrote a document last.
    if (!opened && dry) return {};
    TRY(store_, std::move(opened));
    return {};
  }
  if (::access(granted.memory_root.c_str(), F_OK) != 0) return {};
  TRY(Fd memory_root, fs::open_root(granted.memory_root));
  if (!dry) {
    TRY_DO(fs::make_directories(memory_root, granted.instruction_id));
  }
  TRY(store_, memory::open_file_store(*state_, std::move(memory_root), granted.memory_limits));
  return {};
}

std::string Assembly::database_report() const {
  return store_ != nullptr ? store_->standing() : std::string();
}

Result<void> Assembly::record_start() {
  TRY_DO(ledger_->open_spool());
  const policy::Remit& granted = remit();
  memory::LedgerRecord row;
  row.kind = "server";
  row.principal = policy::principal_text(principal_);
  row.fields = dump(Json{{"persona", granted.persona_file},
                         {"persona_sha256", granted.persona_sha256},
                         {"manifest_sha256", granted.manifest_sha256},
                         {"site_sha256", granted.site_sha256},
                         {"server_id", server_id_},
                         {"version", REMIT_VERSION}});
  return ledger_->append(std::move(row), memory::Durability::read);
}

Result<void> Assembly::keep_deadlines() {
  TRY(timers_, HandoffTimers::start(*state_, *store_, *wake_, remit().file_drop_root));
  return {};
}

policy::ShellAssessment Assembly::assess(const std::string& command) const {
  return policy::assess(command, *shell_rules_,
                        policy::shell_scope(remit(), remit().roots.front().path));
}

std::string Assembly::explain_shell(const std::string& command) const {
  const policy::ShellScope scope = policy::shell_scope(remit(), remit().roots.front().path);
  return policy::render_shell(command, policy::judge_shell(command, *shell_rules_, scope),
                              *shell_rules_);
}

Result<void> Assembly::confine() {
  const policy::Remit& granted = remit();
  sandbox::ConfinePlan plan;
  for (const policy::RootRule& root : granted.roots) {
    (root.write ? plan.writable : plan.readable).push_back(root.path);
  }
  // Documents that are rows are reached through sockets that are open already.
  if (!database_) plan.writable.push_back(granted.memory_root);
  plan.readable.push_back(source_->installation.manifests);
  for (const memory::ConfinedPath& path : state_->confined_paths()) {
    (path.kind == memory::ConfinedPath::Kind::file ? plan.writable_files : plan.writable)
        .push_back(path.path);
  }
  for (const char* name : {"spill", "changes"}) {
    plan.writable.push_back(state_directory_ + "/" + name);
  }
  if (!granted.file_drop_root.empty()) plan.writable.push_back(granted.file_drop_root);
  // A rule needs its folder to be there, and what is behind the lock can no longer make one in the
  // state directory itself.
  for (const char* name : {"spill", "changes", "wake", "drop", "spool"}) {
    TRY_DO(state_->subdirectory(name));
  }
  return sandbox::confine_self(plan);
}

}  // namespace remit::server
