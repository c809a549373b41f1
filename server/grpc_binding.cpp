// gRPC's callback API bound to core::FunctionService. A call is a reactor, on which gRPC's threads
// call the On...() functions, and a core::UnaryCaller or StreamCaller, which the core calls in the
// serial context; this file is where these threads meet.
#include "server/grpc_binding.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>
#include <grpc/support/time.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include "core/refusal.h"
#include "details/error_details.pb.h"
#include "server/message_pool.h"
#include "server/wire_check.h"
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

// The time until answers of this size are sent is watched, and that of smaller ones while many
// bytes wait for their readers.
constexpr std::int64_t kLargeAnswer = 64 << 10;

// Answers below this size are sent even when too many bytes wait: the number of open calls bounds
// them.
constexpr std::int64_t kSmallAnswer = 1 << 10;

// Even when too many calls are open, a connection may have this many of its own: clients that reset
// calls faster than gRPC can forget them do not shut others out.
constexpr std::int64_t kCallsOfAnyone = 16;

// Larger requests are checked before they are parsed.
constexpr std::size_t kLargeRequest = 16 << 10;

// What all calls share. `service`, `refusals`, `access` and `owners` may be used in the serial
// context only, the rest on any thread.
struct Binding {
  SerialContext& context;
  RealEnvironment& environment;
  RpcMetrics& metrics;
  const GrpcBinding::Limits limits;
  const Log log;
  core::FunctionService* service = nullptr;
  LogLimiter refusals{};
  LogLimiter internal_errors{};
  AccessControl access{};
  ExecutionOwners* owners = nullptr;
  // Replaced as a whole, on any thread. The flag spares calls the lock where everybody may call.
  std::atomic<bool> is_restricted = false;
  mutable std::mutex access_mutex{};
  std::shared_ptr<const AccessList> access_list{};
  std::atomic<std::int64_t> open_calls = 0;
  std::atomic<std::int64_t> unsent_bytes = 0;
  // Open calls by the peer's address; of those calls only that came when many were open.
  std::mutex peers_mutex{};
  absl::flat_hash_map<std::string, std::int64_t> peers{};

  bool is_crowded() const {
    return open_calls.load(std::memory_order_relaxed) > limits.open_calls / 2;
  }

  /// Counts a call of the peer; returns how many it has now.
  std::int64_t enter(const std::string& peer) {
    const std::lock_guard lock(peers_mutex);
    return ++peers[peer];
  }
  void leave(const std::string& peer) {
    const std::lock_guard lock(peers_mutex);
    const auto position = peers.find(peer);
    if (position != peers.end() && --position->second == 0) peers.erase(position);
  }

  std::shared_ptr<const AccessList> current_access() const {
    if (!is_restricted.load(std::memory_order_acquire)) return nullptr;
    const std::lock_guard lock(access_mutex);
    return access_list;
  }
};

// The codes of both libraries have the same numbers. The payloads become the details, which gRPC
// sends in the trailer grpc-status-details-bin.
grpc::Status to_grpc(const absl::Status& status) {
  std::string message(status.message().data(), status.message().size());
  details::Status all;
  status.ForEachPayload([&all](absl::string_view url, const absl::Cord& payload) {
    google::protobuf::Any& detail = *all.add_details();
    detail.set_type_url(std::string(url));
    detail.set_value(std::string(payload));
  });
  const auto code = static_cast<grpc::StatusCode>(status.raw_code());
  if (all.details().empty()) return {code, message};
  all.set_code(code);
  all.set_message(message);
  return {code, message, all.SerializeAsString()};
}

