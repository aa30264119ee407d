// `remit`'s side of serving over HTTP: becomes remit-http, before anything was made or opened.
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/text.h"
#include "server/cli/serve_flags.h"
#include "server/cli/welcome.h"

namespace remit::cli {

int serve_http(std::span<const std::string> args, const ServeFlags& /*flags*/) {
  const std::string program = own_binary() + "-http";
  std::vector<std::string> words{"remit", "serve"};
  words.insert(words.end(), args.begin(), args.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  return report({ErrorKind::unavailable,
                 "cannot run " + escape_ascii(program) +
                     ", the part of Remit that speaks HTTP: " + errno_error(errno, "exec").message,
                 {},
                 {},
                 nullptr});
}

}  // namespace remit::cli
