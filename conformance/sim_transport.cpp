// The transport in virtual time: a kernel, a node and an in-memory wire that behaves like gRPC.
#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conformance/faulty/faulty_core.h"
#include "conformance/fixtures/fixture_runtime.h"
#include "conformance/transport.h"
#include "core/durability/durable_node.h"
#include "core/durability/memory_journal.h"
#include "core/method.h"
#include "core/node.h"
#include "core/node_config.h"
#include "sim/kernel.h"
#include "store/records.pb.h"

namespace quintain::conformance {
namespace {

// gRPC's default limit, in bytes.
constexpr std::size_t kMaxMessage = std::size_t{4} << 20;

constexpr std::uint64_t kSeed = 1;

constexpr std::string_view kServicePath = "/spearlet.FunctionService/";
constexpr std::string_view kEndpoint = "/status/";

// Adds the file and everything that it imports, imports first.
void add_file(const google::protobuf::FileDescriptor& file,
              google::protobuf::FileDescriptorSet& files) {
  for (const auto& known : files.file()) {
    if (known.name() == file.name()) return;
  }
  for (int i = 0; i < file.dependency_count(); ++i) add_file(*file.dependency(i), files);
  file.CopyTo(files.add_file());
}

class SimTransport;

// A call that the node has not answered, or whose end has not been delivered to the client.
class OpenCall {
 public:
  OpenCall(SimTransport& transport, std::uint64_t number, WireCall wire);
  virtual ~OpenCall() = default;

  // Delivers nothing more to the client.
  void disconnect() {
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
        wake_up_(
            environment_, [](void*) {}, nullptr),
        config_(config) {
    if (faulty_ != nullptr && faulty_->configure != nullptr) faulty_->configure(config_);
    start_node().IgnoreError();  // there are no records yet
  }

  ~SimTransport() override { end_node(); }

  core::Instant now() const override { return kernel_.now(); }
  core::WallTime wall_now() const override { return environment_.wall_now(); }
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
    call->second->disconnect();
    call->second->caller().leave();
  }

  void reconnect() override {
    if (!has(WireFault::kConnectionOwnsExecutions)) return;
    for (const std::string& id : std::exchange(started_, {})) {
      spearlet::CancelExecutionRequest request;
      request.set_execution_id(id);
      start({.path = std::string(kServicePath) + "CancelExecution",
             .request = request.SerializeAsString()});
    }
  }

  bool run_until(core::Instant until, const std::function<bool()>& done) override {
    // An event at `until`, so that time advances to it even if nothing else happens.
    wake_up_.arm(until, core::Precedence::kOther);
    kernel_.run(until, done);
    wake_up_.disarm();
    forget_ended();
    return done();
  }

  absl::Status restart() override {
    end_node();
    damage_records();
    return start_node();
  }

