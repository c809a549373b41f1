// Accepting TCP connections without using up the process's file descriptors.
#pragma once

#include <absl/status/statusor.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <list>

#include "server/listen.h"
#include "server/log.h"
#include "server/system/descriptor.h"

namespace quintain::server {

/// Listens on TCP addresses and accepts connections, as long as there are enough descriptors.
///
/// The kernel assigns the lowest free descriptor, so the number of a new connection's descriptor
/// shows how many are in use. A connection above the limit is closed at once. This keeps
/// descriptors for processes, files and probes, and an acceptor works again as soon as connections
/// have been closed. (gRPC's own listener stops forever when accept(2) fails.)
///
/// Context rule: listen() before the io_context runs, everything else on the thread that runs it.
class Acceptor {
 public:
  /// The share of the reserved descriptors that the connections may use.
  enum class Reserve { kNone, kHalf };
  /// `listener` is the listening descriptor.
  using OnConnection = std::function<void(Descriptor connection, int listener)>;

  /// `rest`: the time from some accepted connections to the next ones, so that the work of their
  /// handshakes does not delay the calls on other connections.
  Acceptor(boost::asio::io_context& io, Reserve reserve, const Log& log,
           std::chrono::milliseconds rest = std::chrono::milliseconds(0))
      : io_(io), reserve_(reserve), log_(log), rest_(rest) {}
  ~Acceptor() { close(); }

  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  /// Listens on every address to which the host resolves, and returns the address with the actual
  /// port. `on_connection` receives non-blocking sockets. An error says why none is available.
  /// Requires: `address` is no unix socket.
  absl::StatusOr<ListenAddress> listen(const ListenAddress& address, OnConnection on_connection);

  /// Accepts no further connections.
  void close();

 private:
  struct Listener {
    explicit Listener(boost::asio::io_context& io) : socket(io), retry(io) {}
    boost::asio::ip::tcp::acceptor socket;
    boost::asio::steady_timer retry;
    OnConnection on_connection;
  };

  void await_connections(Listener& listener);
  void accept_all(Listener& listener);
  void accept_later(Listener& listener, std::chrono::milliseconds time);
  int max_descriptor() const;
  void warn(std::string_view event, LogField field);

  boost::asio::io_context& io_;
  const Reserve reserve_;
  const Log log_;
  const std::chrono::milliseconds rest_;
  std::list<Listener> listeners_;
  std::chrono::steady_clock::time_point next_warning_{};
};

}  // namespace quintain::server
