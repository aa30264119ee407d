#include "tools/read_versions.h"

#include "base/limits.h"
#include "base/text.h"
#include "base/unified_diff.h"
#include "tools/text_file.h"

namespace remit::tools {

namespace {

std::string shelf_of(const policy::Principal& principal) {
  return principal.user + '\n' + principal.agent + '\n' + principal.instruction + '\n' +
         principal.session;
}

std::string key_of(const policy::Location& where) {
  return std::to_string(static_cast<int>(where.space)) + ':' + where.path;
}

}  // namespace

void ReadVersions::record(const policy::Principal& principal, const policy::Location& where,
                          std::string version, std::string_view bytes, bool bytes_are_whole) {
  Entry entry{key_of(where), {std::move(version), nullptr}};
  if (bytes_are_whole && bytes.size() <= limits::kOldCopyBytes) {
    entry.seen.old = std::make_shared<const std::string>(bytes);
  }
  const std::lock_guard lock(mutex_);
  Shelf& shelf = shelves_[shelf_of(principal)];
  if (const auto found = shelf.by_key.find(entry.key); found != shelf.by_key.end()) {
    shelf.order.erase(found->second);
    shelf.by_key.erase(found);
  }
  shelf.order.push_front(std::move(entry));
  shelf.by_key.emplace(shelf.order.front().key, shelf.order.begin());
  if (shelf.order.size() > limits::kReadVersions) {
    shelf.by_key.erase(shelf.order.back().key);
    shelf.order.pop_back();
  }
  // Old copies only serve diffs: beyond their budget the oldest go, the versions stay.
  std::size_t held = 0;
  for (Entry& one : shelf.order) {
    if (!one.seen.old) continue;
    held += one.seen.old->size();
    if (held > limits::kOldCopiesBytes) one.seen.old = nullptr;
  }
}

std::optional<ReadVersions::Seen> ReadVersions::find(const policy::Principal& principal,
                                                     const policy::Location& where) {
  const std::lock_guard lock(mutex_);
  const auto shelf = shelves_.find(shelf_of(principal));
  if (shelf == shelves_.end()) return std::nullopt;
  const auto found = shelf->second.by_key.find(key_of(where));
  if (found == shelf->second.by_key.end()) return std::nullopt;
  shelf->second.order.splice(shelf->second.order.begin(), shelf->second.order, found->second);
  return found->second->seen;
}

Result<void> check_seen(ReadVersions& versions, const policy::Principal& principal,
                        const policy::OpenFile& file, const std::string& version,
                        std::string_view bytes, const std::optional<std::string>& if_version) {
  const std::string name = printable(file.where.shown);
  if (if_version) {
    if (*if_version == version) return {};
    return fail(ErrorKind::conflict,
                name + " is not at if_version; its version is " + version + ": read it again",
                "/if_version", "changed");
  }
  const std::optional<ReadVersions::Seen> seen = versions.find(principal, file.where);
  if (!seen) {
    return fail(
        ErrorKind::conflict,
        name + " exists and was not read in this session; Read it first, or give if_version", {},
        "not_read");
  }
  if (seen->version == version) return {};
  std::string message = name + " changed since it was read";
  const Decoded before = seen->old ? decode_text(*seen->old) : Decoded{};
  const Decoded now = decode_text(std::string(bytes));
  if (!seen->old || before.binary || now.binary) {
    return fail(ErrorKind::conflict, message + "; Read it again", {}, "changed");
  }
  const UnifiedDiff diff = unified_diff(before.text, now.text, name);
  message += diff.whole
                 ? "; this is the whole difference, and counts as a read, so the next try works:\n"
                 : "; Read it again. The difference begins:\n";
  message += diff.text;
  if (diff.whole) versions.record(principal, file.where, version, bytes, true);
  return fail(ErrorKind::conflict, std::move(message), {}, "changed");
}

}  // namespace remit::tools
