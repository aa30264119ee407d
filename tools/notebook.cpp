#include "tools/notebook.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"

namespace remit::tools {

namespace {

// A multi-line string of nbformat: one string or a list of them.
std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  std::string out;
  if (value.is_array()) {
    for (const Json& part : value) {
      if (part.is_string()) out += part.get<std::string>();
    }
  }
  return out;
}

std::string member(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at == object.end() ? std::string() : text_of(*at);
}

std::string cut(const std::string& text) {
  const std::string_view head = prefix_chars(text, limits::kNotebookOutput);
  if (head.size() == text.size()) return text;
  return std::string(head) + "… [output of " + with_commas(text.size()) + " bytes]";
}

std::string output_text(const Json& output) {
  const std::string kind = member(output, "output_type");
  if (kind == "stream") return cut(member(output, "text"));
  if (kind == "error") return member(output, "ename") + ": " + member(output, "evalue");
  const auto data = output.find("data");
  if (data == output.end() || !data->is_object()) return {};
  std::string out;
  for (const auto& [type, value] : data->items()) {
    if (type.starts_with("image/")) out += "[" + type + " output]\n";
  }
  return out + cut(member(*data, "text/plain"));
}

void line_end(std::string& text) {
  if (!text.empty() && !text.ends_with('\n')) text += '\n';
}

}  // namespace

std::optional<std::string> render_notebook(std::string_view json) {
  const auto parsed = parse_json(json);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  const auto cells = parsed->find("cells");
  if (cells == parsed->end() || !cells->is_array()) return std::nullopt;
  std::string out;
  std::size_t number = 0;
  for (const Json& cell : *cells) {
    if (!cell.is_object()) return std::nullopt;
    out += "--- cell " + std::to_string(++number) + " (" + member(cell, "cell_type") + ")\n";
    out += member(cell, "source");
    line_end(out);
    const auto outputs = cell.find("outputs");
    if (outputs == cell.end() || !outputs->is_array()) continue;
    for (const Json& output : *outputs) {
      if (!output.is_object()) continue;
      out += "--- output\n" + output_text(output);
      line_end(out);
    }
  }
  return out;
}

}  // namespace remit::tools
