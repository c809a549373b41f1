// What the end of a process means for its attempt.
#pragma once

#include <string>
#include <string_view>

#include "core/runtime.h"

namespace quintain::server {

/// How a process ended.
struct ProcessEnd {
  bool by_signal = false;
  /// The exit code or the signal.
  int number = 0;
  /// stop() had asked it to end, by this signal; 0: nobody had.
  int stop_signal = 0;
  /// The last line on standard error that is not empty.
  std::string_view last_line{};
};

/// Without payload and memory.
///
/// Exit code 0 is kCompleted. After stop(), to end by the stop signal or with exit code 128 + its
/// number, as shells do, is kStopped. Anything else is kFailed, with the code EXIT_n or SIGNAL_name
/// and the last line on standard error as the message. A function that exits names an error code of
/// its own by a last line of the form "error_code: CODE message"; CODE is [A-Z][A-Z0-9_]*, at most
/// 64 characters.
core::Outcome outcome_of(const ProcessEnd& end);

/// kFailed with that code and message.
core::Outcome failure(std::string code, std::string message);

/// What was written to standard output: a google.protobuf.StringValue if it is UTF-8, otherwise a
/// BytesValue.
core::Payload payload_of(std::string bytes);

}  // namespace quintain::server
