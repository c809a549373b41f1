// spearlet.FunctionService on gRPC, bound to the service of the core.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "core/function_service.h"
#include "server/access.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/real_environment.h"
#include "server/serial_context.h"

namespace grpc {
class Service;
}

namespace quintain::server {

/// Moves calls from gRPC's threads into the serial context, and answers back to gRPC.
///
/// gRPC hands over messages as bytes, so that a malformed one is refused with a reason and counted.
/// gRPC's threads decode a call, post it to the context and never wait. Everything else of a call,
/// including its answer, happens in the serial context. The object of a call is owned jointly by
/// gRPC, until the call is done, and by the functions posted for it, so it outlives both gRPC and
/// any pending posts.
class GrpcBinding {
 public:
  struct Limits {
    /// A call with more metadata is rejected with RESOURCE_EXHAUSTED. The size is counted as in
    /// HTTP/2: names, values, and 32 bytes for each entry.
    std::size_t metadata_bytes = 8 << 10;
    /// A larger answer is replaced by RESOURCE_EXHAUSTED. The default is the limit of protobuf.
    std::size_t answer_bytes = std::numeric_limits<std::int32_t>::max();
    /// Calls that may be open at once. Further ones of a connection that has more than 16 are
    /// rejected with RESOURCE_EXHAUSTED.
    std::int64_t open_calls = 10'000;
    /// Bytes of all answers that wait for their readers. While there are more, large answers are
    /// replaced by RESOURCE_EXHAUSTED.
    std::int64_t unsent_bytes = std::int64_t{256} << 20;
    /// How long a large answer may take to be sent.
    std::chrono::milliseconds send_time = std::chrono::seconds(60);
    /// Stands before "/status/ID" in answers; empty: clients know where the server is.
    std::string public_url{};
    /// Write a line for every call that ends, not only for refused ones.
    bool log_calls = false;
  };

  /// Requires: `context`, `environment` and `metrics` outlive the binding, and the context runs
  /// until the gRPC server has been shut down.
  GrpcBinding(SerialContext& context, RealEnvironment& environment, RpcMetrics& metrics,
              const Limits& limits, const Log& log);
  ~GrpcBinding();

  /// Returns the service that is to be registered with a gRPC server.
  grpc::Service& grpc_service();

  /// From now on calls go to `service`; earlier ones are rejected with UNAVAILABLE. Serial context
  /// only.
  void open(core::FunctionService& service);

  /// From now on calls are rejected with UNAVAILABLE. Serial context only.
  void close();

  /// From now on only these callers are admitted, as their roles allow; nullptr: everybody.
  /// Thread-safe.
  void set_access(std::shared_ptr<const AccessList> list);

  /// The access list of now. Thread-safe.
  std::shared_ptr<const AccessList> access() const;

  /// Tells `owners` who calls, and limits the executions of callers as the access list says. Called
  /// before open(). Serial context only; `owners` must outlive the binding.
  void limit_executions(ExecutionOwners& owners);

  /// The number of open calls, and the bytes of answers that wait for their readers. Thread-safe.
  std::int64_t open_calls() const;
  std::int64_t unsent_bytes() const;

 private:
  class Service;
  std::unique_ptr<Service> service_;
};

}  // namespace quintain::server
