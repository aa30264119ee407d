// Tool: what the server serves. A tool file declares its argument struct, result struct, their
// fields, annotations and handler once; tool() turns that into this type. Handlers see Access and
// nothing else of the world.
//
// Threads: a handler may run on several threads at once; it must watch `stop`.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/lazy_schema.h"
#include "base/result.h"
#include "policy/access.h"

namespace remit::tools {

// Reports progress to the client; a no-op if the client gave no progressToken. Thread-safe.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void report(double progress, std::optional<double> total, std::string message) = 0;
};

// Asks the client's person through the protocol (elicitation). Implemented by server/mcp.
class Asker {
 public:
  virtual ~Asker() = default;
  // Can this client show a form for this call?
  virtual bool available() const = 0;
  enum class Reply { approve, decline, cancel };
  struct Answer {
    Reply reply = Reply::cancel;
    std::string channel;  // "elicitation", "mrtr"
    std::chrono::milliseconds latency{0};
  };
  // Shows `question` with a field `decision` and the four-digit `code`, and waits. In the stateless
  // era it fails with needs_approval, code "input_required": the handler returns that error as it
  // is, and the call is retried with the answer. Errors: cancelled, timeout, unavailable.
  virtual Result<Answer> ask(const policy::Question& question, std::stop_token stop) = 0;

  // A page of this server's console. The address holds an opaque id and nothing else.
  struct Page {
    std::string id, url, message;
    std::string grant_key;  // of the question that the page asks
  };
  // Can this client offer its person a page to open (elicitation's mode "url")?
  virtual bool opens_pages() const { return false; }
  // Offers it. approve: the person opened it or is about to, which decides nothing; decline: a
  // person's no; cancel: nobody was asked. Errors: as ask().
  virtual Result<Reply> open_page(const Page& /*page*/, std::stop_token /*stop*/) {
    return fail(ErrorKind::unavailable, "this client opens no pages", {}, "no_channel");
  }
  // The question of that page is decided.
  virtual void page_done(const std::string& /*id*/) {}
};

struct Call {
  policy::CallScope scope;
  policy::Access& access;
  Asker& asker;
  Progress& progress;
  std::stop_token stop;
  std::size_t page_chars;
  bool structured = true;  // whether anybody gets Reply::structured; else text is enough
  bool may_go_on = false;  // past its reply: the client asks for the result when it is there
};

struct Image {
  std::string media_type;
  std::string bytes;
};

// One piece of an answer. A link names something that can be read; a resource carries it.
struct Content {
  enum class Kind { text, image, audio, resource, link };
  Kind kind = Kind::text;
  std::string body;                 // the text, or the bytes
  std::string media_type = {};      // all but text
  std::string uri = {}, name = {};  // resource and link
  bool binary = false;              // a resource whose body is bytes
};

// What a handler returns once encoded: text for the model always; `structured` is the typed result.
struct Reply {
  std::string text;
  std::shared_ptr<const nlohmann::json> structured;
  std::optional<Image> image;
  std::vector<Content> contents = {};  // shown instead of text and image, where those do not do
  bool failed = false;                 // the answer says what went wrong
};

struct Annotations {
  bool read_only = false;
  bool destructive = false;
  bool idempotent = false;
  bool open_world = false;
};

// text_first tools publish no output schema and no structuredContent by default (docs/protocol.md).
enum class Output { text_first, record };

struct Tool {
  std::string name, title, description;
  LazySchema input_schema, output_schema;
  Annotations annotations;
  Output output = Output::record;
  bool always_load = false;      // one of the core tools a client should not defer
  bool shown_to_person = false;  // the client must show each call, whatever its own rules say
  // Strictly decodes `arguments` (an error carries its JSON pointer in `where`), runs the handler,
  // encodes the result and checks it against the output schema.
  std::function<Result<Reply>(const nlohmann::json& arguments, Call& call)> run;
};

}  // namespace remit::tools
