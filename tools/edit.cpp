// Edit: one piece of a file for another, on bytes: what is outside the replaced range stays as it
// is.
#include <algorithm>

#include "base/limits.h"
#include "base/text.h"
#include "tools/change_fields.h"
#include "tools/text_file.h"
#include "tools/tool_builder.h"

namespace remit::tools {

namespace {

struct EditArgs {
  std::string file_path;
  std::string old_string;
  std::string new_string;
  bool replace_all = false;
  std::optional<std::string> if_version;
};

}  // namespace
}  // namespace remit::tools

namespace remit {
using namespace tools;

template <>
struct Fields<EditArgs> {
  static constexpr auto list = std::tuple{
      changed_file<EditArgs>(),
      required("old_string", &EditArgs::old_string,
               "Exact text, unique unless replace_all; empty creates a new file"),
      required("new_string", &EditArgs::new_string, "Its replacement"),
      field("replace_all", &EditArgs::replace_all, "Replace every occurrence"),
      field("if_version", &EditArgs::if_version, "Change only this version (from Read)")};
};
}  // namespace remit

namespace remit::tools {

namespace {

constexpr const char* kDoc =
    "Replace exact text in a file that was Read. Quote it without the line numbers of Read. "
    "Encoding, byte order mark "
    "and line ends outside the replaced text stay as they are.";
constexpr std::size_t kLinesNamed = 10;

std::string with_crlf(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out += '\r';
    out += text[i];
  }
  return out;
}

std::string squeezed(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') out += c;
  }
  return out;
}

std::string plain_quotes(std::string text) {
  const std::pair<std::string_view, std::string_view> kPairs[] = {{"\xe2\x80\x98", "'"},
                                                                  {"\xe2\x80\x99", "'"},
                                                                  {"\xe2\x80\x9c", "\""},
                                                                  {"\xe2\x80\x9d", "\""},
                                                                  {"\xc2\xa0", " "}};
  for (const auto& [from, to] : kPairs) {
    for (std::size_t at = text.find(from); at != std::string::npos;
         at = text.find(from, at + to.size())) {
      text.replace(at, from.size(), to);
    }
  }
  return text;
}

std::size_t line_number(std::string_view text, std::size_t at) {
  return 1 + static_cast<std::size_t>(
                 std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

// Why nothing matched: the likeliest cause and the place that looks nearest.
std::string why_no_match(std::string_view text, const std::string& wanted, bool was_read_masked) {
  if (was_read_masked) {
    return "old_string holds a redaction mask ([redacted:…]), which stands in answers only, not in "
           "the file; leave that part out";
  }
  std::string_view first = wanted;
  while (!first.empty() && (first.front() == '\n' || first.front() == '\r')) first.remove_prefix(1);
  first = first.substr(0, first.find('\n'));
  const std::string key = squeezed(plain_quotes(std::string(first)));
  if (!key.empty()) {
    std::size_t number = 0;
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n');
      const std::string_view line = rest.substr(0, end);
      ++number;
      if (line.size() <= limits::kColumnWindow &&
          squeezed(plain_quotes(std::string(line))).find(key) != std::string::npos) {
        const bool quotes = squeezed(line).find(squeezed(first)) == std::string::npos;
        const bool same_line = line.find(first) != std::string_view::npos;
        const char* what = same_line ? "that line matches, a later one differs"
                           : quotes  ? "quotation marks differ"
                                     : "indentation or spaces differ";
        return std::string("old_string does not occur; nearest is line ") + std::to_string(number) +
               " (" + what + "): " + std::string(line.substr(0, utf8_boundary(line, 200)));
      }
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + 1);
    }
  }
  return "old_string does not occur in the file; Read it again and quote it exactly, without line "
         "numbers";
}

std::vector<std::size_t> places_of(std::string_view bytes, std::string_view what, std::size_t from,
                                   std::size_t step) {
  std::vector<std::size_t> out;
  for (std::size_t at = bytes.find(what, from); at != std::string_view::npos;) {
    if ((at - from) % step != 0) {  // in the middle of a wide character
      at = bytes.find(what, at + 1);
      continue;
    }
    out.push_back(at);
    at = bytes.find(what, at + what.size());
  }
  return out;
}

