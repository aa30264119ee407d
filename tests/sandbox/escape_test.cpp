// Attempts to get out of a slot, to look past its view, or to leave something on the host.
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <doctest/doctest.h>

#include "tests/sandbox/fixture.h"

namespace remit::sandbox::test {

namespace {

struct Attempt {
  const char* name;
  const char* script;
  const char* must_print;  // part of stdout
};

// Each prints "no" (or what is given) when the attempt failed; "GOT" would be a leak.
const Attempt kAttempts[] = {
    {"shadow", "cat /etc/shadow >/dev/null 2>&1 && echo GOT || echo no", "no"},
    {"gshadow", "[ -e /etc/gshadow ] && echo GOT || echo no", "no"},
    {"host accounts", "grep -q ^root: /etc/passwd && echo GOT || echo no", "no"},
    {"ssh configuration", "[ -e /etc/ssh ] && echo GOT || echo no", "no"},
    {"private keys", "[ -e /etc/ssl/private ] && echo GOT || echo no", "no"},
    {"sudoers", "[ -e /etc/sudoers ] && echo GOT || echo no", "no"},
    {"machine id", "[ -e /etc/machine-id ] && echo GOT || echo no", "no"},
    {"resolver", "[ -e /etc/resolv.conf ] && echo GOT || echo no", "no"},
    {"root's home", "[ -e /root ] && echo GOT || echo no", "no"},
    {"homes", "[ -e /home ] && echo GOT || echo no", "no"},
    {"run", "[ -e /run ] || [ -e /var/run ] && echo GOT || echo no", "no"},
    {"sysfs", "[ -e /sys ] && echo GOT || echo no", "no"},
    {"opt and srv", "[ -e /opt ] || [ -e /srv ] && echo GOT || echo no", "no"},
    {"state directory", "ls ../state 2>/dev/null && echo GOT || echo no", "no"},
    {"siblings of the workspace", "ls .. | tr '\\n' ' '", "work space "},
    {"block devices", "ls /dev | tr '\\n' ' '",
     "fd full null random shm stderr stdin stdout urandom zero "},
    {"write to usr", "(echo x > /usr/bin/x) 2>/dev/null && echo GOT || echo no", "no"},
    {"write to etc", "(echo x >> /etc/passwd) 2>/dev/null && echo GOT || echo no", "no"},
    {"write to the root", "(echo x > /x) 2>/dev/null && echo GOT || echo no", "no"},
    {"write beside the workspace", "(echo x > ../x) 2>/dev/null && echo GOT || echo no", "no"},
    {"new folder in the root", "mkdir /x 2>/dev/null && echo GOT || echo no", "no"},
    {"core_pattern",
     "(echo '|/tmp/x' > /proc/sys/kernel/core_pattern) 2>/dev/null && echo GOT || echo no", "no"},
    {"modprobe path", "(echo x > /proc/sys/kernel/modprobe) 2>/dev/null && echo GOT || echo no",
     "no"},
    {"sysrq", "(echo b > /proc/sysrq-trigger) 2>/dev/null && echo GOT || echo no", "no"},
    {"own id map", "(echo 0 0 1 > /proc/self/uid_map) 2>/dev/null && echo GOT || echo no", "no"},
    {"oom score", "(echo -1000 > /proc/self/oom_score_adj) 2>/dev/null && echo GOT || echo no",
     "no"},
    {"kernel memory", "head -c1 /proc/kcore 2>/dev/null | grep -q . && echo GOT || echo no", "no"},
    {"init's environment", "cat /proc/1/environ 2>/dev/null | grep -q . && echo GOT || echo no",
     "no"},
    {"init's memory", "cat /proc/1/maps 2>/dev/null | grep -q . && echo GOT || echo no", "no"},
    {"init's descriptors", "ls /proc/1/fd 2>/dev/null | grep -q . && echo GOT || echo no", "no"},
    {"init's root", "ls /proc/1/root/ 2>/dev/null | grep -q . && echo GOT || echo no", "no"},
    {"other processes",
     "for p in /proc/[0-9]*; do [ -d $p ] && echo ${p##*/}; done | wc -l | { read n; [ $n -le 5 ] "
     "&& echo few; }",
     "few"},
    {"kill init", "kill -9 1 2>/dev/null; kill -TERM 1 2>/dev/null; echo alive", "alive"},
    {"network devices", "cut -d: -f1 /proc/net/dev 2>/dev/null | tail -n +3 | tr -d ' \\n'", "lo"},
    {"tcp", "(: < /dev/tcp/127.0.0.1/22) 2>&1 | grep -o 'not permitted'", "not permitted"},
    {"udp", "(: < /dev/udp/127.0.0.1/53) 2>&1 | grep -o 'not permitted'", "not permitted"},
    {"hostname", "cat /proc/sys/kernel/hostname", "remit"},
    {"setuid by chmod", "cp /usr/bin/id x; chmod 4755 x 2>/dev/null && echo GOT || echo no", "no"},
    {"setgid folder", "mkdir g; chmod g+s g 2>/dev/null && echo GOT || echo no", "no"},
    {"sudo", "(sudo -n id || su -c id) >/dev/null 2>&1 && echo GOT || echo no", "no"},
    {"symlink out", "ln -s /etc/shadow s; cat s 2>/dev/null && echo GOT || echo no", "no"},
    {"symlink planted on the host", "cat planted 2>/dev/null && echo GOT || echo no", "no"},
    {"dot-dot out", "cat ../../../../../../root/.bashrc 2>/dev/null && echo GOT || echo no", "no"},
    {"masked file", "wc -c < .env", "0"},
    {"masked file replaced",
     "(rm -f .env || mv .env e || echo x > .env) 2>/dev/null && echo GOT || echo no", "no"},
    {"masked file linked", "ln .env e 2>/dev/null && cat e | grep -q . && echo GOT || echo no",
     "no"},
    {"masked symlink", "cat secret-link 2>/dev/null | wc -c", "0"},
    {"masked folder", "ls -A private | wc -l", "0"},
    {"terminal", "(: < /dev/tty) 2>/dev/null && echo GOT || echo no", "no"},
    {"stdin", "cat | wc -c", "0"},
    {"open descriptors", "ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 "},
    {"environment", "cat /proc/$$/environ | tr '\\0' '\\n' | sed 's/=.*//' | sort | tr '\\n' ' '",
     "HOME LANG PATH "},
    {"tmp is private", "ls -A /tmp | grep -v remit-sandbox | wc -l", "0"},
    {"ipc", "cat /proc/sysvipc/shm | wc -l", "1"},
    {"keys of the same user", "cat /proc/keys /proc/key-users | wc -c", "0"},
    {"groups", "id -G | wc -w", "1"},
};

struct Call {
  const char* name;
  const char* answer;
};
const Call kCalls[] = {
    {"clone3", "ENOSYS"},
    {"openat2", "ENOSYS"},
    {"io_uring_setup", "ENOSYS"},
    {"unknown", "ENOSYS"},
    {"ptrace", "EPERM"},
    {"process_vm_readv", "EPERM"},
    {"kcmp", "EPERM"},
    {"pidfd_getfd", "EPERM"},
    {"perf_event_open", "EPERM"},
    {"bpf", "EPERM"},
    {"userfaultfd", "EPERM"},
    {"unshare_user", "EPERM"},
    {"unshare_mount", "EPERM"},
    {"setns", "EPERM"},
    {"clone_newuser", "EPERM"},
    {"clone_newnet_high", "EPERM"},
    {"mount", "EPERM"},
    {"umount2", "EPERM"},
    {"pivot_root", "EPERM"},
    {"chroot", "EPERM"},
    {"open_tree", "EPERM"},
    {"move_mount", "EPERM"},
    {"fsopen", "EPERM"},
    {"mount_setattr", "EPERM"},
    {"init_module", "EPERM"},
    {"kexec_load", "EPERM"},
    {"reboot", "EPERM"},
    {"swapon", "EPERM"},
    {"syslog", "EPERM"},
    {"clock_settime", "EPERM"},
    {"sethostname", "EPERM"},
    {"quotactl", "EPERM"},
    {"add_key", "EPERM"},
    {"request_key", "EPERM"},
    {"keyctl", "EPERM"},
    {"open_by_handle_at", "EPERM"},
    {"name_to_handle_at", "EOPNOTSUPP"},
    {"statmount", "ENOSYS"},
    {"listmount", "ENOSYS"},
    {"lease", "EPERM"},
    {"personality_read", "ok"},
    {"personality_no_randomize", "EPERM"},
    {"seccomp_listener", "EPERM"},
    {"memfd_secret", "EPERM"},
    {"tiocsti", "EPERM"},
    {"tiocsti_high", "EPERM"},
    {"tioclinux", "EPERM"},
    {"realtime", "EPERM"},
    {"sched_setattr", "EPERM"},
    {"priority", "EPERM"},
    {"setxattr", "EOPNOTSUPP"},
    {"setxattrat", "EOPNOTSUPP"},
    {"file_setattr", "EOPNOTSUPP"},
    {"fchmod_setuid", "EPERM"},
    {"fchmodat_setgid", "EPERM"},
    {"fchmodat2_setuid", "EPERM"},
    {"openat_setuid", "EPERM"},
    {"tmpfile_setuid", "EPERM"},
    {"openat_garbage_mode", "ok"},
    {"mkdirat_setgid", "EPERM"},
    {"mknodat_setuid", "EPERM"},
    {"mknodat_device", "EPERM"},
    {"mknodat_whiteout", "EPERM"},
    {"mkfifo", "ok"},
    {"socketpair_datagram", "EPERM"},
    {"socketpair_family5", "EPERM"},
    {"socketpair_stream", "ok"},
    {"setuid_root", "EINVAL"},
#if defined(__x86_64__)
    {"open_setuid", "EPERM"},
    {"creat_setuid", "EPERM"},
    {"chmod_setuid", "EPERM"},
    {"mknod_setuid", "EPERM"},
#endif
};

constexpr int kFamilies = 46;  // AF_MAX of Linux 6.18

}  // namespace

TEST_CASE("what a command must not reach, it does not reach") {
  World world;
  world.write("work space/.env", "TOKEN=1\n");
  world.write("work space/real-secret", "TOKEN=2\n");
  world.write("work space/private/key", "k\n");
  std::filesystem::create_symlink("/etc/shadow", world.workspace + "/planted");
  std::filesystem::create_symlink("real-secret", world.workspace + "/secret-link");
  world.start();
  const std::string before = world.tree_hash();
  for (const Attempt& attempt : kAttempts) {
    CAPTURE(std::string(attempt.name));
    policy::SpawnPlan plan = world.plan(attempt.script);
    plan.view.masks = {".env", "secret-link", "private", "not-there"};
    const Ran ran = world.run(plan);
    CAPTURE(ran.err);
    CAPTURE(ran.out);
    CHECK(ran.out.find(attempt.must_print) != std::string::npos);
    CHECK(ran.out.find("GOT") == std::string::npos);
  }
  CHECK(world.tree_hash() == before);
}

TEST_CASE("refused system calls are refused with the errno of the table") {
  World world;
  std::filesystem::copy_file(helper_program(), world.workspace + "/call");
  const std::string before = world.tree_hash();
  std::string script = "./call";
  std::string expected;
  for (const Call& call : kCalls) {
    script += std::string(" ") + call.name;
    expected += std::string(call.name) + " " + call.answer + "\n";
  }
  const Ran ran = world.run(script);
  CHECK(ran.out == expected);
  for (const policy::Change& change : ran.outcome.changes) CHECK((change.mode & 06000) == 0);
  CHECK(world.tree_hash() == before);
}

TEST_CASE("no socket of any family can be made") {
  World world;
  std::filesystem::copy_file(helper_program(), world.workspace + "/call");
  std::string script = "./call";
  for (int family = 0; family < kFamilies; ++family) script += " socket:" + std::to_string(family);
  const Ran ran = world.run(script + " | grep -vc EPERM");
  CHECK(ran.out == "0\n");
}

#if defined(__x86_64__)
TEST_CASE("a foreign architecture's call kills the process") {
  World world;
  std::filesystem::copy_file(helper_program(), world.workspace + "/call");
  CHECK(world.run("./call x32 2>/dev/null; echo $?").out == "159\n");  // 128 + SIGSYS
  CHECK(world.run("./call int80 2>/dev/null; echo $?").out == "159\n");
}
#endif

TEST_CASE("the server's descriptors and environment do not reach a command") {
  World world;
  const int leaked = memfd_create("leaked", 0);  // inheritable on purpose
  REQUIRE(leaked >= 0);
  REQUIRE(write(leaked, "descriptor secret", 17) == 17);
  setenv("REMIT_TEST_SECRET", "environment secret", 1);
  world.start();
  const Ran ran = world.run(
      "cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n'; "
      "for fd in /proc/*/fd/*; do [ -f \"$fd\" ] && head -c 100 \"$fd\"; readlink \"$fd\"; done");
  unsetenv("REMIT_TEST_SECRET");
  close(leaked);
  CHECK(ran.out.find("secret") == std::string::npos);
  CHECK(ran.out.find("leaked") == std::string::npos);
}

TEST_CASE("of Agent_Memory only the readable documents exist") {
  World world;
  world.write("work space/Agent_Memory/mine/notes.yaml", "a: 1\n");
  world.write("work space/Agent_Memory/other/secret.yaml", "s: 1\n");
  world.write("work space/plain", "p\n");
  const std::string before = world.tree_hash();
  policy::SpawnPlan plan = world.plan(
      "find Agent_Memory -type f; cat Agent_Memory/mine/notes.yaml; "
      "cat Agent_Memory/other/secret.yaml 2>&1 | grep -o 'No such file'; "
      "test -x /usr/bin/python3 && /usr/bin/python3 -c \"open('Agent_Memory/other/secret.yaml')\" "
      "2>&1 "
      "| grep -o FileNotFoundError; "
      "echo b: 2 >> Agent_Memory/mine/notes.yaml; mkdir -p Agent_Memory/new; "
      "echo n > Agent_Memory/new/file; echo o > Agent_Memory/top");
  plan.view.memory = world.memory;
  plan.view.memory_documents = {"mine/notes.yaml", "mine/gone.yaml"};
  const Ran ran = world.run(plan);
  CHECK(ran.out.find("Agent_Memory/mine/notes.yaml\na: 1\nNo such file\n") == 0);
  CHECK(ran.out.find("s: 1") == std::string::npos);
  if (access("/usr/bin/python3", X_OK) == 0)
    CHECK(ran.out.find("FileNotFoundError") != std::string::npos);
  const auto* modified = ran.change(world.memory + "/mine/notes.yaml");
  REQUIRE(modified != nullptr);
  CHECK(modified->kind == policy::ChangeKind::modify);
  CHECK(modified->content == "a: 1\nb: 2\n");
  REQUIRE(ran.change(world.memory + "/new/file") != nullptr);
  CHECK(ran.change(world.memory + "/new/file")->kind == policy::ChangeKind::create);
  REQUIRE(ran.change(world.memory + "/new") != nullptr);
  CHECK(ran.change(world.memory + "/new")->kind == policy::ChangeKind::mkdir);
  CHECK(ran.change(world.memory + "/top") != nullptr);
  CHECK(ran.outcome.changes.size() == 4);
  CHECK(ran.outcome.lost.empty());
  CHECK(world.tree_hash() == before);
}

TEST_CASE("Agent_Memory outside the workspace is read-only and as narrow") {
  World world;
  world.write("memory/mine.yaml", "m\n");
  world.write("memory/sub/other.yaml", "secret\n");
  policy::SpawnPlan plan = world.plan(
      "cd ../memory && find . -type f && cat mine.yaml; (echo x >> mine.yaml) 2>/dev/null || echo "
      "no; "
      "echo new > made.yaml; pwd");
  plan.view.memory = world.root + "/memory";
  plan.view.memory_documents = {"mine.yaml"};
  const Ran ran = world.run(plan);
  CHECK(ran.out == "./mine.yaml\nm\nno\n" + world.root + "/memory\n");
  REQUIRE(ran.outcome.changes.size() == 1);
  CHECK(ran.outcome.changes[0].path == world.root + "/memory/made.yaml");
  CHECK(ran.outcome.cwd == world.root + "/memory");
}

TEST_CASE("a log root is readable, not writable, and shows nothing beside it") {
  World world;
  world.write("logs/app.log", "line\n");
  policy::SpawnPlan plan = world.plan(
      "cat ../logs/app.log; (echo x >> ../logs/app.log || rm -f ../logs/app.log || touch "
      "../logs/n) "
      "2>/dev/null && echo GOT; ls ..");
  plan.view.read_only_roots = {world.logs, world.root + "/not-there"};
  const Ran ran = world.run(plan);
  CHECK(ran.out == "line\nlogs\nwork space\n");
  CHECK(world.read("logs/app.log") == "line\n");
}

TEST_CASE("a set-id file of the host has no power inside") {
  World world;
  std::filesystem::copy_file("/usr/bin/id", world.workspace + "/id");
  REQUIRE(chmod((world.workspace + "/id").c_str(), 06755) == 0);
  const Ran ran = world.run("./id -u; ./id -ru; /usr/bin/id -u");
  CHECK(ran.out.substr(0, ran.out.find('\n')) == std::to_string(geteuid()));
  const Ran status = world.run("cp ./id copy; stat -c %a copy");
  CHECK(status.out == "755\n");
}

TEST_CASE("plans that would undo the view are refused") {
  World world;
  world.start();
  for (const char* root :
       {"/", "/proc", "/dev/shm", "/sys/kernel", "/usr", "/etc", "relative", "/a/../b"}) {
    CAPTURE(std::string(root));
    policy::SpawnPlan plan = world.plan("true");
    plan.view.workspace = root;
    CHECK_FALSE(world.try_run(plan).has_value());
    plan = world.plan("true");
    plan.view.read_only_roots = {root};
    CHECK_FALSE(world.try_run(plan).has_value());
    plan = world.plan("true");
    plan.view.memory = root;
    CHECK_FALSE(world.try_run(plan).has_value());
  }
  for (const char* relative : {"../x", "/x", "a/../b", ""}) {
    CAPTURE(std::string(relative));
    policy::SpawnPlan plan = world.plan("true");
    plan.view.masks = {relative};
    CHECK_FALSE(world.try_run(plan).has_value());
  }
  policy::SpawnPlan linked = world.plan("true");
  std::filesystem::create_directory_symlink(world.logs, world.root + "/link");
  linked.view.workspace = linked.cwd = world.root + "/link";
  CHECK_FALSE(world.try_run(linked).has_value());
}

TEST_CASE("the gate is asked in the starter before every command") {
  World world;
  StarterOptions options;
  options.gate = [seen = 0](const policy::SpawnPlan& plan,
                            const policy::SpawnPlace&) mutable -> Result<void> {
    if (plan.authority.approval_id == "good" && ++seen == 1) return {};
    return fail(ErrorKind::denied, "approval '" + plan.authority.approval_id + "' does not count");
  };
  world.start(options);
  policy::SpawnPlan plan = world.plan("echo ran");
  const auto refused = world.try_run(plan);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == ErrorKind::denied);
  CHECK(refused.error().message == "approval '' does not count");
  plan.authority.approval_id = "good";
  CHECK(world.run(plan).out == "ran\n");
  CHECK_FALSE(world.try_run(plan).has_value());  // its state lives on: used once
}

TEST_CASE("the lock on files is a second one at every Landlock ABI") {
  for (const int abi : {1, 2, 3, 4, 6}) {
    CAPTURE(abi);
    World world;
    StarterOptions options;
    options.landlock_abi_max = abi;
    world.start(options);
    CHECK(world.spawner().report().tier == policy::Tier::t1);
    CHECK(world.spawner().report().landlock_abi == abi);
    CHECK(world.run("echo a > f; mkdir -p d; mv f d/g; : > d/g; echo b > d/g; cat d/g").out ==
          "b\n");
  }
  World world;
  StarterOptions options;
  options.landlock_abi_max = 0;
  world.start(options);
  CHECK(world.spawner().report().tier == policy::Tier::t3);
  const auto refused = world.try_run(world.plan("true"));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == "sandbox_unavailable");
}

}  // namespace remit::sandbox::test
