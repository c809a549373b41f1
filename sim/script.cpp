// Plays scripts. Every step has a runner, which waits for the instant of the step, calls the
// service of the node (or does what the step says, if it is no call), and records the answer.
#include "sim/script.h"

#include <cassert>
#include <type_traits>
#include <utility>

namespace quintain::sim {
namespace {

// Returns the request of a step, with references to earlier calls replaced by what those returned.
template <class Request>
Request resolve(const Step& step, const std::map<std::string, CallRecord>& calls) {
  constexpr bool kNamesExecution = std::is_same_v<Request, spearlet::GetExecutionStatusRequest> ||
                                   std::is_same_v<Request, spearlet::CancelExecutionRequest>;
  constexpr bool kHasPages = std::is_same_v<Request, spearlet::ListTasksRequest> ||
                             std::is_same_v<Request, spearlet::ListExecutionsRequest>;
  const auto find = [&](const std::string& name) -> const CallRecord* {
    const auto position = calls.find(name);
    return name.empty() || position == calls.end() ? nullptr : &position->second;
  };
  Request request = std::get<Request>(step.action);
  if constexpr (kNamesExecution) {
    if (const CallRecord* call = find(step.execution)) {
      request.set_execution_id(call->execution_id);
    }
  } else if constexpr (kHasPages) {
    const CallRecord* call = find(step.page_after);
    if (call == nullptr || call->response == nullptr) return request;
    const google::protobuf::Message& page = *call->response;
    if (const auto* field = page.GetDescriptor()->FindFieldByName("next_start_after")) {
      request.set_start_after(page.GetReflection()->GetString(page, field));
    }
  }
  return request;
}

core::Precedence precedence_of(const Step& step) {
  const bool ends_something =
      std::holds_alternative<spearlet::CancelExecutionRequest>(step.action) ||
      std::holds_alternative<LeaveStep>(step.action);
  return ends_something ? core::Precedence::kCancel : core::Precedence::kOther;
}

using Service = core::FunctionService;

// How each request is sent, and the type of its response.
template <class Request>
struct Rpc;

template <auto Method>
struct PlainRpc;

template <class Request, class Reply, void (Service::*Method)(const Request&, core::Answer<Reply>)>
struct PlainRpc<Method> {
  using Response = Reply;
  static void call(Service& service, const core::CallContext&, const Request& request,
                   core::Answer<Reply> answer) {
    (service.*Method)(request, std::move(answer));
  }
};

template <>
struct Rpc<spearlet::InvokeFunctionRequest> {
  using Response = spearlet::InvokeFunctionResponse;
  static void call(Service& service, const core::CallContext& context,
                   spearlet::InvokeFunctionRequest request, core::Answer<Response> answer) {
    service.InvokeFunction(std::move(request), context, std::move(answer));
  }
};
template <>
struct Rpc<spearlet::GetExecutionStatusRequest> : PlainRpc<&Service::GetExecutionStatus> {};
template <>
struct Rpc<spearlet::CancelExecutionRequest> : PlainRpc<&Service::CancelExecution> {};
template <>
struct Rpc<spearlet::ListTasksRequest> : PlainRpc<&Service::ListTasks> {};
template <>
struct Rpc<spearlet::GetTaskRequest> : PlainRpc<&Service::GetTask> {};
template <>
struct Rpc<spearlet::DeleteTaskRequest> : PlainRpc<&Service::DeleteTask> {};
template <>
struct Rpc<spearlet::ListExecutionsRequest> : PlainRpc<&Service::ListExecutions> {};
template <>
struct Rpc<spearlet::GetHealthRequest> : PlainRpc<&Service::GetHealth> {};
template <>
struct Rpc<spearlet::GetStatsRequest> : PlainRpc<&Service::GetStats> {};

}  // namespace

// One step: waits for its instant, makes the call, takes the answer.
class Script::StepRunner {
 public:
  StepRunner(Script& script, const Step& step)
      : script_(script),
        step_(step),
        start_(
            environment(), [](void* self) { static_cast<StepRunner*>(self)->run(); }, this),
        deadline_(
            environment(), [](void* self) { static_cast<StepRunner*>(self)->abandon(); }, this) {
    start_.arm(step.at, precedence_of(step));
  }
  virtual ~StepRunner() = default;

  // Makes the caller go away, unless the call was answered.
  void abandon() {
    if (call_ == 0 || record().answered_at || record().gone_at) return;
    deadline_.disarm();
    record().gone_at = script_.world_.now();
    record().status = absl::DeadlineExceededError("the caller went away");
    script_.world_.call_abandoned(node().index(), call_);
    leave();
  }

 protected:
  virtual void act() = 0;
  virtual void leave() = 0;

  SimulatedNode& node() { return script_.world_.node(step_.node); }
  core::Environment& environment() { return script_.world_.node(step_.node).environment(); }
  CallRecord& record() { return script_.calls_[step_.name]; }

