// What a command did to its copy-on-write workspace is listed exactly, and the host is untouched.
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include <doctest/doctest.h>

#include "base/crypto.h"
#include "tests/sandbox/fixture.h"
#include "tests/within.h"

namespace remit::sandbox::test {

namespace {

std::string listing(const World& world, const Ran& ran) {
  std::string text;
  for (const policy::Change& c : ran.outcome.changes)
    text += std::string(policy::to_string(c.kind)) + " " +
            c.path.substr(world.workspace.size() + 1) + "\n";
  for (const std::string& lost : ran.outcome.lost) text += "lost " + lost + "\n";
  return text;
}

}  // namespace

TEST_CASE("every kind of change is listed with content, hash and pre-image") {
  // In memory, and on disk as on kernels whose tmpfs has no user attributes.
  for (const bool on_disk : {false, true}) {
    CAPTURE(on_disk);
    World world;
    StarterOptions options;
    options.layer_on_disk = on_disk;
    world.start(options);
    world.write("work space/kept", "k\n");
    world.write("work space/edited", "old\n");
    world.write("work space/deleted", "d\n");
    world.write("work space/moved", "m\n");
    world.write("work space/moded", "x\n");
    world.write("work space/touched", "t\n");
    world.write("work space/folder/inner", "i\n");
    world.write("work space/gone/a/b", "b\n");
    world.write("work space/gone/c", "c\n");
    world.write("work space/becomes-folder", "f\n");
    std::filesystem::create_symlink("kept", world.workspace + "/link");
    chmod((world.workspace + "/moded").c_str(), 0644);
    const std::string before = world.tree_hash();
    const Ran ran = world.run(R"(
    echo new > created; echo more >> edited; rm deleted; mv moved renamed; chmod 755 moded
    touch touched; mkdir -p made/deep; echo x > made/deep/file; ln -s ../x sym; ln -sfn edited link
    rm -r gone; rm becomes-folder; mkdir becomes-folder; echo y > becomes-folder/y
    mv folder/inner folder/outer; printf 'a\0b' > binary; ln created hard; mkfifo pipe
    cd made/deep)");
    CAPTURE(ran.err);
    CHECK(ran.outcome.exit_code == 0);
    CHECK(listing(world, ran) ==
          "delete becomes-folder\nmkdir becomes-folder\ncreate becomes-folder/y\n"
          "create binary\ncreate created\ndelete deleted\nmodify edited\n"
          "delete folder/inner\ncreate folder/outer\n"
          "rmdir gone\nrmdir gone/a\ndelete gone/a/b\ndelete gone/c\n"
          "create hard\nsymlink link\nmkdir made\nmkdir made/deep\ncreate made/deep/file\n"
          "mode moded\ndelete moved\ncreate renamed\nsymlink sym\n"
          "lost " +
              world.workspace + "/pipe: a FIFO is not kept\n");
    const auto* edited = ran.change(world.workspace + "/edited");
    REQUIRE(edited != nullptr);
    CHECK(edited->content == "old\nmore\n");
    CHECK(edited->bytes == 9);
    CHECK(edited->sha256 == sha256_hex("old\nmore\n"));
    CHECK(edited->preimage_sha256 == sha256_hex("old\n"));
    CHECK(ran.change(world.workspace + "/deleted")->preimage_sha256 == sha256_hex("d\n"));
    CHECK(ran.change(world.workspace + "/created")->preimage_sha256.empty());
    CHECK(ran.change(world.workspace + "/moded")->mode == 0755);
    CHECK(ran.change(world.workspace + "/sym")->content == "../x");
    CHECK(ran.change(world.workspace + "/binary")->content == std::string("a\0b", 3));
    CHECK(ran.outcome.cwd == world.workspace + "/made/deep");
    world.stop();  // slots that wait have their layers on disk too
    for (int tries = 0; tries < 200 && !std::filesystem::is_empty(world.state); ++tries)
      usleep(5000);
    CHECK(std::filesystem::is_empty(world.state));
    CHECK(world.tree_hash() == before);
  }
}

TEST_CASE("a folder that was removed and made again hides what was in it") {
  World world;
  world.write("work space/d/old", "o\n");
  world.write("work space/d/same", "s\n");
  const Ran ran = world.run("rm -r d; mkdir d; echo s > d/same; echo n > d/new");
  CHECK(listing(world, ran) == "create d/new\ndelete d/old\n");
}

TEST_CASE("a file that changed on the host meanwhile has the pre-image newer") {
  World world;
  world.write("work space/f", "1\n");
  world.start();
  static_cast<void>(world.spawner().report());
  // The host writes once the command runs, and the command waits for it.
  const std::string mark = unique_sleep();
  std::jthread writer([&] {
    for (int tries = 0; tries < 3000 && count_processes(mark) < 2; ++tries) usleep(5000);
    usleep(20'000);  // beyond the clock's granularity of file times
    std::ofstream(world.workspace + "/f") << "host\n";
  });
  const Ran ran = world.run("sleep " + mark +
                            " & for i in $(seq 300); do grep -q host f && break; "
                            "sleep 0.05; done; kill $!; echo mine > f");
  REQUIRE(ran.change(world.workspace + "/f") != nullptr);
  CHECK(ran.change(world.workspace + "/f")->preimage_sha256 == "newer");
}

TEST_CASE("a file of another owner is not changed, in the words that the answer explains") {
  if (geteuid() != 0) return;  // only root can give a file away
  World world;
  world.write("work space/theirs", "t\n");
  const std::string theirs = world.workspace + "/theirs";
  REQUIRE(chown(theirs.c_str(), 12345, 12345) == 0);
  REQUIRE(chmod(theirs.c_str(), 0666) == 0);
  const Ran ran = world.run("cat theirs; mv theirs moved");
  CHECK(ran.out == "t\n");
  CHECK_MESSAGE(ran.err.find("Value too large for defined data type") != std::string::npos,
                ran.err);
  CHECK(ran.outcome.changes.empty());
}

TEST_CASE("a repository can be made and used in the layer") {
  World world;
  const std::string before = world.tree_hash();
  const Ran ran = world.run(
      "git init -q . && git config user.email a@b && git config user.name n && echo x > f && "
      "git add f && git commit -qm first && git log --oneline | wc -l");
  CAPTURE(ran.err);
  CHECK(ran.out == "1\n");
  CHECK(ran.change(world.workspace + "/.git/HEAD") != nullptr);
  CHECK(world.tree_hash() == before);
}

TEST_CASE("output is raw bytes on its own stream") {
  World world;
  const Ran ran = world.run("printf '\\033[31mred\\0\\377'; printf err >&2; exit 3");
  CHECK(ran.out == std::string("\033[31mred\0\377", 10));
  CHECK(ran.err == "err");
  CHECK(ran.outcome.exit_code == 3);
  CHECK(ran.outcome.signal == 0);
  CHECK_FALSE(ran.outcome.killed());
}

TEST_CASE("the shell's last folder is learnt from the kernel") {
  World world;
  world.write("work space/a/b/f", "");
  CHECK(world.run("cd a/b; echo 'cwd=/etc'").outcome.cwd == world.workspace + "/a/b");
  CHECK(world.run("(cd a/b); bash -c 'cd a'; true").outcome.cwd == world.workspace);
  CHECK(world.run("mkdir x; cd x; rmdir ../x").outcome.cwd.empty());
  CHECK(world.run("cd a; kill -9 $$").outcome.cwd == world.workspace + "/a");
  policy::SpawnPlan plan = world.plan("pwd");
  plan.cwd = world.workspace + "/a/b";
  CHECK(world.run(plan).out == world.workspace + "/a/b\n");
  plan.cwd = world.workspace + "/nowhere";
  CHECK_FALSE(world.try_run(plan).has_value());
}

TEST_CASE("a shell that dies of a signal says so") {
  World world;
  const Ran ran = world.run("kill -TERM $$");
  CHECK_FALSE(ran.outcome.exit_code.has_value());
  CHECK(ran.outcome.signal == SIGTERM);
}

TEST_CASE("a command executes the scripts that were approved, whatever lies there by now") {
  World world;
  world.write("work space/sub/run.sh", "echo swapped\n");
  world.write("logs/tool.sh", "echo swapped log\n");
  policy::SpawnPlan plan = world.plan("bash sub/run.sh; bash '" + world.logs + "/tool.sh'");
  plan.view.read_only_roots = {world.logs};
  plan.executed = {{world.workspace + "/sub/run.sh", "echo approved\n", ""},
                   {world.logs + "/tool.sh", "echo approved log\n", ""}};
  const Ran ran = world.run(plan);
  CAPTURE(ran.err);
  CHECK(ran.out == "approved\napproved log\n");
  CHECK(listing(world, ran).empty());  // showing them is no change
  CHECK(world.read("work space/sub/run.sh") == "echo swapped\n");

  SUBCASE("they may be changed like other files, and a swap is then a conflict") {
    plan.command = "echo 'echo next' >> sub/run.sh; bash sub/run.sh";
    const Ran changed = world.run(plan);
    CHECK(changed.out == "approved\nnext\n");
    const auto* change = changed.change(world.workspace + "/sub/run.sh");
    REQUIRE(change != nullptr);
    CHECK(change->content == "echo approved\necho next\n");
    CHECK(change->preimage_sha256 == "newer");
    world.write("work space/sub/run.sh", "echo approved\n");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // past the coarse clock's tick
    CHECK(world.run(plan).change(world.workspace + "/sub/run.sh")->preimage_sha256 ==
          sha256_hex("echo approved\n"));
  }
  SUBCASE("a swap while it runs is not seen") {
    const std::string mark = unique_sleep();
    plan.command = "sleep " + mark + " & sleep 0.5; bash sub/run.sh";
    std::thread swap([&] {
      static_cast<void>(
          within(std::chrono::seconds(30), [&] { return count_processes(mark) >= 2; }));
      std::filesystem::remove(world.workspace + "/sub/run.sh");
      world.write("work space/sub/run.sh", "echo swapped again\n");
    });
    const Ran late = world.run(plan);
    swap.join();
    CHECK(late.out == "approved\n");
    CHECK(listing(world, late).empty());
  }
  SUBCASE("modes and times are those outside") {
    const std::string script = world.workspace + "/sub/run.sh";
    chmod(script.c_str(), 0555);
    plan.command = "stat -c '%a %Y' sub/run.sh";
    struct stat st{};
    REQUIRE(stat(script.c_str(), &st) == 0);
    CHECK(world.run(plan).out == "555 " + std::to_string(st.st_mtime) + "\n");
  }
  SUBCASE("one that is gone is not waited for, since another could come in its place") {
    std::filesystem::remove(world.workspace + "/sub/run.sh");
    const auto refused = world.try_run(plan);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == "conflict");
    CHECK(refused.error().message.find("sub/run.sh") != std::string::npos);
  }
  SUBCASE("in Agent_Memory, within the workspace and outside, too") {
    world.write("work space/Agent_Memory/mine.sh", "echo swapped\n");
    world.write("work space/Agent_Memory/hidden.sh", "echo hidden\n");
    plan.view.memory = world.workspace + "/Agent_Memory";
    plan.view.memory_documents = {"mine.sh"};
    plan.executed = {{plan.view.memory + "/mine.sh", "echo approved\n", ""},
                     {plan.view.memory + "/hidden.sh", "echo approved\n", ""}};
    plan.command = "bash Agent_Memory/mine.sh; bash Agent_Memory/hidden.sh 2>/dev/null";
    CHECK(world.run(plan).out == "approved\n");
    world.write("outside/mine.sh", "echo swapped\n");
    plan.view.memory = world.root + "/outside";
    plan.executed = {{plan.view.memory + "/mine.sh", "echo approved\n", ""}};
    plan.command = "bash '" + plan.view.memory + "/mine.sh'";
    CHECK(world.run(plan).out == "approved\n");
  }
  SUBCASE("what hides them goes before") {
    plan.view.masks = {"sub/run.sh"};
    CHECK(world.run(plan).out == "approved log\n");
  }
}

}  // namespace remit::sandbox::test
