#include "memory/schema.h"

namespace remit::memory {
namespace {

// hash = SHA-256(hash of seq - 1 || canonical record), memory/ledger.cpp.
constexpr const char* kLedger = R"sql(
create table ledger(
  seq integer primary key,
  at_ms integer not null,
  mono_ms integer not null,
  kind text not null,
  call_id text not null,
  principal text not null,
  verdict text not null,
  rule text not null,
  origin text not null,
  fields text not null,
  hash blob not null
) strict;
)sql";

}  // namespace

const std::vector<Migration>& schema() {
  static const std::vector<Migration> kSteps = {{1, kLedger}};
  return kSteps;
}

}  // namespace remit::memory
