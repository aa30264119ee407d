// Over 400 lines because merging works on the state that the online part keeps.
#include "tools/diagnostics/log_templates.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "base/limits.h"
#include "tools/diagnostics/log_mask.h"

namespace remit::diagnostics {

namespace {

using Word = std::uint32_t;          // interned column
constexpr Word kAnyColumn = 0;       // " <*>"
constexpr Word kUnknown = ~Word{0};  // a column that is in no form
constexpr Word kAnyGlued = 1;        // "<*>" that touches the column before it
constexpr std::size_t kPasses = 4;
constexpr std::size_t kProven = 100'000;  // remembered values

std::uint64_t hash_bytes(std::string_view bytes) {
  return std::hash<std::string_view>{}(bytes);
}

std::uint64_t mix(std::uint64_t h, std::uint64_t v) {
  h ^= v + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
  h *= 0xff51afd7ed558ccdu;
  return h ^ (h >> 32);
}

struct Form {
  std::vector<Word> words;
};

}  // namespace

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

  void merge(const Bucket& members) {
    const std::uint32_t first = *std::min_element(members.begin(), members.end());
    Form& target = forms.at(first);
    for (const std::uint32_t m : members) {
      if (m == first) continue;
      const Form& other = forms.at(m);
      for (std::size_t i = 0; i < target.words.size(); ++i)
        if (target.words[i] != other.words[i]) target.words[i] = hole_for(target.words[i]);
      lines[first] += lines[m];
      parent[m] = first;
      forms.erase(m);
    }
  }

  // Would merging leave enough of the message? `kept` constant columns of `all`.
  bool enough(std::size_t kept, std::size_t all) const {
    return kept > 0 && static_cast<double>(kept) >= setting.kept * static_cast<double>(all);
  }

  // Do these values of one column look like values rather than like words of different statements?
  // `before` is the word in front of them.
  bool variable(const std::set<Word>& values, std::size_t column, Word before) const {
    std::size_t glued = 0, known = 0;
    bool any_hole = false;
    for (const Word w : values) {
      if (hole(w))
        any_hole = true;
      else if (glued_value(w))
        ++glued;
      else if (!constant(w))
        return false;  // punctuation is part of a statement
      if (column > 0 && proven.contains({before, w})) ++known;
    }
    if (any_hole || known == values.size()) return true;
    if (column == 0 && glued == 0) return values.size() > setting.first;
    return values.size() > setting.words || (glued > 0 && values.size() > setting.glued);
  }

  // The values of a column that was found variable: behind the same word they are values elsewhere
  // too, even where only few of them occur.
  void learn(const std::set<Word>& values, Word before) {
    if (hole(before) || proven.size() > kProven) return;
    for (const Word w : values)
      if (!hole(w)) proven.insert({before, w});
  }

