// Addresses of targets, and plain sockets to them for bytes that are not gRPC.
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "conformance/live/side_channels.h"

namespace quintain::conformance {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPause{50};

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

// A non-blocking stream socket.
class Socket {
 public:
  Socket(int family, int protocol)
      : fd_(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol)) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  bool connect_to(const sockaddr* address, socklen_t size, Clock::time_point until) {
    if (fd_ < 0) return false;
    if (connect(fd_, address, size) == 0) return true;
    if (errno != EINPROGRESS || !ready(POLLOUT, until)) return false;
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return false;
    errno = error;
    return error == 0;
  }

  // Waits until the socket is ready. Returns false with errno set at `until`.
  bool ready(short events, Clock::time_point until) {
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
      pollfd waiting{.fd = fd_, .events = events, .revents = 0};
      const int count = poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
      if (count > 0) return true;
      if (count == 0) errno = ETIMEDOUT;
      if (count == 0 || errno != EINTR) return false;
    }
  }

  void send_all(std::string_view bytes, Clock::time_point until) {
    while (!bytes.empty() && ready(POLLOUT, until)) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN && errno != EINTR) return;  // the peer closed the connection
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  void close_sending_side() { shutdown(fd_, SHUT_WR); }

  void read_to_end(Clock::time_point until) {
    char buffer[4096];
    while (ready(POLLIN, until)) {
      const ssize_t count = recv(fd_, buffer, sizeof buffer, 0);
      if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return;
    }
  }

 private:
  int fd_;
};

absl::Status send_and_drain(Socket& socket, std::string_view bytes, std::string_view after_a_pause,
                            Clock::time_point until) {
  socket.send_all(bytes, until);
  if (after_a_pause.empty()) {
    socket.close_sending_side();
  } else {
    std::this_thread::sleep_for(kPause);
    socket.send_all(after_a_pause, until);
  }
  socket.read_to_end(until);
  return absl::OkStatus();
}

absl::Status unreachable(std::string_view where, std::string_view why) {
  return absl::UnavailableError(fmt::format("no connection to {}: {}", where, why));
}

}  // namespace

absl::StatusOr<Address> parse_address(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  constexpr std::string_view kUnixUrl = "unix://";
  if (text.starts_with(kUnix)) {
    // gRPC also accepts the form of RFC 3986, unix:///path.
    const bool url = text.starts_with(kUnixUrl);
    const std::string_view path = text.substr(url ? kUnixUrl.size() : kUnix.size());
    if (path.empty()) return absl::InvalidArgumentError("'unix:' without the path of a socket");
    return Address{.path = std::string(path)};
  }
  const std::size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of(":/") != std::string_view::npos) {
    host = {};
  }
  if (colon == std::string_view::npos || host.empty() || !is_port(text.substr(colon + 1))) {
    return absl::InvalidArgumentError(
        fmt::format("'{}' is not an address; expected HOST:PORT, [IPV6]:PORT or unix:PATH", text));
  }
  return Address{.host = std::string(host), .port = std::string(text.substr(colon + 1))};
}

absl::Status send_raw_bytes(const Address& to, std::string_view bytes,
                            std::string_view after_a_pause, std::chrono::milliseconds patience) {
  const Clock::time_point until = Clock::now() + patience;
  if (!to.path.empty()) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (to.path.size() >= sizeof address.sun_path) {
      return unreachable(to.path, "the path is too long for a socket");
    }
    std::memcpy(address.sun_path, to.path.data(), to.path.size());
    Socket socket(AF_UNIX, 0);
    if (!socket.connect_to(reinterpret_cast<const sockaddr*>(&address), sizeof address, until)) {
      return unreachable(to.path, std::strerror(errno));
    }
    return send_and_drain(socket, bytes, after_a_pause, until);
  }

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(to.host.c_str(), to.port.c_str(), &hints, &found); error != 0) {
    return unreachable(to.host, gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    Socket socket(address->ai_family, address->ai_protocol);
    if (!socket.connect_to(address->ai_addr, address->ai_addrlen, until)) continue;
    return send_and_drain(socket, bytes, after_a_pause, until);
  }
  return unreachable(fmt::format("{}:{}", to.host, to.port), std::strerror(errno));
}

}  // namespace quintain::conformance
