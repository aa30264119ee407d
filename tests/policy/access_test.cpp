// Access over real files: what is refused, that refusals tell nothing, and what a write leaves.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

#include "tests/policy/access_fixture.h"
#include "tests/within.h"

using namespace remit;
using namespace remit::policy;
using namespace remit::policy::test;

namespace {

const std::string kIssues = "_knowledge/semantic/known_issues.yaml";

ReplaceRequest request(ReplaceOp op, const std::string& path, const std::string& bytes = {}) {
  ReplaceRequest out;
  out.op = op;
  out.path = path;
  out.bytes = bytes;
  return out;
}

}  // namespace

TEST_CASE("a denied document answers alike whether it exists, is missing, or lies behind a file") {
  Bench bench;
  bench.put_memory("inst_other/secret.yaml", "TOP SECRET\n");
  bench.put_memory(kIssues, "issues: []\n");
  const auto read = [&](const std::string& path) {
    return Bench::answer(bench.read("Agent_Memory/" + path), path);
  };
  const auto write = [&](const std::string& path) {
    return Bench::answer(
        bench.access->replace(bench.call("Write"),
                              request(ReplaceOp::create, "Agent_Memory/" + path, "x")),
        path);
  };
  CHECK(read("inst_other/secret.yaml") == read("inst_other/absent.yaml"));
  CHECK(read("inst_other/secret.yaml/x") == read("inst_other/absent.yaml/x"));
  CHECK(read("inst_other") == read("inst_none"));
  CHECK(write("inst_other/secret.yaml") == write("inst_other/absent.yaml"));
  CHECK(write("inst_other/secret.yaml/x") == write("inst_other/absent.yaml/x"));
  CHECK(write("inst_other/secret.yaml/x/y") == write("inst_other/absent.yaml/x/y"));
  // A write-only document is not read, there or not.
  CHECK(read(kIssues).find("not_allowed") != std::string::npos);
  const auto doc = [&](const std::string& path) {
    return Bench::answer(bench.access->open_document(bench.call("memory_read"), path), path);
  };
  CHECK(doc("inst_other/secret.yaml") == doc("inst_other/absent.yaml"));
  // The same path written absolutely is the same thing.
  CHECK(bench.read(bench.memory("inst_other/secret.yaml")).error().message ==
        bench.read("Agent_Memory/inst_other/secret.yaml").error().message);
}

TEST_CASE("listing documents tells of no foreign directory") {
  Bench bench;
  bench.put_memory("inst_other/secret.yaml", "x\n");
  bench.put_memory(kIssues, "issues: []\n");
  const auto list = [&](const std::string& prefix) {
    return good(bench.access->list_documents(bench.call("memory_list"), prefix));
  };
  CHECK(list("inst_other").empty());
  CHECK(list("inst_none").empty());
  CHECK(list("inst_other/secret.yaml").empty());
  REQUIRE(list("").size() == 1);
  CHECK(list("")[0].path == kIssues);
  CHECK(list("")[0].bytes == 0);  // write-only: no size
  CHECK(list("")[0].modified_unix_ms == 0);
}

TEST_CASE("links: into Agent_Memory, outside, absolute, hard") {
  Bench bench;
  bench.put_memory("inst_other/secret.yaml", "TOP SECRET\n");
  bench.put("outside/secret", "TOP SECRET\n");
  bench.put("root-evil/secret", "TOP SECRET\n");
  bench.put("work/real.txt", "fine\n");
  const std::string work = bench.at("work/");
  REQUIRE(::symlink("Agent_Memory/inst_other", (work + "into").c_str()) == 0);
  REQUIRE(::symlink("../outside/secret", (work + "out").c_str()) == 0);
  REQUIRE(::symlink((bench.at("outside/secret")).c_str(), (work + "absolute").c_str()) == 0);
  REQUIRE(::symlink("real.txt", (work + "inside").c_str()) == 0);
  REQUIRE(::link(bench.at("work/Agent_Memory/inst_other/secret.yaml").c_str(),
                 bench.memory("hard").c_str()) == 0);
  for (const char* path : {"into/secret.yaml", "out", "absolute", "../outside/secret",
                           "../root-evil/secret", "Agent_Memory/hard"}) {
    CAPTURE(path);
    const auto answer = bench.read(path);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == ErrorKind::denied);
  }
  CHECK_FALSE(bench.read(bench.at("root-evil/secret")));
  CHECK(good(bench.read("inside")) == "fine\n");
  // Written is never through a link.
  CHECK_FALSE(bench.write("inside", "new"));
  CHECK_FALSE(bench.write("out", "new"));
  CHECK_FALSE(bench.write("into/new.yaml", "new"));
  CHECK(bench.get("work/real.txt") == "fine\n");
  CHECK_FALSE(bench.exists("work/Agent_Memory/inst_other/new.yaml"));
}

