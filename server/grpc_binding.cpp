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

// gRPC orders what it does with an object: a service is registered before it is called, a call is
// accepted before it is cancelled or done with. The thread sanitizer does not see how, for it has
// not seen gRPC being compiled. So it is told: what was done before hand_over(object) is done
// before what comes after take_over(object).
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

// What all calls need.
struct Binding {
  SerialContext& context;
  RealEnvironment& environment;
  RpcMetrics& metrics;
  const GrpcBinding::Limits limits;
  const Log log;

  // Serial context only.
  core::FunctionService* service = nullptr;
};

// The codes of the two are the same numbers.
grpc::Status to_grpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.raw_code()),
          std::string(status.message().data(), status.message().size())};
}

// What gRPC knows of a call when it comes.
struct Arrival {
  explicit Arrival(const grpc::CallbackServerContext& call) : at(steady_clock::now()) {
    // The wire can say 11,000 years, which a time_point can't.
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

  // As HTTP/2 counts the size of a header list (RFC 9113, 6.5.2).
  static constexpr std::size_t kMetadataEntryBytes = 32;

  steady_clock::time_point at;
  // How long the caller is prepared to wait.
  std::optional<steady_clock::time_point> deadline;
  std::size_t metadata_bytes = 0;
};

// One call, whatever its shape. Derived classes are also a gRPC reactor. All of it happens in the
// serial context unless said otherwise.
template <class Call, class CallerType>
class CallBase : public CallerType, public std::enable_shared_from_this<Call> {
 protected:
  // NOLINTNEXTLINE(bugprone-crtp-constructor-accessibility): Call is what is shared, no more.
  CallBase(Binding& binding, Method method, const Arrival& arrival)
      : binding_(binding), method_(method), arrival_(arrival) {}

  // gRPC's threads. Its share in the call, which it keeps until on_done().
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
    binding_.context.post([call = this->shared_from_this()] { call->abandoned(); });
  }

  core::CallContext call_context() const {
    if (!arrival_.deadline) return {};
    return {.deadline = binding_.environment.instant_of(*arrival_.deadline)};
  }

  // Why the call can't go to the service; OK if it can.
  absl::Status obstacle() const {
    if (binding_.service == nullptr) return absl::UnavailableError("the server is shut down");
    if (arrival_.metadata_bytes > binding_.limits.metadata_bytes) {
      return absl::ResourceExhaustedError(
          fmt::format("the call has {} bytes of metadata and may have {}", arrival_.metadata_bytes,
                      binding_.limits.metadata_bytes));
    }
    return absl::OkStatus();
  }

