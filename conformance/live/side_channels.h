// How the live transport reaches a target other than by calls of the contract.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/descriptor.pb.h>

#include <chrono>
#include <string>
#include <string_view>

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

/// Sends bytes that need not be gRPC: connects, sends them, closes the sending side and reads until
/// the peer closes the connection or `patience` has passed. An early close by the peer is not an
/// error; a failure to connect is.
absl::Status send_raw_bytes(const Address& to, std::string_view bytes,
                            std::chrono::milliseconds patience);

/// GETs a status_endpoint: a URL as it is, a path relative to `base` ("http://host:port"). Every
/// HTTP status is an answer, 404 too. An error if the endpoint makes no URL, or if there is no
/// answer within `patience`.
absl::StatusOr<HttpAnswer> http_get(const std::string& base, const std::string& endpoint,
                                    std::chrono::milliseconds patience);

/// The files that describe the target's services, from gRPC server reflection (v1alpha, else v1),
/// without gRPC's own services and protobuf's own files. An error if the target has no reflection,
/// or if it takes longer than `patience` in total.
absl::StatusOr<google::protobuf::FileDescriptorSet> reflect(Transport& transport,
                                                            core::Duration patience);

}  // namespace quintain::conformance
