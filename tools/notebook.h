// Jupyter notebooks as text for reading: cells in order with kind, number and outputs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace remit::tools {

// nullopt if `json` is no notebook (nbformat 4, or 3 with worksheets is not rendered): it is then
// read as the text it is.
std::optional<std::string> render_notebook(std::string_view json);

}  // namespace remit::tools
