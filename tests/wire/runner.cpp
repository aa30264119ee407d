// Plays a transcript against a server on stdio:  wire_runner SERVER TRANSCRIPT [RECORD]
// RECORD, a file, gets what was said: a JSON array per line, ["sent", BYTES] or ["got", LINE].
//
//   # comment; the first may say `# args: --flag value` for the server's command line
//   > TEXT          sent as one line, ${NAME} replaced by what was captured
//   < JSON          the next message must match: members not named are free, key order too;
//                   "*" matches anything, "*re:ERE" a string by POSIX regular expression,
//                   "*get:NAME:ERE" too, and keeps its first group; "!absent": no such member
//   << JSON         the same, but any message that is waiting may be the one (parallel answers)
//   ~ 200ms         bound for the next answer (3000ms otherwise)
//   ! wait 100ms            ! quiet 300ms (no message arrives)    ! eof (closes stdin)
//   ! signal TERM           ! exit 0 within 500ms                 ! exit-after 100ms (not before)
//   ! repeat N TEXT         sends TEXT N times, %d is the number
//   ! fill N                sends N bytes 'x' without a newline    ! raw HEX  sends bytes
//   ! alive                 the process still runs                ! rss-below 64 (MiB, peak)
// Exit code 0: it went as written; 1: it did not (file:line, what came instead).
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "base/json.h"

namespace {

using remit::Json;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

[[noreturn]] void die(const std::string& where, const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", where.c_str(), what.c_str());
  std::exit(1);
}

milliseconds parse_ms(const std::string& text) {
  return milliseconds(std::atoi(text.c_str()));
}

class Player {
 public:
  Player(std::string file, const char* record) : file_(std::move(file)) {
    if (record != nullptr) record_.open(record);
  }

  int play(const char* server) {
    std::ifstream in(file_);
    if (!in) die(file_, "cannot be read");
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    std::vector<std::string> args;
    for (const std::string& line : lines)
      if (line.rfind("# args: ", 0) == 0) {
        std::istringstream words(line.substr(8));
        for (std::string word; words >> word;) args.push_back(word);
      }
    start(server, args);
    for (line_ = 1; line_ <= lines.size(); ++line_) {
      const std::string& line = lines[line_ - 1];
      if (line.empty() || line[0] == '#') continue;
      const std::string rest = line.size() > 2 ? line.substr(line.find(' ') + 1) : "";
      if (line[0] == '>')
        send(replaced(rest) + "\n");
      else if (line.rfind("<<", 0) == 0)
        expect(rest, true);
      else if (line[0] == '<')
        expect(rest, false);
      else if (line[0] == '~')
        bound_ = parse_ms(rest);
      else if (line[0] == '!')
        effect(rest);
      else
        die(where(), "a line starts with # > < ~ or !");
    }
    finish();
    return 0;
  }

 private:
  std::string where() const { return file_ + ":" + std::to_string(line_); }

  void note(const char* what, const std::string& bytes) {
    if (record_.is_open()) record_ << remit::dump(Json::array({what, bytes})) << "\n";
  }

