// Plays scripts. Every step has a runner, which waits for the instant of the step, calls the
// service of the node (or does what the step says, if it is no call), and records the answer.
#include "sim/script.h"

#include <fmt/format.h>

#include <algorithm>
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

bool invokes(const Step& step) {
  return std::holds_alternative<spearlet::InvokeFunctionRequest>(step.action) ||
         std::holds_alternative<StreamStep>(step.action);
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
    if (!step.after) start_.arm(step.at, precedence_of(step));
  }
  virtual ~StepRunner() = default;

  const Step& step() const { return step_; }

  // The event for which the step waits has happened.
  void start_after_event() {
    start_.arm(script_.world_.now() + step_.after->plus, precedence_of(step_));
  }

  // Makes the caller go away, unless the call was answered.
  void abandon() {
    if (call_ == 0 || record().answered_at || record().gone_at) return;
    deadline_.disarm();
    record().gone_at = script_.world_.now();
    record().status = absl::DeadlineExceededError("the caller went away");
    script_.world_.call_abandoned(node().index(), call_);
    script_.happened(*this, StepEvent::kLeft);
    leave();
  }

  // The node has accepted the call's execution.
  void accepted(ExecutionRef execution) {
    if (record().execution) return;  // the request has arrived twice
    const auto* found = node().record(execution.ordinal);
    if (found != nullptr) note(*found, /*created=*/true);
  }

 protected:
  virtual void act() = 0;
  virtual void leave() = 0;

  SimulatedNode& node() { return script_.world_.node(step_.node); }
  core::Environment& environment() { return script_.world_.node(step_.node).environment(); }
  CallRecord& record() { return script_.calls_[step_.name]; }

  // Records that the call is sent, and arms the deadline of the caller.
  core::CallContext open(std::shared_ptr<const google::protobuf::Message> request) {
    const core::Instant deadline = script_.world_.now() + step_.deadline;
    const bool streams = std::holds_alternative<StreamStep>(step_.action);
    call_ = script_.world_.open_call(
        node().index(), *request, deadline,
        streams ? spearlet::EXECUTION_MODE_STREAM : spearlet::EXECUTION_MODE_UNSPECIFIED);
    script_.world_.history().name_call(call_, step_.name);
    if (script_.listens_ && invokes(step_)) script_.invocations_[call_] = this;
    CallRecord& call = record();
    call.request = std::move(request);
    call.sent_at = script_.world_.now();
    deadline_.arm(deadline, core::Precedence::kOther);
    script_.happened(*this, StepEvent::kSent);
    return {.deadline = deadline};
  }

  void received(const google::protobuf::Message& message) {
    script_.world_.call_received(node().index(), call_, message);
  }

  void answered(const absl::Status& status,
                std::shared_ptr<const google::protobuf::Message> response) {
    if (!record().execution) find_execution(response.get());
    script_.world_.call_answered(node().index(), call_, status.ok() ? response.get() : nullptr,
                                 status.code());
    if (record().gone_at) return;
    deadline_.disarm();
    record().answered_at = script_.world_.now();
    record().status = status;
    record().response = std::move(response);
    script_.happened(*this, StepEvent::kAnswered);
  }

  // Runs a call that may create an execution, and records which execution it created or named.
  template <class Call>
  void note_execution(const spearlet::InvokeFunctionRequest& request, const Call& invoke) {
    const ExecutionRef before = node().last_accepted();
    invoke();
    // With a network the request is on its way: accepted() or answered() will find the execution.
    if (node().has_network() || !node().is_up()) return;
    core::AsyncExecutionTracker& tracker = node().node().manager().tracker();
    const ExecutionRef after = node().last_accepted();
    const core::AsyncExecution* execution = after != before ? tracker.find_ordinal(after.ordinal)
                                                            : tracker.find(request.execution_id());
    if (execution != nullptr) note(*execution, after != before);
  }

  void note(const core::AsyncExecution& execution, bool created) {
    const ExecutionRef reference = {.node = node().index(), .ordinal = execution.ordinal};
    record().execution = reference;
    record().execution_id = execution.execution_id;
    if (created) script_.world_.history().name(reference, step_.name);
    script_.associate(*this, reference);
  }

  // The call was answered, and did not create an execution: it repeats the id of another one.
  void find_execution(const google::protobuf::Message* response) {
    const auto* answer = dynamic_cast<const spearlet::InvokeFunctionResponse*>(response);
    if (answer == nullptr || answer->execution_id().empty() || !node().is_up()) return;
    const auto* execution = node().node().manager().tracker().find(answer->execution_id());
    if (execution != nullptr) note(*execution, /*created=*/false);
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
    received(message);
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
    } else if (std::holds_alternative<CrashStep>(step_.action)) {
      node().crash();
    } else if (std::holds_alternative<RestartStep>(step_.action)) {
      node().start_again();
    } else if (node().is_up()) {
      node().node().drain();
    }
  }
  void leave() override {}
};

