#include "server/cli/doctor_examination.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/limits.h"
#include "base/text.h"
#include "server/cli/client_formats.h"
#include "server/cli/clients.h"

namespace remit::server {
namespace {

constexpr std::size_t kMostNames = 1000;  // in one folder and below it
constexpr int kMostLevels = 8;            // a link that leads upwards ends here

bool stands_in(const OrderedJson* list, const OrderedJson& item) {
  return list != nullptr && list->is_array() &&
         std::find(list->begin(), list->end(), item) != list->end();
}

// Claude and Cursor throw a file with comments away, and what it denies with it.
bool reads_comments(std::string_view path) {
  return path.starts_with(".vscode/") || path.starts_with(".gemini/") ||
         path.starts_with("opencode.json") || path.starts_with(".opencode/");
}

}  // namespace

Result<ProjectFile> Examination::load(const std::string& path) {
  const auto known = [&](const ProjectFile& one) { return one.path == path; };
  if (const auto seen = std::find_if(read_.begin(), read_.end(), known); seen != read_.end()) {
    return *seen;
  }
  ProjectFile file{path, std::nullopt};
  auto found = fs::resolve(project_, path);
  if (!found) {
    if (found.error().kind != ErrorKind::not_found) {
      return fail(ErrorKind::unavailable, "cannot look at " + path + ": " + found.error().message,
                  path);
    }
    report_.not_there.push_back(path);
    read_.push_back(file);
    return file;
  }
  TRY(const Fd readable, fs::reopen(*found, 0));
  TRY(std::string text, fs::read_all(readable, limits::kPersonaBytes));
  file.text = std::move(text);
  report_.looked_at.push_back(path);
  read_.push_back(file);
  return file;
}

std::optional<OrderedJson> Examination::parse(const ProjectFile& file) {
  if (!file.text) return std::nullopt;
  if (std::find(broken_.begin(), broken_.end(), file.path) != broken_.end()) return std::nullopt;
  if (file.path.ends_with(".toml")) {
    const auto root = parse_toml(*file.text);
    if (root) return OrderedJson(*root);
    broken_.push_back(file.path);
    add(DoctorSeverity::broken, file.path, 1,
        "it is not TOML, so the client reads nothing of it: " + root.error().message,
        "mend or remove it; " + export_again());
    return std::nullopt;
  }
  const std::string bare = reads_comments(file.path) ? without_comments(*file.text) : *file.text;
  if (const auto root = parse_json(bare); root && root->is_object()) {
    return OrderedJson::parse(bare, nullptr, false);
  }
  broken_.push_back(file.path);
  add(DoctorSeverity::broken, file.path, 1,
      "it is not a JSON object, so the client reads nothing of it", "mend it; " + export_again());
  return std::nullopt;
}

Result<std::optional<OrderedJson>> Examination::document(const std::string& path) {
  TRY(const ProjectFile file, load(path));
  return parse(file);
}

Result<void> Examination::walk(const std::string& directory, std::string_view ending, int levels,
                               std::vector<std::string>& files, std::size_t& seen) const {
  auto found = fs::resolve(project_, directory);
  if (!found && found.error().kind == ErrorKind::not_found) return {};
  if (!found) return tl::unexpected<Error>(std::move(found).error());
  TRY(const struct stat status, fs::stat_of(*found));
  if (!S_ISDIR(status.st_mode)) return {};
  TRY(const Fd folder, fs::reopen(*found, O_DIRECTORY));
  std::vector<std::string> below;
  TRY_DO(fs::list_directory(folder, [&](std::string_view name, unsigned char type) {
    const std::string path = directory + "/" + std::string(name);
    // A link may lead to either; what it is shows when it is opened.
    if (type != DT_REG) below.push_back(path);
    if (type != DT_DIR && name.ends_with(ending)) files.push_back(path);
    return ++seen <= kMostNames;
  }));
  if (seen > kMostNames || (levels == 0 && !below.empty())) {
    return fail(ErrorKind::too_large,
                directory + " holds more than " + std::to_string(kMostNames) +
                    " files or too many levels; they were not all looked at",
                directory);
  }
  for (const std::string& path : below) TRY_DO(walk(path, ending, levels - 1, files, seen));
  return {};
}

Result<std::vector<std::string>> Examination::files_under(const std::string& directory,
                                                          std::string_view ending) {
  std::vector<std::string> files;
  std::size_t seen = 0;
  TRY_DO(walk(directory, ending, kMostLevels, files, seen));
  std::sort(files.begin(), files.end());
  return files;
}

void Examination::add(DoctorSeverity severity, const std::string& file, int line,
                      std::string message, std::string remedy) {
  report_.findings.push_back({severity, file, line, std::move(message), std::move(remedy)});
}

std::string Examination::export_again(std::string_view extra) const {
  return "run: " + shell_word(options_.binary) + " export " + options_.client +
         shell_words(options_.serve_args) +
         (options_.url.empty() ? "" : " --url " + shell_word(options_.url)) + " --write" +
         std::string(extra);
}

int Examination::line_of(const std::string& text, std::string_view needle) {
  const std::size_t at = text.find(needle);
  if (at == std::string::npos) return 1;
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(at);
  return 1 + static_cast<int>(std::count(text.begin(), end, '\n'));
}

int Examination::line_of_value(const std::string& text, const std::string& value) {
  return line_of(text, dump(Json(value)));
}

const std::string& Examination::text_of(const std::string& path) const {
  static const std::string none;
  for (const ProjectFile& one : read_) {
    if (one.path == path && one.text) return *one.text;
  }
  return none;
}

Result<void> Examination::compare(const Export& wanted, const Export& interactive) {
  for (std::size_t i = 0; i < wanted.files.size(); ++i) {
    const ExportedFile& file = wanted.files[i];
    if (file.entries.empty()) {
      TRY_DO(compare_whole(file, interactive.files[i]));
    } else {
      TRY_DO(compare_entries(file));
    }
  }
  return {};
}

// An agent or a module, byte for byte: above the persona's text stands what the agent may do.
Result<void> Examination::compare_whole(const ExportedFile& wanted,
                                        const ExportedFile& interactive) {
  TRY(const ProjectFile file, load(wanted.path));
  if (!file.text) {
    add(DoctorSeverity::broken, file.path, 1, "it is not there, so nobody runs it through Remit",
        export_again());
    return {};
  }
  if (*file.text == wanted.content || *file.text == interactive.content) return {};
  const auto [theirs, ours] = std::mismatch(file.text->begin(), file.text->end(),
                                            wanted.content.begin(), wanted.content.end());
  const int line = 1 + static_cast<int>(std::count(file.text->begin(), theirs, '\n'));
  const auto body = wanted.content.size() - remit_.body.size();
  const bool in_body = wanted.format == ExportedFile::Format::agent &&
                       ours - wanted.content.begin() >= static_cast<std::ptrdiff_t>(body);
  if (in_body) {
    add(DoctorSeverity::broken, file.path, line,
        "its text differs from the persona that Remit serves", export_again());
  } else {
    add(DoctorSeverity::bypass, file.path, line,
        "it differs from what Remit exports, where it says what the agent may do", export_again());
  }
  return {};
}

Result<void> Examination::compare_entries(const ExportedFile& wanted) {
  TRY(const ProjectFile file, load(wanted.path));
  if (!file.text) {
    add(DoctorSeverity::broken, file.path, 1,
        "it is not there, so the client knows nothing of Remit", export_again());
    return {};
  }
  const std::optional<OrderedJson> root = parse(file);
  if (!root) return {};
  for (const Entry& entry : wanted.entries) compare_entry(file, *root, entry);
  return {};
}

void Examination::compare_entry(const ProjectFile& file, const OrderedJson& root,
                                const Entry& entry) {
  const OrderedJson::json_pointer pointer(entry.pointer);
  const OrderedJson* there = root.contains(pointer) ? &root.at(pointer) : nullptr;
  const std::string& name = pointer.back();
  const int line = line_of(text_of(file.path), name);
  std::string short_name = entry.pointer.substr(1);
  std::replace(short_name.begin(), short_name.end(), '/', '.');
  switch (entry.how) {
    case Entry::How::free:
      return;
    case Entry::How::server:
      if (there != nullptr && there->is_object()) return examine_server(file, *there);
      return add(entry.severity, file.path, 1, "no server \"remit\": " + entry.without,
                 export_again());
    case Entry::How::fixed:
      if (there != nullptr && *there == entry.value) return;
      if (entry.value.is_string() && entry.value.get_ref<const std::string&>() == remit_.body) {
        return add(entry.severity, file.path, line, entry.without, export_again());
      }
      return add(entry.severity, file.path, line,
                 short_name + " is not " + dump(entry.value) + ": " + entry.without,
                 "set it; " + export_again());
    case Entry::How::list: {
      std::vector<std::string> missing;
      for (const OrderedJson& item : entry.value) {
        const bool needed = entry.other_form.is_null() || stands_in(&entry.other_form, item);
        if (needed && !stands_in(there, item)) {
          missing.push_back(item.is_string() ? item.get<std::string>() : dump(item));
        }
      }
      if (missing.empty()) return;
      return add(entry.severity, file.path, line,
                 short_name + " lacks " + join_text(missing, ", ") + ": " + entry.without,
                 export_again());
    }
  }
}

void Examination::examine_server(const ProjectFile& file, const OrderedJson& server) {
  const int line = line_of(text_of(file.path), "remit");
  const auto is = [&](const char* key, bool value) {
    const auto found = server.find(key);
    return found != server.end() && *found == OrderedJson(value);
  };
  if (is("enabled", false) || is("disabled", true)) {
    add(DoctorSeverity::broken, file.path, line, "the server \"remit\" is switched off",
        "switch it on; " + export_again());
  }
  if (const std::string url = url_of(server); !url.empty() || !options_.url.empty()) {
    if (url == options_.url) return;
    // The endpoint decides who is served, and this does not ask it.
    if (options_.url.empty()) {
      return add(
          DoctorSeverity::limit, file.path, line,
          "the server \"remit\" is one over HTTP; whether it is Remit for this agent is not known",
          "name the address that is with --url");
    }
    return add(DoctorSeverity::broken, file.path, line,
               "the server \"remit\" is not the one at " + options_.url, export_again());
  }
  const std::vector<std::string> command = started_by(server);
  if (command.empty() || command.front() != options_.binary) {
    add(DoctorSeverity::broken, file.path, line,
        "the server \"remit\" starts " + (command.empty() ? "nothing" : command.front()) +
            " and not " + options_.binary,
        export_again());
  }
  const std::string agent = agent_of(command);
  const std::string stem(fs::base_name(agent));
  if (agent != remit_.persona_file && agent != remit_.slug && stem != remit_.slug + ".md") {
    add(DoctorSeverity::broken, file.path, line,
        "the server \"remit\" serves " + (agent.empty() ? "no agent" : agent) + " and not " +
            remit_.slug,
        export_again());
  }
}

OrderedJson member(const OrderedJson& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? OrderedJson(nullptr) : *found;
}

DoctorReport Examination::finish(std::string_view not_looked_at) {
  report_.client = options_.client;
  report_.not_looked_at = not_looked_at;
  return std::move(report_);
}

}  // namespace remit::server
