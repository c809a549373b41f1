// The description of a function that is a command.
#pragma once

#include <csignal>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace quintain::server {

/// What one attempt may use. The kernel enforces the last three limits for each process; a value
/// above the server's own hard limit means that hard limit.
struct ProcessLimits {
  /// Bytes on standard output. A function that writes more is killed.
  std::int64_t output_bytes = std::int64_t{2} << 20;
  /// A longer line on standard error is cut.
  std::int64_t log_line_bytes = 4096;
  /// RLIMIT_AS; 0: no limit.
  std::int64_t address_space_bytes = 0;
  /// RLIMIT_NOFILE.
  std::int64_t open_files = 1024;
  /// RLIMIT_CPU: processor time in whole seconds; 0: no limit.
  std::int64_t cpu_seconds = 0;
};

/// A function that is a command. Plain data.
struct ProcessFunction {
  std::string task_id{};
  /// Empty: the command for every function of the task that has no command of its own.
  std::string name{};
  /// The program and its arguments; not empty. A program without a slash is looked up in PATH.
  std::vector<std::string> command{};
  /// Variables that are always set; a caller cannot change them.
  std::map<std::string, std::string> environment{};
  /// Empty: each attempt has an empty folder of its own, which is removed afterwards.
  std::string working_directory{};
  ProcessLimits limits{};
  /// The signal that stop() sends to the process group.
  int stop_signal = SIGTERM;
};

}  // namespace quintain::server
