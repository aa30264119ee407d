#include "server/cli/terminal.h"

#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "base/limits.h"
#include "memory/pin_rows.h"
#include "server/cli/flags.h"

namespace remit::cli {
namespace {

constexpr std::size_t kLineBytes = 4096;

// Echo off while it lives, whatever way the scope is left.
class NoEcho {
 public:
  NoEcho() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    struct termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    // TCSAFLUSH also throws away what was typed ahead: a prompt is answered by who reads it.
    active_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;
  ~NoEcho() {
    if (active_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  bool active() const { return active_; }

 private:
  struct termios before_{};
  bool active_ = false;
};

Result<std::string> line_from_terminal() {
  std::string line;
  for (;;) {
    char c = 0;
    const ssize_t got = ::read(STDIN_FILENO, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read from the terminal");
    if (got == 0) {
      if (line.empty()) return fail(ErrorKind::cancelled, "no answer was given");
      return line;
    }
    if (c == '\n') return line;
    line += c;
    if (line.size() > kLineBytes) return fail(ErrorKind::too_large, "the answer is too long");
  }
}

}  // namespace

Result<void> need_terminal() {
  if (::isatty(STDIN_FILENO) == 1) return {};
  return fail(ErrorKind::denied,
              "this needs a terminal: a person proves presence here, and a program's standard "
              "input is none",
              {}, "no_terminal");
}

Result<std::string> read_secret(const std::string& prompt) {
  TRY_DO(need_terminal());
  const NoEcho quiet;
  if (!quiet.active())
    return fail(ErrorKind::unavailable, "the terminal's echo cannot be turned off");
  print_error(prompt);
  auto line = line_from_terminal();
  print_error("\n");
  return line;
}

Result<std::string> read_line(const std::string& prompt) {
  TRY_DO(need_terminal());
  print_error(prompt);
  return line_from_terminal();
}

Result<void> prove_presence(memory::State& state) {
  TRY_DO(need_terminal());
  memory::PinRows pins(state);
  TRY(const bool set, pins.is_set());
  if (!set) {
    return fail(ErrorKind::unavailable, "no PIN is set; set one with `remit pin`", {},
                "pin_not_set");
  }
  TRY(const std::string pin, read_secret("PIN: "));
  return pins.check(pin);
}

}  // namespace remit::cli
