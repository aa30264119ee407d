// The grant key: SHA-256 over everything a person's yes is bound to. One changed byte of the
// command, another directory, persona, tier, limit or script is another key, and so a new question.
// Pure functions; used by Access, by `remit approve` and again inside the starter.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/remit.h"
#include "policy/spawner.h"

namespace remit::policy {

// What the key covers, length-prefixed in this order; of the files that the command executes, names
// and contents.
struct GrantSubject {
  const Remit* remit = nullptr;
  const Principal* principal = nullptr;
  std::string_view tool;
  std::string_view command;
  std::string_view cwd;
  const std::vector<Executed>* executed = nullptr;  // null: none
  std::string_view profile_sha256;
  Tier tier = Tier::t1;
  SpawnLimits limits;
};
std::string grant_key(const GrantSubject& subject);

}  // namespace remit::policy
