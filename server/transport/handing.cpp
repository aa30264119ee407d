#include "server/transport/handing.h"

#include <sys/socket.h>

#include "base/datagram.h"

namespace remit::transport {
namespace {

constexpr int kChannelRoom = 1 << 20;  // bytes; halved or less by net.core.wmem_max

}  // namespace

Result<std::pair<Fd, Fd>> make_channel() {
  TRY(auto ends, datagram_pair());
  for (const Fd* end : {&ends.first, &ends.second})
    ::setsockopt(end->get(), SOL_SOCKET, SO_SNDBUF, &kChannelRoom, sizeof kChannelRoom);
  return ends;
}

Result<void> hand_over(int channel, std::string_view text, int descriptor) {
  if (text.size() > limits::kHandedBytes)
    return fail(ErrorKind::too_large, "a message between processes is too long");
  if (descriptor < 0) return send_datagram(channel, text, {}, {}, WhenFull::fail);
  return send_datagram(channel, text, {}, {descriptor}, WhenFull::fail);
}

Result<Handed> receive_handed(int channel, std::size_t most) {
  TRY(Datagram got, receive_datagram(channel, most));
  Handed out;
  out.text = std::move(got.bytes);
  if (!got.fds.empty()) out.descriptor = std::move(got.fds.front());
  return out;
}

}  // namespace remit::transport