// Parses a request. Large ones are checked first, because small parts take far more memory when
// they are parsed; malformed ones are checked afterwards, for the reason.
template <class Request>
absl::Status parse(grpc::ByteBuffer& bytes, Request& request) {
  const auto check = [&bytes] {
    grpc::Slice whole;
    if (!bytes.TrySingleSlice(&whole).ok() && !bytes.DumpToSingleSlice(&whole).ok()) {
      return absl::CancelledError("the call was reset before its request arrived");
    }
    return check_wire({reinterpret_cast<const char*>(whole.begin()), whole.size()},
                      *Request::descriptor());
  };
  if (bytes.Length() > kLargeRequest) {
    if (auto status = check(); !status.ok()) return status;
  }
  grpc::ByteBuffer copy = bytes;  // shares the bytes; parsing clears it
  if (grpc::SerializationTraits<Request>::Deserialize(&copy, &request).ok()) {
    return absl::OkStatus();
  }
  if (auto status = check(); !status.ok()) return status;
  return core::invalid_argument({"request: is not a serialized message"});
}

template <class Message>
grpc::ByteBuffer serialize(const Message& message) {
  grpc::ByteBuffer bytes;
  bool own = false;
  // The size has been checked, so this cannot fail.
  static_cast<void>(grpc::SerializationTraits<Message>::Serialize(message, &bytes, &own));
  return bytes;
}

// Whether the answer may be large, so that it is not worth making while no more bytes may wait.
template <class Request>
bool may_have_large_answer(const Request& request) {
  if constexpr (std::is_same_v<Request, spearlet::GetExecutionStatusRequest>) {
    return request.include_result() || request.include_logs();
  } else if constexpr (std::is_same_v<Request, spearlet::GetTaskRequest>) {
    return request.include_executions();
  } else if constexpr (std::is_same_v<Request, spearlet::GetStatsRequest>) {
    return request.include_task_stats() || request.include_execution_stats();
  } else {
    return std::is_same_v<Request, spearlet::ListTasksRequest> ||
           std::is_same_v<Request, spearlet::ListExecutionsRequest>;
  }
}

// The status of the execution in an answer; UNSPECIFIED for answers without one.
template <class Response>
spearlet::ExecutionStatus outcome_of(const Response& response) {
  if constexpr (std::is_same_v<Response, spearlet::InvokeFunctionResponse>) {
    return response.result().status();
  } else {
    return spearlet::EXECUTION_STATUS_UNSPECIFIED;
  }
}

// The properties of a call at its arrival.
struct Arrival {
  Arrival(const grpc::CallbackServerContext& call, const Binding& binding)
      : at(steady_clock::now()) {
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
    caller.list = binding.current_access();
    if (caller.list != nullptr) caller.identity = identity_of(call, *caller.list);
    crowded = binding.is_crowded();
    if (binding.limits.log_calls || crowded) peer = call.peer();
  }

  // The overhead of an entry in the size of an HTTP/2 header list (RFC 9113, 6.5.2).
  static constexpr std::size_t kMetadataEntryBytes = 32;

  steady_clock::time_point at;
  // nullopt: none.
  std::optional<steady_clock::time_point> deadline;
  std::size_t metadata_bytes = 0;
  Caller caller{};
  // Whether many calls were open.
  bool crowded = false;
  // The address of the other side; empty if it is not needed.
  std::string peer{};

 private:
  static const Identity* identity_of(const grpc::CallbackServerContext& call,
                                     const AccessList& list) {
    const auto authorization = call.client_metadata().find("authorization");
    if (authorization != call.client_metadata().end()) {
      return list.find({authorization->second.data(), authorization->second.size()}, {});
    }
    std::vector<std::string> names;
    const auto context = call.auth_context();
    if (context != nullptr && context->IsPeerAuthenticated()) {
      for (const char* property : {"x509_common_name", "x509_subject_alternative_name"}) {
        for (const grpc::string_ref& value : context->FindPropertyValues(property)) {
          names.emplace_back(value.data(), value.size());
        }
      }
    }
    return list.find({}, names);
  }
};

