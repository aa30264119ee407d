// remit handoffs: who handed what to whom and how it stands; a person's answers; what could not be
// delivered; the deadlines, for a cron.
#include <csignal>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "memory/handoff_outbox.h"
#include "memory/handoff_projection.h"
#include "policy/operator_acts.h"
#include "server/cli/commands.h"
#include "server/cli/operator_house.h"
#include "server/cli/terminal.h"
#include "server/handoff_timers.h"
#include "tools/sandbox/confine.h"

namespace remit::cli {
namespace {

constexpr std::size_t kMostHandoffs = 1000;
constexpr const char* kHandoffsUsage =
    "remit handoffs ls | show ID | respond ID ACTION [TEXT] | withdraw ID | dead | retry ID | due "
    "[--follow]";

// What the agents wrote, as values; a text that is no JSON stays a text.
OrderedJson json_value(const std::string& text) {
  if (text.empty()) return nullptr;
  const auto parsed = parse_json(text);
  return parsed ? OrderedJson(*parsed) : OrderedJson(text);
}

OrderedJson json_time(std::int64_t at_ms) {
  return at_ms > 0 ? OrderedJson(rfc3339(at_ms)) : OrderedJson(nullptr);
}

OrderedJson handoff_json(const memory::Handoff& one) {
  return {{"id", one.id},
          {"kind", to_string(one.type)},
          {"state", one.state},
          {"from", one.from_persona},
          {"from_user", one.from_principal},
          {"to", one.to},
          {"to_kind", to_string(one.to_kind)},
          {"level", one.level},
          {"priority", one.priority},
          {"severity", one.severity.empty() ? OrderedJson(nullptr) : OrderedJson(one.severity)},
          {"instruction_id", one.instruction},
          {"thread_id", one.thread_id},
          {"parent_id", one.parent_id.empty() ? OrderedJson(nullptr) : OrderedJson(one.parent_id)},
          {"hop", one.hop},
          {"path", one.path},
          {"created", rfc3339(one.created_ms)},
          {"acknowledge_by", json_time(one.ack_deadline_ms)},
          {"deadline", json_time(one.deadline_ms)},
          {"authorized_by", one.authorized_by},
          {"evidence", json_value(one.evidence_json)},
          {"fields", json_value(one.fields_json)},
          {"answer", json_value(one.answer_json)},
          {"assumed", one.assumed},
          {"task_id", one.task_id.empty() ? OrderedJson(nullptr) : OrderedJson(one.task_id)},
          {"place", memory::place_of(one)},
          {"etag", one.etag}};
}

std::string handoff_line(const memory::Handoff& one) {
  std::string text = one.id + "  " + to_string(one.type) + "  " + printable(one.from_persona) +
                     " -> " + printable(one.to);
  if (one.to_kind != memory::TargetKind::agent)
    text += std::string(" (") + to_string(one.to_kind) + ")";
  text += "  " + printable(one.priority) + "  " + printable(one.state);
  if (one.level > 0) text += "  level " + std::to_string(one.level + 1);
  if (one.assumed) text += "  assumed";
  return text + "  " + rfc3339(one.created_ms) + "\n";
}

Result<policy::ManyHandoffs> all_handoffs(OperatorHouse& house, bool closed) {
  return policy::many_handoffs(house.access(), house.call(), {.closed = closed, .before = {}},
                               kMostHandoffs);
}

int list_handoffs(OperatorHouse& house, bool closed, const std::string& agent, bool json) {
  auto all = all_handoffs(house, closed);
  if (!all) return report(all.error());
  const bool more = all->more;
  if (!agent.empty()) {
    std::erase_if(all->handoffs, [&](const memory::Handoff& one) {
      return one.to != agent && one.from_persona != agent;
    });
  }
  OrderedJson out = OrderedJson::array();
  std::string text;
  for (const memory::Handoff& one : all->handoffs) {
    out.push_back(handoff_json(one));
    text += handoff_line(one);
  }
  if (json) {
    print(dump(OrderedJson{
              {"format", "remit.handoffs/1"}, {"complete", !more}, {"handoffs", std::move(out)}}) +
          "\n");
  } else {
    print(!text.empty() ? text : closed ? "no handoff\n" : "nothing is open\n");
  }
  if (more)
    print_error("remit: only the newest " + std::to_string(kMostHandoffs) + " were looked at\n");
  return more ? kPartial : kDone;
}

int show_handoff(OperatorHouse& house, const std::string& id, bool json) {
  const auto record = house.access().open_handoff(house.call(), id);
  if (!record) return report(record.error());
  const memory::Handoff& one = record->handoff;
  if (json) {
    OrderedJson out{{"format", "remit.handoff/1"}};
    out.update(handoff_json(one));
    out["events"] = OrderedJson::array();
    for (const memory::HandoffEvent& event : record->events) {
      out["events"].push_back({{"at", rfc3339(event.at_ms)},
                               {"from", event.from_state},
                               {"to", event.to_state},
                               {"persona", event.persona},
                               {"user", event.principal},
                               {"note", event.note}});
    }
    print(dump(out) + "\n");
    return kDone;
  }
  const auto body = memory::record_text(one, record->events);
  if (!body) return report(body.error());
  std::string text = handoff_line(one) + "allowed by " + printable(one.authorized_by) +
                     "; lies in " + printable(memory::place_of(one)) + "\n" + *body;
  const auto acts = memory::possible_acts(one.type, one.state, memory::HandoffRole::target);
  if (!acts.empty())
    text += "possible: remit handoffs respond " + one.id + " " + join_text(acts, "|") + "\n";
  print(text);
  return kDone;
}

// A person's word counts at a terminal and with the PIN only: an agent has a shell, too.
int act_on_handoff(OperatorHouse& house, const policy::HandoffReply& reply, bool json) {
  const auto seen = house.access().open_handoff(house.call(), reply.id);
  if (!seen) return report(seen.error());
  print_error(handoff_line(seen->handoff));
  if (const auto proven = prove_presence(house.state()); !proven) return report(proven.error());
  policy::HandoffReply bound = reply;
  bound.if_match = seen->handoff.etag;  // what was shown, and nothing newer
  const auto done = policy::act_on_handoff(house.ledger(), house.access(), house.call(), bound,
                                           policy::kAtTerminal);
  if (!done) return report(done.error());
  print(json ? dump(handoff_json(*done)) + "\n" : done->id + " is " + done->state + "\n");
  return kDone;
}

// Files that were given up, and handoffs that nobody took.
int list_dead(OperatorHouse& house, bool json) {
  const auto files = memory::HandoffDelivery(house.state(), house.store(), Fd()).dead();
  if (!files) return report(files.error());
  const auto all = all_handoffs(house, true);
  if (!all) return report(all.error());
  const bool more = all->more;
  const std::int64_t now = house.state().clock().unix_ms();
  OrderedJson undelivered = OrderedJson::array(), unanswered = OrderedJson::array();
  std::string text;
  for (const memory::OutboxRow& file : *files) {
    undelivered.push_back({{"handoff", file.handoff},
                           {"path", file.path},
                           {"attempts", file.attempts},
                           {"since", rfc3339(file.created_ms)},
                           {"error", file.error}});
    text += file.handoff + "  not delivered: " + printable(file.path) + "  after " +
            std::to_string(file.attempts) + " attempts: " + printable(file.error) + "\n";
  }
  for (const memory::Handoff& one : all->handoffs) {
    if (policy::standing_of(one, now) != policy::HandoffStanding::dead) continue;
    unanswered.push_back(handoff_json(one));
    text += handoff_line(one);
  }
  if (json) {
    print(dump(OrderedJson{{"format", "remit.handoffs.dead/1"},
                           {"complete", !more},
                           {"undelivered", std::move(undelivered)},
                           {"unanswered", std::move(unanswered)}}) +
          "\n");
  } else {
    print(text.empty() ? "no dead letters\n" : text);
  }
  return more ? kPartial : kDone;
}

int retry_handoff(OperatorHouse& house, const std::string& id, bool json) {
  const auto written =
      policy::retry_delivery(house.state(), house.ledger(), house.hands(), house.call(), id,
                             house.drop_root(), {"command", "none"});
  if (!written) return report(written.error());
  print(json            ? dump(OrderedJson{{"handoff", id}, {"delivered", *written}}) + "\n"
        : *written == 0 ? "nothing waits for delivery\n"
                        : "delivered " + std::to_string(*written) + "\n");
  return kDone;
}

int run_due(OperatorHouse& house, bool json) {
  const auto done = server::run_due_handoffs(house.state(), house.store(), house.drop_root());
  if (!done) return report(done.error());
  if (done->drop_missing)
    print_error("remit: " + printable(house.drop_root()) +
                " cannot be opened; files for queues wait, all else was done\n");
  print(json ? dump(OrderedJson{{"fired", done->fired}, {"delivered", done->delivered}}) + "\n"
             : std::to_string(done->fired) + " deadlines passed, " +
                   std::to_string(done->delivered) + " files written\n");
  return kDone;
}

// Keeps deadlines until it is told to end, locked in to what that takes.
int follow_due(OperatorHouse& house) {
  sigset_t ending;
  ::sigemptyset(&ending);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&ending, signal);
  ::pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  auto wake = memory::Wake::open(house.state(), ulid(house.state().clock().unix_ms()));
  if (!wake) return report(wake.error());
  sandbox::ConfinePlan plan;
  if (!house.memory_root().empty()) plan.writable.push_back(house.memory_root());
  if (!house.drop_root().empty()) plan.writable.push_back(house.drop_root());
  for (const memory::ConfinedPath& path : house.state().confined_paths())
    (path.kind == memory::ConfinedPath::Kind::file ? plan.writable_files : plan.writable)
        .push_back(path.path);
  if (const auto confined = sandbox::confine_self(plan); !confined)
    log::warning("not locked in", {{"why", confined.error().message}});
  auto timers =
      server::HandoffTimers::start(house.state(), house.store(), **wake, house.drop_root());
  if (!timers) return report(timers.error());
  int signal = 0;
  ::sigwait(&ending, &signal);
  return kDone;
}

int handoffs_usage(std::string message) {
  return report_usage({ErrorKind::invalid_argument, std::move(message), {}, {}, nullptr},
                      "handoffs");
}

// How many words a verb takes, itself included; 0: no such verb.
std::pair<std::size_t, std::size_t> words_of_handoffs(const std::string& verb) {
  if (verb == "ls" || verb == "dead" || verb == "due") return {1, 1};
  if (verb == "show" || verb == "withdraw" || verb == "retry") return {2, 2};
  if (verb == "respond") return {3, 4};
  return {0, 0};
}

}  // namespace

