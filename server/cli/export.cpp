#include "server/cli/export.h"

#include <algorithm>

#include "base/text.h"
#include "server/cli/clients.h"

namespace remit::server {
namespace {

std::vector<std::string> missing_tools(const policy::Remit& remit, const ExportOptions& options) {
  std::vector<std::string> names = remit.tools_not_provided;
  const auto add_if_unlisted = [&](const policy::ToolRule& rule) {
    const auto listed = std::find(options.tools.begin(), options.tools.end(), rule.name);
    if (listed == options.tools.end()) names.push_back(rule.name);
  };
  std::for_each(remit.tools.begin(), remit.tools.end(), add_if_unlisted);
  std::for_each(remit.diagnostics.begin(), remit.diagnostics.end(), add_if_unlisted);
  return names;
}

// It stands in files of every format, between quotes of every kind, and in a line for a shell.
Result<void> check_url(const std::string& url) {
  const auto bad = [&](const char* why) {
    return fail(ErrorKind::invalid_argument, "--url " + escape_ascii(url) + ": " + why);
  };
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    return bad("an address begins with http:// or https://");
  const bool plain = std::all_of(url.begin(), url.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(":/.-_~%[]").find(c) != std::string_view::npos;
  });
  if (!plain)
    return bad("it holds what an address of Remit does not; a token belongs into REMIT_TOKEN");
  return {};
}

// No format that is written here can carry bytes that are not text, and no client has an escape for
// what it replaces in its configuration.
Result<void> check_carried(const Client& client, const ExportOptions& options) {
  if (!options.url.empty()) TRY_DO(check_url(options.url));
  std::vector<std::string> words = options.serve_args;
  words.push_back(options.binary);
  for (const std::string& word : words) {
    if (!valid_utf8(word)) {
      return fail(ErrorKind::invalid_argument,
                  "a client's files hold text, and this is none: " + escape_ascii(word) +
                      "; give it a name in UTF-8");
    }
    for (const std::string_view token : client.substitutes) {
      if (word.find(token) == std::string::npos) continue;
      return fail(ErrorKind::invalid_argument,
                  std::string(client.name) + " would replace what follows " + std::string(token) +
                      " in " + escape_ascii(word) + "; give it another name");
    }
  }
  return {};
}

OrderedJson listed(const std::vector<Limit>& limits) {
  OrderedJson rows = OrderedJson::array();
  for (const Limit& limit : limits) {
    rows.push_back({{"message", limit.message}, {"remedy", limit.remedy}});
  }
  return rows;
}

}  // namespace

std::string shell_word(std::string_view word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/._-+:@%,=").find(c) != std::string_view::npos;
  });
  if (plain) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string shell_words(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += " " + shell_word(word);
  return line;
}

Result<Export> export_client(const policy::Remit& remit, const ExportOptions& options) {
  const Client* client = find_client(options.client);
  if (client == nullptr) {
    return fail(ErrorKind::invalid_argument,
                "unknown client '" + escape_ascii(options.client) +
                    "'; available clients: " + join_text(client_names(), ", "));
  }
  TRY_DO(check_carried(*client, options));
  Export out = client->fill(remit, options);
  if (!options.url.empty()) {
    out.notes.insert(out.notes.begin(),
                     "set " + std::string(client->token_variable) +
                         " to the token of the server where the client is started; nothing here "
                         "starts the server");
  }
  const std::vector<std::string> missing = missing_tools(remit, options);
  out.notes.insert(out.notes.begin(),
                   missing.empty() ? "every tool that the persona names is provided"
                                   : "named by the persona and not provided by this server: " +
                                         join_text(missing, ", "));
  if (out.check.empty()) {
    out.check = shell_word(options.binary) + " doctor --client " + options.client +
                shell_words(options.serve_args) +
                (options.url.empty() ? "" : " --url " + options.url);
  }
  return out;
}

std::string to_text(const Export& exported) {
  std::string text;
  for (const ExportedFile& file : exported.files) {
    text += "==> " + file.path + " <==\n" + printable(file.content);
    if (!file.content.ends_with('\n')) text += '\n';
    text += '\n';
  }
  return text + to_summary(exported, {});
}

std::string to_summary(const Export& exported, const std::vector<std::string>& written) {
  std::string text;
  for (const std::string& path : written) text += "wrote " + path + "\n";
  for (const std::string& note : exported.notes) text += "note: " + printable(note) + "\n";
  for (const Limit& limit : exported.limits) {
    text += "limit: " + printable(limit.message) + "\n  " + printable(limit.remedy) + "\n";
  }
  if (!exported.headless.empty()) text += "headless: " + printable(exported.headless) + "\n";
  return text + "check: " + printable(exported.check) + "\n";
}

std::string to_json(const Export& exported, const std::vector<std::string>& written) {
  OrderedJson root;
  root["format"] = "remit.export/1";
  root["files"] = OrderedJson::array();
  for (const ExportedFile& file : exported.files) {
    root["files"].push_back({{"path", file.path}, {"content", file.content}});
  }
  root["written"] = written;
  root["notes"] = exported.notes;
  root["limits"] = listed(exported.limits);
  root["headless"] = exported.headless;
  root["check"] = exported.check;
  return dump_pretty(root) + "\n";
}

}  // namespace remit::server
