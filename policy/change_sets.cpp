#include "policy/change_sets.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"

namespace remit::policy {
namespace {

constexpr const char* kManifest = "manifest.json";
constexpr std::size_t kManifestMax = 64u << 20;  // 50,000 changes with long names
constexpr std::size_t kBlobMax = std::size_t{1} << 30;

bool is_id(const std::string& id) {
  return id.size() == 16 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

const std::array<ChangeKind, 7> kChangeKinds{
    ChangeKind::create, ChangeKind::modify, ChangeKind::remove, ChangeKind::mkdir,
    ChangeKind::rmdir,  ChangeKind::mode,   ChangeKind::symlink};

Json to_json(const ChangeSet& set) {
  Json changes = Json::array();
  for (const Change& change : set.changes) {
    // Names are bytes: hex keeps those that are not UTF-8.
    changes.push_back({{"path_hex", to_hex(change.path)},
                       {"path", printable(change.path)},
                       {"kind", to_string(change.kind)},
                       {"mode", change.mode},
                       {"bytes", change.bytes},
                       {"sha256", change.sha256},
                       {"preimage_sha256", change.preimage_sha256},
                       {"blob", sha256_hex(change.content)}});
  }
  return {{"format", "remit.changes/1"},    {"id", set.id},
          {"call_id", set.call_id},         {"agent", set.agent},
          {"instruction", set.instruction}, {"workspace", set.workspace},
          {"memory_root", set.memory_root}, {"memory_database", set.memory_database},
          {"reason", set.reason},           {"created", set.created_unix_ms},
          {"expires", set.expires_unix_ms}, {"changes", std::move(changes)}};
}

std::string unhex(const std::string& hex) {
  std::string out;
  if (hex.size() % 2 != 0 || hex.find_first_not_of("0123456789abcdef") != std::string::npos)
    return out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(std::strtoul(hex.substr(i, 2).c_str(), nullptr, 16));
  }
  return out;
}

Result<ChangeSet> from_json(const Json& json, std::vector<std::string>* blobs) {
  try {
    ChangeSet set;
    set.id = json.at("id").get<std::string>();
    set.call_id = json.at("call_id").get<std::string>();
    set.agent = json.at("agent").get<std::string>();
    set.instruction = json.at("instruction").get<std::string>();
    set.workspace = json.at("workspace").get<std::string>();
    set.memory_root = json.at("memory_root").get<std::string>();
    set.memory_database = json.value("memory_database", "");
    set.reason = json.at("reason").get<std::string>();
    set.created_unix_ms = json.at("created").get<std::int64_t>();
    set.expires_unix_ms = json.at("expires").get<std::int64_t>();
    for (const Json& item : json.at("changes")) {
      Change change;
      change.path = unhex(item.at("path_hex").get<std::string>());
      bool known = false;
      for (const ChangeKind kind : kChangeKinds) {
        if (item.at("kind") == to_string(kind)) change.kind = kind, known = true;
      }
      if (!known || change.path.empty()) {
        return fail(ErrorKind::internal, "the change set's manifest is damaged", {}, "damaged");
      }
      change.mode = item.at("mode").get<std::uint32_t>();
      change.bytes = item.at("bytes").get<std::uint64_t>();
      change.sha256 = item.at("sha256").get<std::string>();
      change.preimage_sha256 = item.at("preimage_sha256").get<std::string>();
      if (blobs != nullptr) blobs->push_back(item.at("blob").get<std::string>());
      set.changes.push_back(std::move(change));
    }
    return set;
  } catch (const Json::exception& error) {
    return fail(ErrorKind::internal,
                std::string("the change set's manifest is damaged: ") + error.what(), {},
                "damaged");
  }
}

bool has_content(const Change& change) {
  return change.kind == ChangeKind::create || change.kind == ChangeKind::modify ||
         change.kind == ChangeKind::symlink;
}

Result<void> remove_folder(const Fd& directory, const std::string& id) {
  auto folder = fs::open_child(directory, id, O_PATH | O_DIRECTORY);
  if (!folder) return fail(ErrorKind::not_found, "no change set " + id, {}, "not_found");
  std::vector<std::string> names;
  TRY_DO(fs::list_directory(*folder, [&](std::string_view name, unsigned char) {
    names.emplace_back(name);
    return true;
  }));
  // The manifest last: a half removed set can be removed again.
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return (a == kManifest) != (b == kManifest) ? b == kManifest : a < b;
  });
  for (const std::string& name : names) ::unlinkat(folder->get(), name.c_str(), 0);
  if (::unlinkat(directory.get(), id.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return fail_errno(errno, "remove change set " + id);
  }
  return {};
}

}  // namespace

Result<ChangeSets> ChangeSets::open(memory::State& state) {
  TRY(Fd directory, state.subdirectory("changes"));
  return ChangeSets(std::move(directory), state);
}

