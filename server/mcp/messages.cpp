#include "server/mcp/messages.h"

#include "base/limits.h"
#include "server/mcp/wire.h"

namespace remit::mcp {
namespace {

constexpr std::int64_t kLargestId = (std::int64_t{1} << 53) - 1;

Malformed invalid(IdText id, std::string why) {
  return Malformed{std::move(id), kInvalidRequest, "invalid request: " + std::move(why)};
}

// Takes `value` apart.
Message to_message(Json& value, const std::string& duplicate) {
  if (!value.is_object()) return invalid({}, "a message is a JSON object");
  const auto id = value.find("id");
  const bool has_id = id != value.end();
  std::optional<IdText> readable = has_id ? id_text(*id) : std::nullopt;
  // Of two ids neither can be trusted.
  if (!duplicate.empty())
    return invalid(duplicate == "id" || !readable ? IdText{} : std::move(*readable),
                   "the key " + quoted_input(duplicate) + " stands twice");
  const auto version = value.find("jsonrpc");
  if (version == value.end() || !version->is_string() ||
      version->get_ref<const std::string&>() != "2.0")
    return invalid(readable.value_or(IdText{}), R"("jsonrpc" must be "2.0")");
  if (has_id && !readable)
    return invalid({}, "an id is a string of at most " + std::to_string(limits::kIdBytes) +
                           " bytes or an integer within +-(2^53 - 1)");

  const auto method = value.find("method");
  const auto result = value.find("result");
  const auto error = value.find("error");
  const bool answers = result != value.end() || error != value.end();
  if (method == value.end()) {
    if (!answers) return invalid(readable.value_or(IdText{}), R"(the key "method" is missing)");
    if (!readable || (result != value.end() && error != value.end()) ||
        (error != value.end() && !error->is_object()))
      return invalid(readable.value_or(IdText{}),
                     R"(a response has an "id" and either a "result" or an "error" object)");
    Response response{std::move(*readable), nullptr, nullptr};
    if (result != value.end())
      response.result = std::move(*result);
    else
      response.error = std::move(*error);
    return response;
  }
  if (answers)
    return invalid(readable.value_or(IdText{}),
                   R"("method" and "result" or "error" in one message)");
  if (!method->is_string())
    return invalid(readable.value_or(IdText{}), R"("method" must be a string)");
  auto& name = method->get_ref<std::string&>();
  if (name.empty() || name.size() > limits::kMethodBytes)
    return invalid(readable.value_or(IdText{}),
                   R"("method" must have 1 to )" + std::to_string(limits::kMethodBytes) + " bytes");
  Json params;
  if (const auto given = value.find("params"); given != value.end()) {
    params = std::move(*given);
    // `"params": null` is a wrong type, absence is not: keep them apart.
    if (params.is_null()) params = false;
  }
  if (!has_id) return Notification{std::move(name), std::move(params)};
  return Request{std::move(*readable), std::move(name), std::move(params)};
}

}  // namespace

std::optional<IdText> id_text(const Json& id) {
  if (id.is_string()) {
    const auto& text = id.get_ref<const std::string&>();
    if (text.size() > limits::kIdBytes) return std::nullopt;
    IdText out;
    append_json_string(out, text);
    return out;
  }
  if (id.is_number_unsigned()) {
    const auto number = id.get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(kLargestId)) return std::nullopt;
    return std::to_string(number);
  }
  if (id.is_number_integer()) {
    const auto number = id.get<std::int64_t>();
    if (number < -kLargestId || number > kLargestId) return std::nullopt;
    return std::to_string(number);
  }
  return std::nullopt;
}

Frame parse_frame(std::string_view text) {
  Frame frame;
  std::string duplicate;
  auto parsed = parse_json(text, {limits::kJsonDepth, limits::kJsonValues, false, &duplicate});
  if (!parsed) {
    frame.message = Malformed{{}, kParseError, "parse error: " + parsed.error().message};
    return frame;
  }
  if (!parsed->is_array()) {
    frame.message = to_message(*parsed, duplicate);
    return frame;
  }
  frame.batch = true;
  frame.batch_size = parsed->size();
  if (frame.batch_size > limits::kBatchMessages) return frame;
  frame.elements.reserve(frame.batch_size);
  for (Json& element : *parsed) frame.elements.push_back(to_message(element, duplicate));
  return frame;
}

std::optional<Frame> parse_frame(std::string_view text, const Weight& weight,
                                 HeldBytes::Share held) {
  if (!held.grow(weight.while_parsed())) return std::nullopt;
  Frame frame = parse_frame(text);
  held.shrink(weight.while_served());
  frame.held = std::move(held);
  return frame;
}

std::string busy_message(const Weight& weight) {
  const auto id = parse_json(weight.id.substr(0, 2 * limits::kIdBytes));
  return error_message(id ? id_text(*id).value_or(IdText()) : IdText(),
                       {kInternalError,
                        "busy: what clients sent and have not read holds all the "
                        "memory that it may; read answers, and retry"});
}

}  // namespace remit::mcp
