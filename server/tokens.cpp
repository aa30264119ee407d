#include "server/tokens.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <vector>

#include "base/crypto.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/text.h"
#include "memory/server_rows.h"

namespace remit::server {
namespace {

constexpr std::size_t kTokenBytes = 32;

}  // namespace

std::string make_token() {
  return base64url(random_bytes(kTokenBytes));
}

std::vector<std::string> reach_of(const policy::Remit& remit) {
  std::vector<std::string> out{remit.memory_root};
  for (const policy::RootRule& root : remit.roots) out.push_back(root.path);
  if (!remit.file_drop_root.empty()) out.push_back(remit.file_drop_root);
  return out;
}

Result<std::string> read_credential_file(const std::string& file,
                                         const std::vector<std::string>& reach) {
  const std::string absolute = fs::absolute(file);
  const Fd fd(::open(absolute.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "open " + escape_ascii(absolute));
  // Of what is read, whatever has become of the name meanwhile; and of the name, for in a folder of
  // the agent's a link could be led elsewhere.
  TRY(const std::string real, fs::real_path(fd));
  TRY(const Fd folder, fs::open_root(absolute.substr(0, absolute.rfind('/') + 1)));
  TRY(const std::string named, fs::real_path(folder));
  for (const std::string& root : reach)
    if (fs::is_beneath(real, root) || fs::is_beneath(named, root) || fs::is_beneath(absolute, root))
      return fail(ErrorKind::invalid_argument,
                  "the credentials " + escape_ascii(absolute) + " lie in " + escape_ascii(root) +
                      ", which agents reach, and who writes there could add a caller; put them "
                      "elsewhere, as in ~/.config/remit/credentials",
                  {}, kWithinReach);
  TRY(const struct stat status, fs::stat_of(fd));
  if (!S_ISREG(status.st_mode))
    return fail(ErrorKind::invalid_argument, "not a regular file: " + escape_ascii(absolute));
  if ((status.st_mode & 0022) != 0 || (status.st_uid != ::geteuid() && status.st_uid != 0))
    return fail(ErrorKind::invalid_argument,
                "others may write " + escape_ascii(absolute) +
                    " and so add a caller; it must be its owner's alone (chmod 600), and ours");
  return fs::read_all(fd, limits::kTokenFileBytes);
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

}  // namespace remit::server
