#include "memory/state.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "base/crypto.h"
#include "tests/memory/scratch.h"

namespace remit::memory {
namespace {

Error refused(const StateOptions& options) {
  auto state = State::open(options, system_clock());
  REQUIRE(!state);
  CHECK(state.error().message.find('\n') == std::string::npos);
  return state.error();
}

TEST_CASE("the directory is made private, with its missing parents") {
  const Scratch scratch;
  auto state = State::open({scratch.at("a/b/state"), {}}, system_clock());
  REQUIRE(state);
  struct stat st{};
  REQUIRE(::stat(scratch.at("a/b/state").c_str(), &st) == 0);
  CHECK((st.st_mode & 0777) == 0700);
  CHECK((*state)->directory() == scratch.at("a/b/state"));
}

TEST_CASE("a directory that others may enter, a symlink or a relative path is refused") {
  const Scratch scratch;
  REQUIRE(::mkdir(scratch.at("open").c_str(), 0755) == 0);
  CHECK(refused({scratch.at("open"), {}}).kind == ErrorKind::unavailable);
  REQUIRE(::mkdir(scratch.at("real").c_str(), 0700) == 0);
  REQUIRE(::symlink("real", scratch.at("link").c_str()) == 0);
  CHECK(refused({scratch.at("link"), {}}).kind == ErrorKind::unavailable);
  CHECK(refused({scratch.at("link/state"), {}}).kind == ErrorKind::unavailable);
  spew(scratch.at("file"), "x");
  CHECK(refused({scratch.at("file"), {}}).kind == ErrorKind::unavailable);
  CHECK(refused({"relative/state", {}}).kind == ErrorKind::invalid_argument);
  CHECK(refused({scratch.at("real/../real"), {}}).kind == ErrorKind::invalid_argument);
  CHECK(!std::filesystem::exists(scratch.at("real/state.db")));
}

TEST_CASE("a directory of another user is refused") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: only root can give a directory away");
    return;
  }
  const Scratch scratch;
  REQUIRE(::mkdir(scratch.at("theirs").c_str(), 0700) == 0);
  REQUIRE(::chown(scratch.at("theirs").c_str(), 65534, 65534) == 0);
  const Error error = refused({scratch.at("theirs"), {}});
  CHECK(error.kind == ErrorKind::unavailable);
  CHECK(error.message.find("65534") != std::string::npos);
}

TEST_CASE("the directory must lie outside every root, whatever the root is called") {
  const Scratch scratch;
  REQUIRE(::mkdir(scratch.at("root").c_str(), 0700) == 0);
  REQUIRE(::symlink("root", scratch.at("alias").c_str()) == 0);
  CHECK(refused({scratch.at("root/state"), {scratch.at("root")}}).kind ==
        ErrorKind::invalid_argument);
  CHECK(refused({scratch.at("root"), {scratch.at("root")}}).kind == ErrorKind::invalid_argument);
  CHECK(refused({scratch.at("root/state"), {scratch.at("alias")}}).kind ==
        ErrorKind::invalid_argument);
  REQUIRE(::mkdir(scratch.at("state").c_str(), 0700) == 0);
  REQUIRE(::mkdir(scratch.at("state/work").c_str(), 0700) == 0);
  CHECK(refused({scratch.at("state"), {scratch.at("state/work")}}).kind ==
        ErrorKind::invalid_argument);
  CHECK(State::open({scratch.at("state"), {scratch.at("root"), scratch.at("missing")}},
                    system_clock()));
}

TEST_CASE("a key is made once, however many ask for it") {
  const Scratch scratch;
  {
    open_state(scratch, system_clock());
  }
  std::vector<std::string> seen(8);
  {
    std::vector<std::jthread> threads;
    for (std::string& slot : seen) {
      threads.emplace_back([&] {
        auto state = State::open({scratch.at("state"), {}}, system_clock());
        if (state) slot = (*state)->key("etag").value_or("");
      });
    }
  }
  const std::set<std::string> distinct(seen.begin(), seen.end());
  CHECK(distinct.size() == 1);
  CHECK(distinct.begin()->size() == 32);
  auto state = open_state(scratch, system_clock());
  CHECK(state->key("case").value() != state->key("etag").value());
  // The public key is the same whichever is asked for first, and is kept.
  const std::string proves = state->public_key("approval").value();
  CHECK(proves == signing_public_key(state->key("approval").value()));
  CHECK(proves == state->public_key("approval").value());
  CHECK(!state->public_key("../pin"));
  CHECK(!state->key("../pin"));
  struct stat st{};
  REQUIRE(::stat(scratch.at("state/keys/etag").c_str(), &st) == 0);
  CHECK((st.st_mode & 07777) == 0600);
}

TEST_CASE("a key that is readable by others, cut short or a symlink is refused") {
  const Scratch scratch;
  auto state = open_state(scratch, system_clock());
  REQUIRE(state->key("etag"));
  spew(scratch.at("state/keys/short"), "abc");
  REQUIRE(::chmod(scratch.at("state/keys/short").c_str(), 0600) == 0);
  CHECK(state->key("short").error().kind == ErrorKind::unavailable);
  spew(scratch.at("state/keys/open"), std::string(32, 'k'));
  REQUIRE(::chmod(scratch.at("state/keys/open").c_str(), 0644) == 0);
  CHECK(state->key("open").error().kind == ErrorKind::denied);
  REQUIRE(::symlink("etag", scratch.at("state/keys/link").c_str()) == 0);
  CHECK(!state->key("link"));
}

TEST_CASE("name locks exclude threads and die with their process") {
  const Scratch scratch;
  auto state = open_state(scratch, system_clock());
  NameLocks other;
  {
    auto held = NameLocks::take(*state, {"b", "a", "a"});
    REQUIRE(held);
    CHECK(!NameLocks::try_take(*state, {"a"}, other).value());
    CHECK(NameLocks::try_take(*state, {"c"}, other).value());
  }
  CHECK(NameLocks::try_take(*state, {"a", "b"}, other).value());
  other = {};
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    auto mine = State::open({scratch.at("state"), {}}, system_clock());
    auto held = NameLocks::take(**mine, {"a"});
    static_cast<void>(!::write(ready[1], "x", 1));
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK(!NameLocks::try_take(*state, {"a"}, other).value());
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  CHECK(NameLocks::try_take(*state, {"a"}, other).value());
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace remit::memory
