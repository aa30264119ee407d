#include "tools/log_patterns.h"

#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/limits.h"
#include "tools/diagnostics/log_patterns.h"
#include "tools/tool_builder.h"

namespace remit::tools {

namespace {

using diagnostics::Report;

enum class Group { template_, level, field };
enum class Profile { app, auth };
enum class MinLevel { trace, debug, info, notice, warning, error, critical };

struct BaselineArgs {
  std::string from, to;
};
struct LogPatternsArgs {
  std::vector<std::string> source;
  std::optional<std::string> from, to;
  std::optional<MinLevel> min_level;
  Group group_by = Group::template_;
  std::optional<std::string> field;
  std::optional<BaselineArgs> baseline;
  Profile profile = Profile::app;
  int top = 20;
};

}  // namespace

}  // namespace remit::tools

namespace remit {

using tools::BaselineArgs;
using tools::LogPatternsArgs;

template <>
struct EnumNames<tools::Group> {
  static constexpr std::array list{std::pair{tools::Group::template_, "template"},
                                   std::pair{tools::Group::level, "level"},
                                   std::pair{tools::Group::field, "field"}};
};
template <>
struct EnumNames<tools::Profile> {
  static constexpr std::array list{std::pair{tools::Profile::app, "app"},
                                   std::pair{tools::Profile::auth, "auth"}};
};
template <>
struct EnumNames<tools::MinLevel> {
  static constexpr std::array list{
      std::pair{tools::MinLevel::trace, "trace"},      std::pair{tools::MinLevel::debug, "debug"},
      std::pair{tools::MinLevel::info, "info"},        std::pair{tools::MinLevel::notice, "notice"},
      std::pair{tools::MinLevel::warning, "warning"},  std::pair{tools::MinLevel::error, "error"},
      std::pair{tools::MinLevel::critical, "critical"}};
};
template <>
struct Fields<BaselineArgs> {
  static constexpr auto list =
      std::tuple{required("from", &BaselineArgs::from, "RFC 3339", {.max_length = 64}),
                 required("to", &BaselineArgs::to, "RFC 3339", {.max_length = 64})};
};
template <>
struct Fields<LogPatternsArgs> {
  static constexpr auto list = std::tuple{
      required("source", &LogPatternsArgs::source, "Paths, directories or globs of log files",
               {.min_length = 1, .max_length = limits::kPathBytes, .max_items = 64}),
      field("from", &LogPatternsArgs::from, "Only records at or after this RFC 3339 time",
            {.max_length = 64}),
      field("to", &LogPatternsArgs::to, "Only records before this RFC 3339 time",
            {.max_length = 64}),
      field("min_level", &LogPatternsArgs::min_level, "Only records of at least this level"),
      field("group_by", &LogPatternsArgs::group_by, "What is counted"),
      field("field", &LogPatternsArgs::field, "With group_by field: host, component or pid",
            {.max_length = 16}),
      field("baseline", &LogPatternsArgs::baseline, "A window of normal operation to compare with"),
      field("profile", &LogPatternsArgs::profile, "auth also reads sign-ins"),
      field("top", &LogPatternsArgs::top, "How many templates or groups are listed",
            {.minimum = 1, .maximum = 500})};
};

}  // namespace remit

