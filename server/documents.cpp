#include "server/documents.h"

#include "memory/postgres_client.h"
#include "server/process.h"

namespace remit::server {

Result<std::optional<memory::PostgresUrl>> database_of(const std::string& option) {
  if (!memory::is_postgres_url(option)) return std::optional<memory::PostgresUrl>();
  TRY(memory::PostgresUrl url, memory::parse_postgres_url(option));
  return std::optional(std::move(url));
}

Result<std::unique_ptr<memory::Store>> open_database(memory::State& state,
                                                     const memory::PostgresUrl& url) {
  return memory::open_postgres_store(state, url, own_binary() + "-postgres");
}

}  // namespace remit::server
