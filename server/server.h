// A node served for real: spearlet.FunctionService over gRPC, and what belongs to it over HTTP.
#pragma once

#include <absl/status/statusor.h>

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/environment.h"
#include "core/function_service.h"
#include "core/node_config.h"
#include "core/runtime.h"
#include "core/task_registry.h"
#include "server/log.h"
#include "server/tls.h"

namespace quintain::server {

/// What protects the server from its clients. 0 means what gRPC does by itself, unless said
/// otherwise.
struct ServerLimits {
  /// A larger message is refused with RESOURCE_EXHAUSTED.
  int message_bytes = 4 << 20;
  /// All metadata of one call, 32 bytes added for each entry. More is refused with
  /// RESOURCE_EXHAUSTED; four times as much, and at least 64 KiB, costs the connection.
  int metadata_bytes = 8 << 10;
  /// Calls that one connection may have open; more wait at the client.
  int streams_per_connection = 1000;
  /// Bytes that gRPC may use for all connections together; it slows down and refuses beyond.
  std::size_t memory_bytes = 0;
  /// Bytes of a stream's output that may wait for its reader. A slower one loses the call.
  std::size_t stream_buffer_bytes = 8 << 20;
  /// A client that pings more often than this, strikes times, is disconnected.
  std::chrono::milliseconds min_ping_interval = std::chrono::seconds(10);
  int ping_strikes = 2;
  /// The server pings a client that has been silent for so long, and drops it if that is not
  /// answered in time.
  std::chrono::milliseconds keepalive = std::chrono::minutes(2);
  std::chrono::milliseconds keepalive_timeout = std::chrono::seconds(20);
  /// A connection without a call is closed after this time.
  std::chrono::milliseconds connection_idle{0};
  /// A connection is closed, with a grace for its calls, when it is so old.
  std::chrono::milliseconds connection_age{0};
  /// From the connection to the end of its handshakes.
  std::chrono::milliseconds handshake = std::chrono::seconds(20);
};

/// Makes the runtime in which functions run. Called once, in the serial context; the executor is
/// the context's, for a runtime that waits on descriptors. Both outlive the runtime.
using RuntimeFactory =
    std::function<std::unique_ptr<core::Runtime>(core::Environment&, boost::asio::any_io_executor)>;

/// Puts something in front of the node's service, for every call over gRPC and HTTP. It is
/// destroyed after the node; from then on it must not use `inner`.
using ServiceDecorator = std::function<std::unique_ptr<core::FunctionService>(
    core::FunctionService& inner, core::Environment&)>;

struct ServerOptions {
  /// For gRPC: HOST:PORT or unix:PATH. Port 0 lets the system choose.
  std::vector<std::string> listen;
  /// For HTTP: HOST:PORT. Empty: no HTTP.
  std::string http;
  /// For both.
  TlsFiles tls{};
  ServerLimits limits{};
  /// How long what runs may go on once the server drains.
  std::chrono::milliseconds drain_timeout = std::chrono::seconds(30);
  /// The environment's time passes so many times as fast as the clock on the wall: service times,
  /// timeouts, retention.
  double speed = 1.0;
  /// What random numbers and ids are made from. None: from the operating system.
  std::optional<std::uint64_t> seed{};
  core::NodeConfig node{};
  std::vector<core::TaskSpec> tasks{};
  RuntimeFactory runtime;
  ServiceDecorator decorator{};
  Log log{};
};

/// A running server. Its calls may come from any thread, but not from the serial context unless
/// said so.
class Server {
 public:
  /// Listens, and answers from then on. What is wrong with the options, or why an address can't be
  /// had, is told one line each.
  static absl::StatusOr<std::unique_ptr<Server>> start(ServerOptions options);

  /// stop(), if wait() has not come back yet.
  ~Server();

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Where gRPC is served, in the order of the options, with the ports that they really have.
  const std::vector<std::string>& addresses() const;

  /// Where HTTP is served; empty if it is not.
  const std::string& http_address() const;

  /// Takes no new executions from now on, but answers all other calls; what waits and runs goes on
  /// until the drain timeout, and is cancelled by force then. wait() comes back afterwards. From
  /// any context; again has no effect.
  void drain();

  /// Ends everything at once: what runs is killed, what waits for an answer is refused with
  /// UNAVAILABLE. wait() comes back soon. From any context.
  void stop();

  /// Waits until the server has drained or was stopped, then shuts it down. True: everything ended
  /// before the drain timeout. To be called once.
  bool wait();

  /// The serial context's, for signals. What uses it must be gone before the server is.
  boost::asio::any_io_executor executor();

 private:
  class Implementation;
  explicit Server(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace quintain::server
