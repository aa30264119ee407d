#include "tests/wire/toy_service.h"

#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "base/crypto.h"
#include "base/json.h"
#include "tests/wire/no_hands.h"

namespace remit::wire_test {
namespace {

using tools::Call;
using tools::Reply;

Reply text(std::string words) {
  return Reply{std::move(words), nullptr, std::nullopt};
}

std::string string_argument(const Json& arguments, const char* name) {
  const auto at = arguments.find(name);
  return at != arguments.end() && at->is_string() ? at->get<std::string>() : std::string();
}
int int_argument(const Json& arguments, const char* name) {
  const auto at = arguments.find(name);
  return at != arguments.end() && at->is_number_integer() ? at->get<int>() : 0;
}

// Waits, in steps, until the time is over or (unless `stubborn`) the call is stopped.
bool wait_for(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock held(mutex);
  changed.wait_for(held, stop, time, [] { return false; });
  return !stop.stop_requested();
}

Result<Reply> echo(const Json& arguments, Call&) {
  if (!arguments.contains("text"))
    return fail(ErrorKind::invalid_argument, "expected a string, got nothing", "/text");
  return text(string_argument(arguments, "text"));
}

Result<Reply> add(const Json& arguments, Call&) {
  const int sum = int_argument(arguments, "a") + int_argument(arguments, "b");
  Reply reply = text("the sum is " + std::to_string(sum));
  reply.structured = std::make_shared<const Json>(Json{{"sum", sum}});
  return reply;
}

// Fails as it is told.
Result<Reply> broken(const Json& arguments, Call&) {
  const std::string how = string_argument(arguments, "how");
  if (how == "throw") throw std::runtime_error("thrown on purpose");
  if (how == "empty") return text("");
  if (how == "unstructured") return text("no structure here");
  for (int kind = 0; kind <= static_cast<int>(ErrorKind::internal); ++kind)
    if (how == to_string(static_cast<ErrorKind>(kind)))
      return fail(static_cast<ErrorKind>(kind), "told to fail; tell me otherwise", "/how",
                  string_argument(arguments, "code"));
  return fail(ErrorKind::invalid_argument, "unknown way to fail", "/how");
}

Result<Reply> visit(const Json&, Call& call) {
  if (!call.asker.opens_pages()) return text("no pages");
  TRY(const tools::Asker::Reply reply,
      call.asker.open_page(
          {"01ID", "http://127.0.0.1:1/console/approvals/01ID", "look there", "key"}, call.stop));
  call.asker.page_done("01ID");
  if (reply == tools::Asker::Reply::approve) return text("opened");
  return text(reply == tools::Asker::Reply::decline ? "declined" : "cancelled");
}

Result<Reply> slow(const Json& arguments, Call& call) {
  const std::chrono::milliseconds time(int_argument(arguments, "ms"));
  if (arguments.value("stubborn", false)) {
    std::this_thread::sleep_for(time);
    return text("slept through");
  }
  if (!wait_for(time, call.stop)) return fail(ErrorKind::cancelled, "stopped while waiting");
  return text("waited");
}

Result<Reply> steps(const Json& arguments, Call& call) {
  const int count = int_argument(arguments, "count");
  for (int i = 1; i <= count; ++i) call.progress.report(i, count, "step " + std::to_string(i));
  return text("done");
}

Result<Reply> ask(const Json& arguments, Call& call) {
  if (!call.asker.available()) return text("no channel");
  const std::string command = string_argument(arguments, "command");
  policy::Question question;
  question.grant_key = sha256_hex(command);
  question.title = "Run a command?";
  question.lines = {"low risk: toy wants to run", command};
  question.text = command;
  TRY(const auto answer, call.asker.ask(question, call.stop));
  std::string word;
  switch (answer.reply) {
    case tools::Asker::Reply::approve:
      word = "approved";
      break;
    case tools::Asker::Reply::decline:
      word = "declined";
      break;
    case tools::Asker::Reply::cancel:
      word = "cancelled";
      break;
  }
  return text(word + " by " + answer.channel + ": " + command);
}

Result<Reply> picture(const Json&, Call&) {
  return Reply{"a picture", nullptr, tools::Image{"image/png", std::string("\x89PNG\0", 5)}};
}

// Writes to stdout, which is not the protocol's.
Result<Reply> print(const Json&, Call&) {
  std::printf("this line must not reach the client\n");
  std::fflush(stdout);
  return text("printed");
}

Result<Reply> secret(const Json&, Call&) {
  Reply reply = text("the password is hunter2secret");
  reply.structured = std::make_shared<const Json>(
      Json{{"password", "hunter2secret"}, {"list", {1.5, true, nullptr}}});
  return reply;
}

Result<Reply> big(const Json& arguments, Call&) {
  return text(std::string(static_cast<std::size_t>(int_argument(arguments, "bytes")), 'x'));
}

LazySchema object_schema(const char* properties) {
  return LazySchema([properties] {
    return OrderedJson::parse(std::string(R"({"type":"object","properties":)") + properties +
                              R"(,"additionalProperties":false})");
  });
}

tools::Tool tool(const char* name, const char* description, const char* properties,
                 Result<Reply> (*run)(const Json&, Call&)) {
  tools::Tool made;
  made.name = name;
  made.title = std::string("Toy ") + name;
  made.description = description;
  made.input_schema = object_schema(properties);
  made.annotations.read_only = true;
  made.output = tools::Output::text_first;
  made.run = run;
  return made;
}

class ToyResources final : public mcp::ResourceProvider {
 public:
  Result<std::vector<mcp::ResourceEntry>> list() override {
    return std::vector<mcp::ResourceEntry>{
        {"fixture://bytes", "bytes", "", "", "application/octet-stream", 3},
        {"fixture://hello", "hello", "Hello", "a greeting", "text/plain", std::nullopt}};
  }
  Result<std::vector<mcp::ResourceTemplate>> templates() override {
    return std::vector<mcp::ResourceTemplate>{
        {"fixture://item/{id}", "item", "Item", "one item", "text/plain"}};
  }
  Result<std::vector<mcp::ResourceContent>> read(const std::string& uri, const policy::CallScope&,
                                                 std::stop_token) override {
    using Contents = std::vector<mcp::ResourceContent>;
    if (uri == "fixture://hello")
      return Contents{{uri, "text/plain", "hello, hunter2secret", false}};
    if (uri == "fixture://bytes")
      return Contents{{uri, "application/octet-stream", std::string("\0\1\2", 3), true}};
    if (uri == "fixture://denied") return fail(ErrorKind::denied, "toy.md:7 grants only hello");
    if (uri == "fixture://empty") return Contents{};
    return fail(ErrorKind::not_found, "no such resource");
  }
};

class ToyPrompts final : public mcp::PromptProvider {
 public:
  Result<std::vector<mcp::PromptEntry>> list() override {
    return std::vector<mcp::PromptEntry>{
        {"greet", "Greet", "greets somebody", {{"name", "who", true}, {"style", "", false}}}};
  }
  Result<mcp::PromptText> get(const std::string& name,
                              const std::map<std::string, std::string>& arguments,
                              mcp::ClientLink&) override {
    if (name != "greet") return fail(ErrorKind::not_found, "no such prompt");
    return mcp::PromptText{
        "a greeting",
        {{mcp::PromptMessage::Role::user, {.body = "Greet " + arguments.at("name")}}}};
  }
};

std::string mask(std::string text) {
  constexpr std::string_view kSecret = "hunter2secret";
  for (auto at = text.find(kSecret); at != std::string::npos; at = text.find(kSecret, at))
    text.replace(at, kSecret.size(), "[redacted]");
  return text;
}

}  // namespace

mcp::Service toy_service() {
  mcp::Service service;
  service.name = "toy";
  service.version = "1.0";
  service.instructions = "A toy.";
  service.tools = {
      tool("add", "adds", R"({"a":{"type":"integer"},"b":{"type":"integer"}})", add),
      tool("ask", "asks a person", R"({"command":{"type":"string"}})", ask),
      tool("big", "answers at length", R"({"bytes":{"type":"integer"}})", big),
      tool("broken", "fails as told", R"({"how":{"type":"string"},"code":{"type":"string"}})",
           broken),
      tool("echo", "says it again", R"({"text":{"type":"string"}})", echo),
      tool("picture", "shows a picture", "{}", picture),
      tool("print", "prints to stdout", "{}", print),
      tool("secret", "tells a secret", "{}", secret),
      tool("slow", "waits", R"({"ms":{"type":"integer"},"stubborn":{"type":"boolean"}})", slow),
      tool("steps", "reports progress", R"({"count":{"type":"integer"}})", steps),
      tool("visit", "has a page opened", "{}", visit)};
  service.tools[0].output = tools::Output::record;
  service.tools[0].output_schema = object_schema(R"({"sum":{"type":"integer"}})");
  service.tools[4].always_load = true;
  service.resources = std::make_shared<ToyResources>();
  service.prompts = std::make_shared<ToyPrompts>();
  service.complete = [](const mcp::CompletionQuery& query) -> Result<std::vector<std::string>> {
    if (query.prompt == "greet" && query.argument == "name")
      return std::vector<std::string>(150, "world");
    return std::vector<std::string>{};
  };
  service.access = []() -> policy::Access& { return no_hands(); };
  service.principal = "uid:0/toy/inst";
  service.request_state_keys = {std::string(32, 'k')};
  const auto nonces = std::make_shared<Nonces>();
  service.consume_nonce = [nonces](const std::string& nonce, std::int64_t) -> Result<bool> {
    return nonces->first_use(nonce);
  };
  service.redact = mask;
  return service;
}

}  // namespace remit::wire_test
