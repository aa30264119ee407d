// Tools over a real Access (tests/policy/access_fixture.h): the technical-support-engineer's, and
// on the same Agent_Memory that of other personas.
#pragma once

#include "base/json.h"
#include "memory/server_rows.h"
#include "tests/policy/access_fixture.h"
#include "tools/registry.h"

namespace remit::tools::test {

struct NoAsker : Asker {
  bool available() const override { return false; }
  Result<Answer> ask(const policy::Question&, std::stop_token) override { return Answer{}; }
};
struct NoProgress : Progress {
  void report(double, std::optional<double>, std::string) override {}
};

struct Desk : policy::test::Bench {
  explicit Desk(const std::function<void(policy::Remit&)>& change = {}) : Bench(change) {
    tools.redactor = std::shared_ptr<const Redactor>(redactor.get(), [](const auto*) {});
    tools.schemas = std::shared_ptr<const policy::DocumentSchemas>(&schemas, [](const auto*) {});
  }
  using Make = Tool (*)(const ToolState&);
  Result<Reply> run_as(policy::Access& who, Make make, const Json& arguments) {
    const Tool tool = make(tools);
    Call one{call(tool.name), who, asker, progress, {}, 10'000};
    return tool.run(arguments, one);
  }
  Result<Reply> run(Make make, const Json& arguments) { return run_as(*access, make, arguments); }
  Result<Reply> write(const Json& arguments) { return run(make_memory_write, arguments); }
  std::string code(const Result<Reply>& reply) { return reply ? "ok" : reply.error().code; }
  std::string document(const std::string& name) { return get("work/Agent_Memory/" + name); }

  ToolState tools;
  NoAsker asker;
  NoProgress progress;
};

// Another persona at the same memory: the engineer's Remit under another name, without edges and
// with the ownership of `writes` alone.
struct Colleague {
  Colleague(Desk& desk, const std::string& slug, const std::string& user = "uid:1000",
            const std::vector<std::string>& writes = {})
      : remit(desk.remit) {
    remit.slug = remit.name = slug;
    remit.edges.clear();
    remit.memory.clear();
    for (const std::string& text : writes) {
      policy::MemoryRule rule;
      rule.pattern = policy::test::good(memory::DocPattern::compile(text, {}));
      rule.create = rule.replace = rule.append = rule.list = true;
      rule.origin = {slug + ".md", 7, 4};
      remit.memory.push_back(std::move(rule));
    }
    policy::AccessParts parts;
    parts.remit = &remit;
    parts.principal = {user, slug, desk.kId, "s"};
    parts.state = desk.state.get();
    parts.ledger = desk.ledger.get();
    parts.store = desk.store.get();
    parts.spawner = &desk.spawner;
    parts.redactor = desk.redactor.get();
    parts.schemas = &desk.schemas;
    parts.clock = &desk.clock;
    access = policy::test::good(policy::make_access(std::move(parts)));
  }
  policy::Remit remit;
  std::unique_ptr<policy::Access> access;
};

}  // namespace remit::tools::test
