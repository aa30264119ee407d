// What `--memory postgresql://…` names: a libpq connection URI without a password. Command lines
// are seen by every user of a machine, so secrets stay in files (PGPASSFILE, a service file).
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace remit::memory {

struct PostgresUrl {
  std::string text;   // as it was given
  std::string shown;  // postgresql://HOST/DATABASE: without user and options
};

// True for what begins like such a URI, whether or not it is a good one.
bool is_postgres_url(std::string_view text);

// Errors: invalid_argument if it is no such URI or holds a password (code "password_in_url"; its
// words do not repeat it).
Result<PostgresUrl> parse_postgres_url(std::string_view text);

}  // namespace remit::memory
