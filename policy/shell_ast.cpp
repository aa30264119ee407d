#include "policy/shell_ast.h"

#include <algorithm>

namespace remit::policy {

std::optional<std::string> ShellWord::literal() const {
  if (brace) return std::nullopt;
  std::string value;
  for (const ShellPiece& piece : pieces) {
    if (piece.kind != ShellPieceKind::text) return std::nullopt;
    value += piece.text;
  }
  return value;
}

std::string ShellWord::prefix() const {
  std::string value;
  for (const ShellPiece& piece : pieces) {
    if (piece.kind != ShellPieceKind::text) break;
    value += piece.text;
  }
  // What stands before the brace is common to all the words it makes.
  if (brace) value.resize(std::min(value.find('{'), value.size()));
  return value;
}

std::string ShellWord::empty_reading() const {
  std::string value;
  for (const ShellPiece& piece : pieces) {
    switch (piece.kind) {
      case ShellPieceKind::text:
      case ShellPieceKind::glob:
      case ShellPieceKind::tilde:
        value += piece.text;
        break;
      case ShellPieceKind::expansion:
      case ShellPieceKind::quoted_expansion:
      case ShellPieceKind::ansi_c:
      case ShellPieceKind::process:
        break;
    }
  }
  return value;
}

bool ShellWord::splits() const {
  return brace || has(ShellPieceKind::expansion) || has(ShellPieceKind::glob);
}

bool ShellWord::has(ShellPieceKind kind) const {
  for (const ShellPiece& piece : pieces) {
    if (piece.kind == kind) return true;
  }
  return false;
}

}  // namespace remit::policy
