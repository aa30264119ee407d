// A bug report as the persona prescribes it: typed, its enums checked, every problem reported at
// once with its JSON pointer. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/schema.h"

namespace remit::tools {

enum class Severity { critical, high, medium, low };
enum class BusinessImpact { revenue_blocking, feature_unavailable, degraded_performance, cosmetic };
enum class Environment { production, staging, all };
enum class EscalationReason {
  product_bug,
  feature_limitation,
  performance,
  data_consistency,
  security
};

struct LogSnippet {
  std::string text, call_id;
  std::optional<std::string> sha256;
};
struct CustomerImpact {
  Json affected_customers;  // "all users" or a non-empty list of names
  BusinessImpact business_impact = BusinessImpact::cosmetic;
  Json workaround_available;  // boolean, or yes / no
  std::optional<std::string> workaround_description;
};
struct TechnicalDetails {
  Environment environment = Environment::production;
  std::string version, error_messages;
  std::vector<LogSnippet> log_snippets;
  std::vector<std::string> affected_endpoints;
};
struct BugReport {
  std::string title;
  Severity severity = Severity::medium;
  CustomerImpact customer_impact;
  std::vector<std::string> reproduction_steps;
  std::string expected_behavior, actual_behavior;
  TechnicalDetails technical_details;
  std::string root_cause_hypothesis;
  std::optional<std::string> suggested_fix, priority_justification;
  std::optional<EscalationReason> escalation_reason;
  std::vector<std::string> tags;
};

struct Problem {
  std::string pointer, message;
};
struct BugReportVerdict {
  std::vector<Problem> errors;    // the report is refused
  std::vector<Problem> warnings;  // told, and stop nothing
};

// The rules of personas-memory-handoffs 4.5: what the persona states is an error, what it does not
// (lengths, counts, cross-rules) a warning.
BugReportVerdict check_bug_report(const BugReport& report);

// True if a person can go on working: workaround_available as boolean, "yes" or "no".
std::optional<bool> workaround_of(const Json& value);

}  // namespace remit::tools

template <>
struct remit::EnumNames<remit::tools::Severity> {
  using E = remit::tools::Severity;
  static constexpr std::array<std::pair<E, const char*>, 4> list{
      {{E::critical, "critical"}, {E::high, "high"}, {E::medium, "medium"}, {E::low, "low"}}};
};
template <>
struct remit::EnumNames<remit::tools::BusinessImpact> {
  using E = remit::tools::BusinessImpact;
  static constexpr std::array<std::pair<E, const char*>, 4> list{
      {{E::revenue_blocking, "revenue_blocking"},
       {E::feature_unavailable, "feature_unavailable"},
       {E::degraded_performance, "degraded_performance"},
       {E::cosmetic, "cosmetic"}}};
};
template <>
struct remit::EnumNames<remit::tools::Environment> {
  using E = remit::tools::Environment;
  static constexpr std::array<std::pair<E, const char*>, 3> list{
      {{E::production, "production"}, {E::staging, "staging"}, {E::all, "all"}}};
};
template <>
struct remit::EnumNames<remit::tools::EscalationReason> {
  using E = remit::tools::EscalationReason;
  static constexpr std::array<std::pair<E, const char*>, 5> list{
      {{E::product_bug, "product_bug"},
       {E::feature_limitation, "feature_limitation"},
       {E::performance, "performance"},
       {E::data_consistency, "data_consistency"},
       {E::security, "security"}}};
};
template <>
struct remit::Fields<remit::tools::LogSnippet> {
  using T = remit::tools::LogSnippet;
  static constexpr auto list =
      std::tuple{required("text", &T::text, ""),
                 required("call_id", &T::call_id, "Of the result it stands in"),
                 field("sha256", &T::sha256, "")};
};
template <>
struct remit::Fields<remit::tools::CustomerImpact> {
  using T = remit::tools::CustomerImpact;
  static constexpr auto list = std::tuple{
      required("affected_customers", &T::affected_customers, "List of names, or \"all users\""),
      required("business_impact", &T::business_impact, ""),
      required("workaround_available", &T::workaround_available, "yes or no"),
      field("workaround_description", &T::workaround_description, "")};
};
template <>
struct remit::Fields<remit::tools::TechnicalDetails> {
  using T = remit::tools::TechnicalDetails;
  static constexpr auto list =
      std::tuple{required("environment", &T::environment, ""), required("version", &T::version, ""),
                 required("error_messages", &T::error_messages, "Exact text"),
                 field("log_snippets", &T::log_snippets, ""),
                 field("affected_endpoints", &T::affected_endpoints, "")};
};
template <>
struct remit::Fields<remit::tools::BugReport> {
  using T = remit::tools::BugReport;
  static constexpr auto list = std::tuple{
      required("title", &T::title, "8 to 120 characters", {.min_length = 1, .max_length = 1000}),
      required("severity", &T::severity, ""),
      required("customer_impact", &T::customer_impact, ""),
      required("reproduction_steps", &T::reproduction_steps, "At least two"),
      required("expected_behavior", &T::expected_behavior, "", {.min_length = 1}),
      required("actual_behavior", &T::actual_behavior, "", {.min_length = 1}),
      required("technical_details", &T::technical_details, ""),
      required("root_cause_hypothesis", &T::root_cause_hypothesis, "", {.min_length = 1}),
      field("suggested_fix", &T::suggested_fix, ""),
      field("priority_justification", &T::priority_justification, "Required for critical and high"),
      field("escalation_reason", &T::escalation_reason, ""),
      field("tags", &T::tags, "")};
};
