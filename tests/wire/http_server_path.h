// The server of toys, as the build named it.
#pragma once

#include <cstdlib>
#include <string>

namespace remit::wire_test {

inline std::string server_path() {
  const char* path = std::getenv("REMIT_HTTP_FIXTURE");
  return path != nullptr ? path : "http_fixture_server";
}

}  // namespace remit::wire_test
