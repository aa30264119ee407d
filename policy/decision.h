// How decide() puts a Decision together, and the part of it that is about handoffs. Private to
// policy/decide*.cpp. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/text.h"
#include "policy/decide.h"

namespace remit::policy {

inline Decision allow(std::string rule, const Origin& origin) {
  return {Verdict::allow, std::move(rule), origin, {}, {}, {}, Risk::low};
}

inline Decision deny(std::string rule, const Origin& origin, std::string reason, std::string code,
                     std::string hint = {}) {
  return {Verdict::deny,   std::move(rule), origin,   std::move(reason),
          std::move(code), std::move(hint), Risk::low};
}

inline Decision ask(std::string rule, const Origin& origin, std::string reason, Risk risk) {
  return {Verdict::ask, std::move(rule), origin, std::move(reason), "needs_approval", {}, risk};
}

inline std::string shown(std::string_view path) {
  return escape_ascii(path.substr(0, limits::kEchoedInput));
}

// "a, b, c", or `none` if there is nothing to name.
inline std::string list_of(const std::vector<std::string>& names, const char* none) {
  return names.empty() ? none : join_text(names, ", ");
}

// A new handoff, along an edge.
Decision decide_send(const Remit& remit, const Action& action);
// Listing and reading what was handed over (Space::inbox).
Decision decide_inbox(const Remit& remit, const Action& action);
// An act on a handoff that is there.
Decision decide_act(const Remit& remit, const Action& action);

}  // namespace remit::policy
