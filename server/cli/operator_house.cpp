#include "server/cli/operator_house.h"

#include "base/crypto.h"
#include "base/text.h"
#include "policy/find.h"
#include "server/assembly.h"
#include "server/documents.h"

namespace remit::cli {
namespace {

Result<std::string> folder(const std::string& path, const char* what) {
  const auto fd = fs::open_root(fs::absolute(path));
  if (!fd) {
    return fail(ErrorKind::unavailable, std::string(what) + " " + escape_ascii(fs::absolute(path)) +
                                            ": " + fd.error().message);
  }
  return fs::real_path(*fd);
}

}  // namespace

Flags& add_operator_flags(Flags& flags, OperatorFlags& to) {
  return flags
      .value("--memory", &to.memory, "DIR or postgresql://…  default: WORKSPACE/Agent_Memory")
      .value("--workspace", &to.workspace, "DIR  default: the current directory")
      .value("--state", &to.state, "DIR  default: $XDG_STATE_HOME/remit or ~/.local/state/remit")
      .value("--site", &to.site, "FILE  site policy, default: the installed one")
      .toggle("--json", &to.json, "machine readable");
}

Result<std::unique_ptr<OperatorHouse>> OperatorHouse::open(const OperatorFlags& flags,
                                                           const std::string& document) {
  std::unique_ptr<OperatorHouse> out(new OperatorHouse());
  TRY(const std::string workspace,
      folder(flags.workspace.empty() ? "." : flags.workspace, "the workspace"));
  TRY(const auto database, server::database_of(flags.memory));
  std::string root = workspace + "/Agent_Memory";
  if (!database) {
    TRY(root, folder(flags.memory.empty() ? root : flags.memory, "the memory folder"));
  }
  TRY(const std::string manifests, policy::find_manifests());
  TRY(const policy::Installation installation, policy::load_installation(manifests, flags.site));
  out->memory_root_ = database ? std::string() : root;
  out->drop_root_ = installation.site.file_drop_root;
  TRY(out->state_, memory::State::open({server::state_directory(flags.state), {}}, system_clock()));
  out->ledger_ = std::make_unique<memory::Ledger>(*out->state_);
  std::shared_ptr<memory::Store> rows;
  if (database) {
    TRY(rows, server::open_database(*out->state_, *database));
  }
  TRY(out->hands_, policy::operator_access(*out->state_, *out->ledger_,
                                           {.workspace = workspace,
                                            .memory_root = root,
                                            .memory_database = database ? database->shown : "",
                                            .store = rows,
                                            .manifests = manifests,
                                            .instruction = policy::instruction_in(document),
                                            .limits = installation.site.memory,
                                            .file_drop_root = out->drop_root_}));
  return out;
}

policy::CallScope OperatorHouse::call() const {
  return {ulid(state_->clock().unix_ms()), ""};
}

}  // namespace remit::cli
