// Persona: one markdown file, parsed. Front matter (strict YAML) and the two sections of the body
// that grant something. A malformed file has ok == false and holds no grant of any kind: it is
// refused, never served with defaults.
//
// A Persona knows nothing of the machine: manifest, directory and site policy come in compile.h.
// Pure; safe from any thread once built.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/yaml.h"
#include "policy/collaboration_section.h"
#include "policy/config_reader.h"
#include "policy/labels.h"
#include "policy/lint/diagnostics.h"
#include "policy/memory_section.h"
#include "policy/remit.h"

namespace remit::policy {

struct Persona {
  std::string file, sha256;
  bool ok = false;

  std::string name, slug, description, model, color;
  bool tools_declared = false;  // the key is there and not empty
  std::vector<Located> tools;   // as declared, in order, without duplicates
  std::vector<Located> disallowed_tools;
  std::vector<Located> capabilities;
  yaml::Node other;   // mapping: unknown keys and keys never executed
  int body_line = 1;  // of the body's first line
  std::string body;   // verbatim
  MemorySection memory;
  CollaborationSection collaboration;
  Origin tools_line, memory_heading, collaboration_heading;  // else 1:1

  std::vector<Diagnostic> diagnostics;  // sorted
};

// Parses the bytes of one file. Never fails: a bad file is a Persona with ok == false and at least
// one error among its diagnostics.
Persona parse_persona(std::string file, std::string_view bytes, const Vocabulary& words);

// The front matter of a file: where its YAML and its body lie. For `check --fix`.
struct FrontMatter {
  bool found = false, terminated = false;
  std::size_t yaml_begin = 0, yaml_end = 0;  // byte offsets in the file
  std::size_t body_begin = 0;
  int body_line = 1;
};
FrontMatter split_front_matter(std::string_view bytes);

// Keys of the front matter that Remit interprets.
bool is_known_key(std::string_view key);

// "a, b(c, d)" -> "a", "b(c, d)": commas inside brackets do not split.
std::vector<std::string> split_list(std::string_view text);

// Names no persona may have: they mean something else to handoffs and clients.
bool is_reserved_name(std::string_view slug);

}  // namespace remit::policy
