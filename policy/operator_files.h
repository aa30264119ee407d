// The operator's files of one agent as bytes: what a reload reads again. They are read by the
// starter, which no lock keeps from them, and judged by starter and server alike, each by itself.
// Pure but for read(). Safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "policy/check.h"
#include "policy/remit.h"

namespace remit::policy {

// What an agent is compiled from: settled at start, and never looked for again.
struct Source {
  std::string persona, manifest, site;  // files, as they were named
  std::string folder;                   // which relative ones are relative to
  Installation installation;            // of it, the site policy alone is read again
  PersonaIndex known;
  std::vector<std::string_view> provided;
  Binding binding;
};

struct OperatorFiles {
  std::string persona, site;
  std::optional<std::string> manifest;  // there may be none
};

// Errors: a file that cannot be read; a manifest that is not there is none.
Result<OperatorFiles> read_operator_files(const Source& source);

// All of it as one text, of at most kPackedBytes, and back. Errors: internal.
inline constexpr std::size_t kPackedBytes =
    limits::kPersonaBytes + 2 * limits::kManifestBytes + 64;  // 64: the three lengths
std::string pack(const OperatorFiles& files);
Result<OperatorFiles> unpack(std::string_view text);

// Compiles them, and takes what is within `now` (policy/narrow.h): checked.compiled.remit is that.
// Errors: those of the site policy; the first one of persona or manifest (refusal()); conflict if
// it has become another agent.
struct Again {
  CheckedFile checked;
  std::vector<std::string> taken, waiting;
};
Result<Again> compile_again(const Source& source, const OperatorFiles& files, const Remit& now);

}  // namespace remit::policy
