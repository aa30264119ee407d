// A real Access of the technical-support-engineer over a temporary workspace, Agent_Memory and
// state directory. The persona is the seed where REMIT_SHARED has it, else the one that ships.
#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "base/crypto.h"
#include "base/redaction.h"
#include "memory/file_store.h"
#include "memory/ledger.h"
#include "memory/state.h"
#include "policy/access_factory.h"
#include "policy/compile.h"
#include "policy/find.h"
#include "tests/policy/personas.h"

namespace remit::policy::test {

// Answers every run with a prepared outcome.
class FakeSpawner : public Spawner {
 public:
  SandboxReport sandbox{Tier::t1, std::string(64, 'a'), {}, {}, 4, ""};
  Result<SpawnOutcome> run(const SpawnPlan&, const OutputSink&, std::stop_token) override {
    return SpawnOutcome{};
  }
  const SandboxReport& report() const override { return sandbox; }
};

template <typename T>
T good(Result<T> result) {
  if (!result) FAIL(result.error().message);
  return std::move(*result);
}

class Bench {
 public:
  static constexpr const char* kId = "inst_20260110_001";

  explicit Bench(const std::function<void(Remit&)>& change = {}) {
    namespace fsys = std::filesystem;
    base_ = fsys::canonical(folder_.path()).string();
    for (const char* name : {"/work"
                             "/Agent_Memory",
                             "/root", "/root-evil", "/outside"}) {
      fsys::create_directories(base_ + name);
    }
    const std::string seed = shared("data/personas/technical-support-engineer.md");
    const std::string own = source("agent_definitions/technical-support-engineer.md");
    const std::string file = fsys::exists(seed) ? seed : own;
    const Persona persona = parse_persona(file, Folder::read(file), installation().words);
    const PersonaIndex known = index_personas({source("agent_definitions")});
    Compiled made = compile({persona,
                             nullptr,
                             installation(),
                             known,
                             kTools,
                             {kId, base_ + "/work",
                              base_ + "/work"
                                      "/Agent_Memory",
                              base_ + "/state"}});
    REQUIRE(made.ok);
    remit = std::move(made.remit);
    remit.roots.push_back({base_ + "/root", true, false, remit.tools_line});
    if (change) change(remit);
    state =
        good(memory::State::open({base_ + "/state", {base_ + "/work", base_ + "/root"}}, clock));
    good(state->subdirectory("drop"));  // as the server does at start
    ledger = std::make_unique<memory::Ledger>(*state);
    store = good(memory::open_file_store(*state, good(fs::open_root(remit.memory_root))));
    redactor = std::make_unique<Redactor>(std::string(32, 'k'));
    schemas = good(DocumentSchemas::load(source("manifests/schemas"), {kId, "", {}}));
    access = open_access();
  }

  std::unique_ptr<Access> open_access(std::string agent = "technical-support-engineer") {
    AccessParts parts;
    parts.remit = &remit;
    parts.principal = {"uid:1000", std::move(agent), kId, "s"};
    parts.state = state.get();
    parts.ledger = ledger.get();
    parts.store = store.get();
    parts.spawner = &spawner;
    parts.redactor = redactor.get();
    parts.schemas = &schemas;
    parts.clock = &clock;
    return good(make_access(std::move(parts)));
  }

  std::string at(const std::string& name) const { return base_ + "/" + name; }
  std::string memory(const std::string& name) const {
    return base_ +
           "/work"
           "/Agent_Memory/" +
           name;
  }
  void put(const std::string& name, const std::string& bytes) const {
    const std::filesystem::path path = at(name);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
  }
  void put_memory(const std::string& name, const std::string& bytes) const {
    put("work/Agent_Memory/" + name, bytes);
  }
  std::string get(const std::string& name) const { return Folder::read(at(name)); }
  bool exists(const std::string& name) const {
    std::error_code too_long;
    return std::filesystem::exists(std::filesystem::symlink_status(at(name), too_long));
  }

  CallScope call(const std::string& tool) const { return {"01HZZZZZZZZZZZZZZZZZZZZZZZ", tool}; }

  Result<std::string> read(const std::string& path) {
    TRY(const OpenFile file, access->open(call("Read"), path));
    return fs::read_all(file.fd, 64u << 20);
  }
  // "code: message" of the refusal with `path` blanked, or "ok".
  template <typename T>
  static std::string answer(const Result<T>& result, const std::string& path) {
    if (result) return "ok";
    std::string text = to_string(result.error().kind) + std::string(" ") + result.error().code +
                       ": " + result.error().message;
    for (std::size_t i; (i = text.find(path)) != std::string::npos;)
      text.replace(i, path.size(), "PATH");
    return text;
  }
  Result<Replaced> write(const std::string& path, const std::string& bytes) {
    ReplaceRequest request;
    request.path = path;
    request.bytes = bytes;
    request.op = exists("work/" + path) ? ReplaceOp::replace : ReplaceOp::create;
    return access->replace(call("Write"), request);
  }

  ManualClock clock;
  Remit remit;
  FakeSpawner spawner;
  std::unique_ptr<memory::State> state;
  std::unique_ptr<memory::Ledger> ledger;
  std::unique_ptr<memory::Store> store;
  std::unique_ptr<Redactor> redactor;
  DocumentSchemas schemas;
  std::unique_ptr<Access> access;

 private:
  Folder folder_;
  std::string base_;
};

}  // namespace remit::policy::test
