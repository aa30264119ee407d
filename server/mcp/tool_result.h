// The members of a CallToolResult, in the form of each era.
#pragma once

#include <string>

#include "server/mcp/parts.h"

namespace remit::mcp {

// Whether a result of `tool` carries structuredContent for a client of `revision`.
bool gives_structured(const Parts& parts, Revision revision, const tools::Tool& tool);
// Text and structuredContent say the same; content is never empty (some clients show nothing but
// the text, others nothing but the structure).
void append_reply(const Parts& parts, Revision revision, std::string& fields,
                  const tools::Tool& tool, tools::Reply reply);
// What a handler could not do, for the model.
void append_error(const ResultWriter& writer, std::string& fields, const Error& error);
// One content block.
void append_content(const ResultWriter& writer, Revision revision, std::string& out,
                    tools::Content content);

}  // namespace remit::mcp