  // One column varies, all others are equal.
  bool merge_single(const Bucket& same_length) {
    struct Candidate {
      std::size_t column;
      Bucket members;
    };
    std::vector<Candidate> candidates;
    const std::size_t length = forms.at(same_length.front()).words.size();
    for (std::size_t c = 0; c < length; ++c) {
      std::unordered_map<std::uint64_t, Bucket> buckets;
      for (const std::uint32_t f : same_length)
        buckets[key(forms.at(f).words, {static_cast<std::uint16_t>(c)})].push_back(f);
      for (auto& [h, members] : buckets)
        if (members.size() > 1) candidates.push_back({c, std::move(members)});
    }
    std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
      if (a.members.size() != b.members.size()) return a.members.size() > b.members.size();
      return a.column != b.column ? a.column < b.column : a.members < b.members;
    });
    bool changed = false;
    for (Candidate& c : candidates) {
      std::erase_if(c.members, [&](std::uint32_t f) { return !forms.contains(f); });
      if (c.members.size() < 2) continue;
      std::set<Word> values;
      for (const std::uint32_t f : c.members) values.insert(forms.at(f).words[c.column]);
      const auto& words_of = forms.at(c.members.front()).words;
      std::size_t kept = 0, all = 0;
      for (std::size_t i = 0; i < words_of.size(); ++i) {
        if (i != c.column && constant(words_of[i])) ++kept;
        if (i == c.column || constant(words_of[i])) ++all;
      }
      const Word before = c.column > 0 ? words_of[c.column - 1] : kAnyColumn;
      if (!variable(values, c.column, before) || !enough(kept, all)) continue;
      learn(values, before);
      merge(c.members);
      changed = true;
    }
    return changed;
  }

  // Several columns vary together: keep the columns whose word is at least as frequent (in lines,
  // at that place, among messages of this length) as a level; the levels are the form's own
  // frequencies.
  bool merge_levels(const Bucket& same_length) {
    const std::size_t length = forms.at(same_length.front()).words.size();
    std::vector<std::unordered_map<Word, std::uint64_t>> count(length);
    for (const std::uint32_t f : same_length)
      for (std::size_t i = 0; i < length; ++i) count[i][forms.at(f).words[i]] += 1;
    std::map<std::size_t,
             std::unordered_map<std::uint64_t, std::pair<std::vector<std::uint16_t>, Bucket>>>
        cuts;
    for (const std::uint32_t f : same_length) {
      const auto& w = forms.at(f).words;
      std::vector<std::uint64_t> levels;
      for (std::size_t i = 0; i < length; ++i)
        if (!hole(w[i])) levels.push_back(count[i][w[i]]);
      std::sort(levels.begin(), levels.end());
      levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
      for (std::size_t l = 1; l < levels.size(); ++l) {
        std::vector<std::uint16_t> without;
        std::size_t kept = 0, all = 0;
        for (std::size_t i = 0; i < length; ++i) {
          const bool rare = !hole(w[i]) && count[i][w[i]] < levels[l];
          if (rare) without.push_back(static_cast<std::uint16_t>(i));
          if (!rare && constant(w[i])) ++kept;
          if (rare || constant(w[i])) ++all;
        }
        if (!enough(kept, all)) break;
        auto& slot = cuts[without.size()][key(w, without)];
        slot.first = std::move(without);
        slot.second.push_back(f);
      }
    }
    bool changed = false;
    for (auto& [holes_in, buckets] : cuts) {
      std::vector<std::pair<std::vector<std::uint16_t>, Bucket>> ordered;
      for (auto& [h, bucket] : buckets) ordered.push_back(std::move(bucket));
      std::sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
        return a.second.size() != b.second.size() ? a.second.size() > b.second.size()
                                                  : a.second < b.second;
      });
      for (auto& [without, members] : ordered) {
        std::erase_if(members, [&](std::uint32_t f) { return !forms.contains(f); });
        if (members.size() < 2) continue;
        bool ok = true;
        for (const std::uint16_t c : without) {
          std::set<Word> values;
          for (const std::uint32_t f : members) values.insert(forms.at(f).words[c]);
          const Word before = c > 0 ? forms.at(members.front()).words[c - 1u] : kAnyColumn;
          ok = ok && (values.size() == 1 || variable(values, c, before));
        }
        if (!ok) continue;
        merge(members);
        changed = true;
      }
    }
    return changed;
  }

  void settle() {
    // Twice: what one length proves to be a value holds for the others.
    for (int round = 0; round < 2; ++round) settle_once();
    for (std::uint32_t& p : parent) p = root(p);
  }

  void settle_once() {
    std::map<std::size_t, Bucket> lengths;
    for (const auto& [number, form] : forms) lengths[form.words.size()].push_back(number);
    for (auto& [length, bucket] : lengths) {
      for (std::size_t pass = 0; pass < kPasses && bucket.size() > 1; ++pass) {
        bool changed = merge_single(bucket);
        std::erase_if(bucket, [&](std::uint32_t f) { return !forms.contains(f); });
        if (bucket.size() > 1) changed = merge_levels(bucket) || changed;
        std::erase_if(bucket, [&](std::uint32_t f) { return !forms.contains(f); });
        if (!changed) break;
      }
    }
  }

  // Makes room: settled templates only, with the tables by which later forms find them.
  void compact() {
    settle();
    std::deque<std::string> old;
    old.swap(words);
    reset_words();
    by_text.clear();
    holes.clear();
    by_constants.clear();
    proven.clear();
    for (auto& [number, form] : forms) {
      std::string masked_text;
      std::vector<std::uint16_t> without;
      for (std::size_t i = 0; i < form.words.size(); ++i) {
        const std::string& column = old[form.words[i]];
        masked_text += column;
        const Word id = intern(column);
        if (hole(id)) without.push_back(static_cast<std::uint16_t>(i));
        form.words[i] = id;
      }
      by_text.emplace(hash_bytes(masked_text), Seen{number, 0});
      by_constants.emplace(key(form.words, without), number);
      holes[form.words.size()].insert(std::move(without));
    }
    // Half full with templates alone: from now on new forms share one template per first word.
    full = forms.size() > limits::kLogShapes / 2 || bytes > limits::kLogShapeBytes / 2;
  }
};

TemplateMiner::TemplateMiner() : TemplateMiner(Setting{}) {}
TemplateMiner::TemplateMiner(Setting setting) : state_(std::make_unique<State>(setting)) {}
TemplateMiner::~TemplateMiner() = default;

TemplateMiner::Added TemplateMiner::add(std::string_view content) {
  State& s = *state_;
  mask(content.substr(0, limits::kLogLineBytes), &s.masked);
  const std::uint64_t text_hash = hash_bytes(s.masked);
  if (const auto it = s.by_text.find(text_hash); it != s.by_text.end()) {
    ++s.lines[s.root(it->second.form)];
    return {it->second.form, false, &it->second.note};
  }
  if (!s.full && (s.by_text.size() >= limits::kLogShapes || s.bytes >= limits::kLogShapeBytes))
    s.compact();
  std::vector<Word> words;
  for (const std::string_view column : columns_of(s.masked))
    words.push_back(s.full ? s.known(column) : s.intern(column));
  std::uint32_t number = 0;
  if (const auto found = s.covered(words)) {
    number = *found;
  } else if (s.full) {
    number = s.shared_form(words);
  } else {
    number = s.add_form(std::move(words));
  }
  ++s.lines[number];
  s.scratch_note = 0;
  if (s.by_text.size() >= 2 * limits::kLogShapes) return {number, true, &s.scratch_note};
  return {number, true, &s.by_text.emplace(text_hash, State::Seen{number, 0}).first->second.note};
}

void TemplateMiner::settle() {
  state_->settle();
}

std::uint32_t TemplateMiner::group(std::uint32_t form) const {
  return state_->root(form);
}

std::string TemplateMiner::text(std::uint32_t group) const {
  std::vector<std::string_view> columns;
  for (const Word w : state_->forms.at(group).words) columns.push_back(state_->words[w]);
  return shown(columns);
}

std::uint64_t TemplateMiner::lines(std::uint32_t group) const {
  return state_->lines[group];
}

std::vector<std::uint32_t> TemplateMiner::groups() const {
  std::vector<std::uint32_t> out;
  for (const auto& [number, form] : state_->forms) out.push_back(number);
  return out;
}

}  // namespace remit::diagnostics
