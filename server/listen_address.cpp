#include "server/listen_address.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

namespace quintain::server {
namespace {

constexpr std::string_view kUnix = "unix:";

class Socket {
 public:
  explicit Socket(int family) : fd_(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int fd() const { return fd_; }

 private:
  int fd_;
};

absl::Status problem(const ListenAddress& address, std::string_view what) {
  return absl::UnavailableError(fmt::format("can't listen on {}: {}", address.text(), what));
}

absl::Status check_unix(const ListenAddress& address) {
  struct stat found = {};
  if (lstat(address.path.c_str(), &found) != 0) {
    if (errno != ENOENT) return problem(address, std::strerror(errno));
    const auto folder = std::filesystem::path(address.path).parent_path();
    if (access(folder.empty() ? "." : folder.c_str(), W_OK) != 0) {
      return problem(address, std::strerror(errno));
    }
    return absl::OkStatus();
  }
  if (!S_ISSOCK(found.st_mode)) return problem(address, "a file that is no socket is in the way");
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  address.path.copy(name.sun_path, sizeof name.sun_path - 1);
  const Socket socket(AF_UNIX);
  if (connect(socket.fd(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) {
    return problem(address, "another server listens there");
  }
  return absl::OkStatus();
}

absl::Status check_tcp(const ListenAddress& address) {
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(address.host.c_str(), fmt::to_string(address.port).c_str(), &hints, &found);
  if (error != 0) return problem(address, gai_strerror(error));
  int last_error = 0;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    const Socket socket(one->ai_family);
    const int yes = 1;
    setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(socket.fd(), one->ai_addr, one->ai_addrlen) != 0 || listen(socket.fd(), 1) != 0) {
      last_error = errno;
    }
  }
  freeaddrinfo(found);
  return last_error == 0 ? absl::OkStatus() : problem(address, std::strerror(last_error));
}

}  // namespace

std::string ListenAddress::text() const {
  if (is_unix) return fmt::format("{}{}", kUnix, path);
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

absl::StatusOr<ListenAddress> parse_address(std::string_view text) {
  ListenAddress address;
  if (text.starts_with(kUnix)) {
    address.is_unix = true;
    address.path = text.substr(kUnix.size());
    if (address.path.empty() || address.path.size() >= sizeof(sockaddr_un::sun_path)) {
      return absl::InvalidArgumentError(fmt::format("'{}': the path must have 1 to {} characters",
                                                    text, sizeof(sockaddr_un::sun_path) - 1));
    }
    return address;
  }
  const std::size_t colon = text.rfind(':');
  const std::string_view port = colon == text.npos ? "" : text.substr(colon + 1);
  std::string_view host = colon == text.npos ? text : text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != host.npos) {
    host = "";
  }
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (host.empty() || port.empty() || error != std::errc() || end != port.data() + port.size() ||
      address.port < 0 || address.port > 65535) {
    return absl::InvalidArgumentError(
        fmt::format("'{}' is not an address; write HOST:PORT, [IPV6]:PORT or unix:PATH", text));
  }
  address.host = host;
  return address;
}

absl::Status check_free(const ListenAddress& address) {
  return address.is_unix ? check_unix(address) : check_tcp(address);
}

}  // namespace quintain::server
