// Builds a Tool from one declaration: an argument struct, a result struct (both with Fields), the
// annotations and a handler. Include only in tool files: it pulls in the JSON library.
//
//   Result<Outcome<TailResult>> tail(const TailArgs& args, Call& call);
//   Tool make_tail() {
//     return tool<TailArgs, TailResult>({.name = "Tail", .title = "Show the end of a log",
//                                        .description = kDoc, .annotations = {.read_only = true}},
//                                       tail);
//   }
#pragma once

#include <utility>

#include "base/schema.h"
#include "tools/tool.h"

namespace remit::tools {

// What a handler returns: the typed result and the same facts as text.
template <class R>
struct Outcome {
  R value;
  std::string text;
  std::optional<Image> image;
};

// The words about a tool; everything else follows from the structs.
struct Declaration {
  std::string name, title, description;
  Annotations annotations;
  Output output = Output::record;
  bool always_load = false;
  bool shown_to_person = false;
};

// `handler` may be a lambda that holds what the tool keeps between calls; it must be thread-safe.
template <class Args, class R>
Tool tool(Declaration words, std::function<Result<Outcome<R>>(Args, Call&)> handler) {
  Tool out;
  out.name = std::move(words.name);
  out.title = std::move(words.title);
  out.description = std::move(words.description);
  out.annotations = words.annotations;
  out.output = words.output;
  out.always_load = words.always_load;
  out.shown_to_person = words.shown_to_person;
  out.input_schema = LazySchema(schema_of<Args>);
  out.output_schema = LazySchema(schema_of<R>);
  out.run = [handler = std::move(handler), output_schema = out.output_schema](
                const Json& arguments, Call& call) -> Result<Reply> {
    TRY(Args args, decode<Args>(arguments));
    TRY(Outcome<R> outcome, handler(std::move(args), call));
    if (!call.structured && !outcome.text.empty())
      return Reply{std::move(outcome.text), nullptr, std::move(outcome.image)};
    Json encoded = encode(outcome.value);
    // A result that does not fit its own declaration is a bug of the tool (docs/tools.md).
    if (auto fits = schema::validate(*output_schema, encoded); !fits) {
      return fail(ErrorKind::internal, "result does not fit its schema: " + fits.error().message,
                  fits.error().where);
    }
    return Reply{std::move(outcome.text), std::make_shared<const Json>(std::move(encoded)),
                 std::move(outcome.image)};
  };
  return out;
}

}  // namespace remit::tools