  // Records that the call is sent, and arms the deadline of the caller.
  core::CallContext open(std::shared_ptr<const google::protobuf::Message> request) {
    call_ = script_.world_.open_call(node().index(), *request);
    script_.world_.history().name_call(call_, step_.name);
    CallRecord& call = record();
    call.request = std::move(request);
    call.sent_at = script_.world_.now();
    const core::Instant deadline = call.sent_at + step_.deadline;
    deadline_.arm(deadline, core::Precedence::kOther);
    return {.deadline = deadline};
  }

  void answered(const absl::Status& status,
                std::shared_ptr<const google::protobuf::Message> response) {
    script_.world_.call_answered(node().index(), call_, status.ok() ? response.get() : nullptr);
    if (record().gone_at) return;
    deadline_.disarm();
    record().answered_at = script_.world_.now();
    record().status = status;
    record().response = std::move(response);
  }

  // Runs a call that may create an execution, and records which execution it created or named.
  template <class Call>
  void note_execution(const spearlet::InvokeFunctionRequest& request, const Call& invoke) {
    const ExecutionRef before = node().last_accepted();
    invoke();
    core::AsyncExecutionTracker& tracker = node().node().manager().tracker();
    const ExecutionRef after = node().last_accepted();
    const core::AsyncExecution* execution = after != before ? tracker.find_ordinal(after.ordinal)
                                                            : tracker.find(request.execution_id());
    if (execution == nullptr) return;
    record().execution = {.node = after.node, .ordinal = execution->ordinal};
    record().execution_id = execution->execution_id;
    if (after != before) script_.world_.history().name(after, step_.name);
  }

  Script& script_;
  const Step& step_;

 private:
  void run() {
    ++script_.steps_run_;
    act();
  }

  core::Timer start_;
  core::Timer deadline_;
  std::uint64_t call_ = 0;
};

template <class Request>
class Script::UnaryCall final : public StepRunner,
                                private core::UnaryCaller<typename Rpc<Request>::Response> {
 public:
  using StepRunner::StepRunner;

 private:
  using Response = typename Rpc<Request>::Response;

  void act() override {
    const Request request = resolve<Request>(step_, script_.calls_);
    const core::CallContext context = open(std::make_shared<Request>(request));
    const auto send = [&] {
      Rpc<Request>::call(node().service(), context, request, core::Answer<Response>(*this));
    };
    if constexpr (std::is_same_v<Request, spearlet::InvokeFunctionRequest>) {
      note_execution(request, send);
    } else {
      send();
    }
  }

  void leave() override { core::Caller::leave(); }
  void deliver(Response&& response) override {
    answered(absl::OkStatus(), std::make_shared<Response>(std::move(response)));
  }
  void refuse(const absl::Status& status) override { answered(status, nullptr); }
};

class Script::StreamCall final : public StepRunner,
                                 private core::StreamCaller<spearlet::StreamExecutionResult> {
 public:
  using StepRunner::StepRunner;

 private:
  void act() override {
    const auto& request = std::get<StreamStep>(step_.action).request;
    const core::CallContext context =
        open(std::make_shared<spearlet::InvokeFunctionRequest>(request));
    note_execution(request, [&] {
      node().service().StreamFunction(spearlet::InvokeFunctionRequest(request), context,
                                      core::StreamAnswer<spearlet::StreamExecutionResult>(*this));
    });
  }

  void leave() override { core::Caller::leave(); }
  void write(spearlet::StreamExecutionResult&& message) override {
    record().stream.push_back({.at = script_.world_.now(), .message = std::move(message)});
  }
  void finish(const absl::Status& status) override {
    // The last message of a stream that ended well counts as the response.
    answered(status,
             status.ok() && !record().stream.empty()
                 ? std::make_shared<spearlet::StreamExecutionResult>(record().stream.back().message)
                 : nullptr);
  }
};

// A step that is not a call.
class Script::Command final : public StepRunner {
 public:
  using StepRunner::StepRunner;

 private:
  void act() override {
    if (const auto* leave_step = std::get_if<LeaveStep>(&step_.action)) {
      const auto position = script_.by_name_.find(leave_step->call);
      assert(position != script_.by_name_.end() && "a step leaves a call that does not exist");
      position->second->abandon();
    } else {
      node().node().drain();
    }
  }
  void leave() override {}
};

Script::Script(World& world, std::vector<Step> steps) : world_(world), steps_(std::move(steps)) {
  for (const Step& step : steps_) {
    runners_.push_back(make_runner(step));
    by_name_[step.name] = runners_.back().get();
  }
}

Script::~Script() { world_.close(); }

bool Script::finished() const { return steps_run_ == steps_.size(); }

std::unique_ptr<Script::StepRunner> Script::make_runner(const Step& step) {
  return std::visit(
      [&](const auto& action) -> std::unique_ptr<StepRunner> {
        using Action = std::decay_t<decltype(action)>;
        if constexpr (std::is_same_v<Action, StreamStep>) {
          return std::make_unique<StreamCall>(*this, step);
        } else if constexpr (std::is_base_of_v<google::protobuf::Message, Action>) {
          return std::make_unique<UnaryCall<Action>>(*this, step);
        } else {
          return std::make_unique<Command>(*this, step);
        }
      },
      step.action);
}

}  // namespace quintain::sim
