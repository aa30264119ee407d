#include "server/tools_doc.h"

#include "base/json.h"
#include "base/text.h"

namespace remit::server {
namespace {

// "integer 1..100" or "create | replace".
std::string type_of(const OrderedJson& schema) {
  if (schema.contains("enum")) {
    std::vector<std::string> names;
    for (const auto& name : schema["enum"]) names.push_back("`" + name.get<std::string>() + "`");
    return join_text(names, " ");
  }
  std::string type = schema.value("type", "any");
  if (type == "array" && schema.contains("items")) type = "list of " + type_of(schema["items"]);
  const bool low = schema.contains("minimum"), high = schema.contains("maximum");
  if (low && high) {
    type += " " + schema["minimum"].dump() + ".." + schema["maximum"].dump();
  } else if (low) {
    type += " >= " + schema["minimum"].dump();
  }
  return type;
}

std::string table(const OrderedJson& schema) {
  std::string out = "| name | type | default | meaning |\n|---|---|---|---|\n";
  std::vector<std::string> needed;
  for (const auto& name : schema.value("required", OrderedJson::array()))
    needed.push_back(name.get<std::string>());
  for (const auto& [name, property] : schema["properties"].items()) {
    bool required = false;
    for (const std::string& one : needed) required = required || one == name;
    out += "| `" + name + "` | " + type_of(property) + " | " +
           (required                       ? "required"
            : property.contains("default") ? "`" + property["default"].dump() + "`"
                                           : "") +
           " | " + property.value("description", "") + " |\n";
  }
  return out;
}

}  // namespace

std::string tools_doc(const std::vector<tools::Tool>& tools) {
  std::string out =
      "# Tools\n\nMade by `remit docs` from the declarations in `tools/`; a test compares. A "
      "persona's agent sees "
      "those that its persona grants.\n";
  for (const tools::Tool& tool : tools) {
    out += "\n## " + tool.name + "\n\n" + tool.description + "\n\n";
    out += std::string(tool.annotations.read_only     ? "Reads only."
                       : tool.annotations.destructive ? "May change or delete."
                                                      : "Adds.") +
           (tool.output == tools::Output::text_first
                ? " Answers in text."
                : " Answers with a typed record and the same as text.") +
           "\n\n";
    out += table(*tool.input_schema);
    out += "\nResult:\n\n" + table(*tool.output_schema);
  }
  return out;
}

}  // namespace remit::server