  void start(const char* server, const std::vector<std::string>& args) {
    int to[2];
    int from[2];
    if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0) die(file_, "no pipe");
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(to[0], 0);
      ::dup2(from[1], 1);
      std::vector<char*> argv{const_cast<char*>(server)};
      for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
      argv.push_back(nullptr);
      ::execv(server, argv.data());
      ::_exit(127);
    }
    ::close(to[0]);
    ::close(from[1]);
    in_ = to[1];
    out_ = from[0];
    ::fcntl(in_, F_SETFL, O_NONBLOCK);
  }

  // Writes all, reading meanwhile: a server that waits for its reader must not stop us.
  void send(const std::string& bytes) {
    note("sent", bytes);
    std::size_t at = 0;
    while (at < bytes.size()) {
      const ssize_t written = ::write(in_, bytes.data() + at, bytes.size() - at);
      if (written > 0) {
        at += static_cast<std::size_t>(written);
        continue;
      }
      if (errno != EAGAIN && errno != EINTR) die(where(), "the server reads no more");
      pollfd room{in_, POLLOUT, 0};
      if (::poll(&room, 1, 10'000) <= 0) die(where(), "the server reads nothing for 10 s");
    }
  }

  // Waits for one more whole message; false at the deadline or end of output.
  bool receive(Clock::time_point deadline) {
    for (;;) {
      if (const auto end = buffer_.find('\n'); end != std::string::npos) {
        const std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        note("got", line);
        auto message = remit::parse_json(line);
        if (!message) die(where(), "the server wrote what is no JSON: " + line);
        waiting_.push_back(std::move(*message));
        return true;
      }
      const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count();
      pollfd ready{out_, POLLIN, 0};
      if (left < 0 || ::poll(&ready, 1, static_cast<int>(left) + 1) <= 0) return false;
      char chunk[65536];
      const ssize_t got = ::read(out_, chunk, sizeof chunk);
      if (got <= 0) return false;
      buffer_.append(chunk, static_cast<std::size_t>(got));
    }
  }

  void expect(const std::string& text, bool any) {
    const auto wanted = remit::parse_json(replaced(text));
    if (!wanted) die(where(), "what is expected is no JSON: " + wanted.error().message);
    const auto deadline = Clock::now() + bound_;
    bound_ = milliseconds(3000);
    for (std::size_t looked = 0;; ++looked) {
      if (looked == waiting_.size() && !receive(deadline))
        die(where(), waiting_.empty() ? "no answer in time"
                                      : "no such answer; waiting: " + waiting_.front().dump());
      std::string why;
      if (matches(waiting_[looked], *wanted, "", why)) {
        waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(looked));
        return;
      }
      if (!any) die(where(), why + "\n  got " + waiting_.front().dump());
    }
  }

  bool matches(const Json& got, const Json& wanted, const std::string& at, std::string& why) {
    if (wanted.is_string()) {
      const auto& text = wanted.get_ref<const std::string&>();
      if (text == "*") return true;
      if (text.rfind("*re:", 0) == 0) return matches_pattern(got, text.substr(4), "", at, why);
      if (text.rfind("*get:", 0) == 0) {
        const auto colon = text.find(':', 5);
        return matches_pattern(got, text.substr(colon + 1), text.substr(5, colon - 5), at, why);
      }
    }
    if (wanted.is_object() && got.is_object()) {
      for (const auto& [key, value] : wanted.items()) {
        const auto member = got.find(key);
        if (value == "!absent") {
          if (member == got.end()) continue;
          why = at + "/" + key + " should be absent";
          return false;
        }
        if (member == got.end()) {
          why = at + "/" + key + " is missing";
          return false;
        }
        if (!matches(*member, value, at + "/" + key, why)) return false;
      }
      return true;
    }
    if (wanted.is_array() && got.is_array() && wanted.size() == got.size()) {
      for (std::size_t i = 0; i < wanted.size(); ++i)
        if (!matches(got[i], wanted[i], at + "/" + std::to_string(i), why)) return false;
      return true;
    }
    if (got == wanted && got.type() == wanted.type()) return true;
    if (got == wanted && got.is_number_integer() && wanted.is_number_integer()) return true;
    why = at + " is " + got.dump().substr(0, 300) + ", expected " + wanted.dump();
    return false;
  }

  bool matches_pattern(const Json& got, const std::string& pattern, const std::string& name,
                       const std::string& at, std::string& why) {
    regex_t compiled;
    if (::regcomp(&compiled, pattern.c_str(), REG_EXTENDED) != 0)
      die(where(), "bad pattern " + pattern);
    const std::string text = got.is_string() ? got.get<std::string>() : got.dump();
    regmatch_t groups[2];
    const bool found = ::regexec(&compiled, text.c_str(), 2, groups, 0) == 0;
    ::regfree(&compiled);
    if (!found) {
      why = at + " is " + got.dump().substr(0, 300) + ", expected to match " + pattern;
      return false;
    }
    if (!name.empty()) {
      const regmatch_t& group = groups[1].rm_so >= 0 ? groups[1] : groups[0];
      captured_[name] = text.substr(static_cast<std::size_t>(group.rm_so),
                                    static_cast<std::size_t>(group.rm_eo - group.rm_so));
    }
    return true;
  }

  std::string replaced(std::string text) const {
    for (const auto& [name, value] : captured_)
      for (auto at = text.find("${" + name + "}"); at != std::string::npos;
           at = text.find("${" + name + "}"))
        text.replace(at, name.size() + 3, value);
    return text;
  }

  void effect(const std::string& text) {
    std::istringstream words(text);
    std::string what;
    std::string arg;
    words >> what >> arg;
    if (what == "wait") {
      ::usleep(static_cast<useconds_t>(parse_ms(arg).count()) * 1000);
    } else if (what == "quiet") {
      if (!waiting_.empty() || receive(Clock::now() + parse_ms(arg)))
        die(where(), "a message arrived: " + waiting_.front().dump());
    } else if (what == "eof") {
      ::close(in_);
      in_ = -1;
    } else if (what == "signal") {
      ::kill(child_, arg == "TERM" ? SIGTERM : arg == "INT" ? SIGINT : SIGHUP);
    } else if (what == "exit") {
      std::string within;
      std::string time;
      words >> within >> time;
      await_exit(std::atoi(arg.c_str()), parse_ms(time));
    } else if (what == "repeat") {
      std::string message;
      std::getline(words >> std::ws, message);
      std::string all;
      for (int i = 0; i < std::atoi(arg.c_str()); ++i) {
        std::string one = message;
        if (const auto at = one.find("%d"); at != std::string::npos)
          one.replace(at, 2, std::to_string(i));
        all += one + "\n";
      }
      send(all);
    } else if (what == "fill") {
      send(std::string(static_cast<std::size_t>(std::atol(arg.c_str())), 'x'));
    } else if (what == "raw") {
      std::string bytes;
      for (std::size_t i = 0; i + 1 < arg.size(); i += 2)
        bytes += static_cast<char>(std::strtol(arg.substr(i, 2).c_str(), nullptr, 16));
      send(bytes);
    } else if (what == "alive") {
      if (::waitpid(child_, nullptr, WNOHANG) != 0) die(where(), "the server has ended");
    } else if (what == "close-output") {
      ::close(out_);
      out_ = -1;
    } else if (what == "rss-below") {
      check_peak(std::atol(arg.c_str()));
    } else {
      die(where(), "unknown effect " + what);
    }
  }

  void check_peak(long mebibytes) {
    if (kSanitized) return;  // shadow memory is not the server's
    std::ifstream status("/proc/" + std::to_string(child_) + "/status");
    for (std::string line; std::getline(status, line);)
      if (line.rfind("VmHWM:", 0) == 0 && std::atol(line.c_str() + 6) > mebibytes * 1024)
        die(where(), "the server's peak is " + line);
  }

  void await_exit(int code, milliseconds within) {
    const auto deadline = Clock::now() + within;
    int status = 0;
    while (::waitpid(child_, &status, WNOHANG) == 0) {
      if (Clock::now() >= deadline) die(where(), "the server still runs");
      ::usleep(2000);
    }
    child_ = -1;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
      die(where(), "the server ended with wait status " + std::to_string(status));
  }

  // Every transcript ends with the end of input and a clean exit; no message may be left.
  void finish() {
    if (in_ >= 0) ::close(in_);
    if (child_ > 0) await_exit(0, milliseconds(2000));
    if (out_ >= 0)
      while (receive(Clock::now() + milliseconds(50))) {
      }
    if (!waiting_.empty()) die(file_, "a message too many: " + waiting_.front().dump());
  }

  const std::string file_;
  std::ofstream record_;
  std::size_t line_ = 0;
  pid_t child_ = -1;
  int in_ = -1, out_ = -1;
  milliseconds bound_{3000};
  std::string buffer_;
  std::deque<Json> waiting_;
  std::map<std::string, std::string> captured_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    std::fprintf(stderr, "usage: wire_runner SERVER TRANSCRIPT [RECORD]\n");
    return 2;
  }
  ::signal(SIGPIPE, SIG_IGN);
  return Player(argv[2], argc == 4 ? argv[3] : nullptr).play(argv[1]);
}
