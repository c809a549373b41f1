// The ways of reaching a target: they move bytes and let time pass.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/descriptor.pb.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/time.h"

namespace quintain::core {
struct NodeConfig;
}

namespace quintain::conformance {

struct FaultyCore;

/// A call on the wire.
struct WireCall {
  /// "/spearlet.FunctionService/InvokeFunction".
  std::string path{};
  /// The bytes of the request.
  std::string request{};
  /// The RPC's deadline; never() for none.
  core::Instant deadline = core::Instant::never();
  /// The call may have any number of answers; a unary call has at most one.
  bool streaming = false;
  std::function<void(std::string bytes)> on_message{};
  /// Called once, after the last message; not after abandon().
  std::function<void(absl::Status status)> on_end{};
};

/// The response to an HTTP GET.
struct HttpAnswer {
  int code = 0;
  std::string body{};
};

/// A connection to one target. Used by one thread; the callbacks of calls run on that thread,
/// inside start() or run_until(). Cases that run concurrently have a transport each.
class Transport {
 public:
  virtual ~Transport() = default;

  virtual core::Instant now() const = 0;

  /// The wall-clock time by the client's clock, in UTC. In virtual time it is also the target's.
  virtual core::WallTime wall_now() const = 0;

  /// Sends a call and returns its number.
  virtual std::uint64_t start(WireCall call) = 0;

  /// Cancels a call as its client; none of its callbacks is called any more.
  /// Requires: the call has not ended.
  virtual void abandon(std::uint64_t call) = 0;

  /// Closes the connection and opens another one. Requires: no call is open.
  virtual void reconnect() = 0;

  /// Delivers answers until done() holds or until the given time. done() is evaluated first and
  /// after each answer. Returns the last value of done().
  virtual bool run_until(core::Instant until, const std::function<bool()>& done) = 0;

  /// Tolerance for the times that a case measures; zero in virtual time.
  virtual core::Duration slack() const = 0;

  /// The target's interface, as the target describes it.
  virtual absl::StatusOr<google::protobuf::FileDescriptorSet> describe() = 0;

  /// Resolves a status_endpoint. FAILED_PRECONDITION if the target declares no base for a path;
  /// PERMISSION_DENIED if it leads to another host, which is not called; INVALID_ARGUMENT if it is
  /// no URL; DATA_LOSS if the answer is too large; UNAVAILABLE if there is none in time.
  virtual absl::StatusOr<HttpAnswer> get(const std::string& endpoint) = 0;

  /// Tells the target to take no new work and to end once its executions have ended. An error if
  /// this transport cannot: a live target serves other cases too.
  virtual absl::Status drain() {
    return absl::UnimplementedError(
        "only a target that the suite has started (--spawn) is told to drain");
  }

  /// Kills the target without a warning, starts it again with what it has kept, and connects to it.
  /// UNIMPLEMENTED if this transport cannot; another error if the target does not start. Requires:
  /// no call is open.
  virtual absl::Status restart() {
    return absl::UnimplementedError(
        "only a target that the suite has started (--spawn) is killed and started again");
  }

  /// Counts memory that the caller keeps of the target's answers. DATA_LOSS if that is too much:
  /// then the answer must not be kept, and all calls end with the same error.
  virtual absl::Status keep(std::size_t bytes) {
    static_cast<void>(bytes);
    return absl::OkStatus();
  }

  /// Sends bytes that need not be a call over a separate connection, and then closes the sending
  /// side, or, if there is more to send, sends that after a short pause and leaves it open. Returns
  /// after the target has closed the connection or has had enough time to. An error if there is no
  /// connection; a transport without a wire has none.
  virtual absl::Status send_raw(std::string_view bytes, std::string_view after_a_pause = {}) {
    static_cast<void>(bytes);
    static_cast<void>(after_a_pause);
    return absl::UnimplementedError("this transport has no wire: it calls the target in memory");
  }
};

/// A transport in virtual time to a reference node of its own, whose world starts when the
/// transport is made. It carries bytes as gRPC would: malformed requests are refused, an unknown
/// method is UNIMPLEMENTED, and so on. Times are exact: calls themselves take no time.
///
/// `faulty` is the fault of the node or of the wire; nullptr for none.
std::unique_ptr<Transport> make_sim_transport(const core::NodeConfig& node,
                                              const FaultyCore* faulty);

}  // namespace quintain::conformance
