// A server in a process of its own, and what the operating system knows of it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

namespace quintain::server::bench {

/// This program once more, started with "--serve NAME"; it ends with this object, or with this
/// process.
class ServerProcess {
 public:
  /// Comes back when the server listens. Ends the program with a message if it does not.
  explicit ServerProcess(const std::string& name);
  ~ServerProcess();

  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  pid_t id() const { return id_; }
  const std::string& address() const { return address_; }

 private:
  pid_t id_ = -1;
  int input_ = -1;  // closed, it ends the server
  std::string address_;
};

/// Processor time of a process, all threads and those that have ended together.
std::chrono::nanoseconds processor_time(pid_t process);

/// Keeps all threads of the process, and those that they will start, on one core; none: on any.
void pin(pid_t process, std::optional<unsigned> core);

}  // namespace quintain::server::bench