TEST_CASE("what is no regular file is refused at once") {
  Bench bench;
  REQUIRE(::mkfifo(bench.at("work/fifo").c_str(), 0600) == 0);
  std::filesystem::create_directory(bench.at("work/dir"));
  for (const std::string& path : {std::string("fifo"), std::string("dir")}) {
    CHECK(bench.read(path).error().kind == ErrorKind::invalid_argument);
    CHECK_FALSE(bench.write(path, "x"));
  }
  for (const std::string& path :
       {std::string("a\0b", 3), std::string("a\nb"), std::string(300, 'n'),
        std::string(5000, '/') + "x", std::string("\xff\xfe")}) {
    CHECK_FALSE(bench.read(path));
    CHECK_FALSE(bench.write(path, "x"));
  }
}

TEST_CASE("however a path is spelled, the same is read and refused") {
  Bench bench(
      [](Remit& remit) { remit.read_denied = {*make_path_rule("**/.env", {"site.yaml", 4, 1})}; });
  bench.put("work/d/f", "fine\n");
  bench.put("work/d/.env", "K=1");
  REQUIRE(::symlink("d", bench.at("work/way").c_str()) == 0);
  REQUIRE(::symlink("f", bench.at("work/d/g").c_str()) == 0);
  for (const std::string head : {"d/", "./d/", "d/.//", "d/../d/", "way/", "way/../d/"}) {
    for (const std::string& at : {head, bench.at("work/") + head}) {
      CAPTURE(at);
      CHECK(good(bench.read(at + "f")) == "fine\n");
      CHECK(good(bench.read(at + "g")) == "fine\n");
      CHECK(bench.read(at + ".env").error().kind == ErrorKind::denied);
      CHECK(bench.read(at + "none").error().kind == ErrorKind::not_found);
    }
  }
}

TEST_CASE("a walk shows neither other agents' memory nor hidden names") {
  Bench bench(
      [](Remit& remit) { remit.read_denied = {*make_path_rule("**/.env", {"site.yaml", 4, 1})}; });
  bench.put("work/.env", "K=1");
  bench.put("work/src/.env", "K=1");
  bench.put("work/src/a.c", "int a;");
  bench.put_memory("inst_other/secret.yaml", "x");
  bench.put_memory(kIssues, "issues: []\n");
  const auto all = [&](const std::string& start) {
    std::string seen;
    auto walk = good(bench.access->list(bench.call("Glob"), start));
    const std::function<void(const WalkDirectory&)> go = [&](const WalkDirectory& directory) {
      std::vector<std::string> below;
      REQUIRE(walk->entries(directory, [&](std::string_view name, unsigned char type) {
        seen += " " + fs::join(directory.where.shown == "." ? "" : directory.where.shown, name);
        if (type == DT_DIR) below.emplace_back(name);
        return true;
      }));
      for (const std::string& name : below) go(good(walk->enter(directory, name)));
    };
    go(walk->root());
    REQUIRE(walk->finish());
    return seen;
  };
  const std::string seen = all("");
  CHECK(seen.find(".env") == std::string::npos);
  CHECK(seen.find("inst_other") == std::string::npos);
  CHECK(seen.find("src/a.c") != std::string::npos);
  CHECK(seen.find(kIssues) != std::string::npos);
  auto walk = good(bench.access->list(bench.call("Glob"), ""));
  CHECK_FALSE(walk->open(walk->root(), ".env"));
  CHECK_FALSE(bench.access->list(bench.call("Glob"), "Agent_Memory/inst_other"));
  // A tool that is not granted lists nothing, Agent_Memory included.
  CHECK_FALSE(bench.access->list(bench.call("NoSuchTool"), "Agent_Memory"));
}

