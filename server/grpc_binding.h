// spearlet.FunctionService on gRPC, bound to the core's: the one place where threads meet.
#pragma once

#include <cstddef>
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

/// Takes calls from gRPC's threads into the serial context and their answers back.
///
/// gRPC's threads decode, hand a call over and never wait. Everything else of a call, its answer
/// included, happens in the serial context. A call's object is held by gRPC until the call is
/// answered and done with, and by everything of it that is still on its way into the context; so it
/// is there whoever comes last.
class GrpcBinding {
 public:
  struct Limits {
    /// A call with more metadata is refused with RESOURCE_EXHAUSTED. Counted as HTTP/2 does: names,
    /// values, and 32 bytes for each.
    std::size_t metadata_bytes = 8 << 10;
    /// Bytes of a stream's messages that may wait for a reader. Beyond them the reader counts as
    /// gone, and the call ends with RESOURCE_EXHAUSTED.
    std::size_t stream_buffer_bytes = 8 << 20;
  };

  /// What is given must outlive the binding, and the context must run until the gRPC server has
  /// been shut down.
  GrpcBinding(SerialContext& context, RealEnvironment& environment, RpcMetrics& metrics,
              const Limits& limits, const Log& log);
  ~GrpcBinding();

  /// To be registered with a gRPC server.
  grpc::Service& grpc_service();

  /// From now on calls go to `service`; before, they are refused with UNAVAILABLE. Serial context
  /// only.
  void open(core::FunctionService& service);

  /// From now on calls are refused with UNAVAILABLE. Serial context only.
  void close();

 private:
  class Service;
  std::unique_ptr<Service> service_;
};

}  // namespace quintain::server
