#include "policy/shell_hidden.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/utf8.h"

namespace remit::policy {
namespace {

struct Range {
  char32_t first, last;
};

template <std::size_t N>
bool in_ranges(char32_t c, const std::array<Range, N>& ranges) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [c](const Range& range) { return c >= range.first && c <= range.last; });
}

// Unicode 15: direction marks, embeddings, overrides and isolates.
constexpr std::array<Range, 4> kBidi = {
    {{0x61C, 0x61C}, {0x200E, 0x200F}, {0x202A, 0x202E}, {0x2066, 0x2069}}};
// Default_Ignorable_Code_Point without the above, and the fillers that render as nothing.
constexpr std::array<Range, 16> kInvisible = {{{0xAD, 0xAD},
                                               {0x34F, 0x34F},
                                               {0x115F, 0x1160},
                                               {0x17B4, 0x17B5},
                                               {0x180B, 0x180F},
                                               {0x200B, 0x200D},
                                               {0x2060, 0x2065},
                                               {0x206A, 0x206F},
                                               {0x2800, 0x2800},
                                               {0x3164, 0x3164},
                                               {0xFE00, 0xFE0F},
                                               {0xFEFF, 0xFEFF},
                                               {0xFFA0, 0xFFA0},
                                               {0xFFF0, 0xFFFB},
                                               {0x1BCA0, 0x1D17A},
                                               {0xE0000, 0xE0FFF}}};
constexpr std::array<Range, 8> kSpaces = {{{0x85, 0x85},
                                           {0xA0, 0xA0},
                                           {0x1680, 0x1680},
                                           {0x2000, 0x200A},
                                           {0x2028, 0x2029},
                                           {0x202F, 0x202F},
                                           {0x205F, 0x205F},
                                           {0x3000, 0x3000}}};

const char* kind_of(char32_t c) {
  if (in_ranges(c, kSpaces)) return "space outside ASCII";
  if (c < 0x20 ? (c != '\n' && c != '\t') : (c >= 0x7F && c <= 0x9F)) return "control character";
  if (in_ranges(c, kBidi)) return "character that changes the direction of text";
  // Musical symbols lie between the two invisible blocks of that range.
  if (c > 0x1BCA3 && c < 0x1D173) return nullptr;
  if (in_ranges(c, kInvisible)) return "zero-width or invisible character";
  return nullptr;
}

void add(std::vector<ShellHidden>& found, std::size_t offset, std::string why) {
  const bool known = std::any_of(found.begin(), found.end(),
                                 [&](const ShellHidden& hidden) { return hidden.why == why; });
  if (!known) found.push_back({offset, std::move(why)});
}

void find_blank_run(std::string_view text, std::vector<ShellHidden>& found) {
  std::size_t at = 0;
  while ((at = text.find_first_of(" \t\n", at)) != std::string_view::npos) {
    const std::size_t end = std::min(text.find_first_not_of(" \t\n", at), text.size());
    if (end < text.size() && end - at > limits::kBlankRun) {
      return add(found, at, "long run of blanks before more text");
    }
    at = end;
  }
}

}  // namespace

std::vector<ShellHidden> find_hidden_text(std::string_view text,
                                          const std::vector<ShellComment>& comments) {
  std::vector<ShellHidden> found;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint one = decode_utf8(text.substr(at));
    if (one.length == 0) {
      add(found, at, "bytes that are not UTF-8");
    } else if (const char* kind = kind_of(one.value)) {
      add(found, at, kind);
    }
    at += one.length == 0 ? 1 : one.length;
  }
  find_blank_run(text, found);
  for (const ShellComment& comment : comments) {
    if (comment.followed && comment.length > limits::kBlankRun) {
      add(found, comment.offset, "long comment before more text");
    }
  }
  return found;
}

}  // namespace remit::policy
