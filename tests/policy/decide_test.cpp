// decide() over the seed's patterns: what each line allows, and what a denial quotes.
#include "policy/decide.h"

#include "tests/policy/access_fixture.h"

using namespace remit;
using namespace remit::policy;
using namespace remit::policy::test;

namespace {

Action memory_action(Verb verb, const std::string& path, ReplaceOp op = ReplaceOp::create,
                     bool exists = false, bool own = false,
                     const std::string& tool = "memory_write") {
  Action action;
  action.verb = verb;
  action.tool = tool;
  action.space = Space::memory;
  action.path = path;
  action.op = op;
  action.exists = exists;
  action.own_version = own;
  return action;
}

Action file_action(ReplaceOp op, const std::string& path, bool exists) {
  Action action = memory_action(Verb::replace, path, op, exists, false, "Write");
  action.space = Space::workspace;
  return action;
}

const std::string kInstruction = std::string(Bench::kId) + "/instruction.yaml";
const std::string kResolution =
    std::string(Bench::kId) + "/tasks/completed/technical_resolution.yaml";
const std::string kRunbooks = "_knowledge/procedural/troubleshooting_runbooks.yaml";
const std::string kIssues = "_knowledge/semantic/known_issues.yaml";

}  // namespace

TEST_CASE("memory: read, list and write of the seed's five lines") {
  Bench bench;
  const auto says = [&](const Action& action) { return decide(bench.remit, {}, action); };
  struct Row {
    std::string path;
    bool read, write;
  };
  for (const Row& row :
       {Row{kInstruction, true, false}, Row{kResolution, false, true}, Row{kRunbooks, true, true},
        Row{kIssues, false, true}, Row{"inst_other/instruction.yaml", false, false},
        Row{kInstruction + "x", false, false}, Row{"_knowledge/semantic", false, false},
        Row{"_KNOWLEDGE/semantic/known_issues.yaml", false, false},
        Row{"_communication/inbox/dba/x.yaml", false, false}}) {
    CAPTURE(row.path);
    const Decision read =
        says(memory_action(Verb::open, row.path, {}, false, false, "memory_read"));
    CHECK(read.allowed() == row.read);
    CHECK(says(memory_action(Verb::list, row.path, {}, false, false, "memory_list")).allowed() ==
          (row.read || row.write));
    for (const ReplaceOp op :
         {ReplaceOp::create, ReplaceOp::append, ReplaceOp::entry, ReplaceOp::set}) {
      CHECK(says(memory_action(Verb::replace, row.path, op)).allowed() == row.write);
    }
    CHECK_FALSE(says(memory_action(Verb::replace, row.path, ReplaceOp::remove, true)).allowed());
    CHECK_FALSE(says(memory_action(Verb::replace, row.path, ReplaceOp::rename, true)).allowed());
    CHECK_FALSE(says(memory_action(Verb::replace, row.path, ReplaceOp::mode, true)).allowed());
    CHECK_FALSE(says(memory_action(Verb::replace, row.path, ReplaceOp::symlink)).allowed());
    if (!row.read) {
      CHECK(read.origin.text() == bench.remit.memory_heading.text());
      CHECK(read.reason == "memory read of " + row.path + "; " +
                               bench.remit.memory_heading.short_text() + " grants only " +
                               kInstruction + ", " + kRunbooks);
    } else {
      CHECK(read.origin.line > bench.remit.memory_heading.line);
    }
  }
}

TEST_CASE("memory: a write-only document is replaced only in one's own version, and never edited") {
  Bench bench;
  const auto says = [&](const Action& action) { return decide(bench.remit, {}, action); };
  const Decision foreign =
      says(memory_action(Verb::replace, kIssues, ReplaceOp::replace, true, false));
  CHECK(foreign.code == "conflict");
  CHECK(says(memory_action(Verb::replace, kIssues, ReplaceOp::replace, true, true)).allowed());
  CHECK(says(memory_action(Verb::replace, kRunbooks, ReplaceOp::replace, true, false)).allowed());
  bench.remit.tools.push_back({"Edit", bench.remit.tools_line});
  CHECK(says(memory_action(Verb::replace, kIssues, ReplaceOp::replace, true, true, "Edit")).rule ==
        "memory.write_only");
  CHECK(says(memory_action(Verb::replace, kRunbooks, ReplaceOp::replace, true, true, "Edit"))
            .allowed());
}

