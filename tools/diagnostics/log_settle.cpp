// Merging forms into templates: which columns vary, and which only look alike.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "base/limits.h"
#include "tools/diagnostics/log_template_state.h"

namespace remit::diagnostics {
namespace {

constexpr std::size_t kPasses = 4;
constexpr std::size_t kProven = 100'000;  // remembered values

}  // namespace

void TemplateMiner::State::merge(const Bucket& members) {
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

bool TemplateMiner::State::enough(std::size_t kept, std::size_t all) const {
  return kept > 0 && static_cast<double>(kept) >= setting.kept * static_cast<double>(all);
}

bool TemplateMiner::State::variable(const std::set<Word>& values, std::size_t column,
                                    Word before) const {
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

void TemplateMiner::State::learn(const std::set<Word>& values, Word before) {
  if (hole(before) || proven.size() > kProven) return;
  for (const Word w : values)
    if (!hole(w)) proven.insert({before, w});
}

bool TemplateMiner::State::merge_single(const Bucket& same_length) {
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

bool TemplateMiner::State::merge_levels(const Bucket& same_length) {
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

void TemplateMiner::State::settle() {
  // Twice: what one length proves to be a value holds for the others.
  for (int round = 0; round < 2; ++round) settle_once();
  for (std::uint32_t& p : parent) p = root(p);
}

void TemplateMiner::State::settle_once() {
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

void TemplateMiner::State::compact() {
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

}  // namespace remit::diagnostics
