// What a TemplateMiner remembers of the lines it saw. Private to log_templates.cpp, which takes
// lines in, and log_settle.cpp, which merges their forms into templates.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tools/diagnostics/log_mask.h"
#include "tools/diagnostics/log_templates.h"

namespace remit::diagnostics {

using Word = std::uint32_t;                 // interned column
inline constexpr Word kAnyColumn = 0;       // " <*>"
inline constexpr Word kUnknown = ~Word{0};  // a column that is in no form
inline constexpr Word kAnyGlued = 1;        // "<*>" that touches the column before it

inline std::uint64_t hash_bytes(std::string_view bytes) {
  return std::hash<std::string_view>{}(bytes);
}
inline std::uint64_t mix(std::uint64_t h, std::uint64_t v) {
  h ^= v + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
  h *= 0xff51afd7ed558ccdu;
  return h ^ (h >> 32);
}

struct Form {
  std::vector<Word> words;
};

struct TemplateMiner::State {
  Setting setting;
  std::string masked;
  // Interned columns. Ids are never reused between two rebuilds of the dictionary.
  std::deque<std::string> words;
  std::unordered_map<std::string_view, Word> ids;
  std::size_t bytes = 0;
  // Live forms by number; parent[] leads from every number ever given to a live one.
  std::map<std::uint32_t, Form> forms;
  std::vector<std::uint32_t> parent;
  std::vector<std::uint64_t> lines;  // of a live form; what merges into another moves there
  // Masked text -> number. Cleared when the table is rebuilt.
  struct Seen {
    std::uint32_t form;
    std::uint16_t note;
  };
  std::unordered_map<std::uint64_t, Seen> by_text;
  std::uint16_t scratch_note = 0;
  // Templates with variable columns, for forms that come after a settlement: which column sets are
  // variable per length, and the template by hash of its constant columns.
  std::map<std::size_t, std::set<std::vector<std::uint16_t>>> holes;
  std::unordered_map<std::uint64_t, std::uint32_t> by_constants;
  bool full = false;
  // (word before, value) of columns that were found variable.
  std::set<std::pair<Word, Word>> proven;

  explicit State(Setting s) : setting(s) { reset_words(); }

  void reset_words() {
    ids.clear();
    words.clear();
    bytes = 0;
    intern(std::string(1, kColumn) + std::string(kVariable));
    intern(std::string(1, kGlued) + std::string(kVariable));
  }

  Word intern(std::string_view column) {
    if (const auto it = ids.find(column); it != ids.end()) return it->second;
    const Word id = static_cast<Word>(words.size());
    words.emplace_back(column);
    ids.emplace(words.back(), id);
    bytes += column.size() + 64;
    return id;
  }

  // Does not grow the dictionary.
  Word known(std::string_view column) const {
    const auto it = ids.find(column);
    return it == ids.end() ? kUnknown : it->second;
  }

  std::uint32_t root(std::uint32_t form) const {
    while (parent[form] != form) form = parent[form];
    return form;
  }

  Word hole_for(Word w) const { return words[w][0] == kGlued ? kAnyGlued : kAnyColumn; }
  bool hole(Word w) const { return w <= kAnyGlued; }
  bool glued_value(Word w) const {
    const std::string& s = words[w];
    return s.find(kVariable) != std::string::npos;
  }
  // Letters outside of masks: what a statement is recognised by.
  bool constant(Word w) const {
    if (hole(w)) return false;
    const std::string& s = words[w];
    for (std::size_t i = 1; i < s.size(); ++i)
      if ((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') || (s[i] & 0x80) != 0)
        return true;
    return false;
  }

  std::uint64_t key(const std::vector<Word>& w, const std::vector<std::uint16_t>& without) const {
    std::uint64_t h = w.size();
    std::size_t next = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
      if (next < without.size() && without[next] == i) {
        ++next;
        h = mix(h, ~std::uint64_t{0});
      } else {
        h = mix(h, w[i]);
      }
    }
    return h;
  }

  std::uint32_t add_form(std::vector<Word> w) {
    const std::uint32_t number = static_cast<std::uint32_t>(parent.size());
    parent.push_back(number);
    lines.push_back(0);
    forms[number].words = std::move(w);
    return number;
  }

  // The template that a form which came later belongs to, if one covers it.
  std::optional<std::uint32_t> covered(const std::vector<Word>& w) const {
    const auto it = holes.find(w.size());
    if (it == holes.end()) return std::nullopt;
    for (const auto& without : it->second)
      if (const auto at = by_constants.find(key(w, without)); at != by_constants.end())
        return root(at->second);
    return std::nullopt;
  }

  // No room for another form: messages with the same first word share one template.
  std::uint32_t shared_form(const std::vector<Word>& w) {
    const Word first = w.empty() || w.front() == kUnknown ? kAnyColumn : w.front();
    const std::vector<Word> shared{first, kAnyColumn};
    const auto [at, fresh] = by_constants.emplace(mix(key(shared, {}), 0x5eed), 0);
    if (fresh) at->second = add_form(shared);
    return root(at->second);
  }

  // --- merging ---

  using Bucket = std::vector<std::uint32_t>;

  void merge(const Bucket& members);
  // Would merging leave enough of the message? `kept` constant columns of `all`.
  bool enough(std::size_t kept, std::size_t all) const;
  // Do these values of one column look like values rather than like words of different statements?
  // `before` is the word in front of them.
  bool variable(const std::set<Word>& values, std::size_t column, Word before) const;
  // The values of a column that was found variable: behind the same word they are values elsewhere
  // too, even where only few of them occur.
  void learn(const std::set<Word>& values, Word before);
  // One column varies, all others are equal.
  bool merge_single(const Bucket& same_length);
  // Several columns vary together: keep the columns whose word is at least as frequent (in lines,
  // at that place, among messages of this length) as a level; the levels are the form's own
  // frequencies.
  bool merge_levels(const Bucket& same_length);
  void settle();
  void settle_once();
  // Makes room: settled templates only, with the tables by which later forms find them.
  void compact();
};

}  // namespace remit::diagnostics
