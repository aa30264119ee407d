// The facts of a pass over logs, as JSON and as text.
#include <algorithm>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"
#include "tools/diagnostics/log_pass.h"

namespace remit::diagnostics {

Json Pass::counts_of(const Occurrence& o, const std::string& key, const std::string& name) {
  return {{key, name}, {"count", o.count}, {"first", place(o.first)}, {"last", place(o.last)}};
}

void Pass::facts() {
  Json& facts = draft_.facts;
  facts["lines"] = lines_;
  facts["records"] = records_;
  if (first_) facts["from"] = rfc3339(first_.time_ms);
  if (last_) facts["to"] = rfc3339(last_.time_ms);
  facts["unparsed"] = undated_;
  Json levels = Json::object(), formats = Json::object();
  std::string level_text, format_text;
  for (std::size_t i = levels_.size(); i-- > 0;)
    if (levels_[i] > 0) {
      levels[to_string(static_cast<Level>(i))] = levels_[i];
      level_text += (level_text.empty() ? "" : ", ") +
                    std::string(to_string(static_cast<Level>(i))) + " " + with_commas(levels_[i]);
    }
  for (std::size_t i = 0; i < formats_.size(); ++i)
    if (formats_[i] > 0) {
      formats[to_string(static_cast<LineFormat>(i))] = formats_[i];
      format_text += (format_text.empty() ? "" : ", ") +
                     std::string(to_string(static_cast<LineFormat>(i))) + " " +
                     with_commas(formats_[i]);
    }
  facts["levels"] = std::move(levels);
  facts["formats"] = std::move(formats);
  facts["templates_total"] = std::count_if(templates_.begin(), templates_.end(),
                                           [](const Template& t) { return t.stat.count > 0; });
  text_ = with_commas(lines_) + " lines, " + with_commas(records_) + " records" +
          (first_ ? " from " + rfc3339(first_.time_ms) + " to " + rfc3339(last_.time_ms) : "") +
          "\n";
  if (!level_text.empty()) text_ += "levels: " + level_text + "\n";
  if (!format_text.empty()) text_ += "formats: " + format_text + "\n";
  if (query_.group_by == GroupBy::field) return field_facts();
  if (query_.group_by == GroupBy::level) return;
  template_facts();
}

void Pass::field_facts() {
  std::vector<std::pair<std::string, Occurrence>> order(fields_.begin(), fields_.end());
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.second.count != b.second.count ? a.second.count > b.second.count : a.first < b.first;
  });
  Json groups = Json::array();
  for (std::size_t i = 0; i < std::min(order.size(), query_.top); ++i) {
    groups.push_back(counts_of(order[i].second, "value", order[i].first));
    text_ += "  " + with_commas(order[i].second.count) + "  " + order[i].first + "  " +
             place(order[i].second.first) + "\n";
  }
  draft_.facts["groups"] = std::move(groups);
}

void Pass::template_facts() {
  Json list = Json::array();
  std::size_t shown = 0;
  text_ += "templates: " + draft_.facts["templates_total"].dump() + ", the most frequent:\n";
  for (const Template& t : templates_) {
    if (shown >= query_.top) break;
    if (t.stat.count == 0) continue;
    ++shown;
    Json one;
    // The name of the redacted text, as `remit logs templates` prints it.
    const std::string text = redactor_.redact(to_utf8(t.text)).text;
    one["id"] = "E" + sha256_hex(text).substr(0, 8);
    one["text"] = text;
    one["count"] = t.stat.count;
    one["level"] = to_string(t.stat.level);
    one["first"] = time_text(t.stat.examples[0]);
    one["last"] = time_text(t.stat.last);
    one["histogram"] = t.stat.histogram.column;
    one["histogram_s"] = std::uint64_t{1} << t.stat.histogram.shift;
    Json examples = Json::array();
    for (const Spot& e : t.stat.examples)
      if (e) examples.push_back(place(e));
    one["examples"] = std::move(examples);
    list.push_back(std::move(one));
    text_ += "  " + with_commas(t.stat.count) + "x " +
             (t.stat.level == Level::unknown ? "" : std::string(to_string(t.stat.level)) + " ") +
             cut(text, 200) + "  [" + place(t.stat.examples[0]) + " .. " + place(t.stat.last) +
             "]\n";
  }
  draft_.facts["templates"] = std::move(list);
  draft_.facts["histogram_start"] =
      histogram_start_ == 0 ? Json() : Json(rfc3339(histogram_start_));
}

}  // namespace remit::diagnostics
