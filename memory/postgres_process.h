// Starts the keeper of documents in PostgreSQL, a program of its own.
//
// Threads: any. Fails with: unavailable.
#pragma once

#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "memory/postgres_url.h"

namespace remit::memory {

// The near ends of its channels: kPostgresReaders for reading, then kPostgresWriters for writing,
// then one to watch. The keeper ends when they are closed, and with the thread that called this. It
// hears no signal of the terminal: the server that it serves ends first.
Result<std::vector<Fd>> start_keeper(const std::string& program, const PostgresUrl& url);

}  // namespace remit::memory
