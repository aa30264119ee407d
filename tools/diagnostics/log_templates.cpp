#include "tools/diagnostics/log_templates.h"

#include "base/limits.h"
#include "tools/diagnostics/log_template_state.h"

namespace remit::diagnostics {

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
