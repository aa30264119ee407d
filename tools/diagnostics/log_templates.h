// Template mining: which statements of a program wrote these lines.
//
// Online part: each message is masked (log_mask.h) and its masked form looked up in one hash table;
// there are far fewer forms than lines. Offline part, in settle(): forms of equal length are merged
// where a column takes more values than distinct statements would (one column at a time, then all
// columns that are rarer than the rest of their form). One fixed setting serves all logs.
//
// When the table is full the miner settles what it has and goes on; forms that a found template
// covers then join it at once, so memory stays below about 48 MiB whatever the input. Nothing is
// dropped: if even the settled templates fill the table, new forms join one template per first
// word.
//
//   TemplateMiner miner;
//   std::uint32_t form = miner.add("Accepted password for bob from 10.0.0.7 port 4711 ssh2").form;
//   miner.settle();
//   miner.text(miner.group(form));   // "Accepted password for bob from <*> port <*> ssh2"
//
// Time: linear in the input, plus the merge over at most limits::kLogShapes forms.
// Threads: one miner belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace remit::diagnostics {

class TemplateMiner {
 public:
  // How many values a column may take while each still counts as a statement of its own.
  struct Setting {
    std::size_t words = 3;   // values that are plain words
    std::size_t glued = 3;   // values that hold a masked part
    std::size_t first = 16;  // words that begin a message
    double kept = 0.5;       // share of columns that must stay constant in a merge
  };

  TemplateMiner();
  explicit TemplateMiner(Setting setting);
  ~TemplateMiner();

  struct Added {
    std::uint32_t form;  // the number of the form that the content has; valid for the miner's life
    bool fresh;          // no line with this masked text came before (or it is not remembered)
    std::uint16_t*
        note;  // the caller's own mark on this masked text, 0 at first; until the next add()
  };
  Added add(std::string_view content);
  // Merges forms into templates. May be called at any time; add() may follow.
  void settle();
  // The template of a form: a number that is equal for all forms of one template. After settle().
  std::uint32_t group(std::uint32_t form) const;
  // Its text, variable parts as <*>; not redacted.
  std::string text(std::uint32_t group) const;
  std::uint64_t lines(std::uint32_t group) const;
  // Templates that exist now, in order of their first line.
  std::vector<std::uint32_t> groups() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace remit::diagnostics
