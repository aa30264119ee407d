// Weight: what a frame will take in memory, seen from its bytes before anything is built from them,
// and whom to tell if it cannot be had. One pass without an allocation; a frame that is no JSON
// gets some weight, too, and its error from the parser.
//
// Pure, safe from any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace remit::mcp {

struct Weight {
  std::size_t bytes = 0;    // of the text
  std::size_t longest = 0;  // of a string in it
  std::size_t values = 0;   // about, never too few
  std::string_view id;  // the text of the outermost "id", within the frame; empty if there is none
  bool names_method = false;

  // Only a request is answered: nobody waits for more than silence after the others.
  bool is_request() const { return names_method && !id.empty(); }
  // Bytes of memory; none for a frame of everyday size, so that pings and small calls are answered
  // beside whatever there is. The text, its values, and what the parser collects of the longest
  // string:
  std::size_t while_parsed() const;
  // Its values, and twice the longest string: as a handler's argument and in an answer.
  std::size_t while_served() const;
};

Weight weigh(std::string_view frame);

}  // namespace remit::mcp