namespace remit::tools {

namespace {

constexpr const char* kDoc =
    "Reads logs once and reports message templates with counts, levels, error bursts, exhausted "
    "resources, silence, clock steps, leaked secrets and (profile auth) attacks on sign-ins. Every "
    "finding cites file:line. `coverage` says what could not be looked at; only then-complete, "
    "problem-free answers are `healthy`.";

Result<std::int64_t> time_of(const std::string& text, const char* where) {
  auto ms = parse_rfc3339(text);
  if (!ms) return fail(ErrorKind::invalid_argument, ms.error().message, where, "diag.bad_argument");
  return *ms;
}

Result<diagnostics::Window> window_of(const std::optional<std::string>& from,
                                      const std::optional<std::string>& to, const char* where) {
  diagnostics::Window window;
  const std::string base = where;
  if (from) {
    TRY(window.from, time_of(*from, (base + "/from").c_str()));
  }
  if (to) {
    TRY(window.to, time_of(*to, (base + "/to").c_str()));
  }
  if (window.from && window.to && *window.from >= *window.to)
    return fail(ErrorKind::invalid_argument, "`from` must lie before `to`", base + "/from",
                "diag.bad_argument");
  return window;
}

Result<diagnostics::PatternsQuery> query_of(const LogPatternsArgs& args) {
  diagnostics::PatternsQuery query;
  TRY(query.window, window_of(args.from, args.to, ""));
  if (args.baseline) {
    TRY(query.baseline, window_of(args.baseline->from, args.baseline->to, "/baseline"));
  }
  if (args.min_level)
    query.min_level = static_cast<diagnostics::Level>(static_cast<int>(*args.min_level) +
                                                      static_cast<int>(diagnostics::Level::trace));
  query.group_by = args.group_by == Group::level   ? diagnostics::GroupBy::level
                   : args.group_by == Group::field ? diagnostics::GroupBy::field
                                                   : diagnostics::GroupBy::template_text;
  if (args.field || args.group_by == Group::field) {
    const std::string name = args.field.value_or("");
    if (args.group_by != Group::field || (name != "host" && name != "component" && name != "pid"))
      return fail(ErrorKind::invalid_argument,
                  "`field` names host, component or pid, with group_by \"field\"", "/field",
                  "diag.bad_argument");
    query.field = name == "host"        ? diagnostics::LogField::host
                  : name == "component" ? diagnostics::LogField::component
                                        : diagnostics::LogField::pid;
  }
  query.auth = args.profile == Profile::auth;
  query.top = static_cast<std::size_t>(args.top);
  return query;
}

// Leaves out what is least needed until the structured answer fits the page: templates from the
// end, then findings from the end (they are ordered by severity). What is left out is counted.
void fit(Report& report, std::size_t max_chars) {
  const auto too_long = [&] { return dump(encode(report)).size() > max_chars; };
  for (const char* list : {"templates", "groups"}) {
    while (report.facts.contains(list) && !report.facts[list].empty() && too_long()) {
      auto& items = report.facts[list];
      const std::size_t keep = items.size() / 2;
      report.facts[std::string(list) + "_omitted"] =
          report.facts.value(std::string(list) + "_omitted", std::size_t{0}) + items.size() - keep;
      items.erase(items.begin() + static_cast<std::ptrdiff_t>(keep), items.end());
    }
  }
  while (report.findings.size() > 1 && too_long()) {
    report.findings.pop_back();
    report.facts["findings_omitted"] = report.facts.value("findings_omitted", std::size_t{0}) + 1;
  }
}

Result<Outcome<Report>> log_patterns(const LogPatternsArgs& args, Call& call,
                                     const Redactor& redactor) {
  TRY(const diagnostics::PatternsQuery query, query_of(args));
  TRY(diagnostics::LogFiles files,
      diagnostics::open_logs(call.access, call.scope, args.source, call.stop));
  TRY(diagnostics::PatternsAnswer answer,
      diagnostics::log_patterns(std::move(files), query, redactor, system_clock(), call.stop));
  TRY(Report report, diagnostics::finish(std::move(answer.draft), redactor));
  const std::string whole = dump(encode(report));
  // Kept whole so that a handoff can cite it by its call id.
  TRY(const policy::KeptResult kept, call.access.keep_result(call.scope, whole));
  report.result_uri = kept.uri;
  std::string text =
      diagnostics::render(report, redactor.redact(answer.facts).text, call.page_chars);
  fit(report, call.page_chars);
  return Outcome<Report>{std::move(report), std::move(text), std::nullopt};
}

}  // namespace

Tool make_log_patterns(const Redactor& redactor) {
  return tool<LogPatternsArgs, Report>({.name = "log_patterns",
                                        .title = "Find patterns in logs",
                                        .description = kDoc,
                                        .annotations = {.read_only = true, .idempotent = true}},
                                       [&redactor](const LogPatternsArgs& args, Call& call) {
                                         return log_patterns(args, call, redactor);
                                       });
}

}  // namespace remit::tools
