// Where a live target is.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

namespace quintain::conformance {

/// HOST:PORT, [IPV6]:PORT or unix:PATH, taken apart.
struct Address {
  /// Of a unix socket; empty: TCP.
  std::string path{};
  std::string host{};
  std::string port{};
};

/// An error that says what is wrong with it and what would be right.
absl::StatusOr<Address> parse_address(std::string_view text);

}  // namespace quintain::conformance
