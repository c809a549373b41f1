// A target that is started for a run and stopped after it.
#pragma once

#include <absl/status/statusor.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "conformance/live/grpc_transport.h"

namespace quintain::conformance {

struct SpawnOptions {
  /// A command for /bin/sh.
  std::string command{};
  /// Where the target will listen (HOST:PORT or unix:PATH). Empty: the address is taken from the
  /// first line of the target's output that contains "listening on ADDRESS".
  std::string address{};
  /// TLS for the connection; without it the connection is not encrypted.
  std::optional<LiveOptions::Tls> tls{};
  /// Maximum time until the target answers.
  std::chrono::milliseconds patience = std::chrono::seconds(30);
  /// Maximum time from SIGTERM to its end, after which it is killed.
  std::chrono::milliseconds grace = std::chrono::seconds(10);
};

/// A running target: the process of the command and everything that it has started, in a process
/// group of its own. Used by one thread. Processes that leave the group are recognised by a
/// variable in their environment, which they could only lose on purpose.
///
/// The group does not outlive this process, even if this process is killed: a guardian process
/// waits until a socket closes that only this process holds open, and then kills the group.
/// (PR_SET_PDEATHSIG would reach only the shell, and already when the starting thread ends.)
class SpawnedServer {
 public:
  /// Starts the command and waits until its gRPC health service reports SERVING or turns out not to
  /// exist. The error says what happened instead (how the command ended, or what the target
  /// answered), with the last lines of its output; then nothing is left running.
  static absl::StatusOr<std::unique_ptr<SpawnedServer>> start(const SpawnOptions& options);

  /// Calls stop().
  ~SpawnedServer();

  SpawnedServer(const SpawnedServer&) = delete;
  SpawnedServer& operator=(const SpawnedServer&) = delete;

  /// The target's gRPC address.
  const std::string& address() const;

  /// The target's HTTP base URL, if its output so far contains "listening on http://HOST:PORT" (or
  /// https://); otherwise empty.
  std::string http_base() const;

  /// The last lines of its standard output and standard error.
  std::string output() const;

  /// Sends SIGTERM to the group and does not wait.
  void terminate();

  /// Kills the group at once, as a crash would, and waits for its end.
  void kill();

  /// Sends SIGTERM to the group. When the command has ended or the grace period is over, kills the
  /// rest of the group and what has left it. Returns how the command ended: "exit status 0",
  /// "signal 9 (Killed)". Further calls return the same.
  std::string stop();

 private:
  class Process;

  explicit SpawnedServer(std::unique_ptr<Process> process);

  std::unique_ptr<Process> process_;
};

}  // namespace quintain::conformance
