// Where the calls of a transport enter a service.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "core/base/environment.h"
#include "core/function_service.h"
#include "core/service/call_load.h"

namespace quintain::core::service {

/// Limits that protect a transport from its clients. Plain data. Durations are in the time of the
/// environment.
struct CallLimits {
  /// A call with more metadata is rejected with RESOURCE_EXHAUSTED.
  std::size_t metadata_bytes = 8 << 10;
  /// A larger answer is replaced by RESOURCE_EXHAUSTED. The default is the limit of protobuf.
  std::size_t answer_bytes = std::numeric_limits<std::int32_t>::max();
  /// Calls that may be open at once. Further ones of a peer that has more than 16 are rejected with
  /// RESOURCE_EXHAUSTED.
  std::int64_t open_calls = 10'000;
  /// Bytes of all answers that wait for their readers. While there are more, large answers are
  /// replaced by RESOURCE_EXHAUSTED.
  std::int64_t unsent_bytes = std::int64_t{256} << 20;
  /// How long a large answer may take to be sent.
  Duration send_time = std::chrono::seconds(60);
  /// A caller that leaves this shortly before its deadline, or 1/64 of the time that it had, has
  /// run into the deadline by its own clock: see ServedCall.
  Duration deadline_margin = std::chrono::milliseconds(100);
  /// Stands before "/status/ID" in answers; empty: clients know where the server is.
  std::string public_url{};
};

/// What all calls of one transport share. Serial context only, except limits().
class ServicePort {
 public:
  /// Requires: all that is passed by reference outlives the port.
  ServicePort(Environment& environment, UnsentBytes& unsent, CallLimits limits)
      : environment_(environment), unsent_(unsent), limits_(std::move(limits)) {}

  ServicePort(const ServicePort&) = delete;
  ServicePort& operator=(const ServicePort&) = delete;

  /// From now on calls go to `service`; earlier ones are rejected with UNAVAILABLE.
  void open(FunctionService& service) { service_ = &service; }
  /// From now on calls are rejected with UNAVAILABLE.
  void close() { service_ = nullptr; }

  /// nullptr: it is closed.
  FunctionService* service() const { return service_; }
  Environment& environment() const { return environment_; }
  UnsentBytes& unsent() const { return unsent_; }
  const CallLimits& limits() const { return limits_; }

 private:
  Environment& environment_;
  UnsentBytes& unsent_;
  const CallLimits limits_;
  FunctionService* service_ = nullptr;
};

}  // namespace quintain::core::service