TEST_CASE("memory: a denied write says the same whether the document exists or not") {
  Bench bench([](Remit& remit) {
    MemoryRule only_create = remit.memory.front();
    only_create.pattern = *memory::DocPattern::compile("new/", {});
    only_create.replace = only_create.append = only_create.read = false;
    only_create.create = true;
    remit.memory.push_back(only_create);
  });
  std::string first;
  for (const bool exists : {false, true}) {
    for (const ReplaceOp op : {ReplaceOp::create, ReplaceOp::replace}) {
      const Decision denied =
          decide(bench.remit, {}, memory_action(Verb::replace, "foreign/x.yaml", op, exists));
      CHECK_FALSE(denied.allowed());
      if (first.empty()) first = denied.reason;
      CHECK(denied.reason == first);
    }
  }
}

TEST_CASE("tools that are not granted are denied before anything else") {
  Bench bench;
  const Decision denied =
      decide(bench.remit, {}, memory_action(Verb::open, kInstruction, {}, false, false, "Edit"));
  CHECK(denied.code == "not_granted");
  CHECK(denied.origin.text() == bench.remit.tools_line.text());
}

TEST_CASE("files: protected, hidden, asked") {
  Bench bench([](Remit& remit) {
    remit.protected_paths = {*make_path_rule("**/.git/**", {"site.yaml", 3, 1})};
    remit.read_denied = {*make_path_rule("**/.env", {"site.yaml", 4, 1})};
    remit.write_ask = {*make_path_rule("deploy/**", {"m.yaml", 5, 1})};
  });
  const auto says = [&](const Action& action) { return decide(bench.remit, {}, action); };
  CHECK(says(file_action(ReplaceOp::create, "a/b.txt", false)).allowed());
  CHECK(says(file_action(ReplaceOp::replace, "a/b.txt", true)).allowed());
  for (const char* path : {".git/hooks/x", "sub/.GIT/config"}) {
    CAPTURE(path);
    const Decision denied = says(file_action(ReplaceOp::create, path, false));
    CHECK(denied.code == "protected");
    CHECK(denied.reason.find("site.yaml:3") != std::string::npos);
  }
  CHECK_FALSE(says(file_action(ReplaceOp::replace, "sub/.ENV", true)).allowed());
  Action read = file_action(ReplaceOp::create, "sub/.Env", true);
  read.verb = Verb::open;
  read.tool = "Read";
  CHECK(says(read).code == "not_allowed");
  CHECK(says(file_action(ReplaceOp::replace, "deploy/x", true)).verdict == Verdict::ask);
  CHECK(says(file_action(ReplaceOp::remove, "a", true)).verdict == Verdict::ask);
  Action leaves = file_action(ReplaceOp::symlink, "l", false);
  CHECK(says(leaves).allowed());
  leaves.symlink_leaves = true;
  CHECK(says(leaves).verdict == Verdict::ask);
  CHECK(says(leaves).risk == Risk::high);
  // A persona with Edit alone changes what exists.
  std::erase_if(bench.remit.tools, [](const ToolRule& rule) { return rule.name == "Write"; });
  bench.remit.tools.push_back({"Edit", bench.remit.tools_line});
  const auto with_edit = [&](ReplaceOp op, bool exists) {
    Action action = file_action(op, "a", exists);
    action.tool = "Edit";
    return says(action).allowed();
  };
  CHECK(with_edit(ReplaceOp::replace, true));
  CHECK_FALSE(with_edit(ReplaceOp::create, false));
  CHECK_FALSE(with_edit(ReplaceOp::remove, true));
  CHECK_FALSE(with_edit(ReplaceOp::mkdir, false));
}

TEST_CASE("roots: read-only, and their names are whole components") {
  Bench bench;
  Action action;
  action.tool = "Read";
  action.space = Space::root;
  action.path = bench.at("root/x.log");
  CHECK(decide(bench.remit, {}, action).allowed());
  action.path = bench.at("root-evil/x.log");
  CHECK_FALSE(decide(bench.remit, {}, action).allowed());
  action.verb = Verb::replace;
  action.tool = "Write";
  action.path = bench.at("root/x.log");
  CHECK_FALSE(decide(bench.remit, {}, action).allowed());
}

TEST_CASE("the eight edges, each in its own kind only") {
  Bench bench;
  CHECK(bench.remit.edges.size() == 8);
  for (const EdgeRule& edge : bench.remit.edges) {
    for (const HandoffKind kind :
         {HandoffKind::consult, HandoffKind::delegate, HandoffKind::escalate}) {
      Action action;
      action.verb = Verb::send;
      action.tool = "handoff";
      action.kind = kind;
      action.to = edge.target;
      const Decision decision = decide(bench.remit, {}, action);
      CAPTURE(edge.target);
      CHECK(decision.allowed() == (kind == edge.kind));
      if (decision.allowed()) CHECK(decision.origin.text() == edge.origin.text());
      if (!decision.allowed()) {
        CHECK(decision.code == "no_edge");
        CHECK(decision.reason.find(bench.remit.collaboration_heading.short_text()) !=
              std::string::npos);
      }
    }
  }
  bench.remit.edges.front().resolution = Resolution::unresolved;
  Action action;
  action.verb = Verb::send;
  action.tool = "handoff";
  action.kind = bench.remit.edges.front().kind;
  action.to = bench.remit.edges.front().target;
  CHECK(decide(bench.remit, {}, action).code == "unresolved_target");
}

