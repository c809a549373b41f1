// The last defence of the process's memory and time.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "server/connection_calls.h"
#include "server/log.h"

namespace quintain::server {

/// A quarter of the memory of this machine, or of its cgroup if that has less.
std::size_t default_memory_budget();

/// Watches the resident memory of this process. While it is above the budget, the connections that
/// send most are closed: some attacks (resets of calls, headers without end) make gRPC itself
/// occupy memory that no limit of gRPC bounds. If it stays above the budget and what it occupied at
/// the start, although no connection sends much, those that have sent most since it was last below
/// half of the budget are closed: what occupies the memory then are calls that stay open (watches
/// of health, or calls whose request never comes). If none has sent much, those that have sent
/// least are closed: there are too many of them.
///
/// Calls whose headers have come but whose request has not, and TLS handshakes that have not ended,
/// are bounded in number long before the memory is used up: gRPC keeps some kilobytes for each of
/// the former and 64 KiB for each of the latter, no limit of gRPC counts them, and it takes gRPC
/// seconds to end a hundred thousand. Beyond the bound the connections with most such calls are
/// closed, or the oldest handshakes of the host that has most.
///
/// Watches the processor time of this process as well. While it uses more than a tenth of a core, a
/// connection that sends a flood of HTTP/2 frames without content is paused: the kernel drops what
/// it sends, so its sender waits. Without that, a few such connections would occupy all threads of
/// gRPC. A connection that goes on after two pauses, or has sent much already, is closed. Encrypted
/// connections cannot be looked into: there a flood is what is more than the messages that have
/// come can have had, or calls of which most are reset.
///
/// Connections belong to gRPC, which closes them at any time. So each is identified by its inode as
/// well as by its descriptor. Context rule: everything on the thread that runs the io_context,
/// which also accepts all these connections.
class ConnectionGuard {
 public:
  struct Options {
    /// Bytes that the process may occupy.
    std::size_t budget;
    /// Calls may have more than 40 KiB of headers.
    bool large_headers = false;
    /// Connections begin with a TLS handshake.
    bool tls = false;
    /// Bytes that a message may have.
    std::int64_t message_bytes = 4 << 20;
    /// TLS handshakes that may be unfinished at once; 0: as the budget allows.
    std::int64_t handshakes = 0;
  };

  ConnectionGuard(boost::asio::io_context& io, const Options& options, const Log& log);

  /// A new connection.
  void add(int descriptor);

  /// Starts to watch.
  void start();

  /// Watches no longer, and ends the connections that are left after this time. gRPC closes a
  /// connection only after what it writes has been sent, for which it would wait forever if the
  /// client does not read.
  void end_all_after(std::chrono::milliseconds patience);

  /// The io_context has nothing left to do for this object afterwards.
  void stop();

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Connection {
    int descriptor;
    ino_t inode;
    std::uint64_t received;
    std::uint64_t latest;  // bytes received since the previous look
    std::uint64_t before;  // received when the memory was last below half of the budget
    Time made_at{};
    std::string peer{};           // gRPC's name of the connection
    bool is_ready = false;        // its handshake has ended
    CallCounts calls{};           // when they were last read
    std::int64_t no_request = 0;  // how many calls at least ended before their request came
    Time count_until{};           // its calls may change until then
    Time counted_at{};            // when its calls were last read
    std::uint64_t counted_received = 0;
    std::uint64_t acknowledged = 0;  // bytes that the client has acknowledged
    std::uint64_t counted_acknowledged = 0;
    double unexplained = 0;  // bytes that the messages cannot have had, lately
    bool resets = false;     // most calls, lately
    int pauses = 0;
    Time paused_until{};  // Time(): it is not paused
    Time forget_at{};     // when its pauses are forgotten

    std::int64_t half_sent() const { return calls.half_sent(no_request); }
    std::uint64_t recent() const { return received - before; }
    bool is_paused() const { return paused_until != Time(); }
  };

  void wait();
  std::chrono::milliseconds interval() const;
  void look();
  void look_for_memory(std::int64_t resident, std::int64_t growth);
  void count_calls(Time now);
  void explain(Connection& connection, const CallCounts& counts, Time now) const;
  void close_half_sent(std::int64_t half_sent);
  void close_handshakes(std::int64_t count);
  bool is_busy(Time now);
  void look_for_floods(Time now);
  bool is_flooding(const Connection& connection);
  bool is_flooding_encrypted(const Connection& connection) const;
  void stop_flood(Connection& connection, Time now);
  void resume(Time now);
  bool close_busiest(std::int64_t resident);
  int close_quiet(std::int64_t resident, std::int64_t target);
  void close_silent(std::int64_t resident, std::int64_t target);
  bool close(const Connection& connection, std::int64_t resident);
  void trim();

  boost::asio::steady_timer timer_;
  bool stopped_ = false;
  const std::int64_t budget_;
  const bool large_headers_;
  const bool tls_;
  const std::int64_t message_bytes_;
  const std::int64_t max_half_sent_;
  const std::int64_t max_handshakes_;
  std::int64_t at_start_ = 0;  // the resident memory
  const Log log_;
  LogLimiter limiter_;
  LogLimiter flood_limiter_;
  LogLimiter unfinished_limiter_;
  ConnectionCalls calls_;
  Time next_count_{};
  Time look_until_{};
  std::int64_t resident_ = 0;
  Time looked_at_{};
  std::chrono::nanoseconds processor_time_{0};
  std::vector<char> sample_;
  bool was_calm_ = false;  // at the last look the memory was below half of the budget
  int quiet_looks_ = 0;    // above the budget, in a row, without a busy connection
  std::vector<Connection> connections_;
  std::size_t prune_at_ = 64;
  std::chrono::steady_clock::time_point next_trim_{};
};

}  // namespace quintain::server