// The common part of unary and streaming calls. Derived classes are also a gRPC reactor. Serial
// context only, except where stated otherwise.
template <class Call, class CallerType>
class CallBase : public CallerType, public std::enable_shared_from_this<Call> {
 protected:
  // NOLINTNEXTLINE(bugprone-crtp-constructor-accessibility): Call is only the shared type.
  CallBase(Binding& binding, Method method, const Arrival& arrival)
      : binding_(binding), method_(method), arrival_(arrival) {
    open_calls_ = binding_.open_calls.fetch_add(1, std::memory_order_relaxed) + 1;
    if (arrival_.crowded) calls_of_peer_ = binding_.enter(arrival_.peer);
  }
  ~CallBase() {
    if (arrival_.crowded) binding_.leave(arrival_.peer);
    binding_.open_calls.fetch_sub(1, std::memory_order_relaxed);
    binding_.unsent_bytes.fetch_sub(unsent_bytes_, std::memory_order_relaxed);
  }

  // gRPC's threads. Holds gRPC's share in the call until on_done().
  void hold() {
    held_ = this->shared_from_this();
    hand_over(this);
  }
  void on_done() {
    take_over(this);
    if (watched_) {
      // Timers belong to the serial context.
      binding_.context.post([call = std::move(held_)] { call->until_sent_.reset(); });
    } else {
      held_.reset();
    }
  }

  // gRPC's threads.
  void on_cancel() {
    take_over(this);
    binding_.context.post([call = this->shared_from_this()] { call->on_abandoned(); });
  }

  core::CallContext call_context() const {
    core::CallContext context{.request_bytes = request_bytes_};
    if (arrival_.deadline) context.deadline = binding_.environment.instant_of(*arrival_.deadline);
    return context;
  }

  // Returns why the call cannot be passed to the service, or OK.
  absl::Status admission() {
    if (binding_.service == nullptr) return absl::UnavailableError("the server is shut down");
    if (auto status = binding_.access.begin(arrival_.caller, role_for(method_), arrival_.at);
        !status.ok()) {
      return status;
    }
    admitted_ = true;
    if (binding_.owners != nullptr && role_for(method_) == Role::kInvoke) {
      const Identity* const identity = arrival_.caller.identity;
      binding_.owners->set_caller(identity == nullptr ? std::string_view() : identity->name);
    }
    if (arrival_.metadata_bytes > binding_.limits.metadata_bytes) {
      return absl::ResourceExhaustedError(
          fmt::format("the call has {} bytes of metadata; at most {} are allowed",
                      arrival_.metadata_bytes, binding_.limits.metadata_bytes));
    }
    if (open_calls_ > binding_.limits.open_calls && calls_of_peer_ > kCallsOfAnyone) {
      return core::refusal(core::RefusalReason::kMemory,
                           fmt::format("{} calls are open; at most {} may be", open_calls_,
                                       binding_.limits.open_calls),
                           core::ReachedLimit{"open_calls", binding_.limits.open_calls},
                           std::chrono::seconds(1));
    }
    return parsed_;
  }

  // Whether the caller has stopped waiting: its deadline has passed.
  bool is_late() const { return arrival_.deadline && steady_clock::now() >= *arrival_.deadline; }

  // Returns why gRPC cannot send a message of this size, or OK. A message of 4 GiB makes gRPC abort
  // the process.
  absl::Status check_size(std::size_t size) const {
    const std::size_t max = binding_.limits.answer_bytes;
    if (size > max) {
      return absl::ResourceExhaustedError(
          fmt::format("the answer has {} bytes; at most {} are allowed", size, max));
    }
    const std::int64_t unsent = binding_.unsent_bytes.load(std::memory_order_relaxed);
    const std::int64_t bytes = static_cast<std::int64_t>(size);
    if (bytes < kSmallAnswer || unsent + bytes <= binding_.limits.unsent_bytes) {
      return absl::OkStatus();
    }
    return too_many_unsent(unsent);
  }

