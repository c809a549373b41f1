#include "conformance/sim_transport.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "conformance/fixtures/fixture_runtime.h"
#include "core/node.h"
#include "sim/kernel.h"
#include "sim/node_environment.h"

namespace quintain::conformance {
namespace {

// The wire's limit, as gRPC's default.
constexpr std::size_t kLargestMessage = std::size_t{4} << 20;

constexpr std::uint64_t kSeed = 1;

constexpr std::string_view kServicePath = "/spearlet.FunctionService/";
constexpr std::string_view kEndpoint = "/status/";

// The linked-in contract with everything that it imports, imports first.
void add_file(const google::protobuf::FileDescriptor& file,
              google::protobuf::FileDescriptorSet& files) {
  for (const auto& known : files.file()) {
    if (known.name() == file.name()) return;
  }
  for (int i = 0; i < file.dependency_count(); ++i) add_file(*file.dependency(i), files);
  file.CopyTo(files.add_file());
}

class SimTransport;

// A call that the node has not answered, or whose client has not yet heard of it.
class OpenCall {
 public:
  OpenCall(SimTransport& transport, std::uint64_t number, WireCall wire);
  virtual ~OpenCall() = default;

  // The client hears no more.
  void silence() {
    wire_.on_message = nullptr;
    wire_.on_end = nullptr;
    deadline_.disarm();
  }
  virtual core::Caller& caller() = 0;

 protected:
  void message(const google::protobuf::Message& message) {
    if (wire_.on_message) wire_.on_message(message.SerializeAsString());
  }
  void end(absl::Status status);

 private:
  void on_deadline();

  SimTransport& transport_;
  std::uint64_t number_;
  WireCall wire_;
  core::Timer deadline_;
};

template <class Response>
class UnaryCall final : public OpenCall, public core::UnaryCaller<Response> {
 public:
  using OpenCall::OpenCall;
  core::Caller& caller() override { return *this; }
  void deliver(Response&& response) override {
    message(response);
    end(absl::OkStatus());
  }
  void refuse(const absl::Status& status) override { end(status); }
};

class StreamingCall final : public OpenCall,
                            public core::StreamCaller<spearlet::StreamExecutionResult> {
 public:
  using OpenCall::OpenCall;
  core::Caller& caller() override { return *this; }
  void write(spearlet::StreamExecutionResult&& chunk) override { message(chunk); }
  void finish(const absl::Status& status) override { end(status); }
};

class SimTransport final : public Transport {
 public:
  SimTransport(const core::NodeConfig& config, const FaultyCore* faulty)
      : faulty_(faulty),
        environment_(kernel_, kSeed, /*index=*/0),
        fixtures_(environment_),
        wake_up_(environment_, [](void*) {}, nullptr) {
    core::NodeConfig spoilt = config;
    if (faulty_ != nullptr && faulty_->configure != nullptr) faulty_->configure(spoilt);
    core::Runtime* runtime = &fixtures_;
    if (faulty_ != nullptr && faulty_->wrap_runtime) {
      wrapped_runtime_ = faulty_->wrap_runtime(fixtures_, environment_, spoilt);
      runtime = wrapped_runtime_.get();
    }
    node_ = std::make_unique<core::Node>(environment_, *runtime, spoilt);
    for (core::TaskSpec& task : fixture_tasks()) node_->register_task(std::move(task));
    service_ = &node_->service();
    if (faulty_ != nullptr && faulty_->decorate) {
      decorator_ = faulty_->decorate(*service_, environment_, spoilt);
      service_ = decorator_.get();
    }
  }

  ~SimTransport() override {
    for (auto& [number, call] : calls_) call->silence();
    node_.reset();  // answers what is open; the decorator passes that on
    decorator_.reset();
  }

  core::Instant now() const override { return kernel_.now(); }
  core::Environment& environment() { return environment_; }
  core::Duration slack() const override { return core::Duration::zero(); }

  std::uint64_t start(WireCall call) override {
    const std::uint64_t number = ++last_call_;
    forget_ended();
    absl::Status problem = wire_problem(call);
    if (!problem.ok()) {
      if (call.on_end) call.on_end(std::move(problem));
      return number;
    }
    dispatch(number, std::move(call));
    return number;
  }

  void abandon(std::uint64_t number) override {
    const auto call = calls_.find(number);
    if (call == calls_.end() || ended_.contains(number)) return;
    call->second->silence();
    call->second->caller().leave();
  }

  bool run_until(core::Instant until, const std::function<bool()>& done) override {
    // So that time passes even if nothing happens.
    wake_up_.arm(until, core::Precedence::kOther);
    kernel_.run(until, done);
    wake_up_.disarm();
    forget_ended();
    return done();
  }

  absl::StatusOr<google::protobuf::FileDescriptorSet> describe() override {
    google::protobuf::FileDescriptorSet files;
    add_file(*spearlet::InvokeFunctionRequest::descriptor()->file(), files);
    if (faulty_ != nullptr && faulty_->describe != nullptr) faulty_->describe(files);
    return files;
  }

  absl::StatusOr<HttpAnswer> get(const std::string& endpoint) override {
    if (!std::string_view(endpoint).starts_with(kEndpoint)) return HttpAnswer{.code = 404};
    spearlet::GetExecutionStatusRequest request;
    request.set_execution_id(endpoint.substr(kEndpoint.size()));
    request.set_include_result(true);
    HttpAnswer answer;
    start({.path = std::string(kServicePath) + "GetExecutionStatus",
           .request = request.SerializeAsString(),
           .on_message =
               [&](const std::string& bytes) {
                 spearlet::GetExecutionStatusResponse status;
                 status.ParseFromString(bytes);
                 answer.code = status.found() ? 200 : 404;
                 if (!google::protobuf::util::MessageToJsonString(status, &answer.body).ok()) {
                   answer.code = 500;
                 }
               },
           .on_end =
               [&](const absl::Status& status) {
                 if (!status.ok()) answer.code = 503;
               }});
    return answer;
  }

