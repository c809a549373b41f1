#include "conformance/live/address.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

namespace quintain::conformance {
namespace {

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

}  // namespace

absl::StatusOr<Address> parse_address(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  constexpr std::string_view kUnixUrl = "unix://";
  if (text.substr(0, kUnix.size()) == kUnix) {
    // RFC 3986's form, unix:///path, is gRPC's too.
    const bool url = text.substr(0, kUnixUrl.size()) == kUnixUrl;
    const std::string_view path = text.substr(url ? kUnixUrl.size() : kUnix.size());
    if (path.empty()) return absl::InvalidArgumentError("'unix:' lacks the socket's path");
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
        fmt::format("'{}' is no address: HOST:PORT, [IPV6]:PORT or unix:PATH is one", text));
  }
  return Address{.host = std::string(host), .port = std::string(text.substr(colon + 1))};
}

}  // namespace quintain::conformance
