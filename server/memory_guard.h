// The last defence of the process's memory.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/log.h"

namespace quintain::server {

/// A quarter of the memory of this machine, or of its cgroup if that has less.
std::size_t default_memory_budget();

/// Watches the resident memory of this process. While it is above the budget, the connections that
/// send most are closed: some attacks (resets of calls, headers without end) make gRPC itself
/// occupy memory that no limit of gRPC bounds. If it stays above the budget and what it occupied at
/// the start, although no connection sends much, those that have sent most since it was last below
/// half of the budget are closed: what occupies the memory then are calls that stay open (watches
/// of health, or calls whose request never comes).
///
/// Connections belong to gRPC, which closes them at any time. So each is identified by its inode as
/// well as by its descriptor. Context rule: everything on the thread that runs the io_context,
/// which also accepts all these connections.
class MemoryGuard {
 public:
  MemoryGuard(boost::asio::io_context& io, std::size_t budget, const Log& log);

  /// A new connection.
  void add(int descriptor);

  /// Starts to watch.
  void start();

  /// The io_context has nothing left to do for this object afterwards.
  void stop();

 private:
  struct Connection {
    int descriptor;
    ino_t inode;
    std::uint64_t received;
    std::uint64_t latest;  // bytes received since the previous look
    std::uint64_t before;  // received when the memory was last below half of the budget
    std::uint64_t recent() const { return received - before; }
  };

  void wait();
  void look();
  bool close_busiest(std::int64_t resident);
  void close_quiet(std::int64_t resident);
  bool close(const Connection& connection, std::int64_t resident);
  void trim();

  boost::asio::steady_timer timer_;
  bool stopped_ = false;
  const std::int64_t budget_;
  std::int64_t at_start_ = 0;  // the resident memory
  const Log log_;
  LogLimiter limiter_;
  bool was_calm_ = false;  // at the last look the memory was below half of the budget
  int quiet_looks_ = 0;    // above the budget, in a row, without a busy connection
  std::vector<Connection> connections_;
  std::size_t prune_at_ = 64;
  std::chrono::steady_clock::time_point next_trim_{};
};

}  // namespace quintain::server
