#include "server/console/parts.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"

namespace remit::console {

Html alert(const std::string& text) {
  return el("p", {{"class", "alert"}, {"role", "alert"}}, {text});
}

std::string time_left(std::int64_t at_ms, std::int64_t now_ms) {
  const std::int64_t seconds = (at_ms - now_ms) / 1000;
  if (seconds <= 0) return {};
  if (seconds < 60) return "in " + std::to_string(seconds) + " s";
  if (seconds < 3600)
    return "in " + std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60) + " s";
  return "in " + std::to_string(seconds / 3600) + " h " + std::to_string(seconds / 60 % 60) +
         " min";
}

Html moment(std::int64_t at_ms) {
  const std::string text = rfc3339(at_ms);
  return el("time", {{"datetime", text}}, {text});
}

Html anchor(const std::string& where, const std::string& text) {
  return el("a", {{"href", where}}, {text});
}

Html fact(const char* name, Html value) {
  return el("div", {}, {el("dt", {}, {name}), el("dd", {}, {std::move(value)})});
}

Html pin_field(const std::string& id) {
  return el("p", {{"class", "field"}},
            {el("label", {{"for", id}}, {"PIN"}),
             el("input", {{"id", id},
                          {"name", "pin"},
                          {"type", "password"},
                          {"autocomplete", "off"},
                          {"required", ""},
                          {"maxlength", std::to_string(limits::kPinMax)}})});
}

Html text_box(std::string_view text) {
  return el("pre", {{"tabindex", "0"}}, {text});
}

Html diff_box(std::string_view text) {
  std::vector<Html> lines;
  if (text.ends_with('\n')) text.remove_suffix(1);
  bool begun = false;  // the two lines with the file's name are behind us
  for (const std::string_view line : split(text, '\n')) {
    begun = begun || line.starts_with("@@");
    const char* mark = begun && line.starts_with('+')   ? "added"
                       : begun && line.starts_with('-') ? "removed"
                                                        : "same";
    lines.push_back(el("span", {{"class", mark}}, {std::string(line) + "\n"}));
  }
  return el("pre", {{"class", "diff"}, {"tabindex", "0"}}, lines);
}

Html table(const char* label, const std::vector<const char*>& heads, const std::vector<Html>& rows,
           std::vector<Attribute> body) {
  std::vector<Html> cells;
  for (const char* name : heads) cells.push_back(el("th", {{"scope", "col"}}, {name}));
  return el("div",
            {{"class", "wide"}, {"role", "region"}, {"aria-label", label}, {"tabindex", "0"}},
            {el("table", {},
                {el("thead", {}, {el("tr", {}, cells)}), el("tbody", std::move(body), rows)})});
}

Html table_row(const std::vector<Html>& cells) {
  std::vector<Html> out;
  for (const Html& cell : cells) out.push_back(el("td", {}, {cell}));
  return el("tr", {}, out);
}

}  // namespace remit::console
