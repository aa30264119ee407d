#include "server/agent_resources.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "memory/handoff_projection.h"

namespace remit::server {
namespace {

constexpr std::string_view kMemory = "remit://memory/";

tl::unexpected<Error> unknown(const std::string& uri) {
  return fail(ErrorKind::not_found, "no such resource: " + escape_ascii(uri), {}, "not_found");
}

class AgentResources : public mcp::ResourceProvider {
 public:
  AgentResources(std::shared_ptr<policy::Access> access, std::function<std::string()> show_json,
                 std::shared_ptr<AgentChanges> changes)
      : keep_(std::move(access)),
        access_(*keep_),
        make_show_json_(std::move(show_json)),
        changes_(std::move(changes)) {}

  Result<std::vector<mcp::ResourceEntry>> list() override {
    std::vector<mcp::ResourceEntry> out{
        {"remit://persona", "persona", access_.remit().name, "The persona's own words",
         "text/markdown", access_.remit().body.size()},
        {"remit://remit", "remit", "What is granted",
         "The compiled Remit, each grant with its line", "application/json", show_json().size()}};
    if (has_inbox()) {
      out.push_back({inbox_uri(access_.remit()), "inbox", "Inbox",
                     "Open handoffs to and from this agent", "text/plain", std::nullopt});
    }
    // Whoever has the list wants to know when it changes.
    if (const auto watched = changes_->watch(); !watched) {
      log::warning("changes of Agent_Memory are not announced", {{"why", watched.error().message}});
    }
    const policy::CallScope call{"", ""};
    TRY(const std::vector<memory::DocumentEntry> documents, access_.list_documents(call, ""));
    for (const memory::DocumentEntry& document : documents) {
      if (!may_read(access_.remit(), document.path)) continue;
      out.push_back({std::string(kMemory) + document.path, document.path, document.path,
                     "Agent_Memory document", "text/plain", document.bytes});
    }
    return out;
  }

  Result<std::vector<mcp::ResourceTemplate>> templates() override {
    std::vector<mcp::ResourceTemplate> out{{"remit://memory/{+path}", "memory", "Memory document",
                                            "A document of Agent_Memory this persona may read",
                                            "text/plain"}};
    if (has_inbox()) {
      out.push_back({std::string(kHandoffUri) + "{id}", "handoff", "Handoff",
                     "One that this agent sent or received", "text/plain"});
    }
    return out;
  }

  Result<void> watch(const std::string& uri) override {
    const bool document =
        uri.starts_with(kMemory) && may_read(access_.remit(), uri.substr(kMemory.size()));
    if (has_inbox() && uri.starts_with(kHandoffUri)) {
      TRY_DO(access_.open_handoff({"", ""}, uri.substr(kHandoffUri.size())));
      return changes_->watch();
    }
    if (!document && (!has_inbox() || uri != inbox_uri(access_.remit()))) {
      return fail(ErrorKind::not_found, "nothing to subscribe to: " + escape_ascii(uri), {},
                  "not_found");
    }
    return changes_->watch();
  }

  Result<std::vector<mcp::ResourceContent>> read(const std::string& uri,
                                                 const policy::CallScope& request,
                                                 std::stop_token) override {
    // No tool of the persona's list reads a resource: what it may read is decided by path alone.
    const policy::CallScope call{request.call_id, ""};
    std::vector<mcp::ResourceContent> out(1);
    out[0].uri = uri;
    if (uri == "remit://persona") {
      out[0].mime_type = "text/markdown";
      out[0].bytes = access_.remit().body;
      return out;
    }
    if (uri == "remit://remit") {
      out[0].mime_type = "application/json";
      out[0].bytes = show_json();
      return out;
    }
    if (uri.starts_with(kMemory)) {
      TRY(memory::Document document, access_.open_document(call, uri.substr(kMemory.size())));
      out[0].mime_type = "text/plain";
      out[0].bytes = std::move(document.body);
      return out;
    }
    if (has_inbox() && uri == inbox_uri(access_.remit())) {
      TRY(out[0].bytes, inbox(call));
      out[0].mime_type = "text/plain";
      return out;
    }
    if (has_inbox() && uri.starts_with(kHandoffUri)) {
      TRY(const policy::HandoffRecord record,
          access_.open_handoff(call, uri.substr(kHandoffUri.size())));
      TRY(out[0].bytes, memory::record_text(record.handoff, record.events));
      out[0].mime_type = "text/plain";
      return out;
    }
    if (uri.starts_with("remit://bash/")) {
      TRY(const policy::OpenFile file, access_.open(call, uri));
      const auto size = static_cast<std::size_t>(std::max<off_t>(file.status.st_size, 0));
      TRY(const std::string bytes, fs::read_at(file.fd, 0, limits::kResourceBytes));
      out[0].mime_type = "text/plain";
      out[0].bytes = printable(bytes);
      if (bytes.size() < size) {
        out[0].bytes += "\n[" + with_commas(size - bytes.size()) + " more bytes of " +
                        with_commas(size) + ": page through them with Read, file_path " + uri +
                        "]\n";
      }
      return out;
    }
    return unknown(uri);
  }

