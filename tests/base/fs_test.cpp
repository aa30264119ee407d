#include "base/fs.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include <doctest/doctest.h>

using namespace remit;

namespace {

struct Folder {
  std::string path = "/tmp/remit-fs-XXXXXX";
  Fd root;
  Folder() {
    REQUIRE(::mkdtemp(path.data()) != nullptr);
    root = *fs::open_root(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  void put(const std::string& name, const std::string& text) const {
    const Fd fd(::open((path + "/" + name).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644));
    REQUIRE(fs::write_all(fd.get(), text));
  }
  std::string get(const std::string& name) const {
    return *fs::read_file(path + "/" + name, 1u << 20);
  }
  std::size_t entries() const {
    std::size_t count = 0;
    REQUIRE(fs::list_directory(root, [&](std::string_view, unsigned char) { return ++count > 0; }));
    return count;
  }
};

}  // namespace

TEST_CASE("nothing resolves outside its root") {
  const Folder folder;
  folder.put("in", "x");
  REQUIRE(::symlink("/etc", (folder.path + "/out").c_str()) == 0);
  REQUIRE(::symlink("in", (folder.path + "/link").c_str()) == 0);
  for (const char* path : {"../etc/passwd", "/etc/passwd", "out/passwd", "a/../../x"}) {
    const auto fd = fs::resolve(folder.root, path);
    CHECK_MESSAGE(!fd, path);
  }
  CHECK(fs::resolve(folder.root, "out/passwd").error().code == "escapes_root");
  CHECK(fs::resolve(folder.root, "link"));
  CHECK_FALSE(fs::resolve(folder.root, "link", fs::Links::none));
  CHECK(fs::resolve(folder.root, "none").error().kind == ErrorKind::not_found);
}

TEST_CASE("open_regular opens what has the very name, and touches nothing else") {
  const Folder folder;
  folder.put("in", "x");
  REQUIRE(::mkdir((folder.path + "/d").c_str(), 0755) == 0);
  folder.put("d/in", "deep");
  REQUIRE(::symlink("in", (folder.path + "/link").c_str()) == 0);
  REQUIRE(::symlink("d", (folder.path + "/way").c_str()) == 0);
  REQUIRE(::symlink("/etc", (folder.path + "/out").c_str()) == 0);
  REQUIRE(::mkfifo((folder.path + "/pipe").c_str(), 0600) == 0);
  const auto deep = fs::open_regular(folder.root, "d/in");
  REQUIRE(deep);
  CHECK(*fs::read_all(deep->fd, 10) == "deep");
  CHECK(deep->status.st_size == 4);
  for (const char* path :
       {"link", "way/in", "out/passwd", "pipe", "d", "none", "../etc/passwd", "/etc/passwd"})
    CHECK_MESSAGE(!fs::open_regular(folder.root, path), path);

  const Fd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  REQUIRE(::inotify_add_watch(watch.get(), (folder.path + "/pipe").c_str(), IN_OPEN) >= 0);
  CHECK(fs::open_regular(folder.root, "pipe").error().kind == ErrorKind::invalid_argument);
  char event[512];
  CHECK(::read(watch.get(), event, sizeof event) < 0);
  REQUIRE(Fd(::open((folder.path + "/pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)));
  CHECK(::read(watch.get(), event, sizeof event) > 0);  // an opening would have been seen
}

TEST_CASE("a plain path has one spelling") {
  for (const char* path : {"a", "a/b", ".a", "..a/b", "a/.b/c.", "..."})
    CHECK_MESSAGE(fs::is_plain(path), path);
  for (const char* path : {"", ".", "..", "/a", "a/", "a//b", "./a", "a/.", "a/../b", "a/.."})
    CHECK_MESSAGE(!fs::is_plain(path), path);
}

TEST_CASE("check_path refuses what no tool accepts") {
  CHECK(fs::check_path("a/b c/\xC3\xA9"));
  CHECK_FALSE(fs::check_path(std::string_view("a\0b", 3)));
  CHECK_FALSE(fs::check_path("a\nb"));
  CHECK_FALSE(fs::check_path("\xFF"));
  CHECK(fs::check_path(std::string(255, 'a')));
  CHECK_FALSE(fs::check_path(std::string(256, 'a')));
  std::string deep;
  while (deep.size() < 4096) deep += "a/";
  CHECK(fs::check_path(deep));
  CHECK_FALSE(fs::check_path(deep + "b"));
}

TEST_CASE("replace_file is whole, keeps identity and leaves no litter") {
  const Folder folder;
  folder.put("f", "old");
  REQUIRE(::chmod((folder.path + "/f").c_str(), 0640) == 0);
  REQUIRE(fs::replace_file(folder.root, "f", "new", 0600, {}));
  CHECK(folder.get("f") == "new");
  struct stat st{};
  REQUIRE(::stat((folder.path + "/f").c_str(), &st) == 0);
  CHECK((st.st_mode & 07777) == 0640);
  CHECK(folder.entries() == 1);

  SUBCASE("absent means absent") {
    const auto again = fs::replace_file(folder.root, "f", "x", 0600, fs::Expect::absent());
    REQUIRE_FALSE(again);
    CHECK(again.error().kind == ErrorKind::conflict);
    CHECK(folder.get("f") == "new");
    CHECK(fs::replace_file(folder.root, "g", "x", 0600, fs::Expect::absent()));
  }
  SUBCASE("a changed file is not overwritten") {
    const auto expect = fs::Expect::of(st);
    folder.put("f", "edited");
    CHECK_FALSE(fs::replace_file(folder.root, "f", "x", 0600, expect));
    CHECK(folder.get("f") == "edited");
  }
  CHECK(folder.get("f").substr(0, 1) != ".");
}

TEST_CASE("make_directories refuses symlinks on the way") {
  const Folder folder;
  REQUIRE(fs::make_directories(folder.root, "a/b/c"));
  CHECK(fs::resolve(folder.root, "a/b/c"));
  REQUIRE(::symlink("a", (folder.path + "/l").c_str()) == 0);
  CHECK_FALSE(fs::make_directories(folder.root, "l/x"));
}

TEST_CASE("read_all is bounded") {
  const Folder folder;
  folder.put("f", std::string(100, 'x'));
  CHECK(fs::read_file(folder.path + "/f", 100)->size() == 100);
  CHECK(fs::read_file(folder.path + "/f", 99).error().kind == ErrorKind::too_large);
  CHECK_FALSE(fs::read_file(folder.path, 100));
}

TEST_CASE("names") {
  CHECK(fs::base_name("a/b") == "b");
  CHECK(fs::parent_of("/a") == "/");
  CHECK(fs::parent_of("a") == "");
  CHECK(fs::join("a/", "b") == "a/b");
  CHECK(fs::absolute("/a//b/./../c") == "/a/c");
  CHECK(fs::absolute("/..") == "/");
  CHECK(fs::is_beneath("/a/b", "/a/b"));
  CHECK(fs::is_beneath("/a/b/c", "/a/b"));
  CHECK(fs::is_beneath("/a", "/"));
  CHECK_FALSE(fs::is_beneath("/a/bc", "/a/b"));
  CHECK_FALSE(fs::is_beneath("/a", "/a/b"));
  CHECK_FALSE(fs::is_beneath("/a", ""));
  CHECK_FALSE(fs::is_beneath("", ""));
}
