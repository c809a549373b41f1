// Certificates for the server, read and checked before they are used.
#pragma once

#include <absl/status/statusor.h>

#include <string>

namespace quintain::server {

/// Files in PEM form. All empty: no TLS.
struct TlsFiles {
  /// The server's certificate, followed by those that lead to its CA.
  std::string certificate{};
  std::string key{};
  /// The CAs of client certificates. If given, every client must show one of theirs.
  std::string client_ca{};

  bool empty() const { return certificate.empty() && key.empty() && client_ca.empty(); }
};

/// Their content.
struct TlsMaterial {
  std::string certificate_chain;
  std::string private_key;
  std::string client_cas;
};

/// Reads the files. What is wrong with them, one line each: a file that is missing or can't be
/// read, that is not PEM, a key that does not belong to the certificate. Whether a certificate has
/// expired is for the clients to say.
absl::StatusOr<TlsMaterial> load_tls(const TlsFiles& files);

}  // namespace quintain::server
