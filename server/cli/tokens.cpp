#include "server/cli/tokens.h"

#include <unistd.h>

#include <set>
#include <vector>

#include "base/crypto.h"
#include "base/fs.h"
#include "memory/server_rows.h"

namespace remit::cli {
namespace {

constexpr std::size_t kTokenBytes = 32;

}  // namespace

std::string make_token() {
  return base64url(random_bytes(kTokenBytes));
}

Result<std::string> write_token_file(memory::State& state, const std::string& server_id,
                                     const std::string& text) {
  TRY(const Fd folder, state.subdirectory("tokens"));
  TRY(const std::vector<memory::ServerRow> rows, memory::ServerRows(state).list());
  std::set<std::string, std::less<>> alive;
  for (const memory::ServerRow& row : rows) alive.insert(row.server_id);
  std::vector<std::string> stale;
  TRY_DO(fs::list_directory(folder, [&](std::string_view name, unsigned char) {
    if (!alive.contains(name)) stale.emplace_back(name);
    return true;
  }));
  for (const std::string& name : stale) ::unlinkat(folder.get(), name.c_str(), 0);
  TRY_DO(fs::replace_file(folder, server_id, text, 0600, fs::Expect::absent()));
  return state.directory() + "/tokens/" + server_id;
}

}  // namespace remit::cli
