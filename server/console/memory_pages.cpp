#include "server/console/memory_pages.h"

#include <algorithm>
#include <span>

#include "base/clock.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/text.h"
#include "policy/operator_acts.h"
#include "server/console/memory_rights.h"
#include "server/limits.h"

namespace remit::console {
namespace {

constexpr const char* kMemory = "/console/memory";
constexpr std::size_t kHashShown = 12;  // digits of a SHA-256 in a table
constexpr std::size_t kOpenTree = 40;   // documents of a page whose folders stand open

std::string document_address(const char* what, const std::string& path,
                             const std::string& query = {}) {
  return std::string(kMemory) + "/" + what + "/" + encoded(path) +
         (query.empty() ? "" : "?" + query);
}

// A link among others of the same words, which is told apart for who does not see where it stands.
Html anchor_among(const std::string& where, const std::string& text, const std::string& which) {
  return el("a", {{"href", where}}, {text, el("span", {{"class", "unseen"}}, {" " + which})});
}

std::string bytes_text(std::uint64_t bytes) {
  return bytes < 1024 ? std::to_string(bytes) + " bytes"
                      : human_bytes(bytes) + " (" + with_commas(bytes) + " bytes)";
}

// Memory / _knowledge / semantic: each folder above `path`, itself only if it is one.
Html trail(const std::string& path, bool is_folder) {
  std::vector<Html> items{el("li", {}, {anchor(kMemory, "Agent_Memory")})};
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string above = path.substr(0, slash);
    items.push_back(el(
        "li", {}, {anchor(document_address("folder", above), std::string(fs::base_name(above)))}));
  }
  items.push_back(el("li", {{"aria-current", is_folder ? "page" : "location"}},
                     {std::string(fs::base_name(path))}));
  return el("nav", {{"class", "trail"}, {"aria-label", "Folders"}}, {el("ol", {}, items)});
}

// --- the tree ---

// The documents of one folder, which begins at byte `depth` of each path.
Html tree(std::span<const memory::DocumentEntry> entries, std::size_t depth, bool open) {
  std::vector<Html> items;
  for (std::size_t i = 0; i < entries.size();) {
    const std::string& path = entries[i].path;
    const std::size_t slash = path.find('/', depth);
    if (slash == std::string::npos) {
      items.push_back(
          el("li", {},
             {anchor(document_address("document", path), path.substr(depth)), " ",
              el("span", {{"class", "note"}},
                 {human_bytes(entries[i].bytes), " · ", moment(entries[i].modified_unix_ms)})}));
      ++i;
      continue;
    }
    // A sorted list has what lies in one folder together.
    const std::string folder = path.substr(0, slash + 1);
    const std::size_t begin = i;
    while (i < entries.size() && entries[i].path.starts_with(folder)) ++i;
    std::vector<Attribute> attributes;
    std::vector<Html> inside{el("summary", {}, {folder.substr(depth)}),
                             tree(entries.subspan(begin, i - begin), slash + 1, open)};
    if (open) {
      attributes.push_back({"open", ""});
    } else {
      inside.push_back(el("p", {{"class", "note"}},
                          {anchor_among(document_address("folder", path.substr(0, slash)),
                                        "Only this folder", folder)}));
    }
    items.push_back(el("li", {}, {el("details", attributes, inside)}));
  }
  return el("ul", {}, items);
}

// --- a document ---

// Where part `number` of a text begins: whole characters, whole parts.
std::size_t begin_of(std::string_view body, std::size_t number) {
  return utf8_boundary(body, std::min(body.size(), number * limits::kConsoleTextBytes));
}

Html body_section(const std::string& here, const std::string& query, std::string_view body,
                  std::size_t part) {
  const std::size_t parts = std::max<std::size_t>(
      1, (body.size() + limits::kConsoleTextBytes - 1) / limits::kConsoleTextBytes);
  part = std::min(part, parts - 1);
  const std::size_t begin = begin_of(body, part), end = begin_of(body, part + 1);
  Html out = text_box(body.substr(begin, end - begin));
  if (parts == 1) return out;
  const auto to = [&](std::size_t number) {
    return here + "?" + (query.empty() ? "" : query + "&") + "part=" + std::to_string(number);
  };
  std::vector<Html> items{"Part " + std::to_string(part + 1) + " of " + std::to_string(parts) +
                          ", bytes " + with_commas(begin) + " to " + with_commas(end) + ". "};
  if (part > 0) items.push_back(anchor(to(part - 1), "Part before"));
  if (part > 0 && part + 1 < parts) items.emplace_back(" · ");
  if (part + 1 < parts) items.push_back(anchor(to(part + 1), "Next part"));
  out += el("p", {{"class", "note"}}, items);
  return out;
}

Html author_of(const memory::VersionRow& version) {
  if (version.op == "external") return "somebody, without Remit";
  return el("span", {},
            {version.author.persona, " (", version.author.principal,
             version.author.instruction.empty() ? "" : ", " + version.author.instruction, ")"});
}

// Who is known to have written what is there.
Html last_written(const memory::Document& document,
                  const std::vector<memory::VersionRow>& versions) {
  if (versions.empty()) return "never through Remit";
  const memory::VersionRow& last = versions.front();
  if (last.sha256 != document.sha256)
    return "changed without Remit since version " + std::to_string(last.version);
  return el("span", {},
            {"version " + std::to_string(last.version) + ", " + last.op + " by ", author_of(last),
             ", ", moment(last.at_unix_ms)});
}

Html version_choice(const char* id, const char* label,
                    const std::vector<memory::VersionRow>& versions, bool with_present,
                    std::size_t chosen) {
  std::vector<Html> options;
  if (with_present) options.push_back(el("option", {{"value", "0"}}, {"what is there now"}));
  for (std::size_t i = 0; i < versions.size(); ++i) {
    std::vector<Attribute> attributes{{"value", std::to_string(versions[i].version)}};
    if (!with_present && i == chosen) attributes.push_back({"selected", ""});
    options.push_back(el("option", attributes, {"version " + std::to_string(versions[i].version)}));
  }
  return el(
      "p", {{"class", "field"}},
      {el("label", {{"for", id}}, {label}), el("select", {{"id", id}, {"name", id}}, options)});
}

Html history_section(const std::string& path, const std::vector<memory::VersionRow>& versions) {
  Html out = el("h2", {{"id", "history"}}, {"Versions"});
  if (versions.empty()) {
    out += el("p", {{"class", "note"}}, {"No version was written through Remit."});
    return out;
  }
  std::vector<Html> rows;
  for (const memory::VersionRow& one : versions) {
    const std::string number = std::to_string(one.version), which = "version " + number;
    const bool is_there = one.op != "remove";
    std::vector<Html> acts;
    if (is_there)
      acts.push_back(
          anchor_among(document_address("document", path, "version=" + number), "Show", which));
    acts.push_back(
        anchor_among(document_address("diff", path, "from=" + number), "Compare with now", which));
    if (is_there)
      acts.push_back(anchor_among(document_address("revert", path, "version=" + number),
                                  "Go back to it", which));
    std::vector<Html> cell;
    for (Html& act : acts) {
      if (!cell.empty()) cell.emplace_back(" · ");
      cell.push_back(std::move(act));
    }
    rows.push_back(table_row(
        {number, moment(one.at_unix_ms), one.op, author_of(one), std::to_string(one.bytes),
         el("code", {}, {one.sha256.substr(0, kHashShown)}), el("span", {}, cell)}));
  }
  out += el("p", {{"class", "note"}},
            {"The newest first; how many are kept is said by the site policy."});
  out += table("Versions", {"version", "time", "how", "who", "bytes", "sha256", "more"}, rows);
  out += el("form",
            {{"method", "get"},
             {"action", document_address("diff", path)},
             {"class", "compare"},
             {"aria-labelledby", "compare"}},
            {el("h2", {{"id", "compare"}}, {"Compare"}),
             version_choice("from", "From", versions, false, versions.size() > 1 ? 1 : 0),
             version_choice("to", "To", versions, true, 0),
             el("button", {{"type", "submit"}}, {"Show the difference"})});
  return out;
}

// Who may write it: by the personas' own lines.
Html writers_section(const Desk& desk, const std::string& path) {
  Html out = el("h2", {}, {"Who may write it"});
  const auto found = who_may_write(path, desk.memory.places().manifests, desk.site);
  if (!found) return out += alert(found.error().message);
  std::vector<Html> rows;
  for (const WriteGrant& one : found->grants)
    rows.push_back(table_row({one.agent, one.may, el("code", {}, {one.origin})}));
  const std::string instruction = policy::instruction_in(path);
  out += el("p", {{"class", "note"}},
            {"By the personas that are found here, as their files read now" +
             (instruction.empty() ? "" : ", under the instruction " + instruction) +
             "; a delegated task moves the right for its time, and a running server keeps what it "
             "was started with."});
  out += rows.empty() ? el("p", {}, {"No persona may."})
                      : table("Who may write it", {"agent", "may", "granted by"}, rows);
  if (!found->unread.empty())
    out += el("p", {{"class", "note"}},
              {"These do not compile, and grant nothing: " + join_text(found->unread, ", ") + "."});
  return out;
}

// --- going back ---

std::string purpose_of(const policy::PlannedWrite& plan) {
  return "revert " + std::to_string(plan.version) + " " + (plan.etag.empty() ? "-" : plan.etag) +
         " " + plan.path;
}

Result<policy::PlannedWrite> plan_of(Visit& visit, policy::OperatorAccess& hands,
                                     const std::string& path) {
  const auto version = whole_number(visit.query.get("version"));
  if (!version || *version < 1)
    return fail(ErrorKind::invalid_argument, "The address names no version.");
  return policy::plan_revert(hands.access(), visit.call(), path, *version,
                             limits::kConsoleDiffLines);
}

Page revert_page(Visit& visit, const policy::PlannedWrite& plan, const std::string& problem) {
  const std::string number = std::to_string(plan.version);
  Page page("Go back to version " + number, Place::memory);
  page.main += trail(plan.path, false);
  if (!problem.empty()) page.main += alert(problem);
  if (plan.difference.empty() && !plan.etag.empty()) {
    page.main += el("p", {{"class", "calm"}}, {"What is there now is this version."});
    return page;
  }
  page.main += el(
      "p", {},
      {plan.etag.empty() ? "The document is made again:" : "This changes in what is there now:"});
  page.main += diff_box(plan.difference);
  if (!plan.whole)
    page.main += el("p", {{"class", "note"}},
                    {"Not all of the difference is shown. ",
                     anchor(document_address("document", plan.path, "version=" + number),
                            "Read version " + number + " whole")});
  const std::string here = document_address("revert", plan.path, "version=" + number);
  page.main +=
      el("div", {{"class", "answers"}},
         {el("form", {{"method", "post"}, {"action", here}, {"aria-labelledby", "yes"}},
             {el("h2", {{"id", "yes"}}, {"Go back"}), visit.token_for(purpose_of(plan)),
              el("p", {{"class", "note"}},
                 {"It becomes a new version; what is there now stays in the history."}),
              visit.proof("pin"),
              el("button", {{"type", "submit"}, {"class", "yes"}}, {"Write version " + number})})});
  return page;
}

}  // namespace

