// The commands of `remit`, one function each; main.cpp has the table. Each takes what follows its
// name and returns the exit code (server/cli/flags.h).
#pragma once

#include <span>
#include <string>

#include "policy/remit.h"
#include "tools/registry.h"

namespace remit::cli {

int serve_command(std::span<const std::string> args);
int worker_command(std::span<const std::string> args);
int credential_command(std::span<const std::string> args);
int console_command(std::span<const std::string> args);
int call_command(std::span<const std::string> args);
int explain_command(std::span<const std::string> args);
int approvals_command(std::span<const std::string> args);
int approve_command(std::span<const std::string> args);
int deny_command(std::span<const std::string> args);
int pin_command(std::span<const std::string> args);
int changes_command(std::span<const std::string> args);
int reload_command(std::span<const std::string> args);
int memory_command(std::span<const std::string> args);
int handoffs_command(std::span<const std::string> args);
int ledger_command(std::span<const std::string> args);
int export_command(std::span<const std::string> args);
int doctor_command(std::span<const std::string> args);
int docs_command(std::span<const std::string> args);
// A verb of an engine (tools/registry.h), through an operator's Access over the current directory.
int run_verb(const tools::ShellVerb& verb, std::span<const std::string> args);

// SHA-256 of the tools/list that this Remit is served, for `remit show --json`.
std::string tools_list_hash(const policy::Remit& remit);

}  // namespace remit::cli
