// Where and how the server listens: addresses and TLS certificates.
#pragma once

#include <absl/status/status.h>
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

  /// Returns the address in the form in which parse_address() accepts it.
  std::string text() const;
};

/// Returns the address. An error quotes the text and describes the expected form.
absl::StatusOr<ListenAddress> parse_address(std::string_view text);

/// Returns whether the server could listen on a unix socket now; an error contains the system's
/// message. The result is for messages to the user, because it may be outdated a moment later.
/// Removes nothing: a socket without a listener counts as free. Requires: address.is_unix.
absl::Status check_unix_socket(const ListenAddress& address);

/// Paths of PEM files. All are empty: no TLS.
struct TlsFiles {
  /// The server's certificate, followed by the intermediate certificates up to its CA.
  std::string certificate{};
  std::string key{};
  /// The CAs of client certificates. If set, every client must present a certificate of one of
  /// them.
  std::string client_ca{};

  bool empty() const { return certificate.empty() && key.empty() && client_ca.empty(); }
};

/// The contents of TlsFiles.
struct TlsMaterial {
  std::string certificate_chain;
  std::string private_key;
  std::string client_cas;

  bool operator==(const TlsMaterial&) const = default;
};

/// Reads and checks the files. An error has one line for each problem: a file that is missing or
/// unreadable, that is not PEM, a key that does not belong to the certificate, or what the TLS
/// library refuses (a key that is too short, for example). Whether a certificate has expired is not
/// checked; clients do that.
absl::StatusOr<TlsMaterial> load_tls(const TlsFiles& files);

}  // namespace quintain::server