Page show_memory(Visit& visit, const std::string& folder) {
  const auto hands = visit.desk.memory.hands();
  if (!hands) return failed_page(hands.error(), Place::memory);
  const auto all = (*hands)->access().list_documents(visit.call(), folder);
  if (!all) return failed_page(all.error(), Place::memory);
  const std::string& after = visit.query.get("after");
  const auto first = std::ranges::upper_bound(*all, after, {}, &memory::DocumentEntry::path);
  const auto skipped = static_cast<std::size_t>(first - all->begin());
  const std::size_t shown = std::min(all->size() - skipped, limits::kConsoleDocuments);
  const std::span<const memory::DocumentEntry> here(all->data() + skipped, shown);

  Page page(folder.empty() ? "Memory" : folder + "/", Place::memory);
  if (!folder.empty()) page.main += trail(folder, true);
  if (all->empty()) {
    page.main += el("p", {{"class", "calm"}}, {"There is no document."});
    return page;
  }
  std::uint64_t bytes = 0;
  for (const memory::DocumentEntry& one : *all) bytes += one.bytes;
  page.main += el("p", {{"class", "note"}},
                  {with_commas(all->size()) + (all->size() == 1 ? " document, " : " documents, ") +
                       human_bytes(bytes) + ", in ",
                   el("code", {}, {visit.desk.memory.shown()}), "."});
  page.main += el("div", {{"class", "tree"}},
                  {tree(here, folder.empty() ? 0 : folder.size() + 1, shown <= kOpenTree)});
  if (skipped + shown < all->size()) {
    const std::string where =
        folder.empty() ? std::string(kMemory) : document_address("folder", folder);
    page.main +=
        el("p", {},
           {"Documents " + with_commas(skipped + 1) + " to " + with_commas(skipped + shown) + ". ",
            anchor(where + "?after=" + encoded(here.back().path), "More documents")});
  }
  return page;
}