  absl::Status drain() override {
    node_->node().drain();
    return absl::OkStatus();
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

  void on_ended(std::uint64_t number) { ended_.insert(number); }

 private:
  absl::Status start_node() {
    core::Runtime* runtime = &fixtures_;
    if (faulty_ != nullptr && faulty_->wrap_runtime) {
      wrapped_runtime_ = faulty_->wrap_runtime(fixtures_, environment_, config_);
      runtime = wrapped_runtime_.get();
    }
    journal_.emplace(records_);
    node_ = std::make_unique<core::DurableNode>(environment_, *runtime, config_, *journal_,
                                                core::DurabilityConfig());
    for (core::TaskSpec& task : fixture_tasks()) node_->node().register_task(std::move(task));
    service_ = &node_->service();
    if (faulty_ != nullptr && faulty_->decorate) {
      decorator_ = faulty_->decorate(*service_, environment_, config_);
      service_ = decorator_.get();
    }
    return node_->restore();
  }

  void end_node() {
    for (auto& [number, call] : calls_) call->disconnect();
    node_.reset();  // answers the open calls through the decorator
    decorator_.reset();
    wrapped_runtime_.reset();
    forget_ended();
  }

  // What the faults of a restart do to the records.
  void damage_records() {
    using core::JournalTable;
    if (has(WireFault::kForgetsAtRestart)) records_.clear();
    const core::MemoryJournal::Records before = records_;
    for (const auto& [place, value] : before) {
      if (place.first != JournalTable::kExecutions) continue;
      store::Execution execution;
      if (!execution.ParseFromString(value)) continue;
      if (has(WireFault::kForgetsIdsAtRestart)) execution.clear_fingerprint();
      if (has(WireFault::kFailsWaitingAtRestart) && execution.has_pending()) {
        store::Attempt attempt;
        attempt.set_number(1);
        records_.try_emplace({JournalTable::kAttempts, place.second}, attempt.SerializeAsString());
      }
      records_[place] = execution.SerializeAsString();
    }
  }

  bool has(WireFault fault) const { return faulty_ != nullptr && faulty_->wire == fault; }

  // The error of a real wire, before the service sees the call.
  absl::Status wire_problem(const WireCall& call) {
    if (deaf_) return absl::UnavailableError("the connection is broken");
    if (call.request.size() > kMaxMessage) {
      return absl::ResourceExhaustedError(fmt::format(
          "received message larger than max ({} vs. {})", call.request.size(), kMaxMessage));
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
    if (wire.on_end) wire.on_end(absl::InternalError("the request is malformed"));
    return false;
  }

  template <class CallType>
  CallType& open(std::uint64_t number, WireCall wire) {
    auto call = std::make_unique<CallType>(*this, number, std::move(wire));
    CallType& opened = *call;
    calls_.emplace(number, std::move(call));
    return opened;
  }

  template <class CallType, class AnswerType, auto kMethod>
  void invoke(std::uint64_t number, WireCall wire) {
    const core::CallContext context{.deadline = wire.deadline};
    spearlet::InvokeFunctionRequest request;
    if (!parse(wire, request)) return;
    if (has(WireFault::kConnectionOwnsExecutions)) started_.push_back(request.execution_id());
    auto& call = open<CallType>(number, std::move(wire));
    (service_->*kMethod)(std::move(request), context, AnswerType(call));
  }

  void dispatch(std::uint64_t number, WireCall wire) {
    using Service = core::FunctionService;
    using core::Method;
    const std::string_view path = wire.path;
    const auto* const name =
        path.starts_with(kServicePath)
            ? std::ranges::find(core::kMethodNames, path.substr(kServicePath.size()))
            : core::kMethodNames.end();
    if (name == core::kMethodNames.end()) return refuse_unknown(wire);
    switch (static_cast<Method>(name - core::kMethodNames.begin())) {
      case Method::kInvokeFunction:
        return invoke<UnaryCall<spearlet::InvokeFunctionResponse>,
                      core::Answer<spearlet::InvokeFunctionResponse>, &Service::InvokeFunction>(
            number, std::move(wire));
      case Method::kStreamFunction:
        return invoke<StreamingCall, core::StreamAnswer<spearlet::StreamExecutionResult>,
                      &Service::StreamFunction>(number, std::move(wire));
      case Method::kGetExecutionStatus:
        return unary(number, std::move(wire), &Service::GetExecutionStatus);
      case Method::kCancelExecution:
        return unary(number, std::move(wire), &Service::CancelExecution);
      case Method::kListTasks:
        return unary(number, std::move(wire), &Service::ListTasks);
      case Method::kGetTask:
        return unary(number, std::move(wire), &Service::GetTask);
      case Method::kDeleteTask:
        return unary(number, std::move(wire), &Service::DeleteTask);
      case Method::kListExecutions:
        return unary(number, std::move(wire), &Service::ListExecutions);
      case Method::kGetHealth:
        return unary(number, std::move(wire), &Service::GetHealth);
      case Method::kGetStats:
        return unary(number, std::move(wire), &Service::GetStats);
    }
  }

  void refuse_unknown(WireCall& wire) {
    const bool answers = has(WireFault::kAnswersUnknownMethods);
    if (answers && wire.on_message) wire.on_message("");
    if (wire.on_end) {
      wire.on_end(answers ? absl::OkStatus() : absl::UnimplementedError("there is no such method"));
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
  std::set<std::uint64_t> ended_;  // calls to destroy; not possible while they are being answered
  std::uint64_t last_call_ = 0;
  bool deaf_ = false;                 // WireFault::kDeafAfterMalformed has been triggered
  std::vector<std::string> started_;  // for WireFault::kConnectionOwnsExecutions
  core::Timer wake_up_;
  core::NodeConfig config_;
  core::MemoryJournal::Records records_;  // what survives a crash
  std::optional<core::MemoryJournal> journal_;
  core::FunctionService* service_ = nullptr;
  std::unique_ptr<core::FunctionService> decorator_;
  std::unique_ptr<core::DurableNode> node_;
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
  transport_.on_ended(number_);
  if (wire_.on_end) std::exchange(wire_.on_end, nullptr)(std::move(status));
}

void OpenCall::on_deadline() {
  if (wire_.on_end) {
    std::exchange(wire_.on_end, nullptr)(absl::DeadlineExceededError("the deadline has passed"));
  }
  disconnect();
  caller().leave();
}

}  // namespace

std::unique_ptr<Transport> make_sim_transport(const core::NodeConfig& node,
                                              const FaultyCore* faulty) {
  return std::make_unique<SimTransport>(node, faulty);
}

}  // namespace quintain::conformance
