// Whether http://localhost:PORT is this process and nobody else. A browser tries ::1 and 127.0.0.1
// under that name, and takes what answers at either for one site: a program at the address that we
// do not listen on would get a passkey's answers in our name.
#pragma once

#include <array>

#include "base/fs.h"
#include "base/result.h"

namespace remit::cli {

// Holds, bound but deaf, the one of the two addresses that this process does not listen on; a
// connection to it is refused at once and the browser goes on to the other one. Errors: unavailable
// if somebody else has it.
class LoopbackNames {
 public:
  static Result<LoopbackNames> hold(int port);

 private:
  std::array<Fd, 2> held_;
};

}  // namespace remit::cli
