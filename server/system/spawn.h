// Child processes that inherit nothing from the server except what they are given.
#pragma once

#include <absl/status/statusor.h>
#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/system/descriptor.h"

namespace quintain::server {

/// A limit of setrlimit(2). Values above the caller's own hard limit mean that limit.
struct ResourceLimit {
  int resource = 0;
  std::int64_t soft = 0;
  std::int64_t hard = 0;
};

/// Whom a child runs as.
struct User {
  uid_t id = 0;
  gid_t group = 0;
  std::vector<gid_t> groups{};
};

/// Looks a user up by name. An error says that there is none.
absl::StatusOr<User> find_user(const std::string& name);

/// Why this process may not start children as another user; OK if it may. They are started with
/// setgroups(2), setresgid(2) and setresuid(2), and killed, and their files are given away and
/// removed, for which root has all capabilities unless they were taken away.
absl::Status check_may_switch_user();

/// What to execute, and how.
struct SpawnRequest {
  /// The program, which is argv[0] too, and its arguments. A name without a slash is looked up in
  /// `search_path`, but never in the working directory.
  std::vector<std::string> command{};
  std::string search_path{};
  /// NAME=value; nullopt: the caller's environment.
  std::optional<std::vector<std::string>> environment{};
  /// Empty: the caller's working directory.
  std::string working_directory{};
  /// The caller's descriptors that become the child's standard input, output and error; negative:
  /// /dev/null. They stay open in the caller.
  std::array<int, 3> standard = {-1, -1, -1};
  /// At most 7.
  std::vector<ResourceLimit> limits{};
  /// nullopt: the caller's. Requires: check_may_switch_user().
  std::optional<User> user{};
  /// The kernel kills the child when the calling thread ends.
  bool ends_with_caller = false;
  /// No set-user-ID program that the child executes gives it more privileges
  /// (PR_SET_NO_NEW_PRIVS).
  bool no_new_privileges = false;
};

/// A running child: the leader of a new process group. The holder must reap it.
struct Child {
  pid_t pid = -1;
  Descriptor pidfd{};  // readable once the leader has ended
};

/// Starts a child. An error says which step failed and why; no process is left in that case.
/// Thread-safe.
///
/// The child shares the caller's memory until it executes the program (CLONE_VM | CLONE_VFORK), so
/// the cost of a start does not depend on the size of the caller. The call returns when the program
/// has been executed or cannot be. The child inherits no other descriptors, no signal handlers and
/// no ignored or blocked signals.
absl::StatusOr<Child> spawn(const SpawnRequest& request);

}  // namespace quintain::server
