// What ends the processes of a server that was killed.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "server/system/descriptor.h"

namespace quintain::server {

/// A temporary folder for the functions of one server, and a small process that waits for the end
/// of the server. Then it kills every process that carries the server's tag, and removes the
/// folder, even if the server was killed by SIGKILL.
///
/// The tag is a hard limit of RLIMIT_RTTIME, decades of time without a pause for a process with
/// real-time scheduling. It has no other effect, children inherit it through fork, setsid and
/// execve, and only a process that lowers the limit on purpose escapes.
class ProcessGuard {
 public:
  /// Makes the folder in the folder for temporary files and starts the process. Removes the folders
  /// of dead servers of this user first, and kills what they have left. Requires: the program has
  /// one thread.
  static absl::StatusOr<std::unique_ptr<ProcessGuard>> start();

  /// Kills the processes with the tag and removes the folder.
  ~ProcessGuard();

  ProcessGuard(const ProcessGuard&) = delete;
  ProcessGuard& operator=(const ProcessGuard&) = delete;

  const std::string& folder() const { return folder_; }

  /// Lets processes of other users reach folders of their own in the folder, but not list it.
  void let_others_in() const;
  std::int64_t tag() const { return tag_; }

 private:
  ProcessGuard() = default;

  std::string folder_;
  std::int64_t tag_ = 0;
  Descriptor lock_;   // of the folder, shared with the process
  Descriptor alive_;  // closed at the end of the server
  pid_t pid_ = 0;
};

}  // namespace quintain::server
