// remit credential AGENT: makes a token, prints it once, and adds its digest to a file of
// credentials (`remit serve --token-file`). The token itself is written nowhere.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/text.h"
#include "policy/compile.h"
#include "policy/markdown.h"
#include "server/cli/commands.h"
#include "server/cli/flags.h"
#include "server/tokens.h"
#include "server/transport/http_auth.h"

namespace remit::cli {
namespace {

// The word of a line, checked; "" for the server's own instruction.
Result<std::string> instructions_word(const std::string& given) {
  if (given.empty()) return std::string();
  if (given != "*")
    for (const std::string_view id : split(given, ','))
      if (!policy::valid_instruction(id))
        return fail(
            ErrorKind::invalid_argument,
            "not an instruction id (a letter, then up to 95 of A-Za-z0-9_-): " + escape_ascii(id));
  return " instructions=" + given;
}

// What is in the file, or "". Errors: a line of it that no server would take.
Result<std::string> text_of(const std::string& file) {
  auto text = fs::read_file(fs::absolute(file), limits::kTokenFileBytes);
  if (!text && text.error().kind == ErrorKind::not_found) return std::string();
  if (!text) return text;
  TRY_DO(transport::parse_credentials(file, *text));
  return text;
}

// Adds a line, by one replacement of the file: a server that reloads sees the old or the new one.
Result<void> add_line(const std::string& file, const std::string& line) {
  const std::string absolute = fs::absolute(file);
  const std::size_t slash = absolute.rfind('/');
  TRY(const Fd folder, fs::open_root(slash == 0 ? "/" : absolute.substr(0, slash)));
  struct stat there{};
  const bool exists = ::stat(absolute.c_str(), &there) == 0;
  TRY(std::string text, text_of(file));
  if (!text.empty() && text.back() != '\n') text += '\n';
  text += line;
  if (text.size() > limits::kTokenFileBytes)
    return fail(ErrorKind::too_large, escape_ascii(file) + " would have more than " +
                                          std::to_string(limits::kTokenFileBytes) + " bytes");
  return fs::replace_file(folder, absolute.substr(slash + 1), text, 0600,
                          exists ? fs::Expect::of(there) : fs::Expect::absent());
}

}  // namespace

int credential_command(std::span<const std::string> args) {
  std::string file, instructions;
  Flags flags("remit credential AGENT --file FILE [--instructions ID,ID|*]");
  flags.value("--file", &file, "FILE  to which its digest is added (required)")
      .value("--instructions", &instructions,
             "ID,ID|*  under which it may be used, default: the server's own");
  const auto words = flags.parse(args, 1, 1);
  if (flags.helped()) return print(flags.help()), kDone;
  if (!words) return report_usage(words.error(), "credential");
  const auto usage = [](std::string message) {
    return report_usage({ErrorKind::invalid_argument, std::move(message), {}, {}, nullptr},
                        "credential");
  };
  const std::string& agent = (*words)[0];
  if (file.empty()) return usage("--file is required");
  if (agent.empty() || policy::slug_of(agent) != agent)
    return usage("not the name of an agent (a-z, 0-9 and -): " + escape_ascii(agent));
  const auto bound = instructions_word(instructions);
  if (!bound) return report_usage(bound.error(), "credential");
  const std::string token = server::make_token();
  const std::string line = agent + " sha256:" + sha256_hex(token) + *bound + "\n";
  if (const auto added = add_line(file, line); !added) return report(added.error());
  print(token + "\n");
  return kDone;
}

}  // namespace remit::cli
