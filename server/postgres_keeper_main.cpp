// remit-postgres: the keeper of documents in PostgreSQL beside a server (memory/postgres_keeper.h).
// Started by Remit alone: the URL, and the numbers of its channels.
#include <fcntl.h>
#include <sys/prctl.h>

#include <charconv>
#include <cstdio>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "memory/postgres_keeper.h"

int main(int argc, char** argv) {
  using namespace remit;
  constexpr int kUsage = 2;
  log::start(log::Level::info);
  const auto refuse = [] {
    std::fputs("remit-postgres is started by remit alone (--memory postgresql://…)\n", stderr);
    return kUsage;
  };
  if (argc != 3) return refuse();
  const auto url = memory::parse_postgres_url(argv[1]);
  std::vector<Fd> channels;
  for (const std::string_view number : split(argv[2], ',')) {
    int fd = -1;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), fd);
    if (error != std::errc() || end != number.data() + number.size() || fd < 3 ||
        ::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
      return refuse();
    channels.emplace_back(fd);
  }
  if (!url) return refuse();
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::prctl(PR_SET_DUMPABLE, 0);  // credentials pass through its memory
  return memory::serve_channels(*url, system_clock(), std::move(channels));
}
