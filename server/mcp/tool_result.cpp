#include "server/mcp/tool_result.h"

#include "base/crypto.h"
#include "base/json.h"

namespace remit::mcp {
namespace {

using Kind = tools::Content::Kind;

void append_member(std::string& out, const char* name, std::string_view value) {
  out += ",\"";
  out += name;
  out += "\":";
  append_json_string(out, value);
}

void append_media(std::string& out, const char* type, std::string_view bytes,
                  std::string_view media_type) {
  out += R"({"type":")";
  out += type;
  out += R"(","data":")" + base64(bytes) + "\"";
  append_member(out, "mimeType", media_type);
  out += '}';
}

void append_text_block(const ResultWriter& writer, std::string& out, std::string text) {
  out += R"({"type":"text","text":)";
  writer.append_text(out, std::move(text));
  out += '}';
}

}  // namespace

void append_content(const ResultWriter& writer, Revision revision, std::string& out,
                    tools::Content content) {
  switch (content.kind) {
    case Kind::text:
      return append_text_block(writer, out, std::move(content.body));
    case Kind::image:
      return append_media(out, "image", content.body, content.media_type);
    case Kind::audio:
      return append_media(out, "audio", content.body, content.media_type);
    case Kind::resource:
      out += R"({"type":"resource","resource":{"uri":)";
      append_json_string(out, content.uri);
      append_member(out, "mimeType", content.media_type);
      if (content.binary) {
        append_member(out, "blob", base64(content.body));
      } else {
        out += R"(,"text":)";
        writer.append_text(out, std::move(content.body));
      }
      out += "}}";
      return;
    case Kind::link:
      if (revision == Revision::v2025_03_26)  // which has no links
        return append_text_block(writer, out, content.name + ": " + content.uri);
      out += R"({"type":"resource_link","uri":)";
      append_json_string(out, content.uri);
      append_member(out, "name", content.name);
      if (!content.media_type.empty()) append_member(out, "mimeType", content.media_type);
      out += '}';
      return;
  }
}

void append_error(const ResultWriter& writer, std::string& fields, const Error& error) {
  fields += R"("content":[)";
  append_text_block(writer, fields, tool_error_text(error));
  fields += R"(],"isError":true)";
}

bool gives_structured(const Parts& parts, Revision revision, const tools::Tool& tool) {
  return revision != Revision::v2025_03_26 && publishes_structured(tool, parts.service.structured);
}

void append_reply(const Parts& parts, Revision revision, std::string& fields,
                  const tools::Tool& tool, tools::Reply reply) {
  const bool structured = !reply.failed && gives_structured(parts, revision, tool);
  if (structured && tool.output_schema && !reply.structured) {
    append_error(
        parts.writer, fields,
        Error{ErrorKind::internal, tool.name + " returned no structured result", {}, {}, nullptr});
    return;
  }
  fields += R"("content":[)";
  if (!reply.contents.empty()) {
    bool first = true;
    for (tools::Content& content : reply.contents) {
      if (!first) fields += ',';
      first = false;
      append_content(parts.writer, revision, fields, std::move(content));
    }
  } else {
    fields += R"({"type":"text","text":)";
    if (!reply.text.empty())
      parts.writer.append_text(fields, std::move(reply.text));
    else if (reply.structured)
      parts.writer.append_text(fields, dump(*reply.structured));
    else
      append_json_string(fields, reply.image ? "(an image)" : "(no output)");
    fields += '}';
    if (reply.image) {
      fields += ',';
      append_media(fields, "image", reply.image->bytes, reply.image->media_type);
    }
  }
  fields += ']';
  if (reply.failed) fields += R"(,"isError":true)";
  // The initialize eras allow an object only.
  if (structured && reply.structured && (is_modern(revision) || reply.structured->is_object())) {
    fields += R"(,"structuredContent":)";
    parts.writer.append_document(fields, *reply.structured);
  }
}

}  // namespace remit::mcp
