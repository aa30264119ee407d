// remit memory: the documents of Agent_Memory for a person, through an Access with a person's
// rights.
#include <unistd.h>

#include <charconv>

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/unified_diff.h"
#include "memory/doc_path.h"
#include "server/cli/commands.h"
#include "server/cli/operator_house.h"
#include "server/cli/terminal.h"

namespace remit::cli {
namespace {

constexpr const char* kMemoryUsage =
    "remit memory ls [PREFIX] | cat PATH [VERSION] | history PATH | diff PATH [OLD [NEW]] | put "
    "PATH FILE | "
    "revert PATH VERSION | verify [PREFIX]";

Result<std::int64_t> version_number(const std::string& text) {
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || out < 1) {
    return fail(ErrorKind::invalid_argument, "not a version: " + escape_ascii(text) +
                                                 "; `remit memory history PATH` lists them");
  }
  return out;
}

int list_memory(OperatorHouse& house, const std::string& prefix, bool json) {
  const auto documents = house.access().list_documents(house.call(), prefix);
  if (!documents) return report(documents.error());
  OrderedJson out = OrderedJson::array();
  std::string text;
  for (const memory::DocumentEntry& one : *documents) {
    out.push_back({{"path", one.path},
                   {"etag", one.etag},
                   {"bytes", one.bytes},
                   {"modified", rfc3339(one.modified_unix_ms)}});
    text += printable(one.path) + "  " + std::to_string(one.bytes) + " bytes  " +
            rfc3339(one.modified_unix_ms) + "\n";
  }
  if (json) {
    print(dump(OrderedJson{{"format", "remit.memory/1"}, {"documents", std::move(out)}}) + "\n");
  } else {
    print(text.empty() ? "no document\n" : text);
  }
  return kDone;
}

// A document or a version of it. On a terminal a person reads it; in a pipe the bytes are wanted.
int cat_document(OperatorHouse& house, const std::string& path, const std::string& version,
                 bool json) {
  std::string body;
  OrderedJson out{{"format", "remit.memory.document/1"}, {"path", path}};
  if (version.empty()) {
    auto document = house.access().open_document(house.call(), path);
    if (!document) return report(document.error());
    out["etag"] = document->etag;
    out["sha256"] = document->sha256;
    out["author"] = document->author;
    out["modified"] = rfc3339(document->modified_unix_ms);
    body = std::move(document->body);
  } else {
    const auto number = version_number(version);
    if (!number) return report_usage(number.error(), "memory");
    auto old = house.access().document_version(house.call(), path, *number);
    if (!old) return report(old.error());
    out["version"] = *number;
    body = std::move(*old);
  }
  if (json) {
    out["content"] = to_utf8(body);
    print(dump(out) + "\n");
  } else {
    print(::isatty(STDOUT_FILENO) == 1 ? printable(body) : body);
  }
  return kDone;
}

int show_history(OperatorHouse& house, const std::string& path, bool json) {
  const auto versions = house.access().document_history(house.call(), path);
  if (!versions) return report(versions.error());
  OrderedJson out = OrderedJson::array();
  std::string text;
  for (const memory::VersionRow& one : *versions) {
    out.push_back({{"version", one.version},
                   {"etag", one.etag},
                   {"sha256", one.sha256},
                   {"bytes", one.bytes},
                   {"at", rfc3339(one.at_unix_ms)},
                   {"op", one.op},
                   {"persona", one.author.persona},
                   {"user", one.author.principal},
                   {"instruction_id", one.author.instruction},
                   {"call_id", one.author.call_id}});
    text += std::to_string(one.version) + "  " + rfc3339(one.at_unix_ms) + "  " + one.op + "  " +
            printable(one.author.persona) + " (" + printable(one.author.principal) + ")  " +
            std::to_string(one.bytes) + " bytes\n";
  }
  if (json) {
    print(dump(OrderedJson{
              {"format", "remit.memory.history/1"}, {"path", path}, {"versions", std::move(out)}}) +
          "\n");
  } else {
    print(text.empty() ? "no version was written through Remit\n" : text);
  }
  return kDone;
}

// A version's content; one that removed the document has none.
Result<std::string> content_of(OperatorHouse& house, const std::string& path,
                               std::int64_t version) {
  auto body = house.access().document_version(house.call(), path, version);
  if (body || body.error().kind != ErrorKind::not_found) return body;
  TRY(const auto versions, house.access().document_history(house.call(), path));
  for (const memory::VersionRow& one : versions) {
    if (one.version == version && one.op == "remove") return std::string();
  }
  return body;
}

// From OLD (default: the last version but one) to NEW (default: what is there now).
int show_diff(OperatorHouse& house, const std::vector<std::string>& words, bool json) {
  const std::string& path = words[1];
  std::int64_t from = 0;
  if (words.size() > 2) {
    const auto named = version_number(words[2]);
    if (!named) return report_usage(named.error(), "memory");
    from = *named;
  } else {
    const auto versions = house.access().document_history(house.call(), path);
    if (!versions) return report(versions.error());
    if (versions->size() > 1) from = (*versions)[1].version;
  }
  std::string before, after;
  if (from > 0) {
    auto old = content_of(house, path, from);
    if (!old) return report(old.error());
    before = std::move(*old);
  }
  if (words.size() > 3) {
    const auto named = version_number(words[3]);
    if (!named) return report_usage(named.error(), "memory");
    auto body = content_of(house, path, *named);
    if (!body) return report(body.error());
    after = std::move(*body);
  } else {
    auto now = house.access().open_document(house.call(), path);
    if (!now && now.error().kind != ErrorKind::not_found) return report(now.error());
    if (now) after = std::move(now->body);
  }
  const UnifiedDiff found = unified_diff(before, after, escape_ascii(fs::base_name(path)));
  const std::string text = printable(found.text);
  print(json ? dump(OrderedJson{{"format", "remit.memory.diff/1"},
                                {"path", path},
                                {"from", from},
                                {"complete", found.whole},
                                {"diff", text}}) +
                   "\n"
        : text.empty() ? "no difference\n"
                       : text);
  return found.whole ? kDone : kPartial;
}

// Puts `body` in the place of what is there, after its difference was shown and the PIN typed.
int write_document(OperatorHouse& house, const std::string& path, const std::string& body,
                   bool json) {
  const auto now = house.access().open_document(house.call(), path);
  if (!now && now.error().kind != ErrorKind::not_found) return report(now.error());
  const std::string name = escape_ascii(fs::base_name(path));
  print_error(printable(unified_diff(now ? now->body : "", body, name).text));
  if (const auto proven = prove_presence(house.state()); !proven) return report(proven.error());
  policy::ReplaceRequest request;
  request.document = true;
  request.path = path;
  request.bytes = body;
  request.op = now ? policy::ReplaceOp::replace : policy::ReplaceOp::create;
  // What was shown, and nothing newer.
  if (now) request.if_match = now->etag;
  request.if_absent = !now;
  const auto done = house.access().replace(house.call(), request);
  if (!done) return report(done.error());
  print(json ? dump(OrderedJson{
                   {"path", path}, {"etag", done->version}, {"created", done->created}}) +
                   "\n"
             : std::string(done->created ? "created " : "wrote ") + printable(path) + "\n");
  return kDone;
}

int put_document(OperatorHouse& house, const std::string& path, const std::string& file,
                 bool json) {
  const auto body = fs::read_file(file, limits::kDocumentBytes);
  if (!body) return report(body.error());
  return write_document(house, path, *body, json);
}

int revert_document(OperatorHouse& house, const std::string& path, const std::string& version,
                    bool json) {
  const auto number = version_number(version);
  if (!number) return report_usage(number.error(), "memory");
  const auto body = house.access().document_version(house.call(), path, *number);
  if (!body) return report(body.error());
  return write_document(house, path, *body, json);
}

// Which documents are what their last version says, and which somebody changed without Remit.
int verify_memory(OperatorHouse& house, const std::string& prefix, bool json) {
  const auto documents = house.access().list_documents(house.call(), prefix);
  if (!documents) return report(documents.error());
  OrderedJson out = OrderedJson::array();
  std::string text;
  std::size_t same = 0, untracked = 0;
  for (const memory::DocumentEntry& one : *documents) {
    const auto document = house.access().open_document(house.call(), one.path);
    const auto versions = house.access().document_history(house.call(), one.path);
    std::string finding;
    if (!document || !versions) {
      finding = "unreadable: " + (document ? versions.error().message : document.error().message);
    } else if (versions->empty()) {
      ++untracked;
    } else if (versions->front().sha256 != document->sha256) {
      finding = "changed without Remit since version " + std::to_string(versions->front().version);
    } else {
      ++same;
    }
    if (finding.empty()) continue;
    out.push_back({{"path", one.path}, {"finding", finding}});
    text += printable(one.path) + "  " + printable(finding) + "\n";
  }
  const bool ok = text.empty();
  if (json) {
    print(dump(OrderedJson{{"format", "remit.memory.verify/1"},
                           {"ok", ok},
                           {"same", same},
                           {"never_written_here", untracked},
                           {"findings", std::move(out)}}) +
          "\n");
  } else {
    print(text + std::to_string(same) + " as last written, " + std::to_string(untracked) +
          " never written through Remit\n");
  }
  return ok ? kDone : kFindings;
}

// How many words a verb takes, itself included; 0: no such verb.
std::pair<std::size_t, std::size_t> words_of_memory(const std::string& verb) {
  if (verb == "ls" || verb == "verify") return {1, 2};
  if (verb == "history") return {2, 2};
  if (verb == "cat") return {2, 3};
  if (verb == "diff") return {2, 4};
  if (verb == "put" || verb == "revert") return {3, 3};
  return {0, 0};
}

}  // namespace

