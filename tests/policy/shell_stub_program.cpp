// A command that does nothing but note that it ran: its own name, a line of the file `log` beside
// the folder it lies in. The name is the executable's own, whatever argv[0] and the environment
// say. c3 and c7 fail, so that conditions take both ways.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

int main() {
  std::string path(4096, '\0');
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0) return 125;
  path.resize(static_cast<std::size_t>(length));
  const std::size_t slash = path.rfind('/');
  const std::string line = path.substr(slash + 1) + "\n";
  const std::string log = path.substr(0, path.rfind('/', slash - 1)) + "/log";
  const int out = ::open(log.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (out < 0 || ::write(out, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    return 125;
  return line[1] % 4 == '3' % 4 ? 1 : 0;
}
