// Is what clients saw of one document what one after the other would have seen? The checker of
// linearizability (Herlihy and Wing, 1990) for a document: a register that reads, conditional
// writes and edits go through.
//
// A client notes each operation with the state it met and the state it left, both as etags; times
// are CLOCK_MONOTONIC, so that histories of several processes of one machine join. Every write must
// leave a state that no other leaves (put a token in it). Then the writes form one chain from the
// first state on, which is the only order they can have had, and two things remain to be looked at:
// that the chain holds every acknowledged write once, and that no operation which ended before
// another began comes after it in the chain. That takes O(n log n), where the general problem is
// NP-complete.
//
// Of a write without an answer (`certain` false: its client or the connection died) the chain may
// hold it or not, at any time after it began.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace remit::memory {

struct Operation {
  std::int64_t began_ns = 0, ended_ns = 0;
  bool certain = true;
  std::string before, after;  // equal: a read, or a refusal that named the current etag
  std::string who = {};       // for the words of a violation

  bool changes() const { return before != after; }
};

inline std::int64_t monotonic_ns() {
  struct timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// One operation as a line of a file, with the document it was done on; "-" stands for no document.
inline std::string operation_line(const std::string& document, const Operation& one) {
  const auto word = [](const std::string& text) { return text.empty() ? std::string("-") : text; };
  return document + " " + std::to_string(one.began_ns) + " " + std::to_string(one.ended_ns) +
         (one.certain ? " 1 " : " 0 ") + word(one.before) + " " + word(one.after) + " " +
         word(one.who) + "\n";
}

// False if the line is not whole: the end of a killed process's file.
inline bool parse_operation(const std::string& line, std::string& document, Operation& out) {
  char name[256], before[80], after[80], who[80];
  long long began = 0, ended = 0;
  int certain = 0;
  if (std::sscanf(line.c_str(), "%255s %lld %lld %d %79s %79s %79s", name, &began, &ended, &certain,
                  before, after, who) != 7) {
    return false;
  }
  const auto text = [](const char* word) {
    return std::string_view(word) == "-" ? std::string() : std::string(word);
  };
  document = name;
  out = {began, ended, certain != 0, text(before), text(after), text(who)};
  return true;
}

// "" if the operations are linearizable from the state `first` on, else what is wrong.
inline std::string check_linearizable(const std::string& first,
                                      const std::vector<Operation>& operations) {
  const auto shown = [](const Operation& one) {
    return one.who + " [" + std::to_string(one.began_ns) + ", " + std::to_string(one.ended_ns) +
           "] " + (one.before.empty() ? "(none)" : one.before) + " -> " +
           (one.after.empty() ? "(none)" : one.after);
  };
  std::map<std::string, const Operation*> acknowledged;     // by the state they met
  std::multimap<std::string, const Operation*> unanswered;  // likewise
  std::set<std::string> left, met;
  for (const Operation& one : operations) {
    if (one.certain || one.changes()) met.insert(one.before);
    if (!one.changes()) continue;
    if (!left.insert(one.after).second) return "two writes left the same state: " + shown(one);
    if (!one.certain) {
      unanswered.emplace(one.before, &one);
      continue;
    }
    const auto [at, fresh] = acknowledged.emplace(one.before, &one);
    if (!fresh) return "lost update: " + shown(one) + " over " + shown(*at->second);
  }

  // The chain. An unanswered write is in it if somebody met what it left.
  std::map<std::string, std::int64_t> position{{first, 0}};
  std::set<const Operation*> happened;
  for (std::string state = first;;) {
    const Operation* next = nullptr;
    if (const auto found = acknowledged.find(state); found != acknowledged.end()) {
      next = found->second;
    }
    const auto [from, to] = unanswered.equal_range(state);
    for (auto at = from; at != to; ++at) {
      // What it left was met by others, not only by unanswered writes that build on one another.
      if (met.find(at->second->after) == met.end()) continue;
      if (next == nullptr) {
        next = at->second;
      } else if (next->certain || acknowledged.count(at->second->after) > 0) {
        return "lost update: " + shown(*at->second) + " over " + shown(*next);
      }
    }
    if (next == nullptr) break;
    happened.insert(next);
    const auto number = static_cast<std::int64_t>(position.size());
    if (!position.emplace(next->after, number).second) {
      return "a state came back, so that the chain has no order: " + shown(*next);
    }
    state = next->after;
  }

  struct Placed {
    const Operation* operation;
    std::int64_t key;  // a write that leaves state n: 2n; who meets it unchanged: 2n + 1
  };
  std::vector<Placed> placed;
  for (const Operation& one : operations) {
    if (!one.certain && happened.count(&one) == 0) continue;
    const auto at = position.find(one.after);
    if (at == position.end()) {
      return (one.changes() ? "lost write: " : "a state that no write left: ") + shown(one);
    }
    placed.push_back({&one, at->second * 2 + (one.changes() ? 0 : 1)});
  }
  const auto end_of = [](const Operation& one) {
    return one.certain ? one.ended_ns : std::numeric_limits<std::int64_t>::max();
  };
  std::vector<Placed> by_end = placed;
  std::ranges::sort(placed, {}, [](const Placed& one) { return one.operation->began_ns; });
  std::ranges::sort(by_end, {}, [&](const Placed& one) { return end_of(*one.operation); });
  const Placed* latest = nullptr;  // of those that ended before the one looked at began
  auto ended = by_end.begin();
  for (const Placed& one : placed) {
    for (; ended != by_end.end() && end_of(*ended->operation) < one.operation->began_ns; ++ended) {
      if (latest == nullptr || ended->key > latest->key) latest = &*ended;
    }
    if (latest != nullptr && latest->key > one.key) {
      return "stale: " + shown(*one.operation) + " after " + shown(*latest->operation);
    }
  }
  return {};
}

}  // namespace remit::memory
