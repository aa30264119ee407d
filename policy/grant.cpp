#include "policy/grant.h"

#include "base/crypto.h"

namespace remit::policy {
namespace {

// "" if there are none.
std::string digest_of(const std::vector<Executed>* executed) {
  if (executed == nullptr || executed->empty()) return {};
  Sha256 hash;
  for (const Executed& file : *executed) {
    hash.field(file.path);
    hash.field(file.version.empty() ? "bytes" : "version");
    hash.field(file.version.empty() ? sha256_hex(file.content) : file.version);
  }
  return hash.finish_hex();
}

}  // namespace

std::string grant_key(const GrantSubject& subject) {
  Sha256 hash;
  hash.field("remit.grant/1");
  hash.field(subject.principal->user);
  hash.field(subject.principal->agent);
  hash.field(subject.principal->instruction);
  hash.field(subject.remit->persona_sha256);
  hash.field(subject.remit->manifest_sha256);
  hash.field(subject.tool);
  hash.field(subject.command);
  hash.field(subject.cwd);
  hash.field(digest_of(subject.executed));
  hash.field(subject.profile_sha256);
  hash.field(to_string(subject.tier));
  hash.field(to_string(subject.remit->bash.apply));
  const SpawnLimits& limits = subject.limits;
  hash.field(std::to_string(limits.wall.count()) + "/" + std::to_string(limits.idle.count()) + "/" +
             std::to_string(limits.cpu.count()) + "/" + std::to_string(limits.memory_bytes) + "/" +
             std::to_string(limits.processes) + "/" + std::to_string(limits.file_bytes) + "/" +
             std::to_string(limits.open_files) + "/" + std::to_string(limits.layer_bytes) + "/" +
             std::to_string(limits.layer_inodes));
  return hash.finish_hex();
}

}  // namespace remit::policy
