// The keeper of documents in PostgreSQL: a process beside each server (remit-postgres), which alone
// has the database's library, its credentials and the network. A server locks itself in so that it
// can open no connection (tools/sandbox/confine.h) and reaches the documents through sockets that
// it was given before; what a bug in it could do is what a Store offers, and no SQL.
//
// Threads: serve_channels() makes one for each channel and returns when the other side is gone.
#pragma once

#include <vector>

#include "base/clock.h"
#include "base/fs.h"
#include "memory/postgres_url.h"

namespace remit::memory {

// Answers what comes in until every channel is closed. An error of the start goes to the log and
// back on the first channel. The process's exit code.
int serve_channels(const PostgresUrl& url, const Clock& clock, std::vector<Fd> channels);

}  // namespace remit::memory