TEST_CASE("a handoff that is there: its two sides, the operator, and nobody else") {
  Bench bench;
  Action act;
  act.verb = Verb::send;
  act.tool = "respond";
  act.act = "answer";
  act.handoff = "01KA7Y5W0Z3T8N6Q4M2P1R9S7V";
  Action look;
  look.verb = Verb::open;
  look.tool = "inbox";
  look.space = Space::inbox;
  look.path = act.handoff;
  const auto says = [&](const Action& action) { return decide(bench.remit, {}, action); };
  CHECK_FALSE(says(act).allowed());
  CHECK_FALSE(says(look).allowed());
  CHECK(says(act).reason == says(look).reason);
  for (const HandoffPart part : {HandoffPart::target, HandoffPart::sender}) {
    act.part = look.part = part;
    CHECK(says(act).allowed());
    CHECK(says(look).allowed());
    CHECK(says(act).rule == (part == HandoffPart::target ? "handoff.respond" : "handoff.sender"));
  }
  // The same user as another persona: the site says.
  act.part = HandoffPart::target;
  act.same_user = true;
  bench.remit.same_user_answers = false;
  CHECK(says(act).code == "own_handoff");
  bench.remit.same_user_answers = true;
  CHECK(says(act).allowed());
  // The folder of one's own inbox, and no other.
  Action list = look;
  list.verb = Verb::list;
  list.path = bench.remit.slug;
  CHECK(says(list).allowed());
  list.path = "dba";
  CHECK_FALSE(says(list).allowed());
  look.part = HandoffPart::none;
  look.path = bench.remit.slug + "/note.yaml";
  CHECK(says(look).allowed());
  look.path = "dba/note.yaml";
  CHECK_FALSE(says(look).allowed());
  bench.remit.operates = true;
  act.part = HandoffPart::none;
  CHECK(says(act).rule == "handoff.operator");
  bench.remit.operates = false;
  std::erase_if(bench.remit.tools, [](const ToolRule& rule) { return rule.name == "respond"; });
  act.part = HandoffPart::sender;
  act.tool = "handoff";  // taking back takes the same right
  CHECK_FALSE(says(act).allowed());
}

TEST_CASE("a task that a delegation holds is its target's to write, and nobody reads by it") {
  Bench bench;
  const std::string path = std::string(Bench::kId) + "/tasks/pending/task_7.yaml";
  const TaskHold mine{true, "01KA7Y5W0Z3T8N6Q4M2P1R9S7V", "x", {"sender.md", 9, 4}};
  Action write = memory_action(Verb::replace, path, ReplaceOp::append, true);
  CHECK_FALSE(decide(bench.remit, {}, write).allowed());
  write.task = mine;
  CHECK(decide(bench.remit, {}, write).rule == "handoff.task");
  CHECK(decide(bench.remit, {}, write).origin.text() == "sender.md:9:4");
  write.op = ReplaceOp::replace;
  CHECK(decide(bench.remit, {}, write).code == "conflict");  // not its own version
  write.own_version = true;
  CHECK(decide(bench.remit, {}, write).allowed());
  for (const ReplaceOp op :
       {ReplaceOp::remove, ReplaceOp::rename, ReplaceOp::mode, ReplaceOp::symlink}) {
    write.op = op;
    CHECK_FALSE(decide(bench.remit, {}, write).allowed());
  }
  Action read = memory_action(Verb::open, path, {}, true, false, "memory_read");
  read.task = mine;
  CHECK_FALSE(decide(bench.remit, {}, read).allowed());
  // Given away, also what one's own line grants.
  TaskHold given = mine;
  given.is_target = false;
  given.to = "technical-writer";
  Action own = memory_action(Verb::replace, kResolution, ReplaceOp::append, true);
  CHECK(decide(bench.remit, {}, own).allowed());
  own.task = given;
  CHECK(decide(bench.remit, {}, own).code == "task_delegated");
  for (MemoryRule& rule : bench.remit.memory) rule.remove = true;
  for (const ReplaceOp op : {ReplaceOp::remove, ReplaceOp::rename}) {
    own.op = op;
    own.task.reset();
    CHECK(decide(bench.remit, {}, own).allowed());
    own.task = given;
    CHECK(decide(bench.remit, {}, own).code == "task_delegated");
  }
}
