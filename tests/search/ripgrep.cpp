#include "tests/search/ripgrep.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "base/json.h"

namespace remit::test {

RipgrepRun ripgrep(const std::string& directory, const std::vector<std::string>& arguments) {
  RipgrepRun run;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return run;
  std::vector<char*> argv{const_cast<char*>("rg")};
  for (const std::string& one : arguments) argv.push_back(const_cast<char*>(one.c_str()));
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(ends[1], 1);
    dup2(null, 2);
    if (chdir(directory.c_str()) != 0) _exit(126);
    execvp("rg", argv.data());
    _exit(127);
  }
  close(ends[1]);
  char buffer[65536];
  for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;)
    run.out.append(buffer, static_cast<std::size_t>(got));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return run;
}

std::string ripgrep_version() {
  const RipgrepRun run = ripgrep("/", {"--version"});
  return run.exit_code == 0 ? run.out.substr(0, run.out.find('\n')) : "";
}

std::vector<std::string> ripgrep_common() {
  std::vector<std::string> out{"--no-config",       "--hidden",      "--no-follow",
                               "--no-mmap",         "--no-messages", "--no-ignore-parent",
                               "--no-ignore-global"};
  for (const char* name : {".git", ".hg", ".svn", ".jj", ".bzr"}) {
    out.push_back("-g");
    out.push_back(std::string("!") + name);
  }
  return out;
}

std::vector<std::string> ripgrep_lines(const std::string& directory,
                                       const std::vector<std::string>& arguments) {
  const RipgrepRun run = ripgrep(directory, arguments);
  std::vector<std::string> out;
  std::map<std::string, std::size_t> nul;  // start of the line that holds the first NUL
  std::istringstream lines(run.out);
  for (std::string line; std::getline(lines, line);) {
    // A line with an empty match at each byte makes one event of a million values.
    auto event = parse_json(line, {.values = 50'000'000});
    if (!event || (*event)["type"] != "match") continue;
    const Json& data = (*event)["data"];
    if (!data["path"].contains("text") || !data["lines"].contains("text")) continue;
    std::string path = data["path"]["text"];
    if (path.starts_with("./")) path.erase(0, 2);
    if (!nul.contains(path)) {
      std::ifstream in(directory + "/" + path, std::ios::binary);
      std::ostringstream bytes;
      bytes << in.rdbuf();
      const std::string text = bytes.str();
      const std::size_t at = text.find('\0');
      // ripgrep counts offsets after a UTF-8 mark.
      const std::size_t mark = text.starts_with("\xef\xbb\xbf") ? 3 : 0;
      nul[path] =
          at == std::string::npos
              ? at
              : (at == 0 ? 0 : text.rfind('\n', at) + 1 - std::min(mark, text.rfind('\n', at) + 1));
    }
    if (data["absolute_offset"].get<std::size_t>() >= nul[path]) continue;
    // One event may hold several lines (multiline).
    std::uint64_t number = data["line_number"];
    std::istringstream parts(data["lines"]["text"].get<std::string>());
    for (std::string part; std::getline(parts, part); ++number) {
      if (part.ends_with('\r')) part.pop_back();
      if (part.size() > 400) part = "(long)";
      out.push_back(path + ":" + std::to_string(number) + ":" + part);
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace remit::test
