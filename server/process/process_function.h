// The description of a function that is a command.
#pragma once

#include <csignal>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/system/spawn.h"

namespace quintain::server {

/// What one attempt may use. The kernel enforces the last five limits for each process; a value
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
  /// RLIMIT_FSIZE: bytes of a file that it writes; 0: no limit.
  std::int64_t file_bytes = 0;
  /// RLIMIT_NPROC: processes and threads of its user, also those of other functions; 0: no limit.
  std::int64_t processes = 0;
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
  /// Variables of the server's environment that it gets beside PATH, LANG, LC_ALL and TZ.
  std::map<std::string, std::string> inherited_environment{};
  /// The variables of a call's context.environment that it gets: names, or the beginnings of names
  /// with a `*` after them.
  std::vector<std::string> caller_environment{};
  /// Empty: each attempt has an empty folder of its own, which is removed afterwards.
  std::string working_directory{};
  ProcessLimits limits{};
  /// nullopt: the server's user.
  std::optional<User> user{};
  /// The signal that stop() sends to the process group.
  int stop_signal = SIGTERM;
};

}  // namespace quintain::server
