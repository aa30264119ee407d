#include "server/cli/memory_transfer.h"

#include <unistd.h>

#include <map>

#include "base/crypto.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "memory/document_transfer.h"
#include "policy/operator_acts.h"
#include "server/cli/flags.h"
#include "server/cli/terminal.h"

namespace remit::cli {
namespace {

constexpr const char* kFormat = "remit.memory.export/1";
// A file is held whole while it is written and while it is read.
constexpr std::size_t kTransferBytes = std::size_t{1} << 30;
constexpr std::int64_t kShownEvery = 500;  // versions

// What a file of an export holds, before anything is made of it.
struct Transfer {
  std::vector<std::string_view> lines;  // one version each
  std::int64_t documents = 0, versions = 0;
  std::string sha256;
};

void show_progress(std::int64_t versions, bool last) {
  if (::isatty(STDERR_FILENO) != 1 || (!last && versions % kShownEvery != 0)) return;
  print_error("\r" + with_commas(static_cast<std::uint64_t>(versions)) + " versions" +
              (last ? "\n" : ""));
}

std::string line_of(const memory::KeptVersion& version) {
  const memory::VersionRow& row = version.row;
  OrderedJson out{{"path", version.path},
                  {"version", row.version},
                  {"op", row.op},
                  {"sha256", row.sha256},
                  {"bytes", row.bytes},
                  {"at_ms", row.at_unix_ms},
                  {"persona", row.author.persona},
                  {"principal", row.author.principal},
                  {"instruction", row.author.instruction},
                  {"call_id", row.author.call_id},
                  {"sole", version.sole}};
  if (version.body) out["body"] = base64url(*version.body);
  if (version.sent) out["sent"] = base64url(*version.sent);
  return dump(out) + "\n";
}

Result<std::optional<std::string>> text_of(const Json& line, const char* key) {
  const auto found = line.find(key);
  if (found == line.end()) return std::optional<std::string>();
  TRY(std::string bytes, decode_base64url(found->get<std::string>()));
  return std::optional(std::move(bytes));
}

Result<memory::KeptVersion> version_of(std::string_view text) {
  const auto bad = [] {
    return fail(ErrorKind::invalid_argument, "a line of the file is no version of a document");
  };
  const auto line = parse_json(text);
  if (!line || !line->is_object()) return bad();
  try {
    memory::KeptVersion out;
    out.path = line->at("path").get<std::string>();
    out.row.version = line->at("version").get<std::int64_t>();
    out.row.op = line->at("op").get<std::string>();
    out.row.sha256 = line->at("sha256").get<std::string>();
    out.row.bytes = line->at("bytes").get<std::uint64_t>();
    out.row.at_unix_ms = line->at("at_ms").get<std::int64_t>();
    out.row.author = {
        line->at("persona").get<std::string>(), line->at("principal").get<std::string>(),
        line->at("instruction").get<std::string>(), line->at("call_id").get<std::string>()};
    out.sole = line->at("sole").get<bool>();
    TRY(out.body, text_of(*line, "body"));
    TRY(out.sent, text_of(*line, "sent"));
    return out;
  } catch (const Json::exception&) {
    return bad();
  }
}

Result<Transfer> parse_transfer(std::string_view text) {
  const auto bad = [](const char* what) {
    return fail(ErrorKind::invalid_argument,
                std::string("not a whole file of remit memory export: ") + what);
  };
  Transfer out;
  if (!text.ends_with('\n')) return bad("its end is missing");
  const std::size_t last = text.rfind('\n', text.size() - 2);
  if (last == std::string_view::npos) return bad("it has no lines");
  const auto end = parse_json(text.substr(last + 1));
  if (!end || !end->is_object() || !end->contains("sha256")) return bad("its last line is missing");
  text = text.substr(0, last + 1);
  out.sha256 = sha256_hex(text);
  if (end->value("sha256", "") != out.sha256) return bad("its hash is another one");
  for (const std::string_view line : split(text.substr(0, text.size() - 1), '\n'))
    out.lines.push_back(line);
  const auto head = parse_json(out.lines.front());
  if (!head || !head->is_object() || head->value("format", "") != kFormat)
    return bad("its first line does not name the format");
  out.lines.erase(out.lines.begin());
  out.documents = end->value("documents", std::int64_t{-1});
  out.versions = end->value("versions", std::int64_t{-1});
  if (out.versions != static_cast<std::int64_t>(out.lines.size()))
    return bad("it has another number of versions than it says");
  return out;
}

int print_result(const char* verb, const Transfer& done, bool json) {
  print(json ? dump(OrderedJson{{"format", std::string("remit.memory.") + verb + "/1"},
                                {"documents", done.documents},
                                {"versions", done.versions},
                                {"sha256", done.sha256}}) +
                   "\n"
             : std::string(verb) + "ed " + std::to_string(done.documents) + " documents, " +
                   std::to_string(done.versions) + " versions\n");
  return kDone;
}

Result<Transfer> write_export(OperatorHouse& house, const std::string& file) {
  TRY(const Fd folder, fs::open_root(fs::absolute(std::string(fs::parent_of(fs::absolute(file))))));
  Transfer out;
  std::string text = dump(OrderedJson{{"format", kFormat}}) + "\n", path;
  TRY_DO(memory::each_kept(house.store(), [&](const memory::KeptVersion& version) -> Result<void> {
    text += line_of(version);
    if (text.size() > kTransferBytes)
      return fail(ErrorKind::too_large,
                  "the documents take more than " + human_bytes(kTransferBytes) + " in one file");
    if (version.path != path) ++out.documents;
    path = version.path;
    show_progress(++out.versions, false);
    return {};
  }));
  show_progress(out.versions, true);
  out.sha256 = sha256_hex(text);
  text += dump(OrderedJson{
              {"documents", out.documents}, {"versions", out.versions}, {"sha256", out.sha256}}) +
          "\n";
  TRY_DO(fs::replace_file(folder, std::string(fs::base_name(file)), text, 0600,
                          fs::Expect::absent(), nullptr));
  return out;
}

// What the store holds now is what the file said, document by document.
Result<void> check_import(memory::Store& store, const std::map<std::string, std::string>& hashes) {
  const auto all = [](std::string_view) { return true; };
  TRY(const std::vector<memory::DocumentEntry> there, store.list("", all, all));
  std::size_t same = 0;
  for (const memory::DocumentEntry& one : there) {
    const auto wanted = hashes.find(one.path);
    TRY(const memory::DocPath path, memory::DocPath::parse(one.path));
    if (wanted != hashes.end() && store.etag_of(path, wanted->second) == one.etag) ++same;
  }
  if (same == hashes.size() && there.size() == hashes.size()) return {};
  return fail(ErrorKind::internal, "after the import " + std::to_string(same) + " of " +
                                       std::to_string(hashes.size()) +
                                       " documents are as the file has them");
}

Result<void> load_transfer(OperatorHouse& house, const Transfer& transfer) {
  auto* const loader = dynamic_cast<memory::DocumentLoader*>(&house.store());
  if (loader == nullptr) return fail(ErrorKind::internal, "this store cannot be filled");
  std::map<std::string, std::string> hashes;
  std::size_t at = 0;
  TRY(const std::int64_t count, loader->load([&]() -> Result<std::optional<memory::KeptVersion>> {
    if (at == transfer.lines.size()) return std::optional<memory::KeptVersion>();
    TRY(memory::KeptVersion version, version_of(transfer.lines[at++]));
    hashes[version.path] = version.row.sha256;
    show_progress(static_cast<std::int64_t>(at), false);
    return std::optional(std::move(version));
  }));
  show_progress(count, true);
  return check_import(house.store(), hashes);
}

}  // namespace

int export_memory(OperatorHouse& house, const std::string& file, bool json) {
  const auto done = write_export(house, file);
  if (!done) return report(done.error());
  return print_result("export", *done, json);
}

int import_memory(OperatorHouse& house, const std::string& file, bool json) {
  const auto text = fs::read_file(file, kTransferBytes);
  if (!text) return report(text.error());
  const auto transfer = parse_transfer(*text);
  if (!transfer) return report(transfer.error());
  print_error(std::to_string(transfer->documents) + " documents with " +
              std::to_string(transfer->versions) + " versions come into an empty Agent_Memory.\n");
  if (const auto proven = prove_presence(house.state()); !proven) return report(proven.error());
  const auto noted =
      policy::record_import(house.ledger(), house.access(), house.call(), transfer->documents,
                            transfer->versions, transfer->sha256, policy::kAtTerminal);
  if (!noted) return report(noted.error());
  if (const auto done = load_transfer(house, *transfer); !done) return report(done.error());
  return print_result("import", *transfer, json);
}

}  // namespace remit::cli
