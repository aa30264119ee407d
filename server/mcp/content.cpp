#include "server/mcp/content.h"

#include <algorithm>

#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"
#include "server/mcp/tool_result.h"

namespace remit::mcp {
namespace {

// An error of a provider, its text redacted like every other.
void refuse(Parts& parts, ReplyOnce& reply, const Error& error, std::string_view uri = {}) {
  RpcError out = rpc_error(error, reply.exchange().envelope.revision, uri);
  out.message = parts.writer.redacted(std::move(out.message));
  reply.error(out);
}

const std::string* string_member(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? &at->get_ref<const std::string&>() : nullptr;
}

void add_text(const Parts& parts, std::string& out, const char* key, const std::string& text) {
  if (text.empty()) return;
  out += ",\"";
  out += key;
  out += "\":";
  parts.writer.append_text(out, text);
}

// Answers with one page of `entries` (JSON texts).
void reply_page(Parts& parts, ReplyOnce& reply, const char* name,
                const std::vector<std::string>& entries, const Json& params) {
  Sha256 hash;
  for (const std::string& entry : entries) hash.field(entry);
  const auto page = page_of(entries.size(), parts.service.list_page, hash.finish_hex(), params);
  if (!page) return refuse(reply, page.error().message);
  std::string fields = std::string("\"") + name + "\":[";
  for (std::size_t i = page->begin; i < page->end; ++i) {
    if (i != page->begin) fields += ',';
    fields += entries[i];
  }
  fields += ']';
  if (!page->next_cursor.empty()) fields += R"(,"nextCursor":")" + page->next_cursor + "\"";
  reply.result(
      parts.writer.result(reply.exchange().envelope.revision, fields, limits::kListTtl.count()));
}

}  // namespace

void list_prompts(Parts& parts, const Offer& offer, ReplyOnce& reply, const Json& params) {
  const auto prompts = offer.prompts->list();
  if (!prompts) return refuse(parts, reply, prompts.error());
  const bool titles = reply.exchange().envelope.revision != Revision::v2025_03_26;
  std::vector<std::string> entries;
  for (const PromptEntry& prompt : *prompts) {
    std::string entry = R"({"name":)";
    append_json_string(entry, prompt.name);
    if (titles) add_text(parts, entry, "title", prompt.title);
    add_text(parts, entry, "description", prompt.description);
    if (!prompt.arguments.empty()) {
      entry += R"(,"arguments":[)";
      for (const PromptArgument& argument : prompt.arguments) {
        if (&argument != &prompt.arguments.front()) entry += ',';
        entry += R"({"name":)";
        append_json_string(entry, argument.name);
        add_text(parts, entry, "description", argument.description);
        entry += argument.required ? R"(,"required":true})" : R"(,"required":false})";
      }
      entry += ']';
    }
    entry += '}';
    entries.push_back(std::move(entry));
  }
  reply_page(parts, reply, "prompts", entries, params);
}

void get_prompt(Parts& parts, const Offer& offer, const CallLink& link, ReplyOnce& reply,
                const Json& params) {
  const std::string* name = string_member(params, "name");
  if (name == nullptr) return refuse(reply, "params.name is required and must be a string");
  std::map<std::string, std::string> arguments;
  if (const auto given = params.find("arguments"); given != params.end() && !given->is_null()) {
    if (!given->is_object()) return refuse(reply, "params.arguments must be an object");
    for (const auto& [key, value] : given->items()) {
      if (!value.is_string())
        return refuse(reply,
                      "params.arguments: the value of " + quoted_input(key) + " must be a string");
      arguments.emplace(key, value.get<std::string>());
    }
  }
  const auto prompts = offer.prompts->list();
  if (!prompts) return refuse(parts, reply, prompts.error());
  const auto entry = std::find_if(prompts->begin(), prompts->end(),
                                  [&](const PromptEntry& prompt) { return prompt.name == *name; });
  if (entry == prompts->end()) return refuse(reply, "unknown prompt " + quoted_input(*name));
  for (const PromptArgument& argument : entry->arguments)
    if (argument.required && !arguments.contains(argument.name))
      return refuse(reply, "the prompt needs the argument " + quoted_input(argument.name));
  Exchange& exchange = reply.exchange();
  const Revision revision = exchange.envelope.revision;
  const Json bound(arguments);
  RetryInputs inputs(parts.seal, "prompts/get", *name, bound);
  if (is_modern(revision))
    if (const auto taken = inputs.take(params); !taken)
      return reply.error(rpc_error(taken.error(), revision));
  ClientCall client(parts, link, exchange, inputs);
  const auto prompt = offer.prompts->get(*name, arguments, client);
  if (!prompt && !inputs.required().empty() && prompt.error().code == "input_required")
    return reply.result(
        parts.writer.result(revision, inputs.required(), std::nullopt, "input_required"));
  if (!prompt && is_modern(revision) && prompt.error().code == "missing_capability")
    return reply.error(missing_capability(client.lacking(), exchange.envelope.client));
  if (!prompt) return refuse(parts, reply, prompt.error());
  std::string fields;
  if (!prompt->description.empty()) {
    fields += R"("description":)";
    parts.writer.append_text(fields, prompt->description);
    fields += ',';
  }
  fields += R"("messages":[)";
  for (const PromptMessage& message : prompt->messages) {
    if (&message != &prompt->messages.front()) fields += ',';
    fields +=
        message.role == PromptMessage::Role::user ? R"({"role":"user")" : R"({"role":"assistant")";
    fields += R"(,"content":)";
    append_content(parts.writer, revision, fields, message.content);
    fields += '}';
  }
  fields += ']';
  reply.result(parts.writer.result(revision, fields));
}

