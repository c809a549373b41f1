// Lets a long command end early, with what it has so far.
#pragma once

#include <atomic>
#include <string>

namespace quintain::cli {

/// While one exists, SIGINT and SIGTERM do not end the program: the command asks for them between
/// two steps, writes a report of what is done, and ends with exit_code(). A second signal ends the
/// program at once. One at a time.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  /// "interrupted by SIGINT"; empty if there was no signal. Thread-safe.
  static std::string reason();

  /// True once there was a signal, for code that polls a flag.
  static const std::atomic<bool>& requested();

  /// 128 + the number of the signal, as shells have it. Requires: there was one.
  static int exit_code();
};

}  // namespace quintain::cli