Page show_document(Visit& visit, const std::string& path) {
  const auto hands = visit.desk.memory.hands();
  if (!hands) return failed_page(hands.error(), Place::memory);
  policy::Access& access = (*hands)->access();
  const policy::CallScope call = visit.call();
  const auto versions = access.document_history(call, path);
  if (!versions) return failed_page(versions.error(), Place::memory);
  const auto part = static_cast<std::size_t>(whole_number(visit.query.get("part")).value_or(0));
  Page page(std::string(fs::base_name(path)), Place::memory);
  page.main += trail(path, false);

  if (const auto version = whole_number(visit.query.get("version"))) {
    const auto body = access.document_version(call, path, *version);
    if (!body) return failed_page(body.error(), Place::memory);
    page.title += ", version " + std::to_string(*version);
    page.main += el("p", {{"class", "note"}},
                    {bytes_text(body->size()) + ". This is how it was. ",
                     anchor(document_address("document", path), "What is there now")});
    page.main += body_section(document_address("document", path),
                              "version=" + std::to_string(*version), *body, part);
    return page;
  }
  const auto document = access.open_document(call, path);
  if (document) {
    page.main += el("dl", {},
                    {fact("size", bytes_text(document->body.size())),
                     fact("last changed", moment(document->modified_unix_ms)),
                     fact("last written", last_written(*document, *versions)),
                     fact("etag", el("code", {}, {document->etag})),
                     fact("sha256", el("code", {}, {document->sha256}))});
    page.main += body_section(document_address("document", path), "", document->body, part);
  } else if (document.error().kind == ErrorKind::not_found && !versions->empty()) {
    page.main += el("p", {{"class", "calm"}}, {"It is no longer there. Its versions are."});
  } else {
    return failed_page(document.error(), Place::memory);
  }
  page.main += writers_section(visit.desk, path);
  page.main += history_section(path, *versions);
  return page;
}