Script::Script(World& world, std::vector<Step> steps) : world_(world), steps_(std::move(steps)) {
  for (const Step& step : steps_) {
    runners_.push_back(make_runner(step));
    by_name_[step.name] = runners_.back().get();
    if (!step.after) continue;
    assert(by_name_.contains(step.after->step) && "a step is anchored to a later one");
    waiting_[{step.after->step, step.after->event}].push_back(runners_.back().get());
  }
  assert((waiting_.empty() || world_.recording()) && "anchors need the events of the world");
  listens_ = !waiting_.empty();
  for (std::size_t i = 0; i < world_.nodes(); ++i) listens_ |= world_.node(i).has_network();
  if (listens_) world_.history().add_listener(*this);
}

Script::~Script() { world_.close(); }

// ---- Anchors ------------------------------------------------------------------------------------

void Script::happened(const StepRunner& runner, StepEvent event) {
  const auto waiting = waiting_.find({runner.step().name, event});
  if (waiting == waiting_.end()) return;
  const std::vector<StepRunner*> runners = std::move(waiting->second);
  waiting_.erase(waiting);
  for (StepRunner* next : runners) next->start_after_event();
}

void Script::associate(StepRunner& runner, ExecutionRef execution) {
  if (!listens_) return;
  Story& story = stories_[execution];
  if (std::ranges::count(story.runners, &runner) > 0) return;
  story.runners.push_back(&runner);
  // The call may be about an execution that an earlier one has created.
  for (const StepEvent event : story.events) happened(runner, event);
}

void Script::on_event(const Event& event) {
  if (event.execution.ordinal == 0) return;
  const auto kind = [&event]() -> std::optional<StepEvent> {
    switch (event.kind) {
      case EventKind::kAccepted:
        return StepEvent::kAccepted;
      case EventKind::kAttemptDispatched:
        return StepEvent::kDispatched;
      case EventKind::kTransition:
        return event.to == spearlet::EXECUTION_STATUS_RUNNING ? StepEvent::kStarted
                                                              : StepEvent::kEnded;
      case EventKind::kStopRequested:
        return StepEvent::kStopRequested;
      default:
        return std::nullopt;
    }
  }();
  if (!kind) return;
  if (*kind == StepEvent::kAccepted) {
    const auto invocation = invocations_.find(event.call);
    if (invocation != invocations_.end()) invocation->second->accepted(event.execution);
  }
  const auto story = stories_.find(event.execution);
  if (story == stories_.end() || !story->second.events.insert(*kind).second) return;
  for (const StepRunner* runner : story->second.runners) happened(*runner, *kind);
}

std::vector<std::string> Script::missing_events() const {
  std::vector<std::string> missing;
  for (const auto& [what, runners] : waiting_) {
    for (const StepRunner* runner : runners) {
      missing.push_back(fmt::format("step '{}' waits for '{}' of step '{}'", runner->step().name,
                                    name_of(what.second), what.first));
    }
  }
  return missing;
}

std::string_view name_of(StepEvent event) {
  constexpr std::string_view kNames[] = {"sent",           "accepted", "dispatched", "started",
                                         "stop-requested", "ended",    "answered",   "left"};
  return kNames[static_cast<std::size_t>(event)];
}

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
