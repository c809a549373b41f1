// A target that is started for the run and ended with it.
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
  /// Where the target will listen (HOST:PORT or unix:PATH). Empty: it says so itself, in the first
  /// line of its output that has "listening on ADDRESS".
  std::string address{};
  /// How it is to be spoken to; without it in the clear.
  std::optional<LiveOptions::Tls> tls{};
  /// How long it may take until it answers.
  std::chrono::milliseconds patience = std::chrono::seconds(30);
  /// How long it may take to end after SIGTERM, before it is killed.
  std::chrono::milliseconds grace = std::chrono::seconds(10);
};

/// A running target: the command's process, in a process group of its own with everything that it
/// has started.
///
/// It does not outlive us, even if we are killed: a guardian process waits for the end of a socket
/// that only we hold open, and kills the group then. (PR_SET_PDEATHSIG would reach the shell alone,
/// and as soon as the thread ends that started it.)
class SpawnedServer {
 public:
  /// Starts the command and waits until its gRPC health service says SERVING, or says that there is
  /// no such service. The error says what the target did instead: how it ended or what it answered,
  /// with the last lines that it wrote. Nothing is left behind then.
  static absl::StatusOr<std::unique_ptr<SpawnedServer>> start(const SpawnOptions& options);

  /// Ends it: see stop().
  ~SpawnedServer();

  SpawnedServer(const SpawnedServer&) = delete;
  SpawnedServer& operator=(const SpawnedServer&) = delete;

  /// Where it listens.
  const std::string& address() const;

  /// Where it serves HTTP, if it has said "listening on http://HOST:PORT" (or https://) by now;
  /// otherwise empty.
  std::string http_base() const;

  /// The last lines that it wrote, to standard output and standard error.
  std::string output() const;

  /// SIGTERM to the group; whoever is left of it after the command has ended or the grace is over
  /// is killed. Says how the command ended: "exit status 0", "signal 9 (Killed)". Again: the same.
  std::string stop();

 private:
  class Process;

  explicit SpawnedServer(std::unique_ptr<Process> process);

  std::unique_ptr<Process> process_;
};

}  // namespace quintain::conformance
