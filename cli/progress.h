// A line on the terminal that says how far a long run is.
#pragma once

#include <chrono>
#include <cstddef>

namespace quintain::cli {

/// Writes to standard error, and only if that is a terminal.
class Progress {
 public:
  Progress();

  /// Redrawn a few times a second at most.
  void show(std::size_t done, std::size_t total);
  void clear();

 private:
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point began_;
  std::chrono::steady_clock::time_point last_;
};

/// The columns of the terminal that standard output is; 80 if that is not known.
int terminal_width();

}  // namespace quintain::cli
