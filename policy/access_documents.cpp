// The verbs open and list for the documents of Agent_Memory and their versions.
#include "base/crypto.h"
#include "base/json.h"
#include "base/text.h"
#include "policy/agent_access.h"

namespace remit::policy {
namespace {

// Of a version that its author appended or edited in, what was there before is another's.
void hide_what_was_there(memory::VersionRow& row) {
  if (row.op == "create" || row.op == "replace") return;
  row.sha256.clear();
  row.bytes = 0;
}

}  // namespace

Result<memory::Document> AgentAccess::open_document(const CallScope& call, std::string_view path) {
  TRY(const memory::DocPath document, memory::DocPath::parse(path));
  const Action action = action_of(call, Verb::open, {Space::memory, 0, document.text(), {}});
  const Decision decision = decide(*parts_.remit, parts_.principal, action);
  TRY_DO(record(call, action, decision, memory::Durability::read));
  return parts_.store->read(document);
}

Result<AgentAccess::Sight> AgentAccess::sight_of_versions(const CallScope& call,
                                                          std::string_view path) {
  TRY(memory::DocPath document, memory::DocPath::parse(path));
  Sight sight{std::move(document), true};
  const Action read = action_of(call, Verb::open, {Space::memory, 0, sight.document.text(), {}});
  const Decision decision = decide(*parts_.remit, parts_.principal, read);
  if (!decision.allowed()) {
    const Action known = action_of(call, Verb::list, {Space::memory, 0, sight.document.text(), {}});
    const Decision listed = decide(*parts_.remit, parts_.principal, known);
    if (listed.allowed()) {
      sight.whole = false;
      TRY_DO(record(call, known, listed, memory::Durability::read));
      return sight;
    }
  }
  TRY_DO(record(call, read, decision, memory::Durability::read));
  return sight;
}

Result<std::vector<memory::VersionRow>> AgentAccess::document_history(const CallScope& call,
                                                                      std::string_view path) {
  TRY(const Sight sight, sight_of_versions(call, path));
  TRY(std::vector<memory::VersionRow> rows, parts_.store->history(sight.document));
  if (sight.whole) return rows;
  const memory::Author self = author(call);
  std::erase_if(
      rows, [&](const memory::VersionRow& row) { return !memory::same_writer(row.author, self); });
  for (memory::VersionRow& row : rows) hide_what_was_there(row);
  return rows;
}

Result<std::string> AgentAccess::document_version(const CallScope& call, std::string_view path,
                                                  std::int64_t version) {
  TRY(const Sight sight, sight_of_versions(call, path));
  if (sight.whole) return parts_.store->version_body(sight.document, version);
  TRY(const std::vector<memory::VersionRow> rows, parts_.store->history(sight.document));
  const memory::Author self = author(call);
  for (const memory::VersionRow& row : rows) {
    if (row.version == version && memory::same_writer(row.author, self))
      return parts_.store->version_sent(sight.document, version);
  }
  return fail(ErrorKind::not_found,
              "no version " + std::to_string(version) + " that you wrote yourself of " +
                  escape_ascii(sight.document.text()) + ", which you may write but not read",
              "/version", "not_found");
}

bool AgentAccess::may_lead_to_documents(std::string_view directory) const {
  for (const MemoryRule& rule : parts_.remit->memory) {
    if (rule.pattern.may_match_below(directory)) return true;
  }
  return false;
}

Result<std::vector<memory::DocumentEntry>> AgentAccess::known_documents(const CallScope& call,
                                                                        std::string_view prefix,
                                                                        Verb verb) {
  std::string directory;
  if (!prefix.empty()) {
    TRY(const memory::DocPath parsed, memory::DocPath::parse(prefix));
    directory = parsed.text();
  }
  Sha256 seen;
  std::uint64_t count = 0;
  Action action = action_of(call, verb, {Space::memory, 0, {}, {}});
  const auto enter = [&](std::string_view below) { return may_lead_to_documents(below); };
  const auto wanted = [&](std::string_view path) {
    action.path = path;
    if (!decide(*parts_.remit, parts_.principal, action).allowed()) return false;
    seen.field(path);
    ++count;
    return true;
  };
  TRY(std::vector<memory::DocumentEntry> entries, parts_.store->list(directory, enter, wanted));
  memory::LedgerRecord row;
  row.kind = "walk";
  row.call_id = call.call_id;
  row.principal = principal_text();
  row.verdict = "allow";
  row.rule = verb == Verb::open ? "memory.read" : "memory.list";
  row.origin = parts_.remit->memory_heading.text();
  row.fields = dump(Json{{"tool", call.tool},
                         {"prefix", directory},
                         {"count", count},
                         {"paths_sha256", seen.finish_hex()}});
  TRY_DO(parts_.ledger->append(std::move(row), memory::Durability::read));
  return entries;
}

Result<std::vector<memory::DocumentEntry>> AgentAccess::list_documents(const CallScope& call,
                                                                       std::string_view prefix) {
  TRY(std::vector<memory::DocumentEntry> entries, known_documents(call, prefix, Verb::list));
  // Write-only names carry no size and no time: they would tell what others wrote.
  for (memory::DocumentEntry& entry : entries) {
    Action read = action_of(call, Verb::open, {Space::memory, 0, entry.path, {}});
    read.tool.clear();
    if (!decide(*parts_.remit, parts_.principal, read).allowed())
      entry.bytes = 0, entry.modified_unix_ms = 0;
  }
  return entries;
}

Result<void> AgentAccess::walk_documents(const CallScope& call, std::string_view prefix,
                                         const DocumentVisit& visit) {
  TRY(const std::vector<memory::DocumentEntry> entries, known_documents(call, prefix, Verb::open));
  for (const memory::DocumentEntry& entry : entries) {
    const auto document = [&]() -> Result<memory::Document> {
      TRY(const memory::DocPath path, memory::DocPath::parse(entry.path));
      return parts_.store->read(path);
    }();
    if (!visit(entry.path, document)) break;
  }
  return {};
}

}  // namespace remit::policy
