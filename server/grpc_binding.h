// spearlet.FunctionService on gRPC, bound to the service of the core.
#pragma once

#include <cstdint>
#include <memory>

#include "core/function_service.h"
#include "core/service/service_port.h"
#include "server/call_supervisor.h"
#include "server/real_environment.h"
#include "server/serial_context.h"

namespace grpc {
class Service;
}

namespace quintain::server {

/// Moves calls from gRPC's threads into the serial context, and answers back to gRPC. What becomes
/// of a call between the two is decided by core/service/.
///
/// gRPC hands over messages as bytes, so that a malformed one is refused with a reason and counted.
/// gRPC's threads decode a call, post it to the context and never wait. Everything else of a call,
/// including its answer, happens in the serial context. The object of a call is owned jointly by
/// gRPC, until the call is done, and by the functions posted for it, so it outlives both gRPC and
/// any pending posts.
class GrpcBinding {
 public:
  /// `limits`: its durations are in real time. Requires: `context`, `environment` and `supervisor`
  /// outlive the binding, and the context runs until the gRPC server has been shut down.
  GrpcBinding(SerialContext& context, RealEnvironment& environment, CallSupervisor& supervisor,
              const core::service::CallLimits& limits);
  ~GrpcBinding();

  /// Returns the service that is to be registered with a gRPC server.
  grpc::Service& grpc_service();

  /// From now on calls go to `service`; earlier ones are rejected with UNAVAILABLE. Serial context
  /// only.
  void open(core::FunctionService& service);

  /// From now on calls are rejected with UNAVAILABLE. Serial context only.
  void close();

  /// The number of open calls, and the bytes of answers that wait for their readers. Thread-safe.
  std::int64_t open_calls() const;
  std::int64_t unsent_bytes() const;

 private:
  class Service;
  std::unique_ptr<Service> service_;
};

}  // namespace quintain::server
