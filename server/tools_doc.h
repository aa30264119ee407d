// docs/tools.md, made from the declarations: what each tool is called, takes and gives.
#pragma once

#include <string>
#include <vector>

#include "tools/tool.h"

namespace remit::server {

std::string tools_doc(const std::vector<tools::Tool>& tools);

}  // namespace remit::server
