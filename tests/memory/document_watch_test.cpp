#include "memory/document_watch.h"

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>

#include <doctest/doctest.h>

#include "tests/memory/scratch.h"

namespace remit::memory {
namespace {

using namespace std::chrono_literals;

// What was told, for tests that wait until something has been.
class Heard {
 public:
  DocumentWatch::Tell tell() {
    return [this](const std::map<std::string, bool>& changed) {
      const std::lock_guard held(mutex_);
      for (const auto& [path, listed] : changed) {
        bool& all = heard_.emplace(path, false).first->second;
        all = all || listed;
      }
      changed_.notify_all();
    };
  }
  // Waits for `path`; whether lists differ, or nullopt if nothing was told of it.
  std::optional<bool> of(const std::string& path) {
    std::unique_lock held(mutex_);
    if (!changed_.wait_for(held, 20s, [&] { return heard_.contains(path); })) return std::nullopt;
    return heard_.at(path);
  }
  bool knows(const std::string& path) {
    const std::lock_guard held(mutex_);
    return heard_.contains(path);
  }
  void forget() {
    const std::lock_guard held(mutex_);
    heard_.clear();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, bool> heard_;
};

TEST_CASE("documents that come, change and go are told, in folders old and new") {
  const Scratch scratch;
  std::filesystem::create_directories(scratch.at("a/b"));
  spew(scratch.at("a/b/one.yaml"), "1");
  Heard heard;
  auto watch = DocumentWatch::start(fs::open_root(scratch.path()).value(), heard.tell());
  REQUIRE(watch);
  CHECK_FALSE(heard.knows("a/b/one.yaml"));

  spew(scratch.at("a/b/one.yaml"), "22");  // in place, as an editor may do
  CHECK(heard.of("a/b/one.yaml") == false);
  spew(scratch.at("top.md"), "x");
  CHECK(heard.of("top.md") == true);
  // As the store writes: a hidden file, renamed.
  spew(scratch.at("a/.remit-tmp-1"), "y");
  std::filesystem::rename(scratch.at("a/.remit-tmp-1"), scratch.at("a/two.yaml"));
  CHECK(heard.of("a/two.yaml") == true);
  CHECK_FALSE(heard.knows("a/.remit-tmp-1"));

  std::filesystem::create_directories(scratch.at("new/deep/er"));
  spew(scratch.at("new/deep/er/three.yaml"), "3");
  CHECK(heard.of("new/deep/er/three.yaml") == true);
  heard.forget();
  spew(scratch.at("new/deep/er/three.yaml"), "33");
  CHECK(heard.of("new/deep/er/three.yaml"));

  // A folder that is moved away is another folder; one of the same name is watched again.
  std::filesystem::rename(scratch.at("new"), scratch.at("old"));
  CHECK(heard.of("old/deep/er/three.yaml") == true);
  heard.forget();
  spew(scratch.at("old/deep/er/three.yaml"), "333");
  CHECK(heard.of("old/deep/er/three.yaml"));
  CHECK_FALSE(heard.knows("new/deep/er/three.yaml"));

  heard.forget();
  std::filesystem::remove(scratch.at("a/two.yaml"));
  CHECK(heard.of("a/two.yaml") == true);
}

TEST_CASE("a link to a folder elsewhere is not watched") {
  const Scratch scratch, elsewhere;
  std::filesystem::create_directory_symlink(elsewhere.path(), scratch.at("link"));
  Heard heard;
  auto watch = DocumentWatch::start(fs::open_root(scratch.path()).value(), heard.tell());
  REQUIRE(watch);
  spew(elsewhere.at("secret"), "x");
  spew(scratch.at("after"), "x");
  CHECK(heard.of("after"));
  CHECK_FALSE(heard.knows("link/secret"));
}

}  // namespace
}  // namespace remit::memory
