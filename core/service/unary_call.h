// A call with one answer, from its bytes to its answer.
#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "core/function_service.h"
#include "core/service/answers.h"
#include "core/service/decoding.h"
#include "core/service/message_pool.h"
#include "core/service/served_call.h"

namespace quintain::core::service {

/// `kMethod`: the method of FunctionService. `Mutex`: that of the transport's pools of requests.
///
/// Its life: decode(), start(), any number of on_gone(), and, perhaps within start(), reply() or
/// finish() of the transport; sent() if it watches(). The transport destroys it at any time after
/// its answer, but not within start().
template <class Request, class Response, auto kMethod, class Mutex>
class UnaryCall final : public ServedCall, private UnaryCaller<Response> {
 public:
  using Pool = MessagePool<Request, Mutex>;

  UnaryCall(ServicePort& port, UnaryTransport& transport, const Arrival& arrival)
      : ServedCall(port, *this, transport, arrival), transport_(transport) {}

  /// Decodes the request into a message of the pool. Called once, before start(), on any thread.
  void decode(Pool& pool, RequestBytes& bytes) {
    request_ = pool.lease(bytes.size());
    set_decoded(service::decode(bytes, *request_), bytes.size());
  }

  /// Passes the request to the service, whose answer may be sent before this returns. Serial
  /// context only.
  void start() {
    // The service keeps nothing of a request, so that the next call can use its memory.
    const typename Pool::Lease request = std::move(request_);
    if (const auto status = admission(); !status.ok()) return refuse(status);
    if (may_have_large_answer(*request)) {
      const auto status = check_room_for_large_answer();
      if (!status.ok()) return refuse(status);
    }
    FunctionService& service = *port_.service();
    Answer<Response> answer(*this);
    if constexpr (std::is_same_v<Request, spearlet::InvokeFunctionRequest>) {
      (service.*kMethod)(std::move(*request), context(), std::move(answer));
    } else {
      (service.*kMethod)(*request, std::move(answer));
    }
  }

 private:
  void deliver(Response&& response) override {
    // The one rule for a deadline that has passed: the call gets DEADLINE_EXCEEDED, whatever became
    // of its execution, which its record tells.
    const spearlet::ExecutionStatus outcome = outcome_of(response);
    if (is_late()) {
      return end(absl::DeadlineExceededError("the deadline of the call has passed"), outcome);
    }
    add_public_url(port_.limits().public_url, response);
    const std::size_t size = response.ByteSizeLong();
    if (const auto status = check_size(size); !status.ok()) return refuse(status);
    record_end(absl::OkStatus(), outcome);
    add_unsent(static_cast<std::int64_t>(size));
    watch_sending_of(size);
    transport_.reply(response);
  }

  void refuse(const absl::Status& status) override {
    end(status, spearlet::EXECUTION_STATUS_UNSPECIFIED);
  }
  void end(const absl::Status& status, spearlet::ExecutionStatus outcome) {
    record_end(status, outcome);
    transport_.finish(status);
  }

  UnaryTransport& transport_;
  typename Pool::Lease request_;
};

}  // namespace quintain::core::service