TEST_CASE("a walk opens regular files only and waits for nobody's pipe") {
  Bench bench;
  bench.put("work/a.c", "int a;");
  REQUIRE(::mkfifo(bench.at("work/pipe").c_str(), 0600) == 0);
  REQUIRE(::symlink("a.c", bench.at("work/link").c_str()) == 0);
  auto walk = good(bench.access->list(bench.call("Grep"), ""));
  // Nobody writes to the pipe: an open that waited would never come back.
  const auto pipe = walk->open(walk->root(), "pipe");
  REQUIRE_FALSE(pipe);
  CHECK(pipe.error().kind == ErrorKind::invalid_argument);
  CHECK_FALSE(walk->open(walk->root(), "link"));
  CHECK_FALSE(walk->open(walk->root(), ".."));
  const WalkedFile file = good(walk->open(walk->root(), "a.c"));
  CHECK(file.status.st_size == 6);
}

TEST_CASE("a log root above the workspace keeps the workspace's and Agent_Memory's rules") {
  Bench bench(
      [](Remit& remit) { remit.read_denied = {*make_path_rule("conf/key", {"site.yaml", 4, 1})}; });
  bench.put("work/conf/key", "K");
  bench.put_memory("inst_other/secret.yaml", "x");
  bench.remit.roots[1].path = bench.at("");
  bench.remit.roots[1].path.pop_back();
  auto access = bench.open_access();
  auto walk = good(access->list(bench.call("Grep"), bench.remit.roots[1].path));
  const WalkDirectory work = good(walk->enter(walk->root(), "work"));
  const WalkDirectory conf = good(walk->enter(work, "conf"));
  CHECK_FALSE(walk->open(conf, "key"));
  const WalkDirectory memory = good(walk->enter(work, "Agent_Memory"));
  CHECK_FALSE(walk->enter(memory, "inst_other"));
}

