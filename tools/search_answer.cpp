#include "tools/search_answer.h"

#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"

namespace remit::tools {

namespace {

std::string list_of(const std::set<std::string>& names) {
  std::vector<std::string> all;
  for (const std::string& name : names) all.push_back(printable(name));
  return join_text(all, ", ");
}

std::string deadline_text() {
  return std::to_string(limits::kSearchDeadline.count() / 1000) + " s";
}

}  // namespace

Searched searched_of(const search::Coverage& coverage) {
  return {coverage.files, coverage.bytes};
}

Skipped skipped_of(const search::Coverage& coverage) {
  return {coverage.binary, coverage.unreadable, coverage.ignored, coverage.filtered};
}

std::string total_text(std::uint64_t total, bool complete) {
  return complete ? with_commas(total) : "at least " + with_commas(total);
}

std::vector<std::string> coverage_notices(const search::Coverage& coverage, bool nothing_found) {
  std::vector<std::string> out;
  if (coverage.timed_out) out.push_back("the search did not finish (" + deadline_text() + ")");
  if (coverage.unreadable > 0) {
    out.push_back("not searched: " + with_commas(coverage.unreadable) + " unreadable, among them " +
                  list_of(coverage.gaps));
  }
  if (coverage.binary > 0) {
    out.push_back(with_commas(coverage.binary) + " binary files searched up to their first NUL");
  }
  if (nothing_found && coverage.ignored > 0) {
    out.push_back("ignore files left out " + with_commas(coverage.ignored) +
                  " entries: " + list_of(coverage.ignored_names) +
                  (coverage.ignored > coverage.ignored_names.size() ? ", …" : "") +
                  "; no_ignore: true searches them");
  }
  return out;
}

std::string nothing_text(const search::Coverage& coverage, std::string_view what, bool one_file) {
  const std::string files = one_file ? "this file" : with_commas(coverage.files) + " files";
  if (coverage.complete()) {
    return what == "files" ? "no files match" : "no " + std::string(what) + " in " + files;
  }
  return "0 " + std::string(what) + " in the " + with_commas(coverage.files) +
         " files searched; the search was not complete. Not a \"no match\".";
}

std::string generation_of(const search::Found& found) {
  Sha256 hash;
  for (const search::Hit& hit : found.hits) {
    hash.field(hit.path);
    hash.field(std::to_string(hit.mtime_ns));
    hash.field(std::to_string(hit.entries));
  }
  return hash.finish_hex().substr(0, 16);
}

}  // namespace remit::tools
