// Read: a file as numbered lines; images, notebooks and binary files as what they are.
// Over 400 lines because the fields, the slices and the one page they fill are one declaration.
#include <algorithm>
#include <optional>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"
#include "tools/file_tools.h"
#include "tools/notebook.h"
#include "tools/page.h"
#include "tools/text_file.h"
#include "tools/tool_builder.h"

namespace remit::tools {

namespace {

struct ReadArgs {
  std::string file_path;
  std::int64_t offset = 1;
  int limit = static_cast<int>(limits::kReadLinesDefault);
  std::int64_t column = 1;
  bool raw = false;
};

enum class Kind { text, image, notebook, binary };

struct ReadResult {
  std::string filePath;
  Kind kind = Kind::text;
  std::string content;
  std::uint64_t startLine = 1, numLines = 0, totalLines = 0;
  bool totalLinesIsExact = true;
  std::uint64_t sizeBytes = 0;
  std::string encoding = "utf-8";
  bool bom = false;
  std::string lineEnding = "none";
  std::string version;
  bool truncated = false;
  std::optional<std::uint64_t> nextOffset;
  std::vector<std::string> notices;
};

}  // namespace
}  // namespace remit::tools

namespace remit {
using namespace tools;

template <>
struct EnumNames<Kind> {
  static constexpr std::array list{std::pair{Kind::text, "text"}, std::pair{Kind::image, "image"},
                                   std::pair{Kind::notebook, "notebook"},
                                   std::pair{Kind::binary, "binary"}};
};
template <>
struct Fields<ReadArgs> {
  static constexpr auto list = std::tuple{
      required("file_path", &ReadArgs::file_path, "Absolute, or relative to the workspace",
               {.min_length = 1, .max_length = limits::kPathBytes}),
      field("offset", &ReadArgs::offset, "First line; negative: the last N lines",
            {.minimum = -1e15, .maximum = 1e15}),
      field("limit", &ReadArgs::limit, "Most lines, at most 100000",
            {.minimum = 1, .maximum = limits::kReadLinesMax}),
      field("column", &ReadArgs::column, "With limit 1: start inside a long line",
            {.minimum = 1, .maximum = 1e15}),
      field("raw", &ReadArgs::raw, "Notebook as its JSON text")};
};
template <>
struct Fields<ReadResult> {
  static constexpr auto list =
      std::tuple{field("filePath", &ReadResult::filePath, ""),
                 field("kind", &ReadResult::kind, ""),
                 field("content", &ReadResult::content, "The text of the answer"),
                 field("startLine", &ReadResult::startLine, ""),
                 field("numLines", &ReadResult::numLines, ""),
                 field("totalLines", &ReadResult::totalLines, ""),
                 field("totalLinesIsExact", &ReadResult::totalLinesIsExact, "false: at least"),
                 field("sizeBytes", &ReadResult::sizeBytes, ""),
                 field("encoding", &ReadResult::encoding, ""),
                 field("bom", &ReadResult::bom, ""),
                 field("lineEnding", &ReadResult::lineEnding, "lf, crlf, mixed, none"),
                 field("version", &ReadResult::version, ""),
                 field("truncated", &ReadResult::truncated, ""),
                 field("nextOffset", &ReadResult::nextOffset, ""),
                 field("notices", &ReadResult::notices, "")};
};
}  // namespace remit

