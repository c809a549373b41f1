// Progress of a long run, on standard error.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace quintain::cli {

/// Shows how much of a run is done and how much time is left. On a terminal this is one line,
/// redrawn a few times a second at most; elsewhere it is a new line now and then, so that the log
/// of a long run shows that the run goes on. One thread.
class Progress {
 public:
  /// `unit` names what is counted: "cases".
  explicit Progress(std::string_view unit);

  /// `kept` of those `done` took no time, as their results were there from an earlier run. `last`
  /// is what was finished last; empty: not shown.
  void show(std::size_t done, std::size_t total, std::size_t kept = 0,
            const std::string& last = "");

  /// Removes the line from the terminal.
  void clear();

 private:
  std::string_view unit_;
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point last_shown_;
};

/// The number of columns of the terminal on standard output; 80 if that is not known.
int terminal_width();

}  // namespace quintain::cli
