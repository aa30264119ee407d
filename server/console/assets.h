// The files of assets/, which the build puts into the program (embed.cmake).
#pragma once

#include <span>
#include <string_view>

namespace remit::console {

struct Asset {
  std::string_view path;  // "/console/console.css"
  std::string_view type;  // Content-Type
  std::string_view bytes;
};
std::span<const Asset> assets();

}  // namespace remit::console