Page show_difference(Visit& visit, const std::string& path) {
  const auto hands = visit.desk.memory.hands();
  if (!hands) return failed_page(hands.error(), Place::memory);
  // "0" is what the form says for what is there now.
  const auto named = [&](const char* field) {
    const auto number = whole_number(visit.query.get(field));
    return number && *number > 0 ? number : std::nullopt;
  };
  const auto from = named("from"), to = named("to");
  const auto found = policy::document_difference((*hands)->access(), visit.call(), path, from, to,
                                                 limits::kConsoleDiffLines);
  if (!found) return failed_page(found.error(), Place::memory);
  Page page(std::string(fs::base_name(path)) + ": what changed", Place::memory);
  page.main += trail(path, false);
  page.main += el(
      "p", {},
      {"From " +
           (found->from > 0 ? "version " + std::to_string(found->from) : std::string("nothing")) +
           " to " + (to ? "version " + std::to_string(*to) : "what is there now") + ". ",
       anchor(document_address("document", path), "The document and its versions")});
  if (found->text.empty()) {
    page.main += el("p", {{"class", "calm"}}, {"No difference."});
  } else {
    page.main += diff_box(found->text);
    if (!found->whole)
      page.main += el("p", {{"class", "note"}}, {"Not all of the difference is shown."});
  }
  return page;
}

Page show_revert(Visit& visit, const std::string& path) {
  const auto hands = visit.desk.memory.hands();
  if (!hands) return failed_page(hands.error(), Place::memory);
  const auto plan = plan_of(visit, **hands, path);
  if (!plan) return failed_page(plan.error(), Place::memory);
  return revert_page(visit, *plan, "");
}

Page revert_document(Visit& visit, const std::string& path) {
  const auto hands = visit.desk.memory.hands_for(path);
  if (!hands) return failed_page(hands.error(), Place::memory);
  const auto plan = plan_of(visit, **hands, path);
  if (!plan) return failed_page(plan.error(), Place::memory);
  const auto shown_again = [&](const Error& error) {
    Page page = revert_page(visit, *plan, error.message);
    page.status = status_of(error);
    return page;
  };
  const auto proven = visit.admit(purpose_of(*plan));
  if (!proven) return shown_again(proven.error());
  const auto done =
      policy::write_planned(visit.desk.ledger, (*hands)->access(), visit.call(), *plan, *proven);
  if (!done) return shown_again(done.error());
  return go_on(visit, document_address("document", path),
               "Went back to version " + std::to_string(plan->version) + ".");
}

}  // namespace remit::console
