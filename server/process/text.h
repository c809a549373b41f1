// Bytes of unknown origin as text.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace quintain::server {

/// Whether the bytes are UTF-8 (RFC 3629: no overlong forms, no surrogates).
bool is_utf8(std::string_view bytes);

/// How many bytes at the end are the beginning of a character that may still be completed: 0 to 3.
std::size_t incomplete_tail(std::string_view bytes);

/// The bytes with U+FFFD for each byte that is part of no character.
std::string to_utf8(std::string_view bytes);

/// Cuts a stream of bytes into lines of valid UTF-8, without their line ends ("\n" or "\r\n").
class LineSplitter {
 public:
  /// Of a line that is longer than `most` bytes the rest is dropped and "..." put in its place.
  explicit LineSplitter(std::size_t most) : most_(most) {}

  /// Adds bytes; calls `line` for each line that they complete. `line` says whether to go on; if
  /// not, the splitter may be gone already.
  void add(std::string_view bytes, const std::function<bool(std::string)>& line);

  /// What has no line end yet, if anything; nothing is left afterwards.
  std::string take_rest();

 private:
  std::string take_line();

  std::size_t most_;
  std::string partial_;
  bool cut_ = false;
};

}  // namespace quintain::server
