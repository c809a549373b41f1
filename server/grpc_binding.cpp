// gRPC's callback API bound to core::FunctionService. A call is a reactor, on which gRPC's threads
// call the On...() functions, and a core::UnaryCaller or StreamCaller, which the core calls in the
// serial context; this file is where these threads meet.
#include "server/grpc_binding.h"

#include <fmt/format.h>
#include <grpc/support/time.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <type_traits>
#include <utility>

#include "server/message_pool.h"
#include "spearlet/function.grpc.pb.h"

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace quintain::server {
namespace {

using std::chrono::steady_clock;

// gRPC synchronizes the uses of an object: a service is registered before it is called, and a call
// is accepted before it is cancelled or done. The thread sanitizer cannot see that, because gRPC
// was not compiled with it. These functions declare it: everything before hand_over(object) happens
// before everything after take_over(object).
void hand_over([[maybe_unused]] void* object) {
#ifdef __SANITIZE_THREAD__
  __tsan_release(object);
#endif
}
void take_over([[maybe_unused]] void* object) {
#ifdef __SANITIZE_THREAD__
  __tsan_acquire(object);
#endif
}

// What all calls share. `service` may be used in the serial context only, the rest on any thread.
struct Binding {
  SerialContext& context;
  RealEnvironment& environment;
  RpcMetrics& metrics;
  const GrpcBinding::Limits limits;
  const Log log;
  core::FunctionService* service = nullptr;
};

// The codes of both libraries have the same numbers.
grpc::Status to_grpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.raw_code()),
          std::string(status.message().data(), status.message().size())};
}

// The properties of a call at its arrival.
struct Arrival {
  explicit Arrival(const grpc::CallbackServerContext& call) : at(steady_clock::now()) {
    // A deadline on the wire can be 11,000 years away, which a time_point cannot represent.
    constexpr std::int64_t kNoDeadlineSeconds = std::int64_t{100} * 365 * 24 * 3600;
    const gpr_timespec then = call.raw_deadline();
    if (gpr_time_cmp(then, gpr_inf_future(then.clock_type)) < 0) {
      const gpr_timespec left = gpr_time_sub(then, gpr_now(then.clock_type));
      if (left.tv_sec < kNoDeadlineSeconds) {
        deadline = at + std::chrono::seconds(left.tv_sec) + std::chrono::nanoseconds(left.tv_nsec);
      }
    }
    for (const auto& [key, value] : call.client_metadata()) {
      metadata_bytes += key.size() + value.size() + kMetadataEntryBytes;
    }
  }

  // The overhead of an entry in the size of an HTTP/2 header list (RFC 9113, 6.5.2).
  static constexpr std::size_t kMetadataEntryBytes = 32;

  steady_clock::time_point at;
  // nullopt: none.
  std::optional<steady_clock::time_point> deadline;
  std::size_t metadata_bytes = 0;
};

// The common part of unary and streaming calls. Derived classes are also a gRPC reactor. Serial
// context only, except where stated otherwise.
template <class Call, class CallerType>
class CallBase : public CallerType, public std::enable_shared_from_this<Call> {
 protected:
  // NOLINTNEXTLINE(bugprone-crtp-constructor-accessibility): Call is only the shared type.
  CallBase(Binding& binding, Method method, const Arrival& arrival)
      : binding_(binding), method_(method), arrival_(arrival) {}

  // gRPC's threads. Holds gRPC's share in the call until on_done().
  void hold() {
    held_ = this->shared_from_this();
    hand_over(this);
  }
  void on_done() {
    take_over(this);
    held_.reset();
  }

  // gRPC's threads.
  void on_cancel() {
    take_over(this);
    binding_.context.post([call = this->shared_from_this()] { call->on_abandoned(); });
  }

  core::CallContext call_context() const {
    if (!arrival_.deadline) return {};
    return {.deadline = binding_.environment.instant_of(*arrival_.deadline)};
  }

  // Returns why the call cannot be passed to the service, or OK.
  absl::Status admission() const {
    if (binding_.service == nullptr) return absl::UnavailableError("the server is shut down");
    if (arrival_.metadata_bytes > binding_.limits.metadata_bytes) {
      return absl::ResourceExhaustedError(
          fmt::format("the call has {} bytes of metadata; at most {} are allowed",
                      arrival_.metadata_bytes, binding_.limits.metadata_bytes));
    }
    return absl::OkStatus();
  }

  // Returns why gRPC cannot send the message, or OK. A message of 4 GiB makes gRPC abort the
  // process.
  template <class Message>
  absl::Status check_size(const Message& message) const {
    const std::size_t size = message.ByteSizeLong();
    const std::size_t max = binding_.limits.answer_bytes;
    if (size <= max) return absl::OkStatus();
    return absl::ResourceExhaustedError(
        fmt::format("the answer has {} bytes; at most {} are allowed", size, max));
  }

