// gRPC's callback API as a transport of core/service/. A call is a reactor, on which gRPC's threads
// call the On...() functions, and a UnaryCall or StreamCall, which belongs to the serial context;
// this file is where these threads meet.
#include "server/grpc_binding.h"

#include <grpc/support/time.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/service/call_load.h"
#include "core/service/stream_call.h"
#include "core/service/unary_call.h"
#include "details/error_details.pb.h"
#include "spearlet/function.grpc.pb.h"

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace quintain::server {
namespace {

using core::service::Arrival;
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

using Load = core::service::CallLoad<std::atomic<std::int64_t>, std::mutex>;

// What all calls share. `port` and most of `supervisor` belong to the serial context, the rest may
// be used on any thread.
struct Binding {
  SerialContext& context;
  const RealEnvironment& environment;
  CallSupervisor& supervisor;
  Load load;
  core::service::ServicePort port;
};

core::service::CallLimits in_time_of(const RealEnvironment& environment,
                                     core::service::CallLimits limits) {
  limits.send_time = environment.time_in(limits.send_time);
  limits.deadline_margin = environment.time_in(limits.deadline_margin);
  return limits;
}

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

using google::protobuf::MessageLite;

grpc::ByteBuffer serialize(const MessageLite& message) {
  grpc::ByteBuffer bytes;
  bool own = false;
  // The size has been checked: a message of 4 GiB makes gRPC abort the process.
  static_cast<void>(grpc::SerializationTraits<MessageLite>::Serialize(message, &bytes, &own));
  return bytes;
}

class GrpcRequestBytes final : public core::service::RequestBytes {
 public:
  // Nothing but this uses the buffer of a request, whose memory can be freed with the object.
  explicit GrpcRequestBytes(const grpc::ByteBuffer& bytes)
      : bytes_(const_cast<grpc::ByteBuffer&>(bytes)) {}
  ~GrpcRequestBytes() { bytes_.Clear(); }

  std::size_t size() const override { return bytes_.Length(); }

  std::optional<std::string_view> contiguous() override {
    if (!bytes_.TrySingleSlice(&whole_).ok() && !bytes_.DumpToSingleSlice(&whole_).ok()) {
      return std::nullopt;
    }
    return std::string_view(reinterpret_cast<const char*>(whole_.begin()), whole_.size());
  }

  bool parse_into(MessageLite& message) override {
    grpc::ByteBuffer copy = bytes_;  // shares the bytes; parsing clears it
    return grpc::SerializationTraits<MessageLite>::Deserialize(&copy, &message).ok();
  }

 private:
  grpc::ByteBuffer& bytes_;
  grpc::Slice whole_;
};

// The overhead of an entry in the size of an HTTP/2 header list (RFC 9113, 6.5.2).
constexpr std::size_t kMetadataEntryBytes = 32;

const Identity* identity_of(const grpc::CallbackServerContext& call, const AccessList& list) {
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

CallSupervisor::Origin origin_of(const grpc::CallbackServerContext& call, const Binding& binding,
                                 bool crowded) {
  CallSupervisor::Origin origin{.at = steady_clock::now()};
  origin.caller.list = binding.supervisor.access();
  if (origin.caller.list != nullptr) {
    origin.caller.identity = identity_of(call, *origin.caller.list);
  }
  if (crowded || binding.supervisor.logs_calls()) origin.peer = call.peer();
  return origin;
}

Arrival arrival_of(const grpc::CallbackServerContext& call, const Binding& binding,
                   steady_clock::time_point at, const Load::Place& place) {
  Arrival arrival{.at = binding.environment.instant_of(at),
                  .open_calls = place.open_calls(),
                  .calls_of_peer = place.calls_of_peer()};
  // A deadline on the wire can be 11,000 years away, which a time_point cannot represent.
  constexpr std::int64_t kNoDeadlineSeconds = std::int64_t{100} * 365 * 24 * 3600;
  const gpr_timespec then = call.raw_deadline();
  if (gpr_time_cmp(then, gpr_inf_future(then.clock_type)) < 0) {
    const gpr_timespec left = gpr_time_sub(then, gpr_now(then.clock_type));
    if (left.tv_sec < kNoDeadlineSeconds) {
      arrival.deadline = binding.environment.instant_of(at + std::chrono::seconds(left.tv_sec) +
                                                        std::chrono::nanoseconds(left.tv_nsec));
    }
  }
  for (const auto& [key, value] : call.client_metadata()) {
    arrival.metadata_bytes += key.size() + value.size() + kMetadataEntryBytes;
  }
  return arrival;
}

// The common part of unary and streaming calls.
template <class Call, class Transport, class Reactor>
class GrpcCall : public Reactor,
                 protected Transport,
                 public std::enable_shared_from_this<GrpcCall<Call, Transport, Reactor>> {
 protected:
  GrpcCall(Binding& binding, Method method, grpc::CallbackServerContext& context)
      : GrpcCall(binding, method, context, binding.load.is_crowded()) {}

  // gRPC's threads. `call` is decoded.
  template <class Derived>
  static Reactor* begin(const std::shared_ptr<Derived>& call) {
    call->held_ = call;
    hand_over(call.get());
    call->binding_.context.post([call] { call->call_.start(); });
    return call.get();
  }

  // ---- core::service::CallTransport. Serial context only. ----
  absl::Status admit() override { return binding_.supervisor.admit(origin_, method_); }
  void on_end(const core::service::CallEnd& end) override {
    binding_.supervisor.on_end(origin_, method_, end);
  }
  void finish(const absl::Status& status) override {
    hand_over(this);
    this->Finish(to_grpc(status));
  }
  void reset() override { context_.TryCancel(); }

  // ---- The reactor. gRPC's threads. ----
  void OnCancel() override {
    take_over(this);
    binding_.context.post([call = this->shared_from_this()] { call->call_.on_gone(); });
  }
  void OnDone() override {
    take_over(this);
    if (call_.watches()) {
      // Timers belong to the serial context.
      binding_.context.post([call = std::move(held_)] { call->call_.sent(); });
    } else {
      held_.reset();
    }
  }

  Binding& binding_;

 private:
  GrpcCall(Binding& binding, Method method, grpc::CallbackServerContext& context, bool crowded)
      : binding_(binding),
        method_(method),
        context_(context),
        origin_(origin_of(context, binding, crowded)),
        place_(binding.load, crowded ? origin_.peer : std::string()),
        call_(binding.port, *this, arrival_of(context, binding, origin_.at, place_)) {}

  const Method method_;
  grpc::CallbackServerContext& context_;  // until OnDone()
  const CallSupervisor::Origin origin_;
  const Load::Place place_;
  std::shared_ptr<GrpcCall> held_;  // gRPC's share

 protected:
  Call call_;
};

template <class Request, class Response, auto kMethod>
using Unary = core::service::UnaryCall<Request, Response, kMethod, std::mutex>;

template <class Call>
class GrpcUnaryCall final
    : public GrpcCall<Call, core::service::UnaryTransport, grpc::ServerUnaryReactor> {
 public:
  // gRPC's threads.
  static grpc::ServerUnaryReactor* accept(Binding& binding, Method method,
                                          typename Call::Pool& pool,
                                          grpc::CallbackServerContext& context,
                                          const grpc::ByteBuffer& request,
                                          grpc::ByteBuffer& response) {
    auto call = std::make_shared<GrpcUnaryCall>(binding, method, context, response);
    GrpcRequestBytes bytes(request);
    call->call_.decode(pool, bytes);
    return GrpcUnaryCall::begin(call);
  }

  GrpcUnaryCall(Binding& binding, Method method, grpc::CallbackServerContext& context,
                grpc::ByteBuffer& response)
      : GrpcUnaryCall::GrpcCall(binding, method, context), response_(response) {}

 private:
  void reply(const MessageLite& response) override {
    response_ = serialize(response);
    hand_over(this);
    this->Finish(grpc::Status::OK);
  }

  // OnCancel() and OnDone() never wait and hold no lock, so gRPC may call them inline.
  bool InternalInlineable() override { return true; }

  grpc::ByteBuffer& response_;  // until OnDone()
};

class GrpcStreamCall final
    : public GrpcCall<core::service::StreamCall, core::service::StreamTransport,
                      grpc::ServerWriteReactor<grpc::ByteBuffer>> {
 public:
  // gRPC's threads.
  static grpc::ServerWriteReactor<grpc::ByteBuffer>* accept(Binding& binding,
                                                            grpc::CallbackServerContext& context,
                                                            const grpc::ByteBuffer& request) {
    auto call = std::make_shared<GrpcStreamCall>(binding, context);
    GrpcRequestBytes bytes(request);
    call->call_.decode(bytes);
    return begin(call);
  }

  GrpcStreamCall(Binding& binding, grpc::CallbackServerContext& context)
      : GrpcCall(binding, Method::kStreamFunction, context) {}

 private:
  void write(const MessageLite& message) override {
    current_ = serialize(message);
    hand_over(this);
    StartWrite(&current_);
  }

  // gRPC's threads.
  void OnWriteDone(bool ok) override {
    take_over(this);
    binding_.context.post([call = std::static_pointer_cast<GrpcStreamCall>(shared_from_this()),
                           ok] { call->written(ok); });
  }

  void written(bool ok) {
    current_.Clear();
    call_.written(ok);
  }

  grpc::ByteBuffer current_;
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
  Service(SerialContext& context, RealEnvironment& environment, CallSupervisor& supervisor,
          const core::service::CallLimits& limits)
      : binding_{.context = context,
                 .environment = environment,
                 .supervisor = supervisor,
                 .load = Load(limits.open_calls),
                 .port{environment, binding_.load, in_time_of(environment, limits)}} {
    hand_over(this);
  }

  Binding& binding() { return binding_; }

 private:
#define QUINTAIN_SERVE(name)                                                                  \
  using name##Call =                                                                          \
      Unary<spearlet::name##Request, spearlet::name##Response, &core::FunctionService::name>; \
  name##Call::Pool name##_requests_;                                                          \
  grpc::ServerUnaryReactor* name(grpc::CallbackServerContext* context,                        \
                                 const grpc::ByteBuffer* request, grpc::ByteBuffer* response) \
      override {                                                                              \
    take_over(this);                                                                          \
    return GrpcUnaryCall<name##Call>::accept(binding_, Method::k##name, name##_requests_,     \
                                             *context, *request, *response);                  \
  }
  QUINTAIN_FOR_UNARY_METHODS(QUINTAIN_SERVE)
#undef QUINTAIN_SERVE

  grpc::ServerWriteReactor<grpc::ByteBuffer>* StreamFunction(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override {
    take_over(this);
    return GrpcStreamCall::accept(binding_, *context, *request);
  }

  Binding binding_;
};

GrpcBinding::GrpcBinding(SerialContext& context, RealEnvironment& environment,
                         CallSupervisor& supervisor, const core::service::CallLimits& limits)
    : service_(std::make_unique<Service>(context, environment, supervisor, limits)) {}

GrpcBinding::~GrpcBinding() = default;

grpc::Service& GrpcBinding::grpc_service() { return *service_; }

void GrpcBinding::open(core::FunctionService& service) { service_->binding().port.open(service); }

void GrpcBinding::close() { service_->binding().port.close(); }

std::int64_t GrpcBinding::open_calls() const { return service_->binding().load.open_calls(); }

std::int64_t GrpcBinding::unsent_bytes() const { return service_->binding().load.unsent_bytes(); }

}  // namespace quintain::server
