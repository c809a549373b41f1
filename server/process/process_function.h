// What the process runtime must know of a function. Plain data: whoever loads or prints it needs
// nothing else of the runtime.
#pragma once

#include <csignal>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace quintain::server {

/// What one attempt may use; 0 means no limit of ours where it says so. The kernel enforces the
/// last three, per process; a limit above the server's own hard limit means that one.
struct ProcessLimits {
  /// Standard output. A function that writes more is killed.
  std::int64_t output_bytes = std::int64_t{2} << 20;
  /// A longer line on standard error is cut.
  std::int64_t log_line_bytes = 4096;
  /// RLIMIT_AS; 0: none.
  std::int64_t address_space_bytes = 0;
  /// RLIMIT_NOFILE.
  std::int64_t open_files = 1024;
  /// RLIMIT_CPU: processor time, in whole seconds; 0: none.
  std::int64_t cpu_seconds = 0;
};

/// A function that is a command.
struct ProcessFunction {
  std::string task_id{};
  /// Empty: plays every function of the task that has no command of its own.
  std::string name{};
  /// The program and its arguments, not empty. A program without a slash is looked up in PATH.
  std::vector<std::string> command{};
  /// Variables that are always set; a caller can't change them.
  std::map<std::string, std::string> environment{};
  /// Empty: an empty folder of its own for each attempt, removed afterwards.
  std::string working_directory{};
  ProcessLimits limits{};
  /// What stop() sends to the process group.
  int stop_signal = SIGTERM;
};

}  // namespace quintain::server
