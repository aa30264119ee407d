// The arguments of Bash, which BashApproved shares and the permission-prompt tool reads. Include
// only in tool files.
#pragma once

#include <optional>
#include <string>

#include "base/limits.h"
#include "base/schema.h"
#include "policy/access.h"

namespace remit::tools {

struct BashArgs {
  std::string command;
  std::string description;
  std::optional<int> timeout;
  bool run_in_background = false;
};

inline policy::SpawnRequest request_of(const BashArgs& args) {
  policy::SpawnRequest request;
  request.command = args.command;
  request.description = args.description;
  if (args.timeout) request.wall = std::chrono::milliseconds(*args.timeout);
  request.background = args.run_in_background;
  return request;
}

}  // namespace remit::tools

template <>
struct remit::Fields<remit::tools::BashArgs> {
  using T = remit::tools::BashArgs;
  static constexpr auto list = std::tuple{
      required("command", &T::command, "Text for bash -c, at most 64 KiB",
               {.min_length = 1, .max_length = limits::kCommandBytes}),
      field("description", &T::description,
            "What it does, in a few words; a person who is asked sees it as yours",
            {.max_length = 1000}),
      field("timeout", &T::timeout, "Milliseconds, default 120000",
            {.minimum = 1, .maximum = 600'000}),
      field("run_in_background", &T::run_in_background, "Return at once; read on with BashOutput")};
};
