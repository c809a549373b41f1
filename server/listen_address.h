// Where a server listens.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

namespace quintain::server {

/// "HOST:PORT" (an IPv6 host in brackets; port 0 lets the system choose) or "unix:PATH".
struct ListenAddress {
  bool is_unix = false;
  std::string host;  // without brackets
  int port = 0;
  std::string path;

  /// As it was written.
  std::string text() const;
};

/// The address, or what is wrong with it and what would be right.
absl::StatusOr<ListenAddress> parse_address(std::string_view text);

/// Whether one could listen there now, or why not, in the system's words. What is found may have
/// changed a moment later; it is for telling the user. Removes nothing: a unix socket that nobody
/// listens on any more counts as free.
absl::Status check_free(const ListenAddress& address);

}  // namespace quintain::server