std::size_t unit_of(Encoding encoding) {
  switch (encoding) {
    case Encoding::utf16le:
    case Encoding::utf16be:
      return 2;
    case Encoding::utf32le:
    case Encoding::utf32be:
      return 4;
    case Encoding::utf8:
    case Encoding::windows1252:
      break;
  }
  return 1;
}

Result<std::string> encoded(std::string_view text, Encoding encoding, const char* pointer) {
  auto bytes = to_bytes(text, encoding);
  if (bytes) return std::move(*bytes);
  Error error = bytes.error();
  error.where = pointer;
  return tl::unexpected<Error>(std::move(error));
}

Result<std::string> edited(const EditArgs& args, const Present& present, ChangeResult& result) {
  const Decoded now = decode_text(std::string(present.bytes));
  if (now.binary)
    return fail(ErrorKind::invalid_argument, "the file is binary; Edit changes text only",
                "/file_path");
  std::string old_text = args.old_string, new_text = args.new_string;
  const bool only_crlf = line_ending(now.text) == "crlf";
  if (only_crlf) {
    // A bare LF in both strings means the line end that the file has everywhere.
    old_text = with_crlf(old_text);
    new_text = with_crlf(new_text);
    if (new_text != args.new_string)
      result.notices.push_back("line ends written as CRLF, like the rest of the file");
  }
  TRY(const std::string old_bytes, encoded(old_text, now.encoding, "/old_string"));
  TRY(const std::string new_bytes, encoded(new_text, now.encoding, "/new_string"));
  const std::vector<std::size_t> places =
      places_of(present.bytes, old_bytes, now.bom, unit_of(now.encoding));
  if (places.empty()) {
    return fail(ErrorKind::invalid_argument,
                why_no_match(now.text, args.old_string,
                             args.old_string.find("[redacted:") != std::string::npos),
                "/old_string", "no_match");
  }
  if (places.size() > 1 && !args.replace_all) {
    std::vector<std::string> lines;
    std::size_t from = 0;
    while (lines.size() < kLinesNamed &&
           (from = now.text.find(old_text, from)) != std::string::npos) {
      lines.push_back(std::to_string(line_number(now.text, from)));
      from += old_text.size();
    }
    return fail(ErrorKind::invalid_argument,
                "old_string occurs " + with_commas(places.size()) + " times (lines " +
                    join_text(lines, ", ") + (places.size() > lines.size() ? ", …" : "") +
                    "); quote more around it, or set replace_all: true",
                "/old_string", "ambiguous");
  }
  std::string out;
  std::size_t from = 0;
  for (const std::size_t at : places) {
    out.append(present.bytes, from, at - from);
    out += new_bytes;
    from = at + old_bytes.size();
    if (out.size() > limits::kEditBytes) {
      return fail(ErrorKind::too_large,
                  "the result would exceed " + human_bytes(limits::kEditBytes));
    }
  }
  out.append(present.bytes, from);
  result.replacements = places.size();
  return out;
}

Result<Outcome<ChangeResult>> edit(const EditArgs& args, Call& call, FileMemory& memory) {
  if (args.old_string == args.new_string) {
    return fail(ErrorKind::invalid_argument,
                "old_string and new_string are equal: nothing to change", "/new_string");
  }
  Outcome<ChangeResult> out;
  TRY(std::optional<Present> present, present_file(call, memory, args.file_path, args.if_version));
  std::string bytes;
  if (args.old_string.empty()) {
    if (present) {
      return fail(ErrorKind::invalid_argument,
                  "old_string is empty, but the file exists; quote what to replace, or use Write",
                  "/old_string");
    }
    bytes = args.new_string;
  } else {
    if (!present) {
      return fail(ErrorKind::not_found, "no such file; an empty old_string creates it",
                  "/file_path");
    }
    TRY(bytes, edited(args, *present, out.value));
  }
  TRY_DO(put_file(call, memory, args.file_path, std::move(present), std::move(bytes), out.value));
  out.text = change_text(out.value);
  return out;
}

}  // namespace

Tool make_edit(std::shared_ptr<FileMemory> memory) {
  return tool<EditArgs, ChangeResult>(
      {.name = "Edit",
       .title = "Edit a file",
       .description = kDoc,
       .annotations = {.destructive = true},
       .output = Output::text_first,
       .always_load = true},
      [memory = std::move(memory)](const EditArgs& args, Call& call) {
        return edit(args, call, *memory);
      });
}

}  // namespace remit::tools
