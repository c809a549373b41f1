// A gRPC proxy that gives any server a generated fault.
#pragma once

#include <absl/status/statusor.h>

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "conformance/mutation/mutation.h"

namespace quintain::conformance {

struct ProxyOptions {
  /// Where clients connect: HOST:PORT, [IPV6]:PORT or unix:PATH. Port 0: the system chooses one.
  std::string listen{};
  /// The server to which calls are forwarded.
  std::string target{};
};

/// Forwards every call to a target, over connections without encryption, and changes those that
/// the mutation concerns (mutator.h). Calls of other services, such as server reflection, pass
/// unchanged, as long as they send one request. Metadata is not forwarded. Thread-safe.
class MutatingProxy {
 public:
  /// Starts to listen. The error says what is wrong with an option. The target need not be there
  /// yet: without it calls end with UNAVAILABLE.
  /// Requires: the mutation outlives the proxy.
  static absl::StatusOr<std::unique_ptr<MutatingProxy>> start(const Mutation& mutation,
                                                              const ProxyOptions& options);

  /// Ends the open calls.
  ~MutatingProxy();

  MutatingProxy(const MutatingProxy&) = delete;
  MutatingProxy& operator=(const MutatingProxy&) = delete;

  /// Where it listens, with the port that the system chose.
  const std::string& address() const;

  /// How many messages, calls and answers it has changed so far.
  std::int64_t changes() const;

  /// For objects that wait for signals.
  boost::asio::any_io_executor executor();

 private:
  class Impl;

  explicit MutatingProxy(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace quintain::conformance
