#include "base/unfinished.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <thread>

#include <doctest/doctest.h>

#include "tests/within.h"

using namespace remit;

namespace {

namespace stdfs = std::filesystem;

// A folder that is written and the private one beside it, as the state directory has one.
struct House {
  std::string path = "/tmp/remit-unfinished-XXXXXX";
  House() {
    REQUIRE(::mkdtemp(path.data()) != nullptr);
    path = stdfs::canonical(path).string();
    REQUIRE(::mkdir((path + "/tree").c_str(), 0755) == 0);
    REQUIRE(::mkdir((path + "/writing").c_str(), 0700) == 0);
  }
  ~House() { stdfs::remove_all(path); }
  Fd tree() const { return *fs::open_root(path + "/tree"); }
  fs::Unfinished journal() const { return fs::Unfinished(*fs::open_root(path + "/writing")); }
  std::size_t sweep() const {
    auto journal = fs::Unfinished(*fs::open_root(path + "/writing"));
    const auto removed = journal.sweep();
    REQUIRE(removed);
    return *removed;
  }
  bool has(const std::string& name) const {
    return stdfs::exists(stdfs::symlink_status(path + "/" + name));
  }
  bool journals_left() const { return !stdfs::is_empty(path + "/writing"); }
  void put(const std::string& name) const {
    const Fd file(::open((path + "/" + name).c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600));
    REQUIRE(file);
  }
  // Runs `work` in a process that is then killed with -9, as at any moment of a write.
  void killed(const std::function<void(fs::Unfinished&)>& work) const {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      fs::Unfinished journal(*fs::open_root(path + "/writing"));
      work(journal);
      ::raise(SIGKILL);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
  }
};

const std::string kHidden = std::string(fs::kTemporaryPrefix) + "0123456789abcdef01234567";

}  // namespace

TEST_CASE("what a killed writer had not renamed is removed, and nothing else") {
  const House house;
  house.put("tree/mine");
  house.put("tree/.remit-tmp-of-somebody");
  house.killed([&](fs::Unfinished& journal) {
    auto entry = journal.note(house.tree(), kHidden);
    if (entry) house.put("tree/" + kHidden);
    ::raise(SIGKILL);  // before the entry goes
  });
  CHECK(house.has("tree/" + kHidden));
  CHECK(house.sweep() == 1);
  CHECK_FALSE(house.has("tree/" + kHidden));
  CHECK(house.has("tree/mine"));
  CHECK(house.has("tree/.remit-tmp-of-somebody"));
  CHECK_FALSE(house.journals_left());
  CHECK(house.sweep() == 0);
}

TEST_CASE("a half-made folder goes with its files") {
  const House house;
  house.killed([&](fs::Unfinished& journal) {
    auto entry = journal.note(house.tree(), kHidden);
    ::mkdir((house.path + "/tree/" + kHidden).c_str(), 0700);
    house.put("tree/" + kHidden + "/one");
    house.put("tree/" + kHidden + "/two");
    ::raise(SIGKILL);
  });
  CHECK(house.sweep() == 1);
  CHECK_FALSE(house.has("tree/" + kHidden));
}

TEST_CASE("a living writer is left alone") {
  const House house;
  fs::Unfinished journal(*fs::open_root(house.path + "/writing"));
  {
    const auto entry = journal.note(house.tree(), kHidden);
    REQUIRE(entry);
    house.put("tree/" + kHidden);
    CHECK(house.sweep() == 0);
    CHECK(house.has("tree/" + kHidden));
  }
  // Finished: the name is another's from now on.
  CHECK(house.sweep() == 0);
  CHECK(house.has("tree/" + kHidden));
}

TEST_CASE("a replaced file is noted while it is written and not afterwards") {
  const House house;
  house.killed([&](fs::Unfinished& journal) {
    for (int n = 0; n < 100; ++n) {
      (void)fs::replace_file(house.tree(), "f", std::to_string(n), 0600, {}, &journal);
    }
  });
  CHECK(house.journals_left());
  CHECK(house.sweep() == 0);
  CHECK(house.has("tree/f"));
  CHECK_FALSE(house.journals_left());
}

TEST_CASE("killed while it writes: a whole file and, after a sweep, no other") {
  const House house;
  // Large enough that most kills fall between the making of the temporary file and its rename.
  const std::string text(1u << 20, 'x');
  std::size_t swept = 0;
  for (int round = 0; round < 30; ++round) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      fs::Unfinished journal(*fs::open_root(house.path + "/writing"));
      const Fd folder = house.tree();
      for (;;) (void)fs::replace_file(folder, "f", text, 0600, {}, &journal);
    }
    const bool began = within(kPatience, [&] { return house.has("tree/f"); });
    ::usleep(static_cast<useconds_t>(500 * round));
    ::kill(child, SIGKILL);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    REQUIRE(began);
    swept += house.sweep();
    CHECK(*fs::read_file(house.path + "/tree/f", 2u << 20) == text);
    CHECK(std::distance(stdfs::directory_iterator(house.path + "/tree"), {}) == 1);
  }
  CHECK(swept > 0);
}

TEST_CASE("writers at once have a slot each") {
  const House house;
  house.killed([&](fs::Unfinished& journal) {
    std::vector<fs::Unfinished::Entry> entries;
    for (char digit = 'a'; digit <= 'f'; ++digit) {
      const std::string name = std::string(fs::kTemporaryPrefix) + std::string(24, digit);
      auto entry = journal.note(house.tree(), name);
      if (!entry) continue;
      entries.push_back(std::move(*entry));
      house.put("tree/" + name);
    }
    entries.erase(entries.begin() + 2);  // finished under its hidden name: not ours any more
    ::raise(SIGKILL);
  });
  CHECK(house.sweep() == 5);
  CHECK(house.has("tree/" + std::string(fs::kTemporaryPrefix) + std::string(24, 'c')));
}

TEST_CASE("a journal names nothing but our own temporary files") {
  const House house;
  house.put("tree/mine");
  REQUIRE(::mkdir((house.path + "/real").c_str(), 0755) == 0);
  house.put("real/" + kHidden);
  REQUIRE(::symlink("real", (house.path + "/link").c_str()) == 0);
  const auto forge = [&](const std::string& path) {
    const std::string name = house.path + "/writing/" + std::string(32, '0');
    const Fd file(::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    REQUIRE(fs::write_all(file.get(), path + std::string(1, '\0')));
  };
  forge(house.path + "/tree/mine");
  CHECK(house.sweep() == 0);
  CHECK(house.has("tree/mine"));
  forge(house.path + "/link/" + kHidden);  // the folder's name leads elsewhere by now
  CHECK(house.sweep() == 0);
  CHECK(house.has("real/" + kHidden));
  forge("real/" + kHidden);
  CHECK(house.sweep() == 0);
  forge(house.path + "/gone/" + kHidden);
  CHECK(house.sweep() == 0);
  CHECK_FALSE(house.journals_left());
}

TEST_CASE("sweepers and writers at once: no writer loses its file") {
  const House house;
  std::jthread sweeper([&](std::stop_token stop) {
    while (!stop.stop_requested()) (void)house.journal().sweep();
  });
  for (int n = 0; n < 200; ++n) {
    fs::Unfinished journal(*fs::open_root(house.path + "/writing"));
    const auto done = fs::replace_file(house.tree(), "f", std::to_string(n), 0600, {}, &journal);
    REQUIRE_MESSAGE(done, done.error().message);
  }
  sweeper.request_stop();
}
