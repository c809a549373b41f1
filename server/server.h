// A node served over gRPC and HTTP.
#pragma once

#include <absl/status/statusor.h>

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/environment.h"
#include "core/durability/durable_node.h"
#include "core/function_service.h"
#include "core/node_config.h"
#include "core/runtime.h"
#include "core/task_registry.h"
#include "server/access.h"
#include "server/listen.h"
#include "server/log.h"

namespace quintain::server {

/// Limits that protect the server from its clients. 0 means gRPC's default, except where stated
/// otherwise.
struct ServerLimits {
  /// A larger request is rejected with RESOURCE_EXHAUSTED.
  int message_bytes = 4 << 20;
  /// A larger answer is replaced by RESOURCE_EXHAUSTED. The default is the limit of protobuf.
  std::size_t answer_bytes = std::numeric_limits<std::int32_t>::max();
  /// Bytes of the metadata of one call, including 32 bytes for each entry. A call with more is
  /// rejected with RESOURCE_EXHAUSTED; with four times as much, and at least 64 KiB, the connection
  /// is closed.
  int metadata_bytes = 8 << 10;
  /// Calls that one connection may have open; further ones wait at the client.
  int streams_per_connection = 1000;
  /// Bytes of memory that clients may make this process occupy: a half for what the node keeps, a
  /// quarter for gRPC's buffers, the rest for answers that wait and for the process itself. When
  /// the process occupies more, the connections that send most are closed. 0: a quarter of the
  /// memory of the machine or of its cgroup.
  std::size_t memory_bytes = 0;
  /// Bytes of a stream's output that may wait for its reader. At half of it the function is held
  /// back.
  int stream_buffer_bytes = 1 << 20;
  /// A client that has pinged more often than this `ping_strikes` times is disconnected.
  std::chrono::milliseconds min_ping_interval = std::chrono::seconds(10);
  int ping_strikes = 2;
  /// The server pings a client that has been silent for `keepalive`, and disconnects it if the ping
  /// is not answered within `keepalive_timeout`.
  std::chrono::milliseconds keepalive = std::chrono::minutes(2);
  std::chrono::milliseconds keepalive_timeout = std::chrono::seconds(20);
  /// A connection without a call is closed after this time.
  std::chrono::milliseconds connection_idle{0};
  /// A connection is closed at this age, with a grace period of one minute for its calls.
  std::chrono::milliseconds connection_age{0};
  /// The time from the connection to the end of its handshakes.
  std::chrono::milliseconds handshake = std::chrono::seconds(20);
};

/// Makes the runtime in which functions run. Called once, in the serial context. The executor is
/// that of the context, for a runtime that waits on descriptors. Both arguments outlive the
/// runtime.
using RuntimeFactory =
    std::function<std::unique_ptr<core::Runtime>(core::Environment&, boost::asio::any_io_executor)>;

/// Makes a decorator of the node's service, which receives every call over gRPC and HTTP. It is
/// destroyed after the node and must not use `inner` in its destructor.
using ServiceDecorator = std::function<std::unique_ptr<core::FunctionService>(
    core::FunctionService& inner, core::Environment&)>;

struct ServerOptions {
  /// Addresses for gRPC: HOST:PORT or unix:PATH. Port 0 lets the system choose.
  std::vector<std::string> listen;
  /// The address for HTTP: HOST:PORT. Empty: no HTTP.
  std::string http;
  /// The address for /healthz and /metrics, without TLS and access list: HOST:PORT. Empty: none.
  std::string probes{};
  /// TLS for gRPC and HTTP. The files are read again every 10 s.
  TlsFiles tls{};
  ServerLimits limits{};
  /// How long executions may continue once the server drains.
  std::chrono::milliseconds drain_timeout = std::chrono::seconds(30);
  /// How long a drained server waits for callers of ASYNC executions to read their results.
  std::chrono::milliseconds drain_linger{0};
  /// The URL under which clients reach the HTTP server. Stands before "/status/ID" in answers;
  /// empty: nothing does.
  std::string public_url{};
  /// Who may call; nullptr: everybody.
  std::shared_ptr<const AccessList> access{};
  /// Write a line for every call that ends.
  bool log_calls = false;
  /// The environment's time (service times, timeouts, retention) is real time multiplied by this.
  double speed = 1.0;
  /// The seed of random numbers and ids; nullopt: an unpredictable one.
  std::optional<std::uint64_t> seed{};
  /// The file in which the node keeps what it has promised (docs/durability.md). Empty: it forgets
  /// everything when it ends.
  std::string store{};
  /// With a store: what becomes of executions that were running when the node's process ended.
  core::RestartPolicy restart = core::RestartPolicy::kFail;
  core::NodeConfig node{};
  std::vector<core::TaskSpec> tasks{};
  RuntimeFactory runtime;
  ServiceDecorator decorator{};
  Log log{};
};

/// A running server. Its functions may be called on any thread, but within the serial context only
/// where stated.
class Server {
 public:
  /// Starts the server, which answers calls from then on. An error has one line for each invalid
  /// option or unavailable address.
  static absl::StatusOr<std::unique_ptr<Server>> start(ServerOptions options);

  /// Like stop() and wait(), if wait() has not returned yet.
  ~Server();

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// The addresses of gRPC, in the order of the options, with the actual ports.
  const std::vector<std::string>& addresses() const;

  /// The address of HTTP; empty if it is not served.
  const std::string& http_address() const;

  /// The address for probes; empty if there is none.
  const std::string& probes_address() const;

  /// Accepts no new executions from now on, but answers all other calls. Waiting and running
  /// executions continue until the drain timeout, at which they are cancelled. wait() returns
  /// afterwards. Further calls have no effect. May be called within the serial context.
  void drain();

  /// Ends everything at once: running attempts are killed, and unanswered calls are rejected with
  /// UNAVAILABLE. wait() returns soon afterwards. May be called within the serial context.
  void stop();

  /// Replaces the access list, for calls that arrive from now on. Thread-safe.
  void set_access(std::shared_ptr<const AccessList> access);

  /// Reads the files of certificates now. New connections use them; a problem is logged and changes
  /// nothing. Thread-safe.
  void read_certificates();

  /// Waits until the server has drained or been stopped, then shuts it down. Returns whether
  /// everything ended before the drain timeout. Must be called at most once.
  bool wait();

  /// Returns the serial context's executor, for signals. Its users must be destroyed before the
  /// server.
  boost::asio::any_io_executor executor();

 private:
  class Implementation;
  explicit Server(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace quintain::server
