#include "server/mcp/catalogue.h"

#include <charconv>

#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"

namespace remit::mcp {

bool publishes_structured(const tools::Tool& tool, Structured mode) {
  switch (mode) {
    case Structured::all:
      return true;
    case Structured::records:
      return tool.output == tools::Output::record;
    case Structured::none:
      return false;
  }
  return false;
}

Result<Page> page_of(std::size_t entries, std::size_t page_size, std::string_view list_digest,
                     const Json& params) {
  Page page;
  const std::string tag(list_digest.substr(0, 16));
  if (params.is_object()) {
    if (const auto given = params.find("cursor"); given != params.end()) {
      const auto bad = [] {
        return fail(ErrorKind::invalid_argument,
                    "cursor is not one of this list; list again without it", "/cursor");
      };
      if (!given->is_string()) return bad();
      const auto& cursor = given->get_ref<const std::string&>();
      if (cursor.size() > limits::kCursorBytes) return bad();
      const auto text = decode_base64url(cursor);
      if (!text) return bad();
      const auto dot = text->find('.');
      if (dot == std::string::npos || text->substr(dot + 1) != tag) return bad();
      const char* const end = text->data() + dot;
      const auto [stopped, problem] = std::from_chars(text->data(), end, page.begin);
      if (problem != std::errc{} || stopped != end || page.begin == 0 || page.begin >= entries)
        return bad();
    }
  }
  page.end = std::min(entries, page.begin + page_size);
  if (page.end < entries) page.next_cursor = base64url(std::to_string(page.end) + "." + tag);
  return page;
}

Catalogue::Catalogue(const Offer& offer, const Settings& settings, const ResultWriter& writer)
    : offer_(offer), service_(settings), writer_(writer) {
  for (const tools::Tool& tool : offer_.tools) by_name_.emplace(tool.name, &tool);
}

const Catalogue::ToolLists& Catalogue::lists() const {
  std::call_once(written_, [this] { lists_ = write_tools(); });
  return lists_;
}

namespace {

// An output schema as it is published: who kept the list of an older server must accept what a
// newer one adds to a result, and a default is no news of what is there. Within the server results
// are checked with nothing added.
Json open_to_more(Json schema) {
  if (schema.is_object()) {
    const auto others = schema.find("additionalProperties");
    if (others != schema.end() && *others == false) schema.erase(others);
    const auto preset = schema.find("default");
    if (preset != schema.end() && !preset->is_object()) schema.erase(preset);
  }
  if (schema.is_structured())
    for (Json& part : schema) part = open_to_more(std::move(part));
  return schema;
}

}  // namespace

// Both lists in one pass: their entries share what costs most to write, the input schemas.
Catalogue::ToolLists Catalogue::write_tools() const {
  ToolLists out;
  Sha256 modern_hash, oldest_hash;
  for (const tools::Tool& tool : offer_.tools) {
    std::string name = R"({"name":)";
    append_json_string(name, tool.name);
    std::string title;
    if (!tool.title.empty()) {
      title = R"(,"title":)";
      append_json_string(title, tool.title);
    }
    std::string rest = R"(,"description":)";
    append_json_string(rest, tool.description);
    rest += R"(,"inputSchema":)";
    rest += tool.input_schema ? dump(*tool.input_schema) : R"({"type":"object"})";
    const auto hint = [&](const char* key, bool value) {
      rest += key;
      rest += value ? "true" : "false";
    };
    hint(R"(,"annotations":{"readOnlyHint":)", tool.annotations.read_only);
    hint(R"(,"destructiveHint":)", tool.annotations.destructive);
    hint(R"(,"idempotentHint":)", tool.annotations.idempotent);
    hint(R"(,"openWorldHint":)", tool.annotations.open_world);
    rest += '}';
    std::string output;
    if (tool.output_schema && publishes_structured(tool, service_.structured))
      output = R"(,"outputSchema":)" + dump(open_to_more(*tool.output_schema));
    std::string meta;
    if (tool.always_load) meta += R"(,"anthropic/alwaysLoad":true)";
    if (tool.shown_to_person) meta += R"(,"anthropic/requiresUserInteraction":true)";
    const std::string end = meta.empty() ? "}" : R"(,"_meta":{)" + meta.substr(1) + "}}";
    const auto add = [](ToolList& list, Sha256& hash, std::string entry) {
      hash.field(entry);
      list.bytes += entry.size() + 1;
      list.entries.push_back(std::move(entry));
    };
    add(out.oldest, oldest_hash, name + rest + end);
    add(out.modern, modern_hash, name + title + rest + output + end);
  }
  out.modern.digest = modern_hash.finish_hex();
  out.oldest.digest = oldest_hash.finish_hex();
  return out;
}

std::string Catalogue::capabilities(Revision revision) const {
  const Announces& announces = service_.announces;
  const auto list = [](const char* name, bool changes) {
    return std::string(",\"") + name + (changes ? R"(":{"listChanged":true})" : R"(":{})");
  };
  std::string out = R"({"logging":{})";
  if (!offer_.tools.empty()) out += list("tools", announces.tools);
  if (offer_.prompts) out += list("prompts", announces.prompts);
  if (offer_.resources) {
    out += list("resources", announces.resources);
    if (announces.resource_updates) {
      out.pop_back();
      out += announces.resources ? R"(,"subscribe":true})" : R"("subscribe":true})";
    }
  }
  if (offer_.prompts || offer_.resources) out += R"(,"completions":{})";
  if (is_modern(revision) && service_.tasks)
    out += R"(,"extensions":{"io.modelcontextprotocol/tasks":{}})";
  out += '}';
  return out;
}

std::string Catalogue::initialize_result(Revision revision) const {
  std::string fields = R"("protocolVersion":")";
  fields += to_string(revision);
  fields += R"(","capabilities":)" + capabilities(revision);
  fields += R"(,"serverInfo":)" + writer_.server_info();
  if (!offer_.instructions.empty()) {
    fields += R"(,"instructions":)";
    append_json_string(fields, offer_.instructions);
  }
  return writer_.result(revision, fields);
}

std::string Catalogue::discover_result() const {
  const Revision revision = Revision::v2026_07_28;
  std::string fields = R"("supportedVersions":["2026-07-28"],"capabilities":)";
  fields += capabilities(revision);
  if (!offer_.instructions.empty()) {
    fields += R"(,"instructions":)";
    append_json_string(fields, offer_.instructions);
  }
  return writer_.result(revision, fields, limits::kListTtl.count());
}

Result<std::string> Catalogue::tools_list_result(Revision revision, const Json& params) const {
  const ToolList& list = revision == Revision::v2025_03_26 ? lists().oldest : lists().modern;
  TRY(const Page page, page_of(list.entries.size(), service_.list_page, list.digest, params));
  std::string fields;
  fields.reserve(list.bytes + 64);
  fields += R"("tools":[)";
  for (std::size_t i = page.begin; i < page.end; ++i) {
    if (i != page.begin) fields += ',';
    fields += list.entries[i];
  }
  fields += ']';
  if (!page.next_cursor.empty()) fields += R"(,"nextCursor":")" + page.next_cursor + "\"";
  return writer_.result(revision, fields, limits::kListTtl.count());
}

const tools::Tool* Catalogue::find(std::string_view name) const {
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? nullptr : at->second;
}

}  // namespace remit::mcp