  // Records the end of the call. Must be called once, before the answer is passed to gRPC, which
  // may destroy the call at once.
  void record_end(const absl::Status& status) {
    answered_ = true;
    until_deadline_.reset();
    binding_.metrics.count(method_, status.code(), steady_clock::now() - arrival_.at);
    if (status.ok()) return;
    const std::string_view message(status.message().data(), status.message().size());
    if (status.code() == absl::StatusCode::kInternal) {
      binding_.log.error("internal-error", {{"method", name_of(method_)}, {"message", message}});
    } else if (binding_.log.debugging()) {
      binding_.log.debug("refused", {{"method", name_of(method_)},
                                     {"code", absl::StatusCodeToString(status.code())},
                                     {"message", message}});
    }
  }

  bool answered() const { return answered_; }

  Binding& binding_;

 private:
  // The client has cancelled or disconnected, or the deadline has passed.
  //
  // Three timers implement the deadline: the core's, gRPC's in this process, and the client's,
  // which cancels the call. The last two look alike and may fire first, although the call has not
  // been abandoned but has timed out. So a call that is cancelled near its deadline, or after it,
  // leaves the core only when the core has handled the deadline itself. "Near": gRPC rounds a
  // deadline up by at most 1 %, and the request takes some time to arrive.
  void on_abandoned() {
    if (answered_) return;
    if (arrival_.deadline) {
      const auto remaining = *arrival_.deadline - steady_clock::now();
      const auto total = *arrival_.deadline - arrival_.at;
      if (remaining < std::chrono::milliseconds(100) + total / 64) {
        until_deadline_.emplace(
            binding_.environment, [](void* self) { static_cast<CallBase*>(self)->leave(); }, this);
        until_deadline_->arm(binding_.environment.instant_of(*arrival_.deadline),
                             core::Precedence::kOther);
        return;
      }
    }
    this->leave();
  }

  const Method method_;
  const Arrival arrival_;
  std::shared_ptr<Call> held_;
  bool answered_ = false;
  std::optional<core::Timer> until_deadline_;
};

// A call with one answer.
template <class Request, class Response, Method kMethod, auto kCall>
class UnaryCall final
    : public CallBase<UnaryCall<Request, Response, kMethod, kCall>, core::UnaryCaller<Response>>,
      public grpc::ServerUnaryReactor {
  using Base = CallBase<UnaryCall, core::UnaryCaller<Response>>;

 public:
  using Pool = MessagePool<Request, Response>;

  // gRPC's threads. Requires: the messages of the method come from a Pool.
  static grpc::ServerUnaryReactor* accept(Binding& binding, grpc::CallbackServerContext& context) {
    // The call's share in the messages; gRPC has the other one.
    typename Pool::Lease messages(
        static_cast<typename Pool::Messages*>(context.GetRpcAllocatorState()));
    auto call = std::make_shared<UnaryCall>(binding, context, std::move(messages));
    call->hold();
    binding.context.post([call] { call->start(); });
    return call.get();
  }

  UnaryCall(Binding& binding, const grpc::CallbackServerContext& context,
            typename Pool::Lease messages)
      : Base(binding, kMethod, Arrival(context)), messages_(std::move(messages)) {}

 private:
  void start() {
    if (const auto status = this->admission(); !status.ok()) return refuse(status);
    core::FunctionService* service = this->binding_.service;
    core::Answer<Response> answer(*this);
    if constexpr (std::is_same_v<Request, spearlet::InvokeFunctionRequest>) {
      (service->*kCall)(std::move(*messages_->request()), this->call_context(), std::move(answer));
    } else {
      (service->*kCall)(*messages_->request(), std::move(answer));
    }
  }

  void deliver(Response&& response) override {
    if (const auto status = this->check_size(response); !status.ok()) return refuse(status);
    *messages_->response() = std::move(response);
    this->record_end(absl::OkStatus());
    Finish(grpc::Status::OK);
  }

  void refuse(const absl::Status& status) override {
    this->record_end(status);
    Finish(to_grpc(status));
  }

  // gRPC's threads.
  void OnCancel() override { this->on_cancel(); }
  void OnDone() override { this->on_done(); }
  // OnCancel() and OnDone() never wait and hold no lock, so gRPC may call them inline.
  bool InternalInlineable() override { return true; }

  const typename Pool::Lease messages_;
};