void list_resources(Parts& parts, const Offer& offer, ReplyOnce& reply, const Json& params) {
  const auto resources = offer.resources->list();
  if (!resources) return refuse(parts, reply, resources.error());
  const bool titles = reply.exchange().envelope.revision != Revision::v2025_03_26;
  std::vector<std::string> entries;
  for (const ResourceEntry& resource : *resources) {
    std::string entry = R"({"uri":)";
    append_json_string(entry, resource.uri);
    entry += R"(,"name":)";
    append_json_string(entry, resource.name);
    if (titles) add_text(parts, entry, "title", resource.title);
    add_text(parts, entry, "description", resource.description);
    add_text(parts, entry, "mimeType", resource.mime_type);
    if (resource.size) entry += R"(,"size":)" + std::to_string(*resource.size);
    entry += '}';
    entries.push_back(std::move(entry));
  }
  reply_page(parts, reply, "resources", entries, params);
}

void list_resource_templates(Parts& parts, const Offer& offer, ReplyOnce& reply,
                             const Json& params) {
  const auto templates = offer.resources->templates();
  if (!templates) return refuse(parts, reply, templates.error());
  const bool titles = reply.exchange().envelope.revision != Revision::v2025_03_26;
  std::vector<std::string> entries;
  for (const ResourceTemplate& resource : *templates) {
    std::string entry = R"({"uriTemplate":)";
    append_json_string(entry, resource.uri_template);
    entry += R"(,"name":)";
    append_json_string(entry, resource.name);
    if (titles) add_text(parts, entry, "title", resource.title);
    add_text(parts, entry, "description", resource.description);
    add_text(parts, entry, "mimeType", resource.mime_type);
    entry += '}';
    entries.push_back(std::move(entry));
  }
  reply_page(parts, reply, "resourceTemplates", entries, params);
}

void read_resource(Parts& parts, const Offer& offer, ReplyOnce& reply, const Json& params) {
  const std::string* uri = string_member(params, "uri");
  if (uri == nullptr || uri->empty())
    return refuse(reply, "params.uri is required and must be a string");
  Exchange& exchange = reply.exchange();
  if (!exchange.outbox().wait_for_room(exchange.stop.get_token())) return reply.abandon();
  const policy::CallScope scope{ulid(parts.service.clock->unix_ms()), "resources/read"};
  const auto contents = offer.resources->read(*uri, scope, exchange.stop.get_token());
  if (!contents) return refuse(parts, reply, contents.error(), *uri);
  if (contents->empty())
    return refuse(parts, reply,
                  Error{ErrorKind::internal, "the resource has no contents", {}, {}, nullptr},
                  *uri);
  std::string fields = R"("contents":[)";
  for (const ResourceContent& content : *contents) {
    if (&content != &contents->front()) fields += ',';
    fields += R"({"uri":)";
    append_json_string(fields, content.uri);
    add_text(parts, fields, "mimeType", content.mime_type);
    if (content.binary) {
      fields += R"(,"blob":")" + base64(content.bytes) + "\"}";
    } else {
      fields += R"(,"text":)";
      parts.writer.append_text(fields, content.bytes);
      fields += '}';
    }
  }
  fields += ']';
  // A document may change at any moment: 0 is "ask again".
  reply.result(parts.writer.result(exchange.envelope.revision, fields, 0));
}

void complete(Parts& parts, const Offer& offer, ReplyOnce& reply, const Json& params) {
  CompletionQuery query;
  const Json* ref = nullptr;
  const Json* argument = nullptr;
  if (params.is_object()) {
    if (const auto at = params.find("ref"); at != params.end()) ref = &*at;
    if (const auto at = params.find("argument"); at != params.end()) argument = &*at;
  }
  const std::string* type = ref != nullptr ? string_member(*ref, "type") : nullptr;
  const std::string* name = argument != nullptr ? string_member(*argument, "name") : nullptr;
  const std::string* value = argument != nullptr ? string_member(*argument, "value") : nullptr;
  if (type == nullptr || name == nullptr || value == nullptr)
    return refuse(reply, "completion/complete needs params.ref and params.argument{name, value}");
  if (*type == "ref/prompt") {
    const std::string* prompt = string_member(*ref, "name");
    if (prompt == nullptr) return refuse(reply, "params.ref.name must be a string");
    query.prompt = *prompt;
  } else if (*type == "ref/resource") {
    const std::string* uri = string_member(*ref, "uri");
    if (uri == nullptr) return refuse(reply, "params.ref.uri must be a string");
    query.uri_template = *uri;
  } else {
    return refuse(reply, "params.ref.type must be ref/prompt or ref/resource");
  }
  query.argument = *name;
  query.prefix = *value;
  std::vector<std::string> values;
  if (offer.complete) {
    auto found = offer.complete(query);
    if (!found) return refuse(parts, reply, found.error());
    values = std::move(*found);
  }
  std::string fields = R"("completion":{"values":[)";
  const std::size_t shown = std::min(values.size(), limits::kCompletions);
  for (std::size_t i = 0; i < shown; ++i) {
    if (i != 0) fields += ',';
    parts.writer.append_text(fields, values[i]);
  }
  fields += R"(],"total":)" + std::to_string(values.size());
  fields += shown < values.size() ? R"(,"hasMore":true})" : R"(,"hasMore":false})";
  reply.result(parts.writer.result(reply.exchange().envelope.revision, fields));
}

}  // namespace remit::mcp
