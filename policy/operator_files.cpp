#include "policy/operator_files.h"

#include <charconv>
#include <initializer_list>

#include "base/fs.h"
#include "base/limits.h"
#include "base/text.h"
#include "policy/narrow.h"

namespace remit::policy {
namespace {

Result<std::string> read_one(const std::string& file, std::size_t max_bytes) {
  auto bytes = fs::read_file(file, max_bytes);
  if (bytes) return bytes;
  Error error = std::move(bytes).error();
  error.message = "cannot read " + printable(file) + ": " + error.message;
  return tl::unexpected(std::move(error));
}

void append(std::string& out, std::string_view part) {
  out += std::to_string(part.size()) + ":";
  out += part;
}

// Takes "SIZE:BYTES" off the front.
std::optional<std::string> take(std::string_view& text) {
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  const auto digits = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || digits == text.size() || *end != ':') return std::nullopt;
  text.remove_prefix(digits + 1);
  if (size > text.size()) return std::nullopt;
  std::string out(text.substr(0, size));
  text.remove_prefix(size);
  return out;
}

}  // namespace

Result<OperatorFiles> read_operator_files(const Source& source) {
  const auto path = [&](const std::string& file) {
    return file.starts_with('/') ? file : fs::join(source.folder, file);
  };
  OperatorFiles out;
  TRY(out.persona, read_one(path(source.persona), limits::kPersonaBytes));
  TRY(out.site, read_one(path(source.site), limits::kManifestBytes));
  auto manifest = read_one(path(source.manifest), limits::kManifestBytes);
  if (!manifest && manifest.error().kind != ErrorKind::not_found)
    return tl::unexpected(std::move(manifest).error());
  if (manifest) out.manifest = std::move(*manifest);
  return out;
}

std::string pack(const OperatorFiles& files) {
  std::string out;
  append(out, files.persona);
  append(out, files.site);
  if (files.manifest) append(out, *files.manifest);
  return out;
}

Result<OperatorFiles> unpack(std::string_view text) {
  const auto bad = [] { return fail(ErrorKind::internal, "the operator's files came in pieces"); };
  OperatorFiles out;
  auto persona = take(text), site = take(text);
  if (!persona || !site) return bad();
  out.persona = std::move(*persona);
  out.site = std::move(*site);
  if (text.empty()) return out;
  out.manifest = take(text);
  if (!out.manifest || !text.empty()) return bad();
  return out;
}

Result<Again> compile_again(const Source& source, const OperatorFiles& files, const Remit& now) {
  Installation installation = source.installation;
  TRY(installation.site, parse_site(source.site, files.site));
  Again out;
  out.checked = judge_persona({source.persona, files.persona, source.manifest, files.manifest},
                              installation, source.known, source.provided, source.binding);
  if (!out.checked.compiled.ok) return tl::unexpected<Error>(refusal(out.checked.compiled));
  Remit& next = out.checked.compiled.remit;
  if (next.slug != now.slug)
    return fail(ErrorKind::conflict, printable(source.persona) + " is the agent " +
                                         printable(next.slug) + " now, not " + printable(now.slug) +
                                         "; start a server for it");
  Narrowed narrowed = narrow(now, next);
  next = std::move(narrowed.remit);
  std::erase_if(out.checked.compiled.tools,
                [&](const std::string& name) { return next.tool(name) == nullptr; });
  out.taken = std::move(narrowed.taken);
  out.waiting = std::move(narrowed.waiting);
  return out;
}

}  // namespace remit::policy
