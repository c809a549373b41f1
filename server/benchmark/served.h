// The servers that are measured, and the control of the processes in which they run.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "echo.pb.h"
#include "server/system/spawn.h"

namespace quintain::server::bench {

/// Serves a bare echo, which answers at once, in gRPC's own thread, with the requested number of
/// bytes, until standard input ends. Returns the exit code.
int serve_echo();

/// Serves a node whose functions take no time, with this estimator, until standard input ends.
/// "store:FILE" in place of an estimator: with the default one and a store. Returns the exit code.
int serve_node(const std::string& estimator);

/// How often a second one thread can write 4 KiB to the end of a file in this folder and sync it.
double syncs_per_second(const std::string& folder);

/// Pads the message to `bytes` on the wire, or leaves it unchanged if it is larger.
void pad(EchoMessage& message, std::size_t bytes);

/// This program in another process, started with "--serve NAME", which ends with this object or
/// with this process.
class ServerProcess {
 public:
  /// Returns when the server listens. Ends the program with a message if it does not.
  explicit ServerProcess(const std::string& name);
  ~ServerProcess();

  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  pid_t id() const { return child_.pid; }
  const std::string& address() const { return address_; }

 private:
  Child child_;
  Descriptor input_;  // closing it ends the server
  std::string address_;
};

/// Returns the processor time of a process: all its threads, including those that have ended.
std::chrono::nanoseconds processor_time(pid_t process);

/// Restricts all current and future threads of the process to one core; nullopt: to none.
void pin(pid_t process, std::optional<unsigned> core);

}  // namespace quintain::server::bench
