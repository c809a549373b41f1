// The interface between an attempt and its process, without any system call: the environment and
// the standard input of the process, and the meaning of its output and its end. docs/functions.md
// describes it for the authors of functions.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime.h"
#include "server/process/process_function.h"

namespace quintain::server {

/// Parameters beyond these limits are left out of the environment, where the kernel allows 128 KiB
/// a variable. The document contains every parameter.
inline constexpr std::size_t kMaxParameterBytes = std::size_t{16} << 10;
inline constexpr std::size_t kMaxParameterVariables = 64;

/// Whether a variable is one that a caller never may set, whatever the function accepts.
bool is_refused_variable(std::string_view name);

/// Whether this is a name of letters, digits and underscores that does not start with a digit.
bool is_variable_name(std::string_view name);

/// Returns why the caller's context.environment is rejected, one text for each variable; empty if
/// it is accepted. Rejected are entries that are no variable (a name that is not
/// [A-Za-z_][A-Za-z0-9_]*, a value with a NUL), and variables that would change which program runs
/// or make an interpreter load code, such as PATH and LD_*.
std::vector<std::string> environment_problems(const spearlet::InvokeFunctionRequest& request);

/// Returns the whole environment of a process. Of variables with the same name the last one in this
/// order is used: PATH, LANG, LC_ALL and TZ of the server; what else the function inherits; HOME
/// and TMPDIR; the variables of the caller's context.environment that the function accepts; the
/// function's own; QUINTAIN_*. Nothing else of the server's environment is passed on.
std::map<std::string, std::string> environment_of(const core::AttemptSpec& attempt,
                                                  const ProcessFunction& function,
                                                  const std::string& working_directory);

/// Returns the content of standard input: one JSON document, which is one line of UTF-8 with its
/// line end.
std::string document_of(const core::AttemptSpec& attempt);

/// How a process ended.
struct ProcessEnd {
  bool by_signal = false;
  /// The exit code or the signal.
  int number = 0;
  /// The signal that stop() has sent; 0: none.
  int stop_signal = 0;
  /// The last line on standard error that is not empty.
  std::string_view last_line{};
};

/// Returns the outcome without payload and memory.
///
/// Exit code 0 is kCompleted. After stop(), an end by the stop signal or with exit code 128 + its
/// number, as shells report it, is kStopped. Any other end is kFailed, with the code EXIT_n or
/// SIGNAL_name and the last line on standard error as the message. A function that exits can set an
/// error code of its own by a last line of the form "error_code: CODE message"; CODE is
/// [A-Z][A-Z0-9_]*, at most 64 characters.
core::Outcome outcome_of(const ProcessEnd& end);

/// Returns kFailed with this code and message.
core::Outcome failure(std::string code, std::string message);

/// Returns the payload for bytes on standard output: a google.protobuf.StringValue if they are
/// UTF-8, otherwise a BytesValue.
core::Payload payload_of(std::string bytes);

}  // namespace quintain::server
