#include "sim/script.h"

#include <cassert>
#include <type_traits>
#include <utility>

namespace quintain::sim {
namespace {

// What steps mean at the moment they are made: references filled in from what earlier calls
// brought.
class References {
 public:
  References(const Step& step, const std::map<std::string, CallRecord>& calls)
      : step_(step), calls_(calls) {}

  template <class Request>
  Request resolve(Request request) const {
    constexpr bool names_execution = std::is_same_v<Request, spearlet::GetExecutionStatusRequest> ||
                                     std::is_same_v<Request, spearlet::CancelExecutionRequest>;
    constexpr bool has_pages = std::is_same_v<Request, spearlet::ListTasksRequest> ||
                               std::is_same_v<Request, spearlet::ListExecutionsRequest>;
    if constexpr (names_execution) {
      if (const CallRecord* call = find(step_.execution)) {
        request.set_execution_id(call->execution_id);
      }
    }
    if constexpr (has_pages) {
      const CallRecord* call = find(step_.page_after);
      if (call != nullptr && call->response != nullptr) {
        request.set_start_after(next_start_after(*call->response));
      }
    }
    return request;
  }

 private:
  const CallRecord* find(const std::string& name) const {
    const auto position = calls_.find(name);
    return name.empty() || position == calls_.end() ? nullptr : &position->second;
  }

  static std::string next_start_after(const google::protobuf::Message& page) {
    const auto* field = page.GetDescriptor()->FindFieldByName("next_start_after");
    return field == nullptr ? "" : page.GetReflection()->GetString(page, field);
  }

  const Step& step_;
  const std::map<std::string, CallRecord>& calls_;
};

core::Precedence precedence_of(const Step& step) {
  const bool ends_something =
      std::holds_alternative<spearlet::CancelExecutionRequest>(step.action) ||
      std::holds_alternative<LeaveStep>(step.action);
  return ends_something ? core::Precedence::kCancel : core::Precedence::kOther;
}

using Service = core::FunctionService;

// How each request is called and answered.
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

class Script::Player {
 public:
  Player(Script& script, const Step& step)
      : script_(script),
        step_(step),
        start_(
            environment(), [](void* player) { static_cast<Player*>(player)->begin(); }, this),
        deadline_(
            environment(), [](void* player) { static_cast<Player*>(player)->abandon(); }, this) {
    start_.arm(step.at, precedence_of(step));
  }
  virtual ~Player() = default;

  // The caller goes away, unless it has its answer.
  void abandon() {
    if (call_ == 0 || record().answered_at || record().gone_at) return;
    deadline_.disarm();
    record().gone_at = script_.world_.now();
    record().status = absl::DeadlineExceededError("the caller went away");
    script_.world_.call_abandoned(node().index(), call_);
    leave();
  }

 protected:
  virtual void make() = 0;
  virtual void leave() = 0;

  SimulatedNode& node() { return script_.world_.node(step_.node); }
  core::Environment& environment() { return script_.world_.node(step_.node).environment(); }
  CallRecord& record() { return script_.calls_[step_.name]; }

  // The call is on its way from here on.
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

  // Runs a call that may create an execution, and finds out which it is about.
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
  void begin() {
    ++script_.made_;
    make();
  }

  core::Timer start_;
  core::Timer deadline_;
  std::uint64_t call_ = 0;
};

template <class Request>
class Script::UnaryPlayer final : public Player,
                                  private core::UnaryCaller<typename Rpc<Request>::Response> {
 public:
  using Player::Player;

 private:
  using Response = typename Rpc<Request>::Response;

  void make() override {
    const Request request =
        References(step_, script_.calls_).resolve(std::get<Request>(step_.action));
    const core::CallContext context = open(std::make_shared<Request>(request));
    const auto place = [&] {
      Rpc<Request>::call(node().service(), context, request, core::Answer<Response>(*this));
    };
    if constexpr (std::is_same_v<Request, spearlet::InvokeFunctionRequest>) {
      note_execution(request, place);
    } else {
      place();
    }
  }

  void leave() override { core::Caller::leave(); }
  void deliver(Response&& response) override {
    answered(absl::OkStatus(), std::make_shared<Response>(std::move(response)));
  }
  void refuse(const absl::Status& status) override { answered(status, nullptr); }
};

class Script::StreamPlayer final : public Player,
                                   private core::StreamCaller<spearlet::StreamExecutionResult> {
 public:
  using Player::Player;

 private:
  void make() override {
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
    // A stream that ended well is answered by its last message.
    answered(status,
             status.ok() && !record().stream.empty()
                 ? std::make_shared<spearlet::StreamExecutionResult>(record().stream.back().message)
                 : nullptr);
  }
};

// A step that is not a call.
class Script::OrderPlayer final : public Player {
 public:
  using Player::Player;

 private:
  void make() override {
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
    players_.push_back(make_player(step));
    by_name_[step.name] = players_.back().get();
  }
}

Script::~Script() { world_.close(); }

bool Script::finished() const { return made_ == steps_.size(); }

std::unique_ptr<Script::Player> Script::make_player(const Step& step) {
  return std::visit(
      [&](const auto& action) -> std::unique_ptr<Player> {
        using Action = std::decay_t<decltype(action)>;
        if constexpr (std::is_same_v<Action, StreamStep>) {
          return std::make_unique<StreamPlayer>(*this, step);
        } else if constexpr (std::is_base_of_v<google::protobuf::Message, Action>) {
          return std::make_unique<UnaryPlayer<Action>>(*this, step);
        } else {
          return std::make_unique<OrderPlayer>(*this, step);
        }
      },
      step.action);
}

}  // namespace quintain::sim
