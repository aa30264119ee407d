// One run of the doctor over a project: reads its files, notes findings, and compares what stands
// there with what an export would write. The clients' own questions are in doctor_NAME.cpp.
// Threads: one run, one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/fs.h"
#include "server/cli/doctor_client.h"
#include "server/cli/export.h"

namespace remit::server {

inline constexpr DoctorSeverity kBypass = DoctorSeverity::bypass;
inline constexpr DoctorSeverity kBroken = DoctorSeverity::broken;

// The member of that name; null if it is missing or `object` is none.
OrderedJson member(const OrderedJson& object, const char* key);

// One file of the project, or nothing.
struct ProjectFile {
  std::string path;
  std::optional<std::string> text;
};

class Examination {
 public:
  Examination(const policy::Remit& remit, const DoctorOptions& options, Fd project)
      : remit_(remit), options_(options), project_(std::move(project)) {}

  const policy::Remit& remit() const { return remit_; }
  const DoctorOptions& options() const { return options_; }

  // The file, noted as looked at or as not there.
  Result<ProjectFile> load(const std::string& path);
  // Its JSON or TOML by the name's ending; nothing, and a finding, if it is broken.
  std::optional<OrderedJson> parse(const ProjectFile& file);
  // Both; nothing if it is not there. Each file is read once.
  Result<std::optional<OrderedJson>> document(const std::string& path);
  // Paths of the files in a directory of the project, and in those below it, that end so; none if
  // there is no such directory. Errors: too_large beyond 1,000 entries or eight levels.
  Result<std::vector<std::string>> files_under(const std::string& directory,
                                               std::string_view ending);

  void add(DoctorSeverity severity, const std::string& file, int line, std::string message,
           std::string remedy);
  // "run: remit export CLIENT --agent FILE --write".
  std::string export_again(std::string_view extra = "") const;

  // What an export would write, with or without --interactive, against what is there.
  Result<void> compare(const Export& wanted, const Export& interactive);
  // Whether `server` starts this binary for this agent, and is switched on.
  void examine_server(const ProjectFile& file, const OrderedJson& server);

  // The line (from 1) of the first occurrence of `needle`, 1 if it is not there.
  static int line_of(const std::string& text, std::string_view needle);
  // The line of a JSON string.
  static int line_of_value(const std::string& text, const std::string& value);
  // The text of a file that load() found.
  const std::string& text_of(const std::string& path) const;

  DoctorReport finish(std::string_view not_looked_at);

 private:
  Result<void> compare_whole(const ExportedFile& wanted, const ExportedFile& interactive);
  Result<void> compare_entries(const ExportedFile& wanted);
  Result<void> walk(const std::string& directory, std::string_view ending, int levels,
                    std::vector<std::string>& files, std::size_t& seen) const;
  void compare_entry(const ProjectFile& file, const OrderedJson& root, const Entry& entry);

  const policy::Remit& remit_;
  const DoctorOptions& options_;
  Fd project_;
  DoctorReport report_;
  std::vector<ProjectFile> read_;
  std::vector<std::string> broken_;  // paths that parse() has told of
};

}  // namespace remit::server
