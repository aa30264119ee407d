// write_export(): an export onto the files of a project.
#include <algorithm>
#include <optional>
#include <utility>

#include "base/crypto.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/text.h"
#include "server/cli/client_formats.h"
#include "server/cli/clients.h"

namespace remit::server {
namespace {

// What stands at `path` beneath `project` now; nullopt if nothing does.
// A file as it is, and what a replacement must still find there.
struct Existing {
  std::optional<std::string> text;
  fs::Expect expect = fs::Expect::absent();
};

Result<Existing> existing(const Fd& project, const std::string& path) {
  auto found = fs::resolve(project, path, fs::Links::none);
  if (!found) {
    if (found.error().kind == ErrorKind::not_found) return Existing();
    return tl::unexpected<Error>(std::move(found).error());
  }
  TRY(const Fd file, fs::reopen(*found, 0));
  TRY(const struct stat status, fs::stat_of(file));
  TRY(std::string text, fs::read_all(file, limits::kPersonaBytes));
  return Existing{std::move(text), fs::Expect::of(status)};
}

Result<std::string> replace_whole(const std::string& old, const ExportedFile& file,
                                  const policy::Remit& remit) {
  if (old == file.content) return file.content;
  if (sha256_hex(old) == remit.persona_sha256) {
    return fail(ErrorKind::conflict,
                file.path +
                    " is the persona itself; move it to another folder, name it there with "
                    "--agent, and export again",
                file.path, "is_persona");
  }
  if (old.find(kMarker) == std::string::npos) {
    return fail(ErrorKind::conflict,
                file.path + " was not written by remit export; move it away, then export again",
                file.path, "not_ours");
  }
  return file.content;
}

// The order of keys is the person's: it survives the rewriting.
Result<OrderedJson> parse_settings(const std::string& text, const std::string& path) {
  if (const auto checked = parse_json(text); checked && checked->is_object()) {
    return OrderedJson::parse(text, nullptr, false);
  }
  if (const auto bare = parse_json(without_comments(text)); bare && bare->is_object()) {
    return fail(ErrorKind::conflict,
                path +
                    " has comments, which would be lost; add by hand what remit export prints, or "
                    "remove them and export again",
                path, "has_comments");
  }
  return fail(ErrorKind::invalid_argument,
              path + " is not a JSON object; mend or remove it, then export again", path);
}

tl::unexpected<Error> in_the_way(const std::string& path, const Entry& entry,
                                 const std::string& why) {
  return fail(ErrorKind::conflict, path + ": " + entry.pointer.substr(1) + " " + why, path,
              "other_value");
}

// The place of `pointer` in `root`, its parents made; nullptr if one of them is no object.
OrderedJson* place_of(OrderedJson& root, const std::string& pointer) {
  OrderedJson* place = &root;
  for (const std::string_view token : split(std::string_view(pointer).substr(1), '/')) {
    if (place->is_null()) *place = OrderedJson::object();
    if (!place->is_object()) return nullptr;
    place = &(*place)[std::string(token)];
  }
  return place;
}

bool has(const OrderedJson& list, const OrderedJson& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

void merge_list(OrderedJson& list, const Entry& entry) {
  if (list.is_null()) list = OrderedJson::array();
  for (const OrderedJson& item : entry.value) {
    if (!has(list, item)) list.push_back(item);
  }
  // Of an earlier export: of its other form, or for tools that are no longer granted.
  const auto stale = [&](const OrderedJson& item) {
    const bool ours = !entry.stem.empty() && item.is_string() &&
                      item.get_ref<const std::string&>().starts_with(entry.stem);
    return (ours || has(entry.other_form, item)) && !has(entry.value, item);
  };
  list.erase(std::remove_if(list.begin(), list.end(), stale), list.end());
}

// Whose a declared server is: the agent that it is started for, or its address.
std::string served_by(const OrderedJson& server) {
  std::string url = url_of(server);
  return url.empty() ? agent_of(started_by(server)) : url;
}

Result<void> merge_entry(OrderedJson& root, const Entry& entry, const std::string& path) {
  OrderedJson* place = place_of(root, entry.pointer);
  if (place == nullptr) return in_the_way(path, entry, "lies below something that is no object");
  switch (entry.how) {
    case Entry::How::server: {
      const std::string served = served_by(*place);
      if (!place->is_null() && served != served_by(entry.value)) {
        return fail(ErrorKind::conflict,
                    path + " already serves " + (served.empty() ? "another agent" : served) +
                        " as \"remit\"; one project serves one agent: remove that entry or export "
                        "into another project",
                    path, "other_agent");
      }
      *place = entry.value;
      return {};
    }
    case Entry::How::list: {
      if (!place->is_null() && !place->is_array()) {
        return in_the_way(path, entry, "is not a list; make it one");
      }
      merge_list(*place, entry);
      return {};
    }
    case Entry::How::fixed:
    case Entry::How::free:
      if (!place->is_null() && *place != entry.value && *place != entry.other_form) {
        return in_the_way(
            path, entry,
            "says something else; remove it, then export again: it must be " + dump(entry.value));
      }
      *place = entry.value;
      return {};
  }
  return fail(ErrorKind::internal, "unknown kind of entry");
}

Result<std::string> merged(const std::string& old, const ExportedFile& file,
                           const policy::Remit& remit) {
  if (file.format != ExportedFile::Format::settings) return replace_whole(old, file, remit);
  TRY(OrderedJson root, parse_settings(old, file.path));
  for (const Entry& entry : file.entries) TRY_DO(merge_entry(root, entry, file.path));
  return dump_pretty(root) + "\n";
}

}  // namespace

std::vector<std::string> started_by(const OrderedJson& server) {
  std::vector<std::string> words;
  if (!server.is_object()) return words;
  for (const char* key : {"command", "args"}) {
    const auto part = server.find(key);
    if (part == server.end()) continue;
    if (part->is_string()) words.push_back(part->get<std::string>());
    if (!part->is_array()) continue;
    for (const OrderedJson& word : *part) {
      if (word.is_string()) words.push_back(word.get<std::string>());
    }
  }
  return words;
}

std::string url_of(const OrderedJson& server) {
  if (!server.is_object() || server.contains("command")) return {};
  for (const char* key : {"url", "httpUrl"}) {
    const auto found = server.find(key);
    if (found != server.end() && found->is_string()) return found->get<std::string>();
  }
  return {};
}

std::string agent_of(const std::vector<std::string>& command) {
  constexpr std::string_view kFlag = "--agent", kJoined = "--agent=";
  for (std::size_t i = 0; i < command.size(); ++i) {
    if (command[i].starts_with(kJoined)) return command[i].substr(kJoined.size());
    if (command[i] == kFlag && i + 1 < command.size()) return command[i + 1];
  }
  return {};
}

Result<std::vector<std::string>> write_export(const Export& exported, const policy::Remit& remit,
                                              const std::string& project) {
  TRY(const Fd root, fs::open_root(project));
  // Everything is computed before anything is written: a conflict leaves the project as it was.
  struct Write {
    std::string path, content;
    fs::Expect expect;
  };
  std::vector<Write> writes;
  for (const ExportedFile& file : exported.files) {
    TRY(const Existing old, existing(root, file.path));
    std::string content = file.content;
    if (old.text) {
      TRY(content, merged(*old.text, file, remit));
    }
    writes.push_back({file.path, std::move(content), old.expect});
  }
  std::vector<std::string> written;
  for (const Write& one : writes) {
    const std::string_view parent = fs::parent_of(one.path);
    TRY(const Fd folder,
        parent.empty() ? fs::resolve(root, "") : fs::make_directories(root, parent));
    TRY_DO(fs::replace_file(folder, std::string(fs::base_name(one.path)), one.content, 0644,
                            one.expect));
    written.push_back(one.path);
  }
  return written;
}

}  // namespace remit::server
