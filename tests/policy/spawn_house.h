// An agent with a workspace, a state directory and real approvals, but a Spawner that runs nothing:
// it lets the gate judge each plan as the starter would and keeps what got through.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/clock.h"
#include "memory/ledger.h"
#include "memory/state.h"
#include "memory/store.h"
#include "policy/access_factory.h"
#include "policy/approvals.h"
#include "policy/spawn_gate.h"
#include "tests/policy/shell_fixture.h"

namespace remit::policy_test {

class RecordingSpawner final : public policy::Spawner {
 public:
  explicit RecordingSpawner(policy::SpawnGate with) : gate(std::move(with)) {
    report_.tier = policy::Tier::t1;
    report_.profile_sha256 = std::string(64, 'a');
  }
  Result<policy::SpawnOutcome> run(const policy::SpawnPlan& plan, const policy::OutputSink&,
                                   std::stop_token) override {
    plans.push_back(plan);
    TRY_DO(gate(plan, {report_.tier, report_.profile_sha256}));
    ran.push_back(plan);
    policy::SpawnOutcome outcome;
    outcome.exit_code = 0;
    outcome.cwd = ends_in.empty() ? plan.cwd : ends_in;
    outcome.changes = changes;
    return outcome;
  }
  const policy::SandboxReport& report() const override { return report_; }
  void stand_at(policy::Tier tier) { report_.tier = tier; }

  policy::SpawnGate gate;
  std::vector<policy::SpawnPlan> plans, ran;  // sent to the starter; let through by it
  std::string ends_in;
  std::vector<policy::Change> changes;

 private:
  policy::SandboxReport report_;
};

// "ok", or the error's code.
inline std::string code_of(const Result<policy::SpawnOutcome>& done) {
  return done ? "ok" : done.error().code;
}

struct SpawnHouse {
  explicit SpawnHouse(bool operator_command = false) : operator_command_(operator_command) {
    std::string name = (std::filesystem::temp_directory_path() / "remit-policy-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = std::filesystem::canonical(name).string();
    workspace = path + "/work";
    // Memory-backed where there is such a place: thousands of durable transactions.
    std::string fast = "/dev/shm/remit-policy-XXXXXX";
    state_path = ::mkdtemp(fast.data()) != nullptr ? fast : path + "/state";
    std::filesystem::create_directories(workspace + "/sub");
    std::filesystem::create_directories(path + "/memory");
    remit.slug = remit.name = "tse";
    remit.persona_sha256 = "persona";
    remit.instruction_id = "inst_1";
    remit.tools.push_back({"Bash", {"tse.md", 4, 1}});
    remit.roots.push_back({workspace, true, true, {}});
    remit.memory_root = path + "/memory";
    principal = {"uid:1", "tse", "inst_1", "session"};
    auto opened = memory::State::open({state_path, {}}, clock);
    REQUIRE(opened);
    state = std::move(*opened);
    key = state->key("approval").value();
    ledger = std::make_unique<memory::Ledger>(*state);
    store = memory::open_file_store(*state, fs::open_root(remit.memory_root).value()).value();
    redactor = std::make_unique<Redactor>(std::string(32, 'k'));
    start();
  }
  ~SpawnHouse() {
    stop();
    store.reset();
    ledger.reset();
    state.reset();
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
    std::filesystem::remove_all(state_path, ignored);
  }
  SpawnHouse(const SpawnHouse&) = delete;
  SpawnHouse& operator=(const SpawnHouse&) = delete;

  // A server process of this agent begins, with a starter of its own.
  void start() {
    registration =
        memory::ServerRegistration::make(*state, "tse", "inst_1", policy::principal_text(principal))
            .value();
    wake = memory::Wake::open(*state, registration->row().server_id).value();
    policy::ApprovalParts parts;
    parts.state = state.get();
    parts.wake = wake.get();
    parts.clock = &clock;
    parts.principal = policy::principal_text(principal);
    parts.persona_sha256 = remit.persona_sha256;
    parts.instruction = "inst_1";
    parts.server_id = registration->row().server_id;
    parts.life = life;
    parts.own_only = operator_command_;
    parts.public_key = state->public_key("approval").value();
    approvals = std::make_unique<policy::Approvals>(parts);
    policy::GateParts gate;
    gate.remit = std::shared_ptr<const policy::Remit>(&remit, [](const policy::Remit*) {});
    gate.principal = principal;
    gate.rules = std::make_shared<policy::ShellRules>(shipped_rules());
    gate.approval_public_file = state_path + "/keys/approval.pub";
    gate.operator_may_approve = operator_command_;
    gate.clock = &clock;
    if (spawner) {
      spawner->gate = policy::make_spawn_gate(std::move(gate));
    } else {
      spawner = std::make_unique<RecordingSpawner>(policy::make_spawn_gate(std::move(gate)));
    }
    policy::AccessParts hands;
    hands.remit = &remit;
    hands.principal = principal;
    hands.state = state.get();
    hands.ledger = ledger.get();
    hands.store = store.get();
    hands.spawner = spawner.get();
    hands.approvals = approvals.get();
    hands.redactor = redactor.get();
    hands.shell_rules = &shipped_rules();
    hands.clock = &clock;
    access = policy::make_access(hands).value();
  }
  // It ends in good order; a killed one leaves its rows to the next reap(), with the same effect.
  void stop() {
    access.reset();
    approvals.reset();
    wake.reset();
    registration.reset();
  }

  static policy::SpawnRequest command(const std::string& text) {
    policy::SpawnRequest request;
    request.command = text;
    return request;
  }
  policy::CallScope scope() { return {"CALL" + std::to_string(++calls), "Bash"}; }
  Result<policy::SpawnOutcome> spawn(const policy::SpawnRequest& request) {
    return access->spawn(scope(), request, [](policy::Stream, std::string_view) {}, {});
  }
  policy::Question question(const policy::SpawnRequest& request) {
    auto judged = access->judge_spawn(scope(), request);
    REQUIRE_MESSAGE(judged, (judged ? "" : judged.error().message));
    REQUIRE(judged->question);
    return *judged->question;
  }
  std::string ask(const policy::SpawnRequest& request) {
    return approvals->request(question(request), scope()).value();
  }
  memory::ApprovalRows rows() { return memory::ApprovalRows(*state); }
  // As `remit approve` does after the PIN.
  Result<memory::ApprovalRow> approve(const std::string& id,
                                      memory::ApprovalScope reach = memory::ApprovalScope::once) {
    memory::Answer answer;
    answer.approve = true;
    answer.scope = reach;
    answer.channel = "terminal";
    answer.attestation = "pin";
    answer.approval_key = key;
    return rows().decide(id, answer);
  }
  void put(const std::string& name, const std::string& text) const {
    std::ofstream(workspace + "/" + name) << text;
  }

  ManualClock clock;
  std::string path, workspace, state_path, key;
  std::chrono::seconds life{300};
  policy::Remit remit;
  policy::Principal principal;
  std::unique_ptr<memory::State> state;
  std::unique_ptr<memory::Ledger> ledger;
  std::unique_ptr<memory::Store> store;
  std::unique_ptr<Redactor> redactor;
  std::unique_ptr<memory::ServerRegistration> registration;
  std::unique_ptr<memory::Wake> wake;
  std::unique_ptr<policy::Approvals> approvals;
  std::unique_ptr<RecordingSpawner> spawner;
  std::unique_ptr<policy::Access> access;
  int calls = 0;

 private:
  const bool operator_command_;
};

}  // namespace remit::policy_test
