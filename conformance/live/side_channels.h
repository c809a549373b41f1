// How the live transport reaches a target other than by calls of the contract.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/descriptor.pb.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/transport.h"

namespace quintain::conformance {

/// A target's address. Exactly one of `path` (unix socket) and `host` (TCP) is not empty.
struct Address {
  std::string path{};
  std::string host{};
  std::string port{};
};

/// Parses HOST:PORT, [IPV6]:PORT or unix:PATH. The error says what is wrong and what is expected.
absl::StatusOr<Address> parse_address(std::string_view text);

/// Sends bytes that need not be gRPC: connects, sends them, closes the sending side or, if there is
/// more, sends that after 50 ms, and reads until the peer closes the connection or `patience` has
/// passed. An early close by
/// the peer is not an error; a failure to connect is.
absl::Status send_raw_bytes(const Address& to, std::string_view bytes,
                            std::string_view after_a_pause, std::chrono::milliseconds patience);

/// Where a status_endpoint may lead, and how long its answer may take.
struct HttpOptions {
  /// "http://host:port", for an endpoint that is a path; may be empty. Its host may be called.
  std::string base{};
  /// The target's own host; empty for a unix socket, which is on this machine. It may be called.
  std::string target{};
  /// Other hosts that may be called.
  std::vector<std::string> other_hosts{};
  /// From the connection to the last byte, redirects included.
  std::chrono::milliseconds patience{};
};

/// GETs a status_endpoint: a URL as it is, a path relative to the base. Every HTTP status is an
/// answer, 404 too. A few redirects are followed, to permitted hosts only. For errors see
/// Transport::get(). Thread-safe.
absl::StatusOr<HttpAnswer> http_get(const HttpOptions& options, const std::string& endpoint);

/// The files that describe the target's services, from gRPC server reflection (v1alpha, else v1),
/// without gRPC's own services and protobuf's own files. An error if the target has no reflection,
/// if it takes longer than `patience` in total, or if the files are too many or too large.
absl::StatusOr<google::protobuf::FileDescriptorSet> reflect(Transport& transport,
                                                            core::Duration patience);

}  // namespace quintain::conformance