Result<std::string> ChangeSets::save(ChangeSet set) const {
  set.id = random_hex(8);
  set.created_unix_ms = clock_->unix_ms();
  set.expires_unix_ms =
      set.created_unix_ms + std::chrono::milliseconds(limits::kResultKept).count();
  // Made under a temporary name and renamed when whole: a killed process leaves no half set.
  const std::string temporary = std::string(fs::kTemporaryPrefix) + set.id;
  TRY(const fs::Unfinished::Entry entry, unfinished_->note(directory_, temporary));
  if (::mkdirat(directory_.get(), temporary.c_str(), 0700) != 0) {
    return fail_errno(errno, "make a change set");
  }
  const auto written = [&]() -> Result<void> {
    TRY(const Fd folder, fs::open_child(directory_, temporary, O_PATH | O_DIRECTORY));
    for (const Change& change : set.changes) {
      if (!has_content(change)) continue;
      TRY_DO(fs::replace_file(folder, sha256_hex(change.content), change.content, 0600, {}));
    }
    TRY_DO(fs::replace_file(folder, kManifest, dump(to_json(set)), 0600, {}));
    if (::renameat(directory_.get(), temporary.c_str(), directory_.get(), set.id.c_str()) != 0) {
      return fail_errno(errno, "keep a change set");
    }
    return {};
  }();
  if (!written) {
    // On a full disk half a set would stay in the way of the next one.
    (void)remove_folder(directory_, temporary);
    return tl::unexpected<Error>(written.error());
  }
  return set.id;
}

Result<std::vector<ChangeSet>> ChangeSets::list() const {
  std::vector<std::string> names;
  TRY_DO(fs::list_directory(directory_, [&](std::string_view name, unsigned char) {
    if (is_id(std::string(name))) names.emplace_back(name);
    return true;
  }));
  std::vector<ChangeSet> sets;
  for (const std::string& name : names) {
    auto manifest = [&]() -> Result<ChangeSet> {
      TRY(const Fd folder, fs::open_child(directory_, name, O_PATH | O_DIRECTORY));
      TRY(const Fd file, fs::open_child(folder, kManifest, O_RDONLY));
      TRY(const std::string text, fs::read_all(file, kManifestMax));
      TRY(const Json json, parse_json(text, {.depth = 8, .values = 1'000'000}));
      return from_json(json, nullptr);
    }();
    if (!manifest) continue;  // removed meanwhile
    if (manifest->expires_unix_ms <= clock_->unix_ms()) {
      TRY_DO(remove(name));
      continue;
    }
    sets.push_back(std::move(*manifest));
  }
  std::sort(sets.begin(), sets.end(), [](const ChangeSet& a, const ChangeSet& b) {
    return a.created_unix_ms != b.created_unix_ms ? a.created_unix_ms > b.created_unix_ms
                                                  : a.id < b.id;
  });
  return sets;
}

Result<ChangeSet> ChangeSets::load(const std::string& id) const {
  const auto unknown = [&] {
    return fail(ErrorKind::not_found,
                "no change set " + escape_ascii(id) + "; remit changes ls names them", {},
                "not_found");
  };
  if (!is_id(id)) return unknown();
  auto folder = fs::open_child(directory_, id, O_PATH | O_DIRECTORY);
  if (!folder) return unknown();
  TRY(const Fd file, fs::open_child(*folder, kManifest, O_RDONLY));
  TRY(const std::string text, fs::read_all(file, kManifestMax));
  TRY(const Json json, parse_json(text, {.depth = 8, .values = 1'000'000}));
  std::vector<std::string> blobs;
  TRY(ChangeSet set, from_json(json, &blobs));
  if (set.expires_unix_ms <= clock_->unix_ms()) {
    TRY_DO(remove(id));
    return unknown();
  }
  for (std::size_t i = 0; i < set.changes.size(); ++i) {
    if (!has_content(set.changes[i])) continue;
    const auto blob = fs::open_child(*folder, blobs[i], O_RDONLY);
    if (!blob) {
      return fail(ErrorKind::internal, "a blob of change set " + id + " is missing", {}, "damaged");
    }
    TRY(set.changes[i].content, fs::read_all(*blob, kBlobMax));
    if (sha256_hex(set.changes[i].content) != blobs[i]) {
      return fail(ErrorKind::internal, "a blob of change set " + id + " does not have its hash", {},
                  "damaged");
    }
  }
  return set;
}

Result<void> ChangeSets::remove(const std::string& id) const {
  if (!is_id(id))
    return fail(ErrorKind::not_found, "no change set " + escape_ascii(id), {}, "not_found");
  return remove_folder(directory_, id);
}

}  // namespace remit::policy
