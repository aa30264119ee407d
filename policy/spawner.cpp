#include "policy/spawner.h"

namespace remit::policy {

const char* to_string(Tier tier) {
  switch (tier) {
    case Tier::t1:
      return "t1";
    case Tier::t2:
      return "t2";
    case Tier::t3:
      return "t3";
  }
  return "t3";
}

const char* to_string(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::create:
      return "create";
    case ChangeKind::modify:
      return "modify";
    case ChangeKind::remove:
      return "delete";
    case ChangeKind::mkdir:
      return "mkdir";
    case ChangeKind::rmdir:
      return "rmdir";
    case ChangeKind::mode:
      return "mode";
    case ChangeKind::symlink:
      return "symlink";
  }
  return "modify";
}

}  // namespace remit::policy
