#include "tools/bug_report_check.h"

#include <algorithm>

#include "base/text.h"

namespace remit::tools {
namespace {

bool has_tag(const BugReport& report, std::string_view tag) {
  return std::find(report.tags.begin(), report.tags.end(), tag) != report.tags.end();
}

bool is_customers(const Json& value) {
  if (value.is_string()) return value.get<std::string>() == "all users";
  if (!value.is_array() || value.empty()) return false;
  return std::all_of(value.begin(), value.end(), [](const Json& name) {
    return name.is_string() && !trim(name.get<std::string>()).empty();
  });
}

}  // namespace

std::optional<bool> workaround_of(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value == "yes") return true;
  if (value == "no") return false;
  return std::nullopt;
}

BugReportVerdict check_bug_report(const BugReport& report) {
  BugReportVerdict out;
  const auto error = [&](const char* pointer, const char* message) {
    out.errors.push_back({pointer, message});
  };
  const auto warn = [&](const char* pointer, const char* message) {
    out.warnings.push_back({pointer, message});
  };
  const CustomerImpact& impact = report.customer_impact;
  if (!is_customers(impact.affected_customers)) {
    error("/customer_impact/affected_customers",
          "must be a non-empty list of names or \"all users\"");
  }
  const std::optional<bool> workaround = workaround_of(impact.workaround_available);
  if (!workaround) error("/customer_impact/workaround_available", "must be yes or no");
  const bool described =
      impact.workaround_description && !trim(*impact.workaround_description).empty();
  if (workaround && *workaround && !described) {
    error("/customer_impact/workaround_description", "required when a workaround is available");
  }
  const bool urgent = report.severity == Severity::critical || report.severity == Severity::high;
  if (urgent && (!report.priority_justification || trim(*report.priority_justification).empty())) {
    error("/priority_justification", "required for severity critical and high");
  }
  if (trim(report.expected_behavior).empty()) error("/expected_behavior", "required");
  if (trim(report.actual_behavior).empty()) error("/actual_behavior", "required");
  if (trim(report.root_cause_hypothesis).empty()) error("/root_cause_hypothesis", "required");
  if (trim(report.title).empty()) error("/title", "required");
  const std::size_t title = count_chars(report.title);
  if (title < 8 || title > 120) warn("/title", "should have 8 to 120 characters");
  if (workaround && !*workaround && described) {
    warn("/customer_impact/workaround_description", "given although no workaround is available");
  }
  const auto steps =
      std::count_if(report.reproduction_steps.begin(), report.reproduction_steps.end(),
                    [](const std::string& step) { return !trim(step).empty(); });
  if (steps == 0) {
    error("/reproduction_steps", "required");
  } else if (steps < 2) {
    warn("/reproduction_steps", "should be at least two steps");
  }
  for (const std::string& endpoint : report.technical_details.affected_endpoints) {
    if (!endpoint.starts_with('/')) {
      warn("/technical_details/affected_endpoints", "an endpoint should start with /");
      break;
    }
  }
  if (report.severity == Severity::critical &&
      impact.business_impact != BusinessImpact::revenue_blocking && !has_tag(report, "data_loss") &&
      !has_tag(report, "security")) {
    warn("/severity", "critical should be revenue_blocking, or tagged data_loss or security");
  }
  if (impact.business_impact == BusinessImpact::cosmetic && report.severity != Severity::low) {
    warn("/severity", "a cosmetic issue is at most low");
  }
  if (trim(report.expected_behavior) == trim(report.actual_behavior)) {
    warn("/actual_behavior", "is the same as expected_behavior");
  }
  return out;
}

}  // namespace remit::tools