  absl::Status too_many_unsent(std::int64_t unsent) const {
    return core::refusal(core::RefusalReason::kMemory,
                         fmt::format("{} bytes of answers wait for their readers; at most {} may",
                                     unsent, binding_.limits.unsent_bytes),
                         core::ReachedLimit{"unsent_bytes", binding_.limits.unsent_bytes},
                         std::chrono::seconds(1));
  }

  bool many_unsent() const {
    return binding_.unsent_bytes.load(std::memory_order_relaxed) > binding_.limits.unsent_bytes / 2;
  }

  // Counts bytes that wait for the reader, until the call is done.
  void add_unsent(std::int64_t bytes) {
    unsent_bytes_ += bytes;
    binding_.unsent_bytes.fetch_add(bytes, std::memory_order_relaxed);
  }

  // Ends the call unless it is done, or progress is made, in time. Derived classes implement
  // on_stalled().
  void watch_sending() {
    watched_ = true;
    if (!until_sent_) {
      until_sent_.emplace(
          binding_.environment, [](void* self) { static_cast<Call*>(self)->on_stalled(); },
          static_cast<Call*>(this));
    }
    until_sent_->arm(
        binding_.environment.instant_of(steady_clock::now() + binding_.limits.send_time),
        core::Precedence::kOther);
    hand_over(this);
  }

  // Records the end of the call. Must be called once, before the answer is passed to gRPC, which
  // may destroy the call at once.
  void record_end(const absl::Status& status,
                  spearlet::ExecutionStatus outcome = spearlet::EXECUTION_STATUS_UNSPECIFIED) {
    answered_ = true;
    until_deadline_.reset();
    if (std::exchange(admitted_, false)) binding_.access.end(arrival_.caller);
    const auto now = steady_clock::now();
    // A caller that has left gets no answer.
    const bool left = status.ok() && this->gone();
    binding_.metrics.count(method_, left ? absl::StatusCode::kCancelled : status.code(), outcome,
                           now - arrival_.at);
    if (binding_.limits.log_calls || is_audited()) log_call(status, now - arrival_.at);
    if (status.ok()) return;
    const std::string_view message(status.message().data(), status.message().size());
    if (status.code() == absl::StatusCode::kInternal) {
      if (!binding_.internal_errors.admit(binding_.log, "internal-error")) return;
      binding_.log.error("internal-error", {{"method", name_of(method_)}, {"message", message}});
    } else {
      log_refusal(status, message);
    }
  }

  bool answered() const { return answered_; }

  Binding& binding_;
  // Set before the call is posted.
  absl::Status parsed_;
  std::int64_t request_bytes_ = 0;

 private:
  // Cancels and deletions of known callers are always in the log.
  bool is_audited() const {
    return arrival_.caller.identity != nullptr &&
           (method_ == Method::kCancelExecution || method_ == Method::kDeleteTask);
  }

  void log_call(const absl::Status& status, steady_clock::duration took) {
    const Identity* const identity = arrival_.caller.identity;
    binding_.log.info(
        "call", {{"method", name_of(method_)},
                 {"code", absl::StatusCodeToString(status.code())},
                 {"identity", identity != nullptr ? std::string_view(identity->name) : "-"},
                 {"peer", arrival_.peer},
                 {"us", std::chrono::duration_cast<std::chrono::microseconds>(took).count()}});
  }

  void log_refusal(const absl::Status& status, std::string_view message) {
    if (!binding_.refusals.admit(binding_.log, "refused") && !binding_.log.debugging()) return;
    binding_.log.info("refused", {{"method", name_of(method_)},
                                  {"code", absl::StatusCodeToString(status.code())},
                                  {"message", message}});
  }

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
  bool admitted_ = false;  // access.end() has to be called
  std::optional<core::Timer> until_deadline_;
  // When this one arrived.
  std::int64_t open_calls_ = 0;
  std::int64_t calls_of_peer_ = 0;
  std::int64_t unsent_bytes_ = 0;
  // Whether until_sent_ may be set. Written before the answer is passed to gRPC, read when it is
  // done.
  bool watched_ = false;
  std::optional<core::Timer> until_sent_;
};