namespace remit::tools {

namespace {

constexpr const char* kDoc =
    "Read a file: numbered lines (number, TAB, text), images as images, notebooks as cells. A "
    "truncated answer gives "
    "nextOffset. Read a file before Write or Edit changes it.";

// The lines that were asked for, as text that begins at line `first`.
struct Slice {
  std::string text;
  std::uint64_t first = 1;  // number of its first line
  bool reaches_end = true;  // nothing of the file follows
  std::uint64_t total = 0;
  bool total_exact = true;
  bool past_end = false;
};

std::uint64_t count_lines(std::string_view text) {
  return std::uint64_t{count_byte(text, '\n')} + (text.empty() || text.ends_with('\n') ? 0 : 1);
}

Slice slice_of(std::string text, const ReadArgs& args) {
  Slice slice;
  slice.total = count_lines(text);
  std::uint64_t first = 1;
  if (args.offset < 0) {
    const auto wanted = static_cast<std::uint64_t>(-args.offset);
    first = slice.total > wanted ? slice.total - wanted + 1 : 1;
  } else if (args.offset > 1) {
    first = static_cast<std::uint64_t>(args.offset);
  }
  slice.first = first;
  if (first > std::max<std::uint64_t>(slice.total, 1)) {
    slice.past_end = true;
    return slice;
  }
  std::size_t at = 0;
  for (std::uint64_t line = 1; line < first; ++line) at = text.find('\n', at) + 1;
  text.erase(0, at);
  slice.text = std::move(text);
  return slice;
}

// The same for a file too big to hold: only what a page can show is read.
Result<Slice> slice_of_big(const policy::OpenFile& file, const ReadArgs& args,
                           const Detected& detected, std::size_t page_chars,
                           search::LineIndexes& index) {
  const auto size = static_cast<std::uint64_t>(file.status.st_size);
  if (detected.encoding != Encoding::utf8 && detected.encoding != Encoding::windows1252) {
    return fail(ErrorKind::too_large,
                encoding_name(detected.encoding, detected.guessed) + " files are read up to " +
                    human_bytes(limits::kEditBytes) + "; this one has " + human_bytes(size));
  }
  Slice slice;
  std::uint64_t offset = 0;
  if (args.offset < 0) {
    TRY(const search::TailPlace tail,
        search::tail_place(file.fd, size, static_cast<std::uint64_t>(-args.offset)));
    offset = tail.offset;
    const std::optional<std::uint64_t> total = index.total(file.status);
    slice.total_exact = tail.from_start || total.has_value();
    slice.total = tail.from_start ? tail.lines : total.value_or(tail.lines);
    // Without the index the tail's own line numbers are unknown: they are counted from its start.
    slice.first = slice.total_exact ? slice.total - tail.lines + 1 : 0;
  } else {
    const auto line = static_cast<std::uint64_t>(std::max<std::int64_t>(args.offset, 1));
    TRY(const search::LinePlace place, index.seek(file.fd, file.status, line));
    slice.first = line;
    offset = place.offset;
    slice.past_end = !place.found;
    slice.total = place.found ? std::max(index.known(file.status), line) : place.line;
    slice.total_exact = !place.found;
    if (const auto total = index.total(file.status)) {
      slice.total = *total;
      slice.total_exact = true;
    }
    if (slice.past_end) return slice;
  }
  if (offset == 0) offset = detected.bom;
  // One line may be long beyond measure: its shown part and its length are enough.
  const std::uint64_t wanted =
      std::max<std::uint64_t>(std::uint64_t{8} * page_chars, limits::kVersionHashBytes);
  TRY(std::string bytes,
      fs::read_at(file.fd, offset, static_cast<std::size_t>(std::min(wanted, size - offset))));
  slice.reaches_end = offset + bytes.size() >= size;
  if (!slice.reaches_end) {
    const std::size_t newline = bytes.rfind('\n');
    if (newline != std::string::npos) bytes.resize(newline + 1);
  }
  slice.text = to_text(bytes, detected.encoding);
  return slice;
}

// One long line from `column` on.
void read_column(const ReadArgs& args, const Slice& slice, std::size_t page_chars,
                 ReadResult& result) {
  std::string_view line = std::string_view(slice.text).substr(0, slice.text.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::size_t whole = line.size();
  const auto before = static_cast<std::size_t>(args.column - 1);
  const std::string_view skipped = prefix_chars(line, before);
  result.numLines = 1;
  if (skipped.size() == whole) {
    result.notices.push_back("line " + std::to_string(slice.first) + " has " +
                             with_commas(count_chars(line)) + " characters; column " +
                             std::to_string(args.column) + " is past its end");
    return;
  }
  line.remove_prefix(skipped.size());
  std::string_view shown = line.substr(0, utf8_boundary(line, limits::kColumnWindow));
  shown = prefix_chars(shown, page_chars - std::min(page_chars / 2, limits::kFactsReserve));
  result.content = std::to_string(slice.first) + "\t" + std::string(shown);
  if (shown.size() < line.size()) {
    result.truncated = true;
    result.notices.push_back(
        "line " + std::to_string(slice.first) + ": " + with_commas(whole) +
        " bytes; continue with offset=" + std::to_string(slice.first) +
        ", limit=1, column=" + std::to_string(before + count_chars(shown) + 1));
  }
}

void read_lines(const ReadArgs& args, const Slice& slice, std::size_t page_chars, bool numbered,
                ReadResult& result) {
  PageBudget budget(page_chars);
  std::string_view rest = slice.text;
  std::uint64_t number = slice.first;
  // One buffer for all lines: this is on the path of every small read.
  std::string text;
  result.content.reserve(std::min(slice.text.size() + slice.text.size() / 4, page_chars));
  while (!rest.empty() && result.numLines < static_cast<std::uint64_t>(args.limit)) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    // A line end of CRLF is told once, in lineEnding.
    if (line.ends_with('\r') && end != std::string_view::npos) line.remove_suffix(1);
    text.clear();
    if (numbered && number > 0) text.append(std::to_string(number)) += '\t';
    const std::string_view head = prefix_chars(line, limits::kLineShown);
    text += head;
    if (head.size() < line.size()) {
      text += "… [line " + std::to_string(number) + ": " + with_commas(line.size()) +
              " bytes; continue with offset=" + std::to_string(number) +
              ", limit=1, column=" + std::to_string(limits::kLineShown + 1) + "]";
    }
    if (!budget.take(text)) break;
    if (result.numLines > 0) result.content += '\n';
    result.content += text;
    ++result.numLines;
    ++number;
    if (end == std::string_view::npos) {
      rest = {};
      break;
    }
    rest.remove_prefix(end + 1);
  }
  if (!rest.empty() || !slice.reaches_end) {
    result.truncated = true;
    if (slice.first > 0) result.nextOffset = number;
  }
}

std::string facts_of(const ReadResult& result) {
  const std::string total =
      (result.totalLinesIsExact ? "" : "at least ") + with_commas(result.totalLines);
  std::string facts;
  if (result.kind == Kind::text || result.kind == Kind::notebook) {
    if (result.numLines > 0 && result.startLine > 0) {
      facts = "lines " + std::to_string(result.startLine) + "-" +
              std::to_string(result.startLine + result.numLines - 1) + " of " + total;
    } else if (result.numLines > 0) {
      facts = "the last " + with_commas(result.numLines) + " lines";
    } else {
      facts = total + " lines";
    }
    if (result.kind == Kind::notebook)
      facts += " of the rendered notebook (raw: true shows its JSON, which Edit needs)";
    facts += "; ";
  }
  facts += with_commas(result.sizeBytes) + " bytes";
  if (result.encoding != "utf-8" && result.kind == Kind::text) facts += "; " + result.encoding;
  if (result.bom) facts += "; byte order mark";
  if (result.lineEnding == "crlf" || result.lineEnding == "mixed")
    facts += "; line ends " + result.lineEnding;
  if (result.nextOffset) facts += "; truncated, nextOffset=" + std::to_string(*result.nextOffset);
  for (const std::string& notice : result.notices) facts += "; " + notice;
  return "[" + facts + "; version=" + result.version + "]";
}

std::string hex_of(std::string_view bytes) {
  const std::string hex = to_hex(bytes.substr(0, limits::kBinaryShown));
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 64) out += hex.substr(i, 64) + "\n";
  return out;
}

void describe_binary(std::string_view head, ReadResult& result) {
  result.kind = Kind::binary;
  const std::string type = magic_type(head);
  result.content = "binary file, " + (type.empty() ? std::string("type unknown") : type) +
                   "; the first " + std::to_string(std::min(head.size(), limits::kBinaryShown)) +
                   " bytes:\n" + hex_of(head);
  result.content.pop_back();
  if (type == "application/pdf")
    result.notices.push_back("PDF text can be extracted with pdftotext in Bash, where granted");
}

Result<void> show_image(std::string bytes, const std::string& type, Outcome<ReadResult>& out) {
  out.value.kind = Kind::image;
  const Dimensions size = image_dimensions(bytes, type);
  const std::string dimensions = size.width == 0 ? "unknown dimensions"
                                                 : std::to_string(size.width) + " x " +
                                                       std::to_string(size.height) + " pixels";
  if (out.value.sizeBytes > limits::kImageBytes) {
    return fail(ErrorKind::too_large, "the image (" + type + ", " + dimensions + ") has " +
                                          human_bytes(out.value.sizeBytes) + "; at most " +
                                          human_bytes(limits::kImageBytes) + " are shown");
  }
  out.value.content = type + ", " + dimensions;
  out.image = Image{type, std::move(bytes)};
  return {};
}

// Up to three names near a missing one that this persona may see.
Error with_near_names(Error error, Call& call, const std::string& path) {
  const std::string parent(fs::parent_of(path));
  auto walk = call.access.list(call.scope, path.starts_with('/') && parent.empty() ? "/" : parent);
  if (!walk) return error;
  std::vector<std::string> names;
  const auto listed = (*walk)->entries((*walk)->root(), [&](std::string_view name, unsigned char) {
    names.emplace_back(name);
    return names.size() < 10'000;
  });
  if (!listed || !(*walk)->finish()) return error;
  std::vector<std::string> near = nearest(fs::base_name(path), names);
  for (std::string& name : near) name = printable(parent.empty() ? name : fs::join(parent, name));
  if (!near.empty()) error.message += "; near names: " + join_text(near, ", ");
  return error;
}

void explain_extent(const Slice& slice, const ReadArgs& args, ReadResult& result) {
  result.startLine = slice.first;
  result.totalLines = slice.total;
  result.totalLinesIsExact = slice.total_exact;
  if (result.sizeBytes == 0) {
    result.content = "(empty file)";
  } else if (slice.past_end) {
    result.content = "(file has " + with_commas(slice.total) + " lines; offset " +
                     std::to_string(args.offset) + " is past the end)";
  }
}

Result<void> show_text(const ReadArgs& args, Call& call, const policy::OpenFile& file,
                       FileMemory& memory, std::string_view bytes, bool whole,
                       Outcome<ReadResult>& out) {
  ReadResult& result = out.value;
  const Detected detected = detect_encoding(bytes, whole);
  result.encoding = encoding_name(detected.encoding, detected.guessed);
  result.bom = detected.bom > 0;
  if (detected.binary) {
    describe_binary(bytes, result);
    return {};
  }
  Slice slice;
  bool numbered = true;
  if (whole) {
    bool lossy = false;
    std::string text = to_text(bytes.substr(detected.bom), detected.encoding, &lossy);
    if (lossy) result.notices.push_back("malformed characters are shown as U+FFFD");
    result.lineEnding = line_ending(text);
    if (!text.empty() && !text.ends_with('\n')) result.notices.push_back("no newline at the end");
    if (!args.raw && file.where.path.ends_with(".ipynb")) {
      if (auto rendered = render_notebook(text)) {
        result.kind = Kind::notebook;
        numbered = false;
        text = std::move(*rendered);
      }
    }
    slice = slice_of(std::move(text), args);
  } else {
    result.lineEnding = line_ending(bytes);
    TRY(slice, slice_of_big(file, args, detected, call.page_chars, memory.lines));
  }
  explain_extent(slice, args, result);
  if (slice.past_end || result.sizeBytes == 0) return {};
  if (args.column > 1) {
    read_column(args, slice, call.page_chars, result);
  } else {
    read_lines(args, slice, call.page_chars, numbered, result);
  }
  return {};
}

Result<Outcome<ReadResult>> read(const ReadArgs& args, Call& call, FileMemory& memory) {
  if (args.column > 1 && args.limit != 1) {
    return fail(ErrorKind::invalid_argument, "column needs limit 1", "/column");
  }
  auto opened = call.access.open(call.scope, args.file_path);
  if (!opened) {
    Error error = opened.error();
    if (error.kind == ErrorKind::not_found)
      error = with_near_names(std::move(error), call, args.file_path);
    return tl::unexpected<Error>(std::move(error));
  }
  const policy::OpenFile& file = *opened;
  Outcome<ReadResult> out;
  ReadResult& result = out.value;
  result.filePath = printable(file.where.shown);
  result.sizeBytes = static_cast<std::uint64_t>(file.status.st_size);
  const bool whole = result.sizeBytes <= limits::kVersionHashBytes;
  TRY(std::string bytes, fs::read_at(file.fd, 0,
                                     static_cast<std::size_t>(std::min<std::uint64_t>(
                                         result.sizeBytes, limits::kVersionHashBytes))));
  if (whole && bytes.size() < result.sizeBytes) {
    result.notices.push_back("the file shrank while it was read");
    result.sizeBytes = bytes.size();
  }
  if (whole) {
    result.version = sha256_hex(bytes);
  } else {
    TRY(result.version, policy::file_version(file.fd, file.status));
  }
  memory.versions.record(call.access.principal(), file.where, result.version, bytes, whole);
  const std::string type = magic_type(bytes);
  if (type.starts_with("image/")) {
    TRY_DO(show_image(std::move(bytes), type, out));
  } else {
    TRY_DO(show_text(args, call, file, memory, bytes, whole, out));
  }
  const std::string facts = facts_of(result);
  std::string text;
  if (result.nextOffset) {
    text = "[truncated: lines " + std::to_string(result.startLine) + "-" +
           std::to_string(*result.nextOffset - 1) +
           " shown; continue with offset=" + std::to_string(*result.nextOffset) + "]\n";
  }
  out.text = text + result.content + "\n" + facts;
  result.content = out.text;
  return out;
}

}  // namespace

Tool make_read(std::shared_ptr<FileMemory> memory) {
  return tool<ReadArgs, ReadResult>({.name = "Read",
                                     .title = "Read a file",
                                     .description = kDoc,
                                     .annotations = {.read_only = true, .idempotent = true},
                                     .output = Output::text_first,
                                     .always_load = true},
                                    [memory = std::move(memory)](const ReadArgs& args, Call& call) {
                                      return read(args, call, *memory);
                                    });
}

}  // namespace remit::tools
