// What handoff and bug_report share: evidence arguments and the answer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/schema.h"
#include "policy/access.h"

namespace remit::tools {

struct EvidenceArg {
  std::string call_id;
  std::string sha256, quote;
};

struct HandoffResult {
  std::string handoff_id, kind, to, state, place, thread_id, authorized_by;
  std::optional<std::string> acknowledge_by, answer;
  bool assumed = false;
  bool duplicate = false;
};

std::vector<policy::Evidence> evidence_of(const std::vector<EvidenceArg>& args);
HandoffResult result_of(const policy::Delivered& sent, const policy::HandoffDraft& draft);
// Of one that is there, with what the target last said.
HandoffResult result_of(const memory::Handoff& handoff);
std::string text_of(const HandoffResult& result);

}  // namespace remit::tools

template <>
struct remit::Fields<remit::tools::EvidenceArg> {
  using T = remit::tools::EvidenceArg;
  static constexpr auto list =
      std::tuple{required("call_id", &T::call_id, "Of a diagnostic's result", {.max_length = 64}),
                 field("sha256", &T::sha256, "", {.max_length = 64}),
                 field("quote", &T::quote, "Must stand in the result", {.max_length = 4000})};
};
template <>
struct remit::Fields<remit::tools::HandoffResult> {
  using T = remit::tools::HandoffResult;
  static constexpr auto list = std::tuple{required("handoff_id", &T::handoff_id, ""),
                                          required("kind", &T::kind, ""),
                                          required("to", &T::to, ""),
                                          required("state", &T::state, ""),
                                          required("place", &T::place, ""),
                                          required("thread_id", &T::thread_id, ""),
                                          required("authorized_by", &T::authorized_by, ""),
                                          field("acknowledge_by", &T::acknowledge_by, ""),
                                          field("answer", &T::answer, ""),
                                          field("assumed", &T::assumed, ""),
                                          field("duplicate", &T::duplicate, "")};
};