 private:
  bool has_inbox() const { return access_.remit().tool("inbox") != nullptr; }

  // The open handoffs, each by the URI under which it is read, and what else lies in the folder.
  Result<std::string> inbox(const policy::CallScope& call) {
    TRY(const policy::Inbox inbox, access_.list_inbox(call, {}));
    std::string text;
    for (const memory::Handoff& one : inbox.handoffs) {
      text += std::string(kHandoffUri) + one.id + "  " + to_string(one.type) + " from " +
              one.from_persona + " to " + one.to + "  " + one.priority + "  " + one.state + "\n";
    }
    if (inbox.more) text += "[older ones: inbox with cursor " + inbox.handoffs.back().id + "]\n";
    for (const policy::ExternalMessage& file : inbox.external) {
      text += "external, unverified: " + printable(file.name) + "  " + std::to_string(file.bytes) +
              " bytes\n";
    }
    if (inbox.external_left > 0)
      text += "[" + std::to_string(inbox.external_left) + " more files that no handoff wrote]\n";
    return text.empty() ? "(nothing is open)\n" : text;
  }

  const std::string& show_json() {
    std::call_once(shown_, [this] { show_json_ = make_show_json_(); });
    return show_json_;
  }

  const std::shared_ptr<policy::Access> keep_;
  policy::Access& access_;
  const std::function<std::string()> make_show_json_;
  std::once_flag shown_;
  std::string show_json_;
  const std::shared_ptr<AgentChanges> changes_;
};

class AgentPrompt : public mcp::PromptProvider {
 public:
  explicit AgentPrompt(std::shared_ptr<const policy::Remit> remit)
      : keep_(std::move(remit)), remit_(*keep_) {}

  Result<std::vector<mcp::PromptEntry>> list() override {
    return std::vector<mcp::PromptEntry>{{remit_.slug, remit_.name, remit_.description, {}}};
  }

  Result<mcp::PromptText> get(const std::string& name, const std::map<std::string, std::string>&,
                              mcp::ClientLink&) override {
    if (name != remit_.slug) {
      return fail(ErrorKind::not_found,
                  "no such prompt: " + escape_ascii(name) + "; there is " + remit_.slug);
    }
    return mcp::PromptText{remit_.description,
                           {{mcp::PromptMessage::Role::user, {.body = remit_.body}}}};
  }

 private:
  const std::shared_ptr<const policy::Remit> keep_;
  const policy::Remit& remit_;
};

}  // namespace

std::shared_ptr<mcp::ResourceProvider> agent_resources(std::shared_ptr<policy::Access> access,
                                                       std::function<std::string()> show_json,
                                                       std::shared_ptr<AgentChanges> changes) {
  return std::make_shared<AgentResources>(std::move(access), std::move(show_json),
                                          std::move(changes));
}

std::shared_ptr<mcp::PromptProvider> agent_prompt(std::shared_ptr<const policy::Remit> remit) {
  return std::make_shared<AgentPrompt>(std::move(remit));
}

std::string instructions(const policy::Access& access, bool confined) {
  const policy::Remit& remit = access.remit();
  std::vector<std::string> reads, writes, edges, roots;
  for (const policy::MemoryRule& rule : remit.memory) {
    (rule.read ? reads : writes).push_back(rule.pattern.text());
  }
  for (const policy::EdgeRule& edge : remit.edges) {
    edges.push_back(std::string(to_string(edge.kind)) + " " + edge.target);
  }
  for (const policy::RootRule& root : remit.roots) {
    roots.push_back(root.path + (root.write ? "" : " (read only)"));
  }
  const auto list = [](const std::vector<std::string>& names) {
    return names.empty() ? std::string("nothing") : join_text(names, ", ");
  };
  std::string text = "You act as " + remit.slug +
                     " under Remit: the persona's text is enforced. The prompt " + remit.slug +
                     " and the resource remit://persona hold it.\n";
  text += "Files: " + list(roots) + ".\n";
  text += "Agent_Memory (instruction " + remit.instruction_id + "): read " + list(reads) +
          "; write " + list(writes) +
          ". A write-only document is extended with memory_write op append, entry or set.\n";
  text += "Handoffs: " + list(edges) + ".\n";
  if (remit.tool("Bash") != nullptr) {
    text +=
        "Bash runs in a sandbox without network on a copy of the workspace; its changes are "
        "applied like "
        "Write. A command that is not plainly read-only needs a person's yes to exactly its bytes: "
        "wait, or "
        "when told that approval is pending call again with the same arguments.\n";
  }
  text +=
      "Everything else is denied with the persona's line; do not look for ways round it, escalate "
      "instead. "
      "Long answers are paged: follow the cursor or offset they name.";
  if (!confined)
    text += "\n(This kernel has no Landlock: the server process itself is not locked in.)";
  return std::string(prefix_chars(text, limits::kInstructionsChars));
}

}  // namespace remit::server
