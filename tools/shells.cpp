#include "tools/shells.h"

#include <algorithm>
#include <system_error>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"

namespace remit::tools {

struct Shells::Shell {
  std::mutex mutex;
  std::string kept;           // the last kOutputKept bytes
  std::uint64_t total = 0;    // bytes printed so far
  std::uint64_t read_to = 0;  // where the last read ended
  ShellState end;             // running until the thread is done
  std::uint64_t number = 0;   // in the order of their start
  std::jthread thread;        // last: joined before the rest goes
};

Shells::~Shells() {
  std::map<std::string, std::shared_ptr<Shell>> shells;
  {
    const std::lock_guard lock(mutex_);
    shells.swap(shells_);
  }
  for (auto& [id, shell] : shells) shell->thread.request_stop();
  for (auto& [id, shell] : shells) {
    if (shell->thread.joinable()) shell->thread.join();
  }
}

std::size_t Shells::count_running() {
  std::size_t running = 0;
  for (auto& [known, other] : shells_) {
    const std::lock_guard one(other->mutex);
    running += other->end.running ? 1u : 0u;
  }
  return running;
}

std::size_t Shells::running() {
  const std::lock_guard lock(mutex_);
  return count_running();
}

Result<std::string> Shells::start(policy::Access& access, const policy::CallScope& call,
                                  policy::SpawnRequest request) {
  auto shell = std::make_shared<Shell>();
  const std::string id = random_hex(16);
  {
    const std::lock_guard lock(mutex_);
    const std::size_t running = count_running();
    if (running >= limits::kBackgroundShells) {
      return fail(
          ErrorKind::unavailable,
          std::to_string(running) + " background shells are running; end one with KillShell", {},
          "busy");
    }
    // Ended ones stay readable until as many again have been started; the oldest goes first.
    while (shells_.size() >= 2 * limits::kBackgroundShells) {
      auto oldest = shells_.end();
      for (auto at = shells_.begin(); at != shells_.end(); ++at) {
        const std::lock_guard one(at->second->mutex);
        if (at->second->end.running) continue;
        if (oldest == shells_.end() || at->second->number < oldest->second->number) oldest = at;
      }
      if (oldest == shells_.end()) break;
      shells_.erase(oldest);
    }
    shell->number = ++started_;
    shells_.emplace(id, shell);
  }
  request.background = true;
  Shell* const raw = shell.get();
  const auto run = [this, raw, &access, call, request](std::stop_token stop) {
    try {
      const auto sink = [raw](policy::Stream, std::string_view bytes) {
        const std::lock_guard lock(raw->mutex);
        raw->total += bytes.size();
        raw->kept += bytes;
        if (raw->kept.size() > 2 * limits::kOutputKept) {
          raw->kept.erase(0, raw->kept.size() - limits::kOutputKept);
        }
      };
      auto outcome = access.spawn(call, request, sink, stop);
      ShellState end;
      end.running = false;
      if (!outcome) {
        end.error = outcome.error().message;
      } else {
        auto report = policy::apply_changes(access, sets_, call, *outcome);
        if (report) {
          end.report = std::move(*report);
        } else {
          end.error = report.error().message;
        }
        outcome->changes.clear();
        end.outcome = std::move(*outcome);
      }
      const std::lock_guard lock(raw->mutex);
      raw->end = std::move(end);
    } catch (...) {
      const std::lock_guard lock(raw->mutex);
      raw->end.running = false;
      raw->end.error = "the background shell failed: out of memory or an internal error";
    }
  };
  try {
    shell->thread = std::jthread(run);
  } catch (const std::system_error& error) {
    const std::lock_guard lock(mutex_);
    shells_.erase(id);
    return fail(ErrorKind::unavailable,
                std::string("no thread for a background shell (") + error.code().message() +
                    "); end another one or run the command in the foreground",
                {}, "busy");
  }
  return id;
}

Result<std::shared_ptr<Shells::Shell>> Shells::find(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto at = shells_.find(id);
  if (at == shells_.end()) {
    return fail(ErrorKind::not_found, "no background shell " + escape_ascii(id.substr(0, 64)), {},
                "not_found");
  }
  return at->second;
}

ShellState Shells::state_of(Shell& shell, std::optional<std::uint64_t> from) {
  const std::lock_guard lock(shell.mutex);
  ShellState out = shell.end;
  const std::uint64_t oldest = shell.total - shell.kept.size();
  std::uint64_t at = std::min(from.value_or(shell.read_to), shell.total);
  if (at < oldest) {
    out.skipped = oldest - at;
    at = oldest;
  }
  out.output = shell.kept.substr(static_cast<std::size_t>(at - oldest));
  out.next = shell.total;
  shell.read_to = shell.total;
  return out;
}

Result<ShellState> Shells::read(const std::string& id, std::optional<std::uint64_t> from) {
  TRY(const std::shared_ptr<Shell> shell, find(id));
  return state_of(*shell, from);
}

Result<ShellState> Shells::kill(const std::string& id) {
  TRY(const std::shared_ptr<Shell> shell, find(id));
  {
    // Whoever takes it out of the map joins it; a second kill finds nothing.
    const std::lock_guard lock(mutex_);
    if (shells_.erase(id) == 0) {
      return fail(ErrorKind::not_found, "the background shell has just been ended", {},
                  "not_found");
    }
  }
  shell->thread.request_stop();
  if (shell->thread.joinable()) shell->thread.join();
  return state_of(*shell, std::nullopt);
}

}  // namespace remit::tools
