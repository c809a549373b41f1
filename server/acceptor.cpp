// Listening sockets, the accept loop, and the limit on connections by descriptor numbers.
#include "server/acceptor.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace quintain::server {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

// The pause after accept(2) has failed, usually for lack of descriptors.
constexpr std::chrono::milliseconds kRetryAfter(100);

// At most one warning in this time, so that a flood of connections does not flood the log.
constexpr std::chrono::seconds kMinWarningInterval(10);

// Descriptors that connections leave free: a quarter of all, but at most this many.
constexpr rlim_t kMaxReserve = 256;

// Connections that are accepted before anything else of the thread, such as the guard of memory,
// has its turn.
constexpr int kMaxAtOnce = 8;

// Bytes that may wait to be read from a connection. Linux would let them grow to 6 MB, which take
// seconds to read from some dozens of connections that send small frames.
constexpr int kReceiveBuffer = 512 << 10;

error_code open(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  // Accepted connections inherit these.
  if (!error)
    acceptor.set_option(boost::asio::socket_base::receive_buffer_size(kReceiveBuffer), error);
  if (!error) acceptor.set_option(tcp::no_delay(true), error);
  if (!error) acceptor.native_non_blocking(true, error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
  return error;
}

}  // namespace

absl::StatusOr<ListenAddress> Acceptor::listen(const ListenAddress& address,
                                               OnConnection on_connection) {
  error_code error;
  const auto endpoints = tcp::resolver(io_).resolve(address.host, std::to_string(address.port),
                                                    tcp::resolver::passive, error);
  ListenAddress actual = address;
  bool listens = false;
  if (!error) {
    for (const tcp::endpoint endpoint : endpoints) {
      Listener& listener = listeners_.emplace_back(io_);
      const auto port = static_cast<unsigned short>(actual.port);
      error = open(listener.socket, tcp::endpoint(endpoint.address(), port));
      if (error) {
        listeners_.pop_back();
        if (error == boost::asio::error::address_in_use) break;
        continue;
      }
      listens = true;
      actual.port = listener.socket.local_endpoint().port();
      listener.on_connection = on_connection;
      await_connections(listener);
    }
  }
  if (listens && error != boost::asio::error::address_in_use) return actual;
  close();
  return absl::UnavailableError(
      fmt::format("can't listen on {}: {}", address.text(), error.message()));
}

void Acceptor::close() {
  error_code ignored;
  for (Listener& listener : listeners_) {
    listener.socket.close(ignored);
    listener.retry.cancel();
  }
}

void Acceptor::await_connections(Listener& listener) {
  listener.socket.async_wait(tcp::acceptor::wait_read, [this, &listener](const error_code& error) {
    if (!error && listener.socket.is_open()) accept_all(listener);
  });
}

void Acceptor::accept_all(Listener& listener) {
  for (int i = 0; i < kMaxAtOnce; ++i) {
    const int handle = listener.socket.native_handle();
    Descriptor connection(accept4(handle, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (connection.is_open()) {
      if (connection.get() < max_descriptor()) {
        listener.on_connection(std::move(connection), handle);
      } else {
        warn("connection-refused", {"reason", "too many descriptors are in use"});
      }
    } else if (errno == EAGAIN) {
      return await_connections(listener);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      warn("accept-failed", {"error", std::strerror(errno)});
      return accept_later(listener, kRetryAfter);
    }
    // Any other error is that of one connection.
  }
  rest_.count() > 0 ? accept_later(listener, rest_) : await_connections(listener);
}

void Acceptor::accept_later(Listener& listener, std::chrono::milliseconds time) {
  listener.retry.expires_after(time);
  listener.retry.async_wait([this, &listener](const error_code& error) {
    if (!error && listener.socket.is_open()) accept_all(listener);
  });
}

// The limit may change while the process runs.
int Acceptor::max_descriptor() const {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t reserved = std::min(limit.rlim_cur / 4, kMaxReserve);
  const rlim_t max = limit.rlim_cur - (reserve_ == Reserve::kHalf ? reserved / 2 : reserved);
  return static_cast<int>(std::min<rlim_t>(max, INT_MAX));
}

void Acceptor::warn(std::string_view event, LogField field) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_warning_) return;
  next_warning_ = now + kMinWarningInterval;
  log_.warn(event, {std::move(field)});
}

}  // namespace quintain::server
