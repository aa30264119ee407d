// `remit diff OLD NEW`: what a change of a persona or its manifest grants or takes away, each with
// its line, for reviews. A grant that only moved to another line is no difference.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "policy/show.h"

namespace remit::policy {

// A setting that is no grant but bounds one.
struct Setting {
  std::string name, before, after;
};

struct Difference {
  std::vector<Grant> added, removed;
  std::vector<Setting> changed;
  bool empty() const { return added.empty() && removed.empty() && changed.empty(); }
};

// The instruction both sides must be compiled with; shown as {instruction_id}.
inline constexpr std::string_view kDiffInstruction = "INSTRUCTION";

Difference difference(const Remit& before, const Remit& after);

nlohmann::ordered_json difference_json(const Remit& before, const Remit& after,
                                       const Difference& difference);
std::string difference_text(const Remit& before, const Remit& after, const Difference& difference);

}  // namespace remit::policy
