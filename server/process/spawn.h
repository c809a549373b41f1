// A child process, started so that nothing of the server leaks into it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "server/process/descriptor.h"
#include "server/process/process_function.h"

namespace quintain::server {

/// What to run, and how.
struct SpawnRequest {
  /// As in execve(2): the first is argv[0] too; without a slash it is looked up in `search_path`.
  std::vector<std::string> command;
  std::vector<std::string> environment;  // NAME=value
  std::string search_path;
  std::string working_directory;
  ProcessLimits limits;
};

/// A running child: the leader of a new process group. Who holds it must reap it.
struct Child {
  pid_t pid = -1;
  Descriptor pidfd;  // readable once the leader has ended
  Descriptor input;  // the server's ends of the pipes, not blocking
  Descriptor output;
  Descriptor error;
};

/// Starts it. If that fails, says what did not work and why; nothing is left behind then.
///
/// The child shares the server's memory until it executes the program (CLONE_VM | CLONE_VFORK), so
/// starting costs the same however large the server is. The call returns when the program is
/// executed or can't be. Of the server's descriptors, signal handlers, ignored and blocked signals
/// nothing is inherited. If the calling thread ends, the kernel kills the child.
std::variant<Child, std::string> spawn(const SpawnRequest& request);

}  // namespace quintain::server