int memory_command(std::span<const std::string> args) {
  OperatorFlags given;
  Flags flags(kMemoryUsage);
  add_operator_flags(flags, given);
  auto words = flags.parse(args, 1, 4);
  if (flags.helped()) return print(flags.help()), kDone;
  if (!words) return report_usage(words.error(), "memory");
  const std::string verb = (*words)[0];
  const auto [least, most] = words_of_memory(verb);
  if (words->size() < least || words->size() > most) {
    return report_usage(
        {ErrorKind::invalid_argument, std::string("expected ") + kMemoryUsage, {}, {}, nullptr},
        "memory");
  }
  if (words->size() > 1) {
    const auto path = memory::DocPath::parse((*words)[1]);
    if (!path) return report_usage(path.error(), "memory");
    (*words)[1] = path->text();
  }
  const std::string path = words->size() > 1 ? (*words)[1] : "";
  const std::string last = words->size() > 2 ? (*words)[2] : "";
  if (verb == "put" || verb == "revert") {
    if (const auto terminal = need_terminal(); !terminal) return report(terminal.error());
  }
  const auto house = OperatorHouse::open(given, path);
  if (!house) return report(house.error());
  if (verb == "ls") return list_memory(**house, path, given.json);
  if (verb == "cat") return cat_document(**house, path, last, given.json);
  if (verb == "history") return show_history(**house, path, given.json);
  if (verb == "diff") return show_diff(**house, *words, given.json);
  if (verb == "put") return put_document(**house, path, last, given.json);
  if (verb == "revert") return revert_document(**house, path, last, given.json);
  return verify_memory(**house, path, given.json);
}

}  // namespace remit::cli
