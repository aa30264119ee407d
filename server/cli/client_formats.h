// Text for the files of clients (base/yaml_emit.h for YAML): one quoting that JSON, TOML, Python
// and JavaScript read alike, documents as TOML or as a Python literal, and what is read back: TOML,
// and JSON with comments. Whatever an operator's paths and a persona's words contain stays data.
// Pure functions.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace remit::server {

// `text` in double quotes. Only escapes that all five languages share are used (\" \\ \n \r \t
// \uXXXX), for control characters, U+007F to U+009F, U+2028, U+2029, U+FEFF, U+FFFE and U+FFFF
// (YAML breaks lines at some, refuses others); everything else stands as it is. `text` must be
// UTF-8.
std::string quote_text(std::string_view text);

// A TOML document: `root` is an object; an array of objects becomes [[tables]], a text of several
// lines a """block""". There is no null in TOML: such members are left out.
std::string to_toml(const nlohmann::ordered_json& root);

// An expression of Python, indented by `depth` levels of four blanks where it has several lines.
std::string to_python(const nlohmann::ordered_json& value, int depth = 0);

// What TOML 1.0 says, as JSON; dates and times become strings. At most kPersonaBytes; a key, a
// header and a value each at most kYamlDepth deep. A table that is there twice is taken as one,
// which TOML refuses. Errors: invalid_argument with the line.
Result<nlohmann::json> parse_toml(std::string_view text);

// Comments and trailing commas of JSONC (VS Code, opencode, Gemini) blanked out: lines stay lines,
// and what remains is for parse_json.
std::string without_comments(std::string_view text);

}  // namespace remit::server
