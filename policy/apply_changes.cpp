#include "policy/apply_changes.h"

#include <algorithm>

#include "base/limits.h"
#include "base/text.h"

namespace remit::policy {
namespace {

constexpr const char* kNewer = "newer";  // the file below changed while the command ran

std::string shown(const Access& access, const std::string& path) {
  const std::string& workspace = access.remit().roots.front().path;
  if (path.size() > workspace.size() && path.starts_with(workspace + "/")) {
    return escape_ascii(path.substr(workspace.size() + 1));
  }
  return escape_ascii(path);
}

// Directories before what is in them; what is deleted, from the leaves up, last.
std::vector<const Change*> in_order(const std::vector<Change>& changes) {
  std::vector<const Change*> order;
  for (const Change& change : changes) order.push_back(&change);
  const auto removes = [](const Change& change) {
    return change.kind == ChangeKind::remove || change.kind == ChangeKind::rmdir;
  };
  std::sort(order.begin(), order.end(), [&](const Change* a, const Change* b) {
    if (removes(*a) != removes(*b)) return removes(*b);
    if (a->path != b->path) return removes(*a) ? a->path > b->path : a->path < b->path;
    return a < b;  // both point into `changes`: as they came
  });
  return order;
}

}  // namespace

const char* to_string(ChangeOutcome outcome) {
  switch (outcome) {
    case ChangeOutcome::applied: return "applied";
    case ChangeOutcome::held: return "held";
    case ChangeOutcome::denied: return "denied";
    case ChangeOutcome::discarded: return "discarded";
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
      // Above this size versions are identities, which a slot cannot know; the starter has checked
      // that the file below did not change since the mount.
      if (change.preimage_sha256.size() == 64) request.if_version = change.preimage_sha256;
      break;
    case ChangeKind::remove:
    case ChangeKind::rmdir: request.op = ReplaceOp::remove; break;
    case ChangeKind::mkdir: request.op = ReplaceOp::mkdir; break;
    case ChangeKind::mode: request.op = ReplaceOp::mode; break;
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
  const std::string hold_all = outcome.killed()         ? "the command was killed"
                               : mode == Apply::hold ? "this persona's changes wait for a person"
                                                     : "";
  for (const Change* change : in_order(outcome.changes)) {
    ChangeResult result{shown(access, change->path), change->kind, ChangeOutcome::held, change->bytes, {}};
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
  for (const Change* change : in_order(set.changes)) {
    ChangeResult result{escape_ascii(change->path), change->kind, ChangeOutcome::held, change->bytes, {}};
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
    report.changes.push_back(std::move(result));
  }
  if (!stopped) {
    TRY_DO(sets.remove(set.id));
  } else {
    report.change_set = set.id;
  }
  return report;
}

}  // namespace remit::policy
