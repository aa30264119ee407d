#include "server/console/agent_memory.h"

#include "base/fs.h"
#include "base/text.h"

namespace remit::console {
namespace {

Result<Fd> folder_of(const policy::OperatorPlaces& places) {
  auto folder = fs::open_root(places.memory_root);
  if (folder) return folder;
  return fail(ErrorKind::unavailable,
              "There is no Agent_Memory at " + printable(places.memory_root) + " (" +
                  folder.error().message +
                  "). Start the console with --memory DIR or --workspace DIR.");
}

}  // namespace

Result<std::shared_ptr<policy::OperatorAccess>> AgentMemory::hands() {
  struct stat status{};
  if (!in_database()) {
    TRY(const Fd folder, folder_of(places_));
    TRY(status, fs::stat_of(folder));
  }
  {
    const std::lock_guard lock(mutex_);
    if (hands_ != nullptr && status.st_dev == device_ && status.st_ino == inode_) return hands_;
  }
  // Two that come at once open it twice, and one of them is kept.
  TRY(std::shared_ptr<policy::OperatorAccess> opened,
      policy::operator_access(state_, ledger_, places_));
  const std::lock_guard lock(mutex_);
  hands_ = opened;
  device_ = status.st_dev;
  inode_ = status.st_ino;
  return opened;
}

Result<std::unique_ptr<policy::OperatorAccess>> AgentMemory::hands_for(
    const std::string& document) {
  if (!in_database()) TRY_DO(folder_of(places_));
  policy::OperatorPlaces places = places_;
  places.instruction = policy::instruction_in(document);
  return policy::operator_access(state_, ledger_, places);
}

}  // namespace remit::console
