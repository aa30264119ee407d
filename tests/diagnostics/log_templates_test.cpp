#include "tools/diagnostics/log_templates.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/limits.h"
#include "tools/diagnostics/log_mask.h"

using namespace remit::diagnostics;

namespace {

std::string masked(const std::string& content) {
  std::string out;
  mask(content, &out);
  return shown(columns_of(out));
}

std::vector<std::string> templates_of(const std::vector<std::string>& lines) {
  TemplateMiner miner;
  std::vector<std::uint32_t> forms;
  for (const std::string& line : lines) forms.push_back(miner.add(line).form);
  miner.settle();
  std::vector<std::string> out;
  for (const std::uint32_t form : forms) out.push_back(miner.text(miner.group(form)));
  return out;
}

}  // namespace

TEST_CASE("values are masked by their looks") {
  CHECK(masked("took 12ms for 3.5 of 0x1f") == "took <*>ms for <*> of <*>");
  CHECK(masked("to 10.0.0.1:80 and db.example.com:5432") == "to <*> and <*>");
  CHECK(masked("block blk_-123 at /var/log/x.log") == "block blk_<*> at <*>");
  CHECK(masked("uid=0 user=bob [pid 77]") == "uid=<*> user=bob [pid <*>]");
  CHECK(masked("id 0f4dd1f8-3e14-4f3e-9c0a-446655440000") == "id <*>");
  CHECK(masked("at Fri Jun 17 07:07:00 2005 sharp") == "at <*> sharp");
  CHECK(masked("1293 bytes (1.26 KB) sent") == "<*> bytes sent");
  CHECK(masked("from 1.2.3.4 () at") == "from <*> (<*>) at");
  CHECK(masked("  two   spaces ") == "two spaces");
  CHECK(masked("") == "");
}

TEST_CASE("a message has a bounded number of columns") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "w ";
  std::string out;
  mask(text, &out);
  CHECK(columns_of(out).size() == remit::limits::kLogColumns);
  mask(std::string(remit::limits::kLogWordBytes + 1, 'a'), &out);
  CHECK(shown(columns_of(out)) == "<*>");
}

TEST_CASE("users become a variable, statements stay apart") {
  const auto t =
      templates_of({"session opened for user ann", "session opened for user bob",
                    "session opened for user eve", "session opened for user joe",
                    "session closed for user ann", "disk check passed", "disk check failed"});
  CHECK(t[0] == "session opened for user <*>");
  CHECK(t[3] == t[0]);
  CHECK(t[4] == "session closed for user ann");
  CHECK(t[5] != t[6]);
}

TEST_CASE("a value proven elsewhere counts as a value") {
  const auto t =
      templates_of({"opened by user ann", "opened by user bob", "opened by user eve",
                    "opened by user joe", "closed ok by user ann", "closed ok by user bob"});
  CHECK(t[4] == "closed ok by user <*>");
  CHECK(t[5] == t[4]);
}

TEST_CASE("counts are of lines, and nothing is dropped when the table is full") {
  TemplateMiner miner;
  std::uint64_t sum = 0;
  const std::size_t lines = remit::limits::kLogShapes + 5000;
  unsigned x = 1;
  for (std::size_t i = 0; i < lines; ++i) {
    std::string text;
    for (int k = 0; k < 3; ++k) {
      x = x * 1664525u + 1013904223u;
      for (unsigned j = 0; j < 6; ++j) text += static_cast<char>('a' + (x >> (j * 4 + 4)) % 26);
      text += ' ';
    }
    miner.add(text);
  }
  miner.settle();
  for (const std::uint32_t g : miner.groups()) sum += miner.lines(g);
  CHECK(sum == lines);
}

TEST_CASE("templates found before the table was full still take their lines after it") {
  TemplateMiner miner;
  const auto word = [](unsigned i) {
    std::string s;
    for (int k = 0; k < 5; ++k, i /= 26) s += static_cast<char>('a' + i % 26);
    return s;
  };
  std::uint32_t form = 0;
  for (unsigned i = 0; i < remit::limits::kLogShapes + 100; ++i)
    form = miner.add("login of user " + word(i * 7919u)).form;
  miner.settle();
  CHECK(miner.text(miner.group(form)) == "login of user <*>");
  CHECK(miner.groups().size() == 1);
}