  // To be called once, before the answer is given to gRPC, which may destroy the call at once.
  void settle(const absl::Status& status) {
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
  // The client has cancelled, or has gone, or its deadline has passed.
  //
  // The deadline reaches us by three ways: the core's own timer, gRPC's timer here, and the
  // client's, which cancels. The last two look the same and may come first, though the call is not
  // abandoned but out of time. So a call that ends about its deadline, or after it, is left when
  // the core has done what is due then. "About": gRPC rounds a deadline up by at most 1 % on its
  // way, and the request needs some time to come here.
  void abandoned() {
    if (answered_) return;
    if (arrival_.deadline) {
      const auto left = *arrival_.deadline - steady_clock::now();
      const auto whole = *arrival_.deadline - arrival_.at;
      if (left < std::chrono::milliseconds(100) + whole / 64) {
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

  // gRPC's threads. The method's messages must come from such a pool.
  static grpc::ServerUnaryReactor* accept(Binding& binding, grpc::CallbackServerContext& context) {
    // The call's share in them; the other one is gRPC's.
    typename Pool::Lease messages(
        static_cast<typename Pool::Messages*>(context.GetRpcAllocatorState()));
    auto call = std::make_shared<UnaryCall>(binding, context, std::move(messages));
    call->hold();
    binding.context.post([call] { call->begin(); });
    return call.get();
  }

  UnaryCall(Binding& binding, const grpc::CallbackServerContext& context,
            typename Pool::Lease messages)
      : Base(binding, kMethod, Arrival(context)), messages_(std::move(messages)) {}

 private:
  void begin() {
    if (const auto status = this->obstacle(); !status.ok()) return refuse(status);
    core::FunctionService* service = this->binding_.service;
    core::Answer<Response> answer(*this);
    if constexpr (std::is_same_v<Request, spearlet::InvokeFunctionRequest>) {
      (service->*kCall)(std::move(*messages_->request()), this->call_context(), std::move(answer));
    } else {
      (service->*kCall)(*messages_->request(), std::move(answer));
    }
  }

  void deliver(Response&& response) override {
    *messages_->response() = std::move(response);
    this->settle(absl::OkStatus());
    Finish(grpc::Status::OK);
  }

  void refuse(const absl::Status& status) override {
    this->settle(status);
    Finish(to_grpc(status));
  }

  // gRPC's threads.
  void OnCancel() override { this->on_cancel(); }
  void OnDone() override { this->on_done(); }
  // The two never wait and hold no lock, so gRPC need not wake a thread of its executor for them.
  bool InternalInlineable() override { return true; }

  const typename Pool::Lease messages_;
};

// StreamFunction. One write is on its way, the others wait here.
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
    binding.context.post([call] { call->begin(); });
    return call.get();
  }

  StreamCall(Binding& binding, const grpc::CallbackServerContext& context,
             const spearlet::InvokeFunctionRequest* request)
      : CallBase(binding, Method::kStreamFunction, Arrival(context)),
        request_(std::move(*const_cast<spearlet::InvokeFunctionRequest*>(request))) {}

 private:
  void begin() {
    if (const auto status = obstacle(); !status.ok()) return finish(status);
    binding_.service->StreamFunction(std::move(request_), call_context(),
                                     core::StreamAnswer<Message>(*this));
  }

  void write(Message&& message) override {
    if (broken_ || overrun_) return;
    if (!writing_) return start_write(std::move(message));
    waiting_bytes_ += message.ByteSizeLong();
    waiting_.push_back(std::move(message));
    if (waiting_bytes_ <= binding_.limits.stream_buffer_bytes) return;
    overrun_ = true;
    waiting_.clear();
    // The core must not be called back from within its call.
    binding_.context.post([call = shared_from_this()] {
      if (!call->answered()) call->leave();
    });
  }

  void finish(const absl::Status& status) override {
    end_ = overrun_ ? absl::ResourceExhaustedError("the stream's reader is too slow") : status;
    settle(*end_);
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
  bool broken_ = false;   // nobody reads any more
  bool overrun_ = false;  // too much waited for the reader
  std::optional<absl::Status> end_;
};

}  // namespace

// gRPC's threads call these.
class GrpcBinding::Service final : public spearlet::FunctionService::CallbackService {
  using Core = core::FunctionService;

 public:
  Service(SerialContext& context, RealEnvironment& environment, RpcMetrics& metrics,
          const Limits& limits, const Log& log)
      : binding_{context, environment, metrics, limits, log} {
    SetMessageAllocatorFor_InvokeFunction(&invoke_function_messages_);
    SetMessageAllocatorFor_GetExecutionStatus(&get_execution_status_messages_);
    SetMessageAllocatorFor_CancelExecution(&cancel_execution_messages_);
    SetMessageAllocatorFor_ListTasks(&list_tasks_messages_);
    SetMessageAllocatorFor_GetTask(&get_task_messages_);
    SetMessageAllocatorFor_DeleteTask(&delete_task_messages_);
    SetMessageAllocatorFor_ListExecutions(&list_executions_messages_);
    SetMessageAllocatorFor_GetHealth(&get_health_messages_);
    SetMessageAllocatorFor_GetStats(&get_stats_messages_);
    hand_over(this);
  }

  Binding& binding() { return binding_; }

 private:
  // The messages are the pool's; the context knows which.
  template <Method kMethod, auto kCall, class Request, class Response>
  grpc::ServerUnaryReactor* unary(grpc::CallbackServerContext* context, const Request* /*request*/,
                                  Response* /*response*/) {
    take_over(this);
    return UnaryCall<Request, Response, kMethod, kCall>::accept(binding_, *context);
  }

  grpc::ServerUnaryReactor* InvokeFunction(grpc::CallbackServerContext* context,
                                           const spearlet::InvokeFunctionRequest* request,
                                           spearlet::InvokeFunctionResponse* response) override {
    return unary<Method::kInvokeFunction, &Core::InvokeFunction>(context, request, response);
  }
  grpc::ServerUnaryReactor* GetExecutionStatus(
      grpc::CallbackServerContext* context, const spearlet::GetExecutionStatusRequest* request,
      spearlet::GetExecutionStatusResponse* response) override {
    return unary<Method::kGetExecutionStatus, &Core::GetExecutionStatus>(context, request,
                                                                         response);
  }
  grpc::ServerUnaryReactor* CancelExecution(grpc::CallbackServerContext* context,
                                            const spearlet::CancelExecutionRequest* request,
                                            spearlet::CancelExecutionResponse* response) override {
    return unary<Method::kCancelExecution, &Core::CancelExecution>(context, request, response);
  }
  grpc::ServerWriteReactor<spearlet::StreamExecutionResult>* StreamFunction(
      grpc::CallbackServerContext* context,
      const spearlet::InvokeFunctionRequest* request) override {
    take_over(this);
    return StreamCall::accept(binding_, *context, request);
  }
  grpc::ServerUnaryReactor* ListTasks(grpc::CallbackServerContext* context,
                                      const spearlet::ListTasksRequest* request,
                                      spearlet::ListTasksResponse* response) override {
    return unary<Method::kListTasks, &Core::ListTasks>(context, request, response);
  }
  grpc::ServerUnaryReactor* GetTask(grpc::CallbackServerContext* context,
                                    const spearlet::GetTaskRequest* request,
                                    spearlet::GetTaskResponse* response) override {
    return unary<Method::kGetTask, &Core::GetTask>(context, request, response);
  }
  grpc::ServerUnaryReactor* DeleteTask(grpc::CallbackServerContext* context,
                                       const spearlet::DeleteTaskRequest* request,
                                       spearlet::DeleteTaskResponse* response) override {
    return unary<Method::kDeleteTask, &Core::DeleteTask>(context, request, response);
  }
  grpc::ServerUnaryReactor* ListExecutions(grpc::CallbackServerContext* context,
                                           const spearlet::ListExecutionsRequest* request,
                                           spearlet::ListExecutionsResponse* response) override {
    return unary<Method::kListExecutions, &Core::ListExecutions>(context, request, response);
  }
  grpc::ServerUnaryReactor* GetHealth(grpc::CallbackServerContext* context,
                                      const spearlet::GetHealthRequest* request,
                                      spearlet::GetHealthResponse* response) override {
    return unary<Method::kGetHealth, &Core::GetHealth>(context, request, response);
  }
  grpc::ServerUnaryReactor* GetStats(grpc::CallbackServerContext* context,
                                     const spearlet::GetStatsRequest* request,
                                     spearlet::GetStatsResponse* response) override {
    return unary<Method::kGetStats, &Core::GetStats>(context, request, response);
  }

  Binding binding_;
  MessagePool<spearlet::InvokeFunctionRequest, spearlet::InvokeFunctionResponse>
      invoke_function_messages_;
  MessagePool<spearlet::GetExecutionStatusRequest, spearlet::GetExecutionStatusResponse>
      get_execution_status_messages_;
  MessagePool<spearlet::CancelExecutionRequest, spearlet::CancelExecutionResponse>
      cancel_execution_messages_;
  MessagePool<spearlet::ListTasksRequest, spearlet::ListTasksResponse> list_tasks_messages_;
  MessagePool<spearlet::GetTaskRequest, spearlet::GetTaskResponse> get_task_messages_;
  MessagePool<spearlet::DeleteTaskRequest, spearlet::DeleteTaskResponse> delete_task_messages_;
  MessagePool<spearlet::ListExecutionsRequest, spearlet::ListExecutionsResponse>
      list_executions_messages_;
  MessagePool<spearlet::GetHealthRequest, spearlet::GetHealthResponse> get_health_messages_;
  MessagePool<spearlet::GetStatsRequest, spearlet::GetStatsResponse> get_stats_messages_;
};

GrpcBinding::GrpcBinding(SerialContext& context, RealEnvironment& environment, RpcMetrics& metrics,
                         const Limits& limits, const Log& log)
    : service_(std::make_unique<Service>(context, environment, metrics, limits, log)) {}

GrpcBinding::~GrpcBinding() = default;

grpc::Service& GrpcBinding::grpc_service() { return *service_; }

void GrpcBinding::open(core::FunctionService& service) { service_->binding().service = &service; }

void GrpcBinding::close() { service_->binding().service = nullptr; }

}  // namespace quintain::server
