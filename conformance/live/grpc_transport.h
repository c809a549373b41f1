// The transport to a live server: gRPC over TCP or a unix socket, in real time.
#pragma once

#include <absl/status/statusor.h>
#include <google/protobuf/descriptor.pb.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "conformance/transport.h"
#include "core/base/time.h"

namespace quintain::conformance {

/// How to reach a live target.
struct LiveOptions {
  /// HOST:PORT, [IPV6]:PORT or unix:PATH.
  std::string address{};
  /// Tolerance for measured times: the manifest's grace.
  core::Duration slack = std::chrono::seconds(1);
  /// Base URL ("http://host:port") for a status_endpoint that is a path. Empty: only endpoints that
  /// are URLs can be resolved.
  std::string status_endpoint_http{};
  /// Hosts other than the target's own and that of status_endpoint_http to which a status_endpoint
  /// may lead. What a target sends must not make the judge call anyone else.
  std::vector<std::string> endpoint_hosts{};
  /// Tells the target to drain. Empty: only the caller of the suite may do that.
  std::function<absl::Status()> drain{};
  /// Kills the target, starts it again and returns its address. Empty: only the caller of the suite
  /// may do that.
  std::function<absl::StatusOr<std::string>()> restart{};
  /// The target's interface. Without it the target is queried by server reflection.
  std::optional<google::protobuf::FileDescriptorSet> descriptor{};

  /// The contents of PEM files.
  struct Tls {
    /// Trusted certificate authorities; empty: those of the system.
    std::string authorities{};
    /// The client's certificate and key: both or neither.
    std::string certificate{};
    std::string key{};
  };
  /// Without it the connection is not encrypted.
  std::optional<Tls> tls{};
};

struct RunState;

/// A live server. Transports may be made on any thread and may outlive it.
///
/// Whatever the server sends, the memory that it takes is limited. A message has at most
/// kMaxMessageBytes; a call, the transport (Transport::keep()) and all transports of a target
/// together have limits as well. A call that exceeds one ends with DATA_LOSS. Compressed messages
/// are not read.
class LiveTarget {
 public:
  /// Validates the options; the error says what is expected. Nothing is connected yet: if the
  /// target is not reachable, calls end with UNAVAILABLE.
  static absl::StatusOr<LiveTarget> of(LiveOptions options);

  /// A transport with its own connection, so that a case that harms its connection (malformed
  /// bytes, oversized messages) does not affect other cases.
  std::unique_ptr<Transport> connect() const;

  const std::string& address() const { return options_->address; }

 private:
  explicit LiveTarget(std::shared_ptr<const LiveOptions> options);

  std::shared_ptr<const LiveOptions> options_;
  std::shared_ptr<RunState> run_;
};

}  // namespace quintain::conformance