  void ended(std::uint64_t number) { ended_.insert(number); }

 private:
  bool has(WireFault fault) const { return faulty_ != nullptr && faulty_->wire == fault; }

  // What a real wire refuses before the service sees it.
  absl::Status wire_problem(const WireCall& call) {
    if (deaf_) return absl::UnavailableError("the connection is broken");
    if (call.request.size() > kLargestMessage) {
      return absl::ResourceExhaustedError(fmt::format(
          "received message larger than max ({} vs. {})", call.request.size(), kLargestMessage));
    }
    return absl::OkStatus();
  }

  template <class Request, class Response>
  void unary(std::uint64_t number, WireCall wire,
             void (core::FunctionService::*method)(const Request&, core::Answer<Response>)) {
    Request request;
    if (!parse(wire, request)) return;
    auto& call = open<UnaryCall<Response>>(number, std::move(wire));
    (service_->*method)(request, core::Answer<Response>(call));
  }

  template <class Message>
  bool parse(WireCall& wire, Message& message) {
    if (message.ParseFromString(wire.request)) return true;
    deaf_ = has(WireFault::kDeafAfterMalformed);
    if (wire.on_end) wire.on_end(absl::InternalError("the request's bytes are no message"));
    return false;
  }

  template <class CallType>
  CallType& open(std::uint64_t number, WireCall wire) {
    auto call = std::make_unique<CallType>(*this, number, std::move(wire));
    CallType& opened = *call;
    calls_.emplace(number, std::move(call));
    return opened;
  }

  void dispatch(std::uint64_t number, WireCall wire) {
    using Service = core::FunctionService;
    const std::string path = wire.path;
    const auto is = [&](std::string_view name) {
      return path.starts_with(kServicePath) && path.substr(kServicePath.size()) == name;
    };
    const core::CallContext context{.deadline = wire.deadline};
    if (is("InvokeFunction")) {
      spearlet::InvokeFunctionRequest request;
      if (!parse(wire, request)) return;
      auto& call = open<UnaryCall<spearlet::InvokeFunctionResponse>>(number, std::move(wire));
      service_->InvokeFunction(std::move(request), context,
                               core::Answer<spearlet::InvokeFunctionResponse>(call));
    } else if (is("StreamFunction")) {
      spearlet::InvokeFunctionRequest request;
      if (!parse(wire, request)) return;
      auto& call = open<StreamingCall>(number, std::move(wire));
      service_->StreamFunction(std::move(request), context,
                               core::StreamAnswer<spearlet::StreamExecutionResult>(call));
    } else if (is("GetExecutionStatus")) {
      unary(number, std::move(wire), &Service::GetExecutionStatus);
    } else if (is("CancelExecution")) {
      unary(number, std::move(wire), &Service::CancelExecution);
    } else if (is("ListTasks")) {
      unary(number, std::move(wire), &Service::ListTasks);
    } else if (is("GetTask")) {
      unary(number, std::move(wire), &Service::GetTask);
    } else if (is("DeleteTask")) {
      unary(number, std::move(wire), &Service::DeleteTask);
    } else if (is("ListExecutions")) {
      unary(number, std::move(wire), &Service::ListExecutions);
    } else if (is("GetHealth")) {
      unary(number, std::move(wire), &Service::GetHealth);
    } else if (is("GetStats")) {
      unary(number, std::move(wire), &Service::GetStats);
    } else if (has(WireFault::kAnswersUnknownMethods)) {
      if (wire.on_message) wire.on_message("");
      if (wire.on_end) wire.on_end(absl::OkStatus());
    } else if (wire.on_end) {
      wire.on_end(absl::UnimplementedError("there is no such method"));
    }
  }

  void forget_ended() {
    for (const std::uint64_t number : ended_) calls_.erase(number);
    ended_.clear();
  }

  const FaultyCore* faulty_;
  sim::Kernel kernel_;
  sim::NodeEnvironment environment_;
  FixtureRuntime fixtures_;
  std::unique_ptr<core::Runtime> wrapped_runtime_;
  std::map<std::uint64_t, std::unique_ptr<OpenCall>> calls_;
  std::set<std::uint64_t> ended_;  // a call can't be destroyed while it is being answered
  std::uint64_t last_call_ = 0;
  bool deaf_ = false;  // a fault: it has had bytes that are no message
  core::Timer wake_up_;
  core::FunctionService* service_ = nullptr;
  std::unique_ptr<core::FunctionService> decorator_;
  std::unique_ptr<core::Node> node_;
};

OpenCall::OpenCall(SimTransport& transport, std::uint64_t number, WireCall wire)
    : transport_(transport),
      number_(number),
      wire_(std::move(wire)),
      deadline_(
          transport.environment(), [](void* call) { static_cast<OpenCall*>(call)->on_deadline(); },
          this) {
  deadline_.arm(wire_.deadline, core::Precedence::kOther);
}

void OpenCall::end(absl::Status status) {
  deadline_.disarm();
  transport_.ended(number_);
  if (wire_.on_end) std::exchange(wire_.on_end, nullptr)(std::move(status));
}

void OpenCall::on_deadline() {
  if (wire_.on_end) {
    std::exchange(wire_.on_end, nullptr)(absl::DeadlineExceededError("the deadline has passed"));
  }
  silence();
  caller().leave();
}

}  // namespace

std::unique_ptr<Transport> make_sim_arm(const core::NodeConfig& node, const FaultyCore* faulty) {
  return std::make_unique<SimTransport>(node, faulty);
}

}  // namespace quintain::conformance