// A call of StreamFunction. gRPC accepts one write at a time; further messages wait in a queue.
class StreamCall final
    : public CallBase<StreamCall, core::StreamCaller<spearlet::StreamExecutionResult>>,
      public grpc::ServerWriteReactor<spearlet::StreamExecutionResult> {
  using Message = spearlet::StreamExecutionResult;

 public:
  // gRPC's threads.
  static grpc::ServerWriteReactor<Message>* accept(Binding& binding,
                                                   const grpc::CallbackServerContext& context,
                                                   const spearlet::InvokeFunctionRequest* request) {
    auto call = std::make_shared<StreamCall>(binding, context, request);
    call->hold();
    binding.context.post([call] { call->start(); });
    return call.get();
  }

  StreamCall(Binding& binding, const grpc::CallbackServerContext& context,
             const spearlet::InvokeFunctionRequest* request)
      : CallBase(binding, Method::kStreamFunction, Arrival(context)),
        request_(std::move(*const_cast<spearlet::InvokeFunctionRequest*>(request))) {}

 private:
  void start() {
    if (const auto status = admission(); !status.ok()) return finish(status);
    binding_.service->StreamFunction(std::move(request_), call_context(),
                                     core::StreamAnswer<Message>(*this));
  }

  void write(Message&& message) override {
    if (broken_ || abort_) return;
    if (auto status = check_size(message); !status.ok()) return abort(std::move(status));
    if (!writing_) return start_write(std::move(message));
    waiting_bytes_ += message.ByteSizeLong();
    waiting_.push_back(std::move(message));
    if (waiting_bytes_ <= binding_.limits.stream_buffer_bytes) return;
    abort(absl::ResourceExhaustedError("the stream's reader is too slow"));
  }

  void abort(absl::Status status) {
    abort_ = std::move(status);
    waiting_.clear();
    // The core must not be called back from within its call.
    binding_.context.post([call = shared_from_this()] {
      if (!call->answered()) call->leave();
    });
  }

  void finish(const absl::Status& status) override {
    end_ = abort_ ? *abort_ : status;
    record_end(*end_);
    if (!writing_) Finish(to_grpc(*end_));
  }

  void start_write(Message&& message) {
    writing_ = true;
    current_ = std::move(message);
    hand_over(this);
    StartWrite(&current_);
  }

  void written(bool ok) {
    writing_ = false;
    if (!ok) {
      broken_ = true;
      waiting_.clear();
    }
    if (!waiting_.empty()) {
      Message next = std::move(waiting_.front());
      waiting_.pop_front();
      waiting_bytes_ -= next.ByteSizeLong();
      return start_write(std::move(next));
    }
    if (end_) Finish(to_grpc(*end_));
  }

  // gRPC's threads.
  void OnWriteDone(bool ok) override {
    take_over(this);
    binding_.context.post([call = shared_from_this(), ok] { call->written(ok); });
  }
  void OnCancel() override { on_cancel(); }
  void OnDone() override { on_done(); }

  spearlet::InvokeFunctionRequest request_;
  Message current_;
  bool writing_ = false;
  std::deque<Message> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool broken_ = false;                // a write has failed: the reader has gone
  std::optional<absl::Status> abort_;  // why the binding has ended the call
  std::optional<absl::Status> end_;
};

// Applies a macro to the name of every unary method of the contract.
#define QUINTAIN_FOR_UNARY_METHODS(APPLY) \
  APPLY(InvokeFunction)                   \
  APPLY(GetExecutionStatus)               \
  APPLY(CancelExecution)                  \
  APPLY(ListTasks)                        \
  APPLY(GetTask)                          \
  APPLY(DeleteTask)                       \
  APPLY(ListExecutions)                   \
  APPLY(GetHealth)                        \
  APPLY(GetStats)

}  // namespace

// gRPC's threads call the methods of the contract.
class GrpcBinding::Service final : public spearlet::FunctionService::CallbackService {
 public:
  Service(SerialContext& context, RealEnvironment& environment, RpcMetrics& metrics,
          const Limits& limits, const Log& log)
      : binding_{context, environment, metrics, limits, log} {
#define QUINTAIN_SET_ALLOCATOR(name) SetMessageAllocatorFor_##name(&name##_messages_);
    QUINTAIN_FOR_UNARY_METHODS(QUINTAIN_SET_ALLOCATOR)
#undef QUINTAIN_SET_ALLOCATOR
    hand_over(this);
  }

  Binding& binding() { return binding_; }

 private:
  // The messages that gRPC passes belong to the pool; the context has the reference to them.
#define QUINTAIN_SERVE(name)                                                                \
  MessagePool<spearlet::name##Request, spearlet::name##Response> name##_messages_;          \
  grpc::ServerUnaryReactor* name(grpc::CallbackServerContext* context,                      \
                                 const spearlet::name##Request*, spearlet::name##Response*) \
      override {                                                                            \
    take_over(this);                                                                        \
    return UnaryCall<spearlet::name##Request, spearlet::name##Response, Method::k##name,    \
                     &core::FunctionService::name>::accept(binding_, *context);             \
  }
  QUINTAIN_FOR_UNARY_METHODS(QUINTAIN_SERVE)
#undef QUINTAIN_SERVE

  grpc::ServerWriteReactor<spearlet::StreamExecutionResult>* StreamFunction(
      grpc::CallbackServerContext* context,
      const spearlet::InvokeFunctionRequest* request) override {
    take_over(this);
    return StreamCall::accept(binding_, *context, request);
  }

  Binding binding_;
};

GrpcBinding::GrpcBinding(SerialContext& context, RealEnvironment& environment, RpcMetrics& metrics,
                         const Limits& limits, const Log& log)
    : service_(std::make_unique<Service>(context, environment, metrics, limits, log)) {}

GrpcBinding::~GrpcBinding() = default;

grpc::Service& GrpcBinding::grpc_service() { return *service_; }

void GrpcBinding::open(core::FunctionService& service) { service_->binding().service = &service; }

void GrpcBinding::close() { service_->binding().service = nullptr; }

}  // namespace quintain::server
