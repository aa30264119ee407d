// The toy service of the wire tests: a handful of tools, resources and a prompt, one for each thing
// that the protocol layer must carry. Used by the fixture server, the unit tests and the fuzzer.
#pragma once

#include "server/mcp/service.h"

namespace remit::wire_test {

mcp::Service toy_service();

}  // namespace remit::wire_test
