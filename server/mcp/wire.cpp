#include "server/mcp/wire.h"

#include <charconv>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"

namespace remit::mcp {

const char* to_string(Revision revision) {
  switch (revision) {
    case Revision::v2025_03_26:
      return "2025-03-26";
    case Revision::v2025_06_18:
      return "2025-06-18";
    case Revision::v2025_11_25:
      return "2025-11-25";
    case Revision::v2026_07_28:
      return "2026-07-28";
  }
  return "2026-07-28";
}

std::string quoted_input(std::string_view text) {
  const std::string_view shown = prefix_chars(text, limits::kEchoedInput);
  std::string out = "\"" + escape_ascii(shown) + "\"";
  if (shown.size() < text.size()) out += "...";
  return out;
}

std::string error_body(const RpcError& error) {
  std::string out = R"({"code":)";
  out += std::to_string(error.code);
  out += R"(,"message":)";
  const std::string_view message(error.message);
  // Half of the limit for the message: escaping and data need the rest.
  append_json_string(out, message.substr(0, utf8_boundary(message, limits::kErrorReplyBytes / 2)));
  if (!error.data.empty() && out.size() + error.data.size() < limits::kErrorReplyBytes) {
    out += R"(,"data":)";
    out += error.data;
  }
  out += '}';
  return out;
}

std::string error_message(std::string_view id, const RpcError& error) {
  std::string out = R"({"jsonrpc":"2.0")";
  if (!id.empty()) {
    out += R"(,"id":)";
    out += id;
  }
  out += R"(,"error":)" + error_body(error) + "}";
  return out;
}

std::string result_message(std::string_view id, std::string_view result) {
  std::string out;
  out.reserve(result.size() + id.size() + 40);
  out += R"({"jsonrpc":"2.0","id":)";
  out += id;
  out += R"(,"result":)";
  out += result;
  out += '}';
  return out;
}

std::string notification_message(std::string_view method, std::string_view params) {
  std::string out = R"({"jsonrpc":"2.0","method":")";
  out += method;
  out += R"(","params":)";
  out += params;
  out += '}';
  return out;
}

std::string request_message(std::string_view id, std::string_view method, std::string_view params) {
  std::string out = R"({"jsonrpc":"2.0","id":)";
  out += id;
  out += R"(,"method":")";
  out += method;
  out += R"(","params":)";
  out += params;
  out += '}';
  return out;
}

ResultWriter::ResultWriter(const Settings& service) : redact_(service.redact) {
  server_info_ = R"({"name":)";
  append_json_string(server_info_, service.name);
  server_info_ += R"(,"version":)";
  append_json_string(server_info_, service.version);
  server_info_ += '}';
  modern_tail_ = R"("_meta":{"io.modelcontextprotocol/serverInfo":)" + server_info_ + "}}";
}

std::string ResultWriter::result(Revision revision, std::string_view fields,
                                 std::optional<std::int64_t> ttl_ms,
                                 std::string_view result_type) const {
  std::string out;
  out.reserve(fields.size() + modern_tail_.size() + 96);
  out += '{';
  if (!is_modern(revision)) {
    out += fields;
    out += '}';
    return out;
  }
  out += R"("resultType":")";
  out += result_type;
  out += "\",";
  if (!fields.empty()) {
    out += fields;
    out += ',';
  }
  if (ttl_ms) {
    // Everything here depends on the persona, so nobody but this client may keep it.
    out += R"("ttlMs":)";
    out += std::to_string(*ttl_ms);
    out += R"(,"cacheScope":"private",)";
  }
  out += modern_tail_;
  return out;
}

std::string ResultWriter::listen_result(std::string_view subscription_id) const {
  std::string out =
      R"({"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":)";
  out += subscription_id;
  out += R"(,"io.modelcontextprotocol/serverInfo":)" + server_info_ + "}}";
  return out;
}

std::string ResultWriter::redacted(std::string text) const {
  if (redact_) return redact_(std::move(text));
  return text;
}

void ResultWriter::append_text(std::string& out, std::string text) const {
  append_json_string(out, redacted(std::move(text)));
}

void ResultWriter::append_document(std::string& out, const Json& value) const {
  switch (value.type()) {
    case Json::value_t::object: {
      out += '{';
      bool first = true;
      for (const auto& [key, member] : value.items()) {
        if (!first) out += ',';
        first = false;
        append_text(out, key);
        out += ':';
        append_document(out, member);
      }
      out += '}';
      return;
    }
    case Json::value_t::array: {
      out += '[';
      bool first = true;
      for (const Json& element : value) {
        if (!first) out += ',';
        first = false;
        append_document(out, element);
      }
      out += ']';
      return;
    }
    case Json::value_t::string:
      append_text(out, value.get_ref<const std::string&>());
      return;
    case Json::value_t::null:
    case Json::value_t::boolean:
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
    case Json::value_t::binary:
    case Json::value_t::discarded:
      out += dump(value);
      return;
  }
}

std::string tool_error_text(const Error& error) {
  std::string label;
  switch (error.kind) {
    case ErrorKind::invalid_argument:
      label = "invalid argument";
      break;
    case ErrorKind::not_found:
      label = "not found";
      break;
    case ErrorKind::denied:
      label = "denied";
      break;
    case ErrorKind::needs_approval:
      label = "needs approval";
      break;
    case ErrorKind::conflict:
      label = "conflict";
      break;
    case ErrorKind::timeout:
      label = "timeout";
      break;
    case ErrorKind::cancelled:
      label = "cancelled";
      break;
    case ErrorKind::too_large:
      label = "too large";
      break;
    case ErrorKind::unavailable:
      label = "unavailable";
      break;
    case ErrorKind::internal:
      label = "internal error";
      break;
  }
  // Only a pointer into the arguments helps who called; a refusal names its line in its own words.
  if (error.kind == ErrorKind::invalid_argument && !error.where.empty())
    label += " at " + error.where;
  label += ": " + error.message;
  if (!error.code.empty()) label += " [" + error.code + "]";
  return label;
}

RpcError rpc_error(const Error& error, Revision revision, std::string_view uri) {
  RpcError out;
  switch (error.kind) {
    case ErrorKind::not_found:
    case ErrorKind::denied:
      // Alike, so that an answer does not tell what exists.
      out.code = !uri.empty() && !is_modern(revision) ? kResourceNotFound : kInvalidParams;
      break;
    case ErrorKind::invalid_argument:
    case ErrorKind::too_large:
      out.code = kInvalidParams;
      break;
    case ErrorKind::needs_approval:
    case ErrorKind::conflict:
    case ErrorKind::timeout:
    case ErrorKind::cancelled:
    case ErrorKind::unavailable:
    case ErrorKind::internal:
      out.code = kInternalError;
      break;
  }
  out.message = tool_error_text(error);
  if (!uri.empty() && uri.size() <= 2048) {
    out.data = R"({"uri":)";
    append_json_string(out.data, uri);
    out.data += '}';
  }
  return out;
}

}  // namespace remit::mcp
