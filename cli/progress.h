// A line on the terminal that says how far a long run is.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

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

/// Says how far a study is. On a terminal a line that is redrawn, elsewhere one line now and then,
/// so that the log of a long run shows that it goes on.
class StudyMeter {
 public:
  struct State {
    std::size_t done = 0;
    std::size_t expected = 0;
    /// Of those done, how many cost no time.
    std::size_t kept = 0;
    /// What was finished last.
    std::string last{};
  };

  StudyMeter();

  void show(const State& state);
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
