// Cost of the one way in: decide() by itself, and Access.open of a 1 KiB file with its ledger row,
// beside a plain open of the same file. Prints one JSON row per measurement.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/redaction.h"
#include "memory/ledger.h"
#include "memory/state.h"
#include "memory/store.h"
#include "policy/access_factory.h"
#include "policy/decide.h"

namespace {

using namespace remit;

double cpu_us() {
  struct rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const struct timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

policy::Remit sample_remit(const std::string& workspace, const std::string& memory_root) {
  const policy::Origin origin{"persona.md", 4, 8};
  policy::Remit remit;
  remit.slug = "bench";
  remit.tools.push_back({"Read", origin});
  remit.roots.push_back({workspace, true, true, origin});
  remit.memory_root = memory_root;
  remit.tools_line = remit.memory_heading = remit.collaboration_heading = origin;
  for (const char* glob : {"**/.env*", "**/.git/hooks/**", "**/.claude/**"}) {
    auto rule = policy::make_path_rule(glob, origin);
    if (!rule) std::abort();
    remit.read_denied.push_back(*rule);
  }
  return remit;
}

template <class F>
double each(int count, F&& call) {
  const double before = cpu_us();
  for (int i = 0; i < count; ++i) call();
  return (cpu_us() - before) / count;
}

void row(const char* name, double ours, const char* peer_name, double peer) {
  std::printf(
      "{\"name\":\"%s\",\"ours\":%.2f,\"peer_name\":\"%s\",\"peer\":%.2f,\"unit\":\"us\",\"ratio\":"
      "%.2f,\"same\":true}\n",
      name, ours, peer_name, peer, ours > 0 ? peer / ours : 0);
}

}  // namespace

int main() {
  std::string base = "/tmp/remit-access-bench-XXXXXX";
  if (::mkdtemp(base.data()) == nullptr) return 1;
  std::filesystem::create_directories(base + "/ws/logs");
  std::filesystem::create_directories(base + "/memory");
  const std::string file = base + "/ws/logs/a.log";
  const Fd out(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!fs::write_all(out.get(), std::string(1024, 'x'))) return 1;
  auto state = memory::State::open({base + "/state", {base + "/ws"}}, system_clock());
  auto memory_root = fs::open_root(base + "/memory");
  if (!state || !memory_root) return 1;
  {
    memory::Ledger ledger(**state);
    auto store = memory::open_file_store(**state, std::move(*memory_root));
    const Redactor redactor(std::string(32, 'k'));
    const policy::Remit remit = sample_remit(base + "/ws", base + "/memory");
    policy::AccessParts parts;
    parts.remit = &remit;
    parts.principal = {"uid:0", "bench", "inst_1", "s"};
    parts.state = state->get();
    parts.ledger = &ledger;
    parts.store = store->get();
    parts.redactor = &redactor;
    parts.clock = &system_clock();
    auto access = policy::make_access(parts);
    if (!access) return 1;
    policy::Action action;
    action.tool = "Read";
    action.space = policy::Space::workspace;
    action.path = "logs/a.log";
    const double decided = each(500'000, [&] {
      if (!policy::decide(remit, parts.principal, action).allowed()) std::abort();
    });
    const double plain = each(50'000, [&] {
      const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
      if (!fd) std::abort();
    });
    const policy::CallScope call{"01KA7Y5W0Z3T8N6Q4M2P1R9S7V", "Read"};
    const double opened = each(20'000, [&] {
      if (!(*access)->open(call, "logs/a.log")) std::abort();
    });
    row("access.decide", decided, "plain open", plain);
    row("access.open_with_ledger", opened, "plain open", plain);
  }
  std::filesystem::remove_all(base);
  return 0;
}
