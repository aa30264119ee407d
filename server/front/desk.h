// The launcher's desk: what it has read of the operator's files, and its row among the running
// servers. From it come the front's table and each worker's command line.
//
// Threads: one, and those of the ledger.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "memory/ledger.h"
#include "memory/server_rows.h"
#include "memory/state.h"
#include "server/front/launcher.h"
#include "server/front/roster.h"
#include "server/front/workers.h"

namespace remit::front {

class Desk {
 public:
  static Result<std::unique_ptr<Desk>> open(const LauncherOptions& options);

  const Table& table() const { return table_; }
  const std::string& token_file() const { return token_file_; }
  // Errors: not_found for an agent that is not served or an id that is none.
  Result<Workers::Plan> plan(const std::string& agent, const std::string& instruction) const;
  // The command line of the keeper of deadlines.
  std::vector<std::string> keeper_words() const;

  // Reads the files again. `agents`: whose workers are to be replaced or ended. `why`: what could
  // not be taken: the whole, and everything is as it was; or the credentials alone, if their file
  // is missing or malformed.
  struct Changed {
    std::vector<std::string> agents;
    std::vector<std::string> said;  // "dba: persona_invalid: …", for the operator
    std::string why;
    bool credentials = false;
  };
  Changed read_again();
  void record_reload(const Changed& changed);

 private:
  explicit Desk(const LauncherOptions& options) : options_(options) {}
  Result<void> settle();
  Result<void> register_server();
  bool reads_credentials() const { return !options_.no_auth && !options_.token_file.empty(); }
  // Those of the file, if it lies where no agent of `roster` reaches.
  Result<std::vector<transport::Credential>> credentials_for(const Roster& roster) const;
  Result<void> make_tokens();
  void record(const std::string& rule, const std::string& fields);
  std::string roster_fields() const;

  const LauncherOptions options_;
  RosterOptions where_;
  std::string state_directory_;
  std::string memory_option_;  // as workers are given it: a folder or a URL
  Roster roster_;
  Table table_;
  std::int64_t generation_ = 1;
  std::string token_file_;
  std::unique_ptr<memory::State> state_;
  std::unique_ptr<memory::Ledger> ledger_;
  std::unique_ptr<memory::ServerRegistration> registration_;
};

}  // namespace remit::front
