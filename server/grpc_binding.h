// spearlet.FunctionService on gRPC, bound to the service of the core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

#include "core/function_service.h"
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
    /// Bytes of a stream's messages that may wait for their reader. If there are more, the call
    /// ends with RESOURCE_EXHAUSTED.
    std::size_t stream_buffer_bytes = 8 << 20;
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

 private:
  class Service;
  std::unique_ptr<Service> service_;
};

}  // namespace quintain::server