// A call with one answer.
template <class Request, class Response, Method kMethod, auto kCall>
class UnaryCall final
    : public CallBase<UnaryCall<Request, Response, kMethod, kCall>, core::UnaryCaller<Response>>,
      public grpc::ServerUnaryReactor {
  using Base = CallBase<UnaryCall, core::UnaryCaller<Response>>;
  friend Base;

 public:
  using Pool = MessagePool<Request>;

  // gRPC's threads.
  static grpc::ServerUnaryReactor* accept(Binding& binding, Pool& pool,
                                          grpc::CallbackServerContext& context,
                                          const grpc::ByteBuffer& request,
                                          grpc::ByteBuffer& response) {
    auto call =
        std::make_shared<UnaryCall>(binding, context, response, pool.lease(request.Length()));
    // Nothing else uses the buffer, whose memory can be freed with the message.
    auto& bytes = const_cast<grpc::ByteBuffer&>(request);
    call->request_bytes_ = static_cast<std::int64_t>(bytes.Length());
    call->parsed_ = parse(bytes, *call->request_);
    bytes.Clear();
    call->hold();
    binding.context.post([call] { call->start(); });
    return call.get();
  }

  UnaryCall(Binding& binding, grpc::CallbackServerContext& context, grpc::ByteBuffer& response,
            typename Pool::Lease request)
      : Base(binding, kMethod, Arrival(context, binding)),
        context_(context),
        response_(response),
        request_(std::move(request)) {}

 private:
  void start() {
    if (const auto status = this->admission(); !status.ok()) return refuse(status);
    const std::int64_t unsent = this->binding_.unsent_bytes.load(std::memory_order_relaxed);
    if (unsent > this->binding_.limits.unsent_bytes - kLargeAnswer &&
        may_have_large_answer(*request_)) {
      return refuse(this->too_many_unsent(unsent));
    }
    core::FunctionService* service = this->binding_.service;
    core::Answer<Response> answer(*this);
    if constexpr (std::is_same_v<Request, spearlet::InvokeFunctionRequest>) {
      (service->*kCall)(std::move(*request_), this->call_context(), std::move(answer));
    } else {
      (service->*kCall)(*request_, std::move(answer));
    }
  }

  void deliver(Response&& response) override {
    // The one rule for a deadline that has passed: the call gets DEADLINE_EXCEEDED, whatever became
    // of its execution, which its record tells.
    if (this->is_late()) {
      return refuse(absl::DeadlineExceededError("the deadline of the call has passed"),
                    outcome_of(response));
    }
    if constexpr (std::is_same_v<Response, spearlet::InvokeFunctionResponse>) {
      const std::string& url = this->binding_.limits.public_url;
      if (!url.empty() && !response.status_endpoint().empty()) {
        response.mutable_status_endpoint()->insert(0, url);
      }
    }
    const std::size_t size = response.ByteSizeLong();
    if (const auto status = this->check_size(size); !status.ok()) return refuse(status);
    response_ = serialize(response);
    this->record_end(absl::OkStatus(), outcome_of(response));
    const auto bytes = static_cast<std::int64_t>(size);
    this->add_unsent(bytes);
    if (bytes >= kLargeAnswer || this->many_unsent()) this->watch_sending();
    Finish(grpc::Status::OK);
  }

  void refuse(const absl::Status& status) override {
    refuse(status, spearlet::EXECUTION_STATUS_UNSPECIFIED);
  }
  void refuse(const absl::Status& status, spearlet::ExecutionStatus outcome) {
    this->record_end(status, outcome);
    Finish(to_grpc(status));
  }

  void on_stalled() { context_.TryCancel(); }

  // gRPC's threads.
  void OnCancel() override { this->on_cancel(); }
  void OnDone() override { this->on_done(); }
  // OnCancel() and OnDone() never wait and hold no lock, so gRPC may call them inline.
  bool InternalInlineable() override { return true; }

  grpc::CallbackServerContext& context_;  // until OnDone()
  grpc::ByteBuffer& response_;            // likewise
  const typename Pool::Lease request_;
};

