// One way of reaching an implementation: it moves bytes and lets time pass.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/descriptor.pb.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/time.h"

namespace quintain::conformance {

/// A call on the wire.
struct WireCall {
  /// "/spearlet.FunctionService/InvokeFunction".
  std::string path{};
  /// The request's bytes.
  std::string request{};
  /// When the client gives up; never() without a deadline.
  core::Instant deadline = core::Instant::never();
  /// Any number of answers may come: a unary call has one.
  bool streaming = false;
  std::function<void(std::string bytes)> on_message{};
  /// The end, once, after the last message; not after abandon().
  std::function<void(absl::Status status)> on_end{};
};

/// What came back for an HTTP GET.
struct HttpAnswer {
  int code = 0;
  std::string body{};
};

/// A connection to one target. Used by one thread; what a call brings back is told on that thread,
/// within start() or run_until(). Cases that run side by side have an transport each.
class Transport {
 public:
  virtual ~Transport() = default;

  virtual core::Instant now() const = 0;

  virtual std::uint64_t start(WireCall call) = 0;
  // Gives the call's number.

  virtual void abandon(std::uint64_t call) = 0;
  // The client goes away; the call tells nothing more. Not for a call that has ended.

  virtual bool run_until(core::Instant until, const std::function<bool()>& done) = 0;
  // Lets answers arrive until done() holds, which is asked first and after each of them, or until
  // `until`. Gives done().

  virtual core::Duration slack() const = 0;
  // How far the times that a case measures may be off. None in virtual time.

  virtual absl::StatusOr<google::protobuf::FileDescriptorSet> describe() = 0;
  // What the target says that it serves.

  virtual absl::StatusOr<HttpAnswer> get(const std::string& endpoint) = 0;
  // Resolves a status_endpoint. An error if there is nothing that could resolve it.

  virtual absl::Status send_raw(std::string_view bytes) {
    static_cast<void>(bytes);
    return absl::UnimplementedError("this transport has no wire: it calls the target in memory");
  }
  // Sends bytes that need not be a call over a connection of their own, and returns once the target
  // has hung up or has had time enough to. An error if there is no connection to be had: an
  // transport without a wire has none.
};

}  // namespace quintain::conformance
