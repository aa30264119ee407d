#include "policy/apply_changes.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"

namespace remit::policy {
namespace {

constexpr const char* kNewer = "newer";  // the file below changed while the command ran

std::string shown_to(const Access& access, const std::string& path) {
  const std::string& workspace = access.remit().roots.front().path;
  if (path.size() > workspace.size() && path.starts_with(workspace + "/")) {
    return escape_ascii(path.substr(workspace.size() + 1));
  }
  return escape_ascii(path);
}

// Directories before what is in them; what is deleted, from the leaves up, last, but first where
// something else takes its place (a file that became a directory, or the reverse).
std::vector<const Change*> in_order(const std::vector<Change>& changes) {
  std::vector<const Change*> order;
  for (const Change& change : changes) order.push_back(&change);
  const auto removes = [](const Change& change) {
    return change.kind == ChangeKind::remove || change.kind == ChangeKind::rmdir;
  };
  std::set<std::string_view> made;
  for (const Change& change : changes) {
    if (!removes(change) && change.kind != ChangeKind::mode) made.insert(change.path);
  }
  const auto makes_room = [&](const Change& change) {
    std::string_view path = change.path;
    for (;;) {
      if (made.contains(path)) return true;
      const std::size_t slash = path.rfind('/');
      if (slash == std::string_view::npos) return false;
      path = path.substr(0, slash);
    }
  };
  std::map<const Change*, int> group;  // 0: makes room, 1: makes, 2: removes
  for (const Change& change : changes) {
    group[&change] = !removes(change) ? 1 : makes_room(change) ? 0 : 2;
  }
  std::sort(order.begin(), order.end(), [&](const Change* a, const Change* b) {
    if (group[a] != group[b]) return group[a] < group[b];
    if (a->path != b->path) return removes(*a) ? a->path > b->path : a->path < b->path;
    return a < b;  // both point into `changes`: as they came
  });
  return order;
}

}  // namespace

const char* to_string(ChangeOutcome outcome) {
  switch (outcome) {
    case ChangeOutcome::applied:
      return "applied";
    case ChangeOutcome::held:
      return "held";
    case ChangeOutcome::denied:
      return "denied";
    case ChangeOutcome::discarded:
      return "discarded";
  }
  return "held";
}

ReplaceRequest request_of(const Change& change) {
  ReplaceRequest request;
  request.path = change.path;
  request.mode = change.mode;
  request.keep_mode = false;
  switch (change.kind) {
    case ChangeKind::create:
      request.op = ReplaceOp::create;
      request.bytes = change.content;
      request.if_absent = true;
      break;
    case ChangeKind::modify:
      request.op = ReplaceOp::replace;
      request.bytes = change.content;
      if (is_sha256_hex(change.preimage_sha256)) request.if_version = change.preimage_sha256;
      break;
    case ChangeKind::remove:
    case ChangeKind::rmdir:
      request.op = ReplaceOp::remove;
      // A deletion may wait for a person for hours: what has changed since is not deleted.
      if (is_sha256_hex(change.preimage_sha256)) request.if_version = change.preimage_sha256;
      break;
    case ChangeKind::mkdir:
      request.op = ReplaceOp::mkdir;
      break;
    case ChangeKind::mode:
      request.op = ReplaceOp::mode;
      break;
    case ChangeKind::symlink:
      request.op = ReplaceOp::symlink;
      request.bytes = change.content;
      break;
  }
  return request;
}

Result<ApplyReport> apply_changes(Access& access, const ChangeSets& sets, const CallScope& call,
                                  const SpawnOutcome& outcome) {
  const Apply mode = access.remit().bash.apply;
  ApplyReport report;
  ChangeSet held;
  const std::string hold_all = outcome.killed()      ? "the command was killed"
                               : mode == Apply::hold ? "this persona's changes wait for a person"
                                                     : "";
  for (const Change* change : in_order(outcome.changes)) {
    ChangeResult result{
        shown_to(access, change->path), change->kind, ChangeOutcome::held, change->bytes, {}};
    if (mode == Apply::never) {
      result.outcome = ChangeOutcome::discarded;
      result.why = "this persona's changes are never applied";
    } else if (!hold_all.empty()) {
      result.why = hold_all;
    } else if (change->preimage_sha256 == kNewer) {
      result.why = "changed on the host while the command ran";
    } else {
      const auto done = access.replace(call, request_of(*change));
      if (done) {
        result.outcome = ChangeOutcome::applied;
      } else {
        result.why = done.error().message;
        if (done.error().kind == ErrorKind::denied) result.outcome = ChangeOutcome::denied;
      }
    }
    if (result.outcome == ChangeOutcome::held) held.changes.push_back(*change);
    report.changes.push_back(std::move(result));
  }
  if (held.changes.empty()) return report;
  held.call_id = call.call_id;
  held.agent = access.remit().slug;
  held.instruction = access.principal().instruction;
  held.workspace = access.remit().roots.front().path;
  held.memory_root = access.remit().memory_root;
  held.memory_database = access.remit().memory_database;
  held.reason = hold_all;
  auto id = sets.save(std::move(held));
  if (!id) {
    std::string message = "the changes that need a person could not be kept: " + id.error().message;
    for (const ChangeResult& result : report.changes) {
      if (result.outcome == ChangeOutcome::applied) message += "; applied: " + result.path;
    }
    return fail(id.error().kind, message, {}, "changes_lost");
  }
  report.change_set = *id;
  return report;
}

Result<ApplyReport> apply_change_set(Access& access, const ChangeSets& sets, const CallScope& call,
                                     const ChangeSet& set) {
  ApplyReport report;
  bool stopped = false;
  ChangeSet rest = set;
  rest.changes.clear();
  for (const Change* change : in_order(set.changes)) {
    ChangeResult result{
        escape_ascii(change->path), change->kind, ChangeOutcome::held, change->bytes, {}};
    if (stopped) {
      result.why = "not reached";
    } else {
      ReplaceRequest request = request_of(*change);
      request.approved_by_person = true;
      const auto done = access.replace(call, request);
      if (done) {
        result.outcome = ChangeOutcome::applied;
      } else {
        result.why = done.error().message;
        stopped = true;
      }
    }
    if (result.outcome != ChangeOutcome::applied) rest.changes.push_back(*change);
    report.changes.push_back(std::move(result));
  }
  report.change_set = set.id;
  if (stopped && rest.changes.size() < set.changes.size()) {
    // What was applied would be a conflict the next time: only the rest waits on.
    TRY(report.change_set, sets.save(std::move(rest)));
    TRY_DO(sets.remove(set.id));
  } else if (!stopped) {
    report.change_set.clear();
    TRY_DO(sets.remove(set.id));
  }
  return report;
}

}  // namespace remit::policy
