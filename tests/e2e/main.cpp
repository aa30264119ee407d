// Runs a suite over tests/e2e/served.h, whose commands need whole slots. Asks the product what this
// machine has and skips the suite (77), with the product's own reason, where that is less.
#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdio>

#include <doctest/doctest.h>

#include "tests/e2e/served.h"

namespace {

constexpr int kSkipped = 77;

// Empty if commands run in whole slots here; else why not.
std::string why_no_slot(const std::string& doctor) {
  const auto report = remit::parse_json(doctor);
  if (!report || !report->is_object()) return "";  // a broken product fails in the tests
  if (report->value("tier", "") == "t1") return "";
  std::string reason = "this machine has sandbox tier " + report->value("tier", "none");
  for (const remit::Json& point : report->value("canary", remit::Json::array()))
    if (!point.value("ok", true))
      reason += "; " + point.value("name", "") + ": " + point.value("detail", "");
  return reason + "; " + report->value("remedy", "");
}

std::string doctor() {
  std::string folder = (std::filesystem::temp_directory_path() / "remit-tier-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return "";
  const std::string out = folder + "/doctor";
  remit::e2e::shell("'" + remit::e2e::variable("REMIT_BINARY") + "' doctor --json --state '" +
                    folder + "/state' > '" + out + "'");
  const std::string text = remit::e2e::slurp(out);
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string reason = why_no_slot(doctor());
  if (!reason.empty()) {
    std::printf("skipped: %s\n", reason.c_str());
    return kSkipped;
  }
  return doctest::Context(argc, argv).run();
}
