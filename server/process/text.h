// Conversion of bytes from outside to UTF-8 text.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace quintain::server {

/// Returns whether the bytes are UTF-8 (RFC 3629: no overlong forms, no surrogates).
bool is_utf8(std::string_view bytes);

/// Returns the number of bytes at the end that are the start of a character which later bytes may
/// complete: 0 to 3.
std::size_t incomplete_tail(std::string_view bytes);

/// Returns the bytes with U+FFFD in place of each byte that belongs to no character.
std::string to_utf8(std::string_view bytes);

/// Splits a stream of bytes into lines of valid UTF-8, without their line ends ("\n" or "\r\n").
/// Not thread-safe.
class LineSplitter {
 public:
  /// A line of more than `max_bytes` bytes is cut there and ends with "...".
  explicit LineSplitter(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// Adds bytes, and calls `on_line` for each line that they complete. add() returns as soon as
  /// `on_line` returns false, and does not touch the splitter any more, so that `on_line` may
  /// destroy it.
  void add(std::string_view bytes, const std::function<bool(std::string)>& on_line);

  /// Removes and returns the text after the last line end.
  std::string take_rest();

 private:
  std::size_t max_bytes_;
  std::string partial_;
  bool cut_ = false;
};

}  // namespace quintain::server
