// The transport to a live server: gRPC over TCP or a unix socket, in real time.
#pragma once

#include <absl/status/statusor.h>
#include <google/protobuf/descriptor.pb.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "conformance/transport.h"
#include "core/base/time.h"

namespace quintain::conformance {

/// How to reach a live target.
struct LiveOptions {
  /// HOST:PORT, [IPV6]:PORT or unix:PATH.
  std::string address{};
  /// How far times may be off: the manifest's grace.
  core::Duration slack = std::chrono::seconds(1);
  /// What a status_endpoint that is a path is put behind: "http://host:port". Empty: only endpoints
  /// that are whole URLs can be resolved.
  std::string status_endpoint_http{};
  /// What the target is said to serve; without it the target is asked (server reflection).
  std::optional<google::protobuf::FileDescriptorSet> descriptor{};

  /// The texts of PEM files.
  struct Tls {
    /// Whom to trust; empty: the system's authorities.
    std::string authorities{};
    /// The client's own certificate and key; both or neither.
    std::string certificate{};
    std::string key{};
  };
  /// Without it the target is spoken to in the clear.
  std::optional<Tls> tls{};
};

/// A live server. Transports may be made from any thread, and outlive it.
class LiveTarget {
 public:
  /// Nothing is connected yet: an transport's calls end with UNAVAILABLE if nobody answers there.
  /// An error if the options make no sense, with what would.
  static absl::StatusOr<LiveTarget> of(LiveOptions options);

  /// An transport with a connection of its own, so that what one case does to its connection (bytes
  /// that are no gRPC, messages beyond the target's limit) leaves the others alone.
  std::unique_ptr<Transport> make_arm() const;

  const std::string& address() const { return options_->address; }

 private:
  explicit LiveTarget(std::shared_ptr<const LiveOptions> options) : options_(std::move(options)) {}

  std::shared_ptr<const LiveOptions> options_;
};

}  // namespace quintain::conformance