// A call of StreamFunction. gRPC accepts one write at a time; further messages wait in a queue.
class StreamCall final
    : public CallBase<StreamCall, core::StreamCaller<spearlet::StreamExecutionResult>>,
      public grpc::ServerWriteReactor<grpc::ByteBuffer> {
  using Message = spearlet::StreamExecutionResult;
  friend CallBase<StreamCall, core::StreamCaller<Message>>;

 public:
  // gRPC's threads.
  static grpc::ServerWriteReactor<grpc::ByteBuffer>* accept(Binding& binding,
                                                            grpc::CallbackServerContext& context,
                                                            const grpc::ByteBuffer& request) {
    auto call = std::make_shared<StreamCall>(binding, context);
    auto& bytes = const_cast<grpc::ByteBuffer&>(request);
    call->request_bytes_ = static_cast<std::int64_t>(bytes.Length());
    call->parsed_ = parse(bytes, call->request_);
    bytes.Clear();
    call->hold();
    binding.context.post([call] { call->start(); });
    return call.get();
  }

  StreamCall(Binding& binding, grpc::CallbackServerContext& context)
      : CallBase(binding, Method::kStreamFunction, Arrival(context, binding)), context_(context) {}

 private:
  void start() {
    if (const auto status = admission(); !status.ok()) return finish(status);
    binding_.service->StreamFunction(std::move(request_), call_context(),
                                     core::StreamAnswer<Message>(*this));
  }

  void write(Message&& message) override {
    if (broken_ || abort_) return;
    outcome_ = message.status();
    const std::size_t size = message.ByteSizeLong();
    if (auto status = check_size(size); !status.ok()) return abort(std::move(status));
    waiting_bytes_ += size;
    add_unsent(static_cast<std::int64_t>(size));
    if (!writing_) return start_write(serialize(message));
    waiting_.push_back(serialize(message));
  }

  std::size_t unsent_bytes() const override { return waiting_bytes_; }

  void abort(absl::Status status) {
    abort_ = std::move(status);
    drop_waiting();
    // The core must not be called back from within its call.
    binding_.context.post([call = shared_from_this()] {
      if (!call->answered()) call->leave();
    });
  }

  void finish(const absl::Status& status) override {
    end_ = abort_ ? *abort_ : status;
    record_end(*end_, outcome_);
    if (!writing_) {
      Finish(to_grpc(*end_));
    } else {
      watch_sending();
    }
  }

  void start_write(grpc::ByteBuffer message) {
    writing_ = true;
    current_ = std::move(message);
    hand_over(this);
    StartWrite(&current_);
  }

  void written(bool ok) {
    writing_ = false;
    sent(current_.Length());
    current_.Clear();
    if (!ok) {
      broken_ = true;
      drop_waiting();
    }
    if (!waiting_.empty()) {
      grpc::ByteBuffer next = std::move(waiting_.front());
      waiting_.pop_front();
      start_write(std::move(next));
      if (end_) watch_sending();
    } else if (end_) {
      return Finish(to_grpc(*end_));
    }
    if (!answered()) made_room();
  }

  void sent(std::size_t bytes) {
    waiting_bytes_ -= bytes;
    add_unsent(-static_cast<std::int64_t>(bytes));
  }

  void drop_waiting() {
    for (const grpc::ByteBuffer& message : waiting_) sent(message.Length());
    waiting_.clear();
  }

  void on_stalled() { context_.TryCancel(); }

  // gRPC's threads.
  void OnWriteDone(bool ok) override {
    take_over(this);
    binding_.context.post([call = shared_from_this(), ok] { call->written(ok); });
  }
  void OnCancel() override { on_cancel(); }
  void OnDone() override { on_done(); }

  grpc::CallbackServerContext& context_;  // until OnDone()
  spearlet::InvokeFunctionRequest request_;
  spearlet::ExecutionStatus outcome_ = spearlet::EXECUTION_STATUS_UNSPECIFIED;
  grpc::ByteBuffer current_;
  bool writing_ = false;
  std::deque<grpc::ByteBuffer> waiting_;
  std::size_t waiting_bytes_ = 0;      // of current_ and waiting_
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

// Each makes gRPC pass the messages of some methods as bytes.
template <class Base>
using RawMethods1 = spearlet::FunctionService::WithRawCallbackMethod_InvokeFunction<
    spearlet::FunctionService::WithRawCallbackMethod_GetExecutionStatus<
        spearlet::FunctionService::WithRawCallbackMethod_CancelExecution<
            spearlet::FunctionService::WithRawCallbackMethod_StreamFunction<
                spearlet::FunctionService::WithRawCallbackMethod_ListTasks<Base>>>>>;
template <class Base>
using RawMethods2 = spearlet::FunctionService::WithRawCallbackMethod_GetTask<
    spearlet::FunctionService::WithRawCallbackMethod_DeleteTask<
        spearlet::FunctionService::WithRawCallbackMethod_ListExecutions<
            spearlet::FunctionService::WithRawCallbackMethod_GetHealth<
                spearlet::FunctionService::WithRawCallbackMethod_GetStats<Base>>>>>;

// gRPC's threads call the methods of the contract.
class GrpcBinding::Service final
    : public RawMethods1<RawMethods2<spearlet::FunctionService::Service>> {
 public:
  Service(SerialContext& context, RealEnvironment& environment, RpcMetrics& metrics,
          const Limits& limits, const Log& log)
      : binding_{context, environment, metrics, limits, log} {
    hand_over(this);
  }

  Binding& binding() { return binding_; }

 private:
#define QUINTAIN_SERVE(name)                                                                     \
  MessagePool<spearlet::name##Request> name##_requests_;                                         \
  grpc::ServerUnaryReactor* name(grpc::CallbackServerContext* context,                           \
                                 const grpc::ByteBuffer* request, grpc::ByteBuffer* response)    \
      override {                                                                                 \
    take_over(this);                                                                             \
    return UnaryCall<spearlet::name##Request, spearlet::name##Response, Method::k##name,         \
                     &core::FunctionService::name>::accept(binding_, name##_requests_, *context, \
                                                           *request, *response);                 \
  }
  QUINTAIN_FOR_UNARY_METHODS(QUINTAIN_SERVE)
#undef QUINTAIN_SERVE

  grpc::ServerWriteReactor<grpc::ByteBuffer>* StreamFunction(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override {
    take_over(this);
    return StreamCall::accept(binding_, *context, *request);
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

void GrpcBinding::limit_executions(ExecutionOwners& owners) {
  Binding& binding = service_->binding();
  binding.owners = &owners;
  binding.access.set_owners(owners);
}

void GrpcBinding::set_access(std::shared_ptr<const AccessList> list) {
  Binding& binding = service_->binding();
  const std::lock_guard lock(binding.access_mutex);
  binding.access_list = std::move(list);
  binding.is_restricted.store(binding.access_list != nullptr, std::memory_order_release);
}

std::shared_ptr<const AccessList> GrpcBinding::access() const {
  return service_->binding().current_access();
}

std::int64_t GrpcBinding::open_calls() const {
  return service_->binding().open_calls.load(std::memory_order_relaxed);
}

std::int64_t GrpcBinding::unsent_bytes() const {
  return service_->binding().unsent_bytes.load(std::memory_order_relaxed);
}

}  // namespace quintain::server