int handoffs_command(std::span<const std::string> args) {
  OperatorFlags given;
  bool closed = false, follow = false;
  std::string agent;
  Flags flags(kHandoffsUsage);
  add_operator_flags(flags, given)
      .toggle("--all", &closed, "ls: also those that have ended")
      .toggle("--follow", &follow, "due: goes on until it is told to end (SIGTERM)")
      .value("--agent", &agent, "NAME  ls: from or to this persona");
  const auto words = flags.parse(args, 1, 4);
  if (flags.helped()) return print(flags.help()), kDone;
  if (!words) return report_usage(words.error(), "handoffs");
  const std::string& verb = (*words)[0];
  const auto [least, most] = words_of_handoffs(verb);
  if (words->size() < least || words->size() > most)
    return handoffs_usage(std::string("expected ") + kHandoffsUsage);
  policy::HandoffReply reply;
  if (words->size() > 1) reply.id = (*words)[1];
  if (verb == "withdraw") reply.act = memory::HandoffAct::withdraw;
  if (verb == "respond") {
    const auto named = memory::parse_handoff_act((*words)[2]);
    if (!named) return handoffs_usage(named.error().message);
    reply.act = *named;
    if (words->size() > 3) reply.text = (*words)[3];
  }
  if (follow && verb != "due") return handoffs_usage("--follow belongs to due");
  const bool acts = verb == "respond" || verb == "withdraw";
  if (acts) {
    if (const auto terminal = need_terminal(); !terminal) return report(terminal.error());
  }
  const auto house = OperatorHouse::open(given);
  if (!house) return report(house.error());
  if (verb == "ls") return list_handoffs(**house, closed, agent, given.json);
  if (verb == "show") return show_handoff(**house, reply.id, given.json);
  if (verb == "dead") return list_dead(**house, given.json);
  if (verb == "retry") return retry_handoff(**house, reply.id, given.json);
  if (verb == "due" && follow) return follow_due(**house);
  if (verb == "due") return run_due(**house, given.json);
  return act_on_handoff(**house, reply, given.json);
}

}  // namespace remit::cli