TEST_CASE("directories swapped for links while they are read and written leak nothing") {
  Bench bench;
  bench.put("work/d/f", "inside\n");
  bench.put("outside/f", "TOP SECRET\n");
  REQUIRE(::symlink("../outside", bench.at("work/link").c_str()) == 0);
  const std::string a = bench.at("work/d"), b = bench.at("work/link");
  const auto swap = [&] {
    return ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
  };
  if (!swap() && errno == EINVAL) {
    MESSAGE("skipped: this file system does not exchange names");
    return;
  }
  constexpr std::size_t kEnough = 300;
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> swaps = 0;
  std::thread swapper([&] {
    // Reads are given room: on a machine that does much else, a swapper that never rests leaves
    // hardly one between two of its swaps. An odd number of swaps from rest to rest, so that both
    // the directory and the link are met at rest.
    for (unsigned n = 0; !stop; ++n) {
      if (swap()) ++swaps;
      if (n % 7 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
  const auto end = std::chrono::steady_clock::now() + kPatience;
  std::size_t leaks = 0, reads = 0, refusals = 0;
  while ((swaps < kEnough || reads < kEnough || refusals < kEnough) &&
         std::chrono::steady_clock::now() < end) {
    const auto got = bench.read("d/f");
    ++(got ? reads : refusals);
    if (got && got->find("SECRET") != std::string::npos) ++leaks;
    (void)bench.access->replace(bench.call("Write"), request(ReplaceOp::replace, "d/g", "mine"));
  }
  stop = true;
  swapper.join();
  CHECK(leaks == 0);
  CHECK(swaps >= kEnough);
  CHECK(reads >= kEnough);
  CHECK(refusals >= kEnough);
  CHECK_FALSE(bench.exists("outside/g"));
}

TEST_CASE("versions: a stale one is a conflict, a big file is known by its hash too") {
  Bench bench;
  bench.put("work/a", "one");
  ReplaceRequest change = request(ReplaceOp::replace, "a", "two");
  change.if_version = sha256_hex("zero");
  CHECK(bench.access->replace(bench.call("Write"), change).error().kind == ErrorKind::conflict);
  CHECK(bench.get("work/a") == "one");
  change.if_version = sha256_hex("one");
  CHECK(good(bench.access->replace(bench.call("Write"), change)).version == sha256_hex("two"));
  change.if_version.reset();
  change.if_absent = true;
  CHECK(bench.access->replace(bench.call("Write"), change).error().code == "exists");

  const std::string big(9u << 20, 'b');
  bench.put("work/big", big);
  ReplaceRequest small = request(ReplaceOp::replace, "big", "small");
  small.if_version = sha256_hex("else");
  CHECK(bench.access->replace(bench.call("Write"), small).error().kind == ErrorKind::conflict);
  small.if_version = sha256_hex(big);
  CHECK(good(bench.access->replace(bench.call("Write"), small)).version == sha256_hex("small"));

  // The identity by which a big file is known may have as many characters as a hash: its length
  // goes with the digits of the inode's number and of the size.
  for (const std::size_t size : {std::size_t{9'999'999}, std::size_t{99'999'999}}) {
    const std::string zeros(size, '\0');
    bench.put("work/zeros", zeros);
    ReplaceRequest exact = request(ReplaceOp::replace, "zeros", "small");
    exact.if_version = sha256_hex(zeros);
    CHECK(good(bench.access->replace(bench.call("Write"), exact)).created == false);
  }
}

TEST_CASE("what a write leaves: parents, modes, no set-id bits, no split hard link") {
  Bench bench;
  CHECK(bench.write("new/deep/file", "x"));
  CHECK(bench.get("work/new/deep/file") == "x");
  ReplaceRequest odd = request(ReplaceOp::create, "tool.sh", "#!");
  odd.mode = 06755;
  odd.keep_mode = false;
  CHECK(bench.access->replace(bench.call("Bash"), odd));
  struct stat status{};
  REQUIRE(::stat(bench.at("work/tool.sh").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0755);
  ReplaceRequest mode = request(ReplaceOp::mode, "tool.sh");
  mode.mode = 04000;
  CHECK(bench.access->replace(bench.call("Bash"), mode));
  mode.mode = 0600;  // from a mode that forbids reading
  CHECK(bench.access->replace(bench.call("Bash"), mode));
  bench.put("outside/shared", "x");
  REQUIRE(::link(bench.at("outside/shared").c_str(), bench.at("work/hard").c_str()) == 0);
  CHECK(bench.write("hard", "y").error().code == "hard_link");
  CHECK(bench.access->replace(bench.call("Bash"), request(ReplaceOp::mode, "hard")).error().code ==
        "hard_link");
  CHECK(bench.get("outside/shared") == "x");
  // Nothing is made on the way to a refusal.
  CHECK_FALSE(
      bench.access->replace(bench.call("Write"), request(ReplaceOp::append, "void/x", "y")));
  CHECK_FALSE(bench.access->replace(bench.call("Bash"), request(ReplaceOp::mode, "void/x")));
  CHECK_FALSE(bench.exists("work/void"));
  CHECK_FALSE(bench.write("tool.sh/below", "x"));
  CHECK(bench.access->replace(bench.call("Bash"), request(ReplaceOp::mkdir, "tool.sh"))
            .error()
            .kind == ErrorKind::conflict);
  CHECK_FALSE(bench.access->replace(bench.call("Bash"),
                                    request(ReplaceOp::symlink, "l", std::string("..\0x", 4))));
}

TEST_CASE("documents: secrets, foreign directories, repeated edits") {
  Bench bench;
  const std::string jwt =
      "AKIAIOSFODNN7EXAMPLE -----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA "
      "PRIVATE KEY-----\n";
  REQUIRE_FALSE(bench.redactor->find(jwt).empty());
  ReplaceRequest secret = request(ReplaceOp::create, kIssues, jwt);
  secret.document = true;
  CHECK(bench.access->replace(bench.call("memory_write"), secret).error().code == "secret_found");
  // A denied path is denied first, whatever is sent.
  secret.path = "inst_other/x.yaml";
  CHECK(bench.access->replace(bench.call("memory_write"), secret).error().code == "not_allowed");
  CHECK_FALSE(bench.access->replace(bench.call("Bash"),
                                    request(ReplaceOp::mkdir, "Agent_Memory/inst_other")));
  CHECK(bench.access->replace(bench.call("Bash"),
                              request(ReplaceOp::mkdir, "Agent_Memory/_knowledge")));
  CHECK_FALSE(bench.access->replace(
      bench.call("Write"),
      request(ReplaceOp::create, "Agent_Memory/_communication/inbox/dba/x.yaml", "a: 1")));
}
