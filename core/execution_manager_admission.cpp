// TaskExecutionManager, admission: refuses or accepts invocations, answers repeated ones, and
// branches into SYNC, ASYNC and streams.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "core/base/planted_fault.h"
#include "core/execution_manager.h"

namespace quintain::core {
namespace {

// 64 bits as 13 characters of RFC 4648's base32hex alphabet: with a one-character prefix an id fits
// into a std::string without an allocation.
constexpr std::size_t kBase32Digits = 13;
void write_base32(std::uint64_t bits, char* text) {
  constexpr std::string_view kAlphabet = "0123456789abcdefghijklmnopqrstuv";
  for (int shift = 60; shift >= 0; shift -= 5) *text++ = kAlphabet[(bits >> shift) & 31];
}

// For a caller that left before its call was handled, which watch() would not report.
absl::Status caller_gone() {
  return absl::CancelledError("the caller went away; nothing was started");
}

}  // namespace

// ---- Admission ----------------------------------------------------------------------------------

void TaskExecutionManager::submit_execution(spearlet::InvokeFunctionRequest&& request,
                                            const CallContext& call,
                                            Answer<spearlet::InvokeFunctionResponse> answer) {
  const auto invocation = parse_invocation(request, InvocationCall::kInvokeFunction);
  if (!invocation.ok()) return refuse(std::move(answer), invocation.status());
  if (invocation->mode == spearlet::EXECUTION_MODE_SYNC && !answer.awaited()) {
    return refuse(std::move(answer), caller_gone());
  }
  if (invocation->execution_id) {
    if (AsyncExecution* existing = tracker_.find(*invocation->execution_id)) {
      return repeat(*existing, request, std::move(answer));
    }
  }
  const auto execution = admit(*invocation, request, call);
  if (!execution.ok()) return refuse(std::move(answer), execution.status());
  if ((*execution)->mode == spearlet::EXECUTION_MODE_ASYNC || planted("mode-not-read")) {
    execute_async(**execution, std::move(answer));
  } else {
    execute_sync(**execution, std::move(answer));
  }
}

template <class AnswerType>
void TaskExecutionManager::cancel_when_gone(AnswerType& answer, const AsyncExecution& execution) {
  answer.watch(
      [](void* self, std::uint64_t ordinal) {
        static_cast<TaskExecutionManager*>(self)->on_caller_gone(ordinal);
      },
      this, execution.ordinal);
}

void TaskExecutionManager::submit_stream(spearlet::InvokeFunctionRequest&& request,
                                         const CallContext& call,
                                         StreamAnswer<spearlet::StreamExecutionResult> answer) {
  const auto refuse_stream = [&](const absl::Status& status) {
    count_refusal(status);
    std::move(answer).finish(status);
  };
  const auto invocation = parse_invocation(request, InvocationCall::kStreamFunction);
  if (!invocation.ok()) return refuse_stream(invocation.status());
  if (!answer.awaited()) return refuse_stream(caller_gone());
  if (invocation->execution_id && tracker_.find(*invocation->execution_id) != nullptr) {
    return refuse_stream(absl::AlreadyExistsError(fmt::format(
        "execution '{}' exists; a stream can't be joined or repeated", *invocation->execution_id)));
  }
  const auto admitted = admit(*invocation, request, call);
  if (!admitted.ok()) return refuse_stream(admitted.status());
  AsyncExecution& execution = **admitted;
  cancel_when_gone(answer, execution);
  execution.live->stream.emplace(std::move(answer));
  dispatch();
}

absl::StatusOr<AsyncExecution*> TaskExecutionManager::admit(
    const Invocation& invocation, spearlet::InvokeFunctionRequest& request,
    const CallContext& call) {
  if (draining_ && !planted("draining-ignored")) {
    return absl::UnavailableError(
        fmt::format("node '{}' is draining and takes no new work", config_.name));
  }
  if (call.deadline <= environment_.now()) {
    return absl::DeadlineExceededError("the call's deadline has passed; nothing was started");
  }
  const auto function = find_function(invocation, request);
  if (!function.ok()) return function.status();

  std::string id = invocation.execution_id ? std::string(*invocation.execution_id) : new_id('e');
  while (!invocation.execution_id && tracker_.find(id) != nullptr) id = new_id('e');
  AsyncExecution& execution = tracker_.add(std::move(id), **function);
  execution.mode = invocation.mode;
  execution.deadline = environment_.now() + timeout_of(invocation, call);
  if (invocation.execution_id) tracker_.details(execution).fingerprint = fingerprint(request);

  execution.live = new_live(execution);
  LiveExecution& live = *execution.live;
  live.request = std::move(request);
  live.max_retries = invocation.max_retries;
  if (planted("timeout-a-millisecond-late")) {
    live.deadline.arm(execution.deadline + std::chrono::milliseconds(1), Precedence::kTimeout);
  } else if (planted("timeout-before-completion")) {
    live.deadline.arm(execution.deadline, Precedence::kCompletion);
  } else if (!planted("deadline-never-armed")) {
    live.deadline.arm(execution.deadline, Precedence::kTimeout);
  }
  // It joins the queue before the prediction, which depends on its place. It gets no slot before an
  // ASYNC caller has its answer.
  queue_.push(execution);
  estimator_->observe_arrival(execution.function->index, environment_.now(), live.rank);

  eta::Estimate estimate{};
  if (execution.mode == spearlet::EXECUTION_MODE_ASYNC) {
    estimate = predict(execution);
    if (planted("estimate-a-constant")) {
      estimate = {.p50 = std::chrono::seconds(5), .p90 = std::chrono::seconds(5)};
    }
    execution.estimated_completion_ms = std::max<std::int64_t>(ceil_milliseconds(estimate.p50), 1);
    live.estimated_p90_ms = std::max<std::int64_t>(ceil_milliseconds(estimate.p90), 1);
  }
  ++counters_.accepted;
  if (observer_ != nullptr) {
    observer_->on_accepted({.ordinal = execution.ordinal,
                            .execution_id = execution.execution_id,
                            .task_id = execution.task->id(),
                            .function_name = execution.function->name,
                            .mode = execution.mode,
                            .max_retries = live.max_retries,
                            .deadline = execution.deadline,
                            .eta_p50 = estimate.p50,
                            .eta_p90 = estimate.p90});
  }
  return &execution;
}

std::unique_ptr<LiveExecution> TaskExecutionManager::new_live(AsyncExecution& execution) {
  std::unique_ptr<LiveExecution> live;
  if (spare_.empty()) {
    live = std::make_unique<LiveExecution>(
        *this, environment_,
        [](void* self) {
          auto& expired = *static_cast<LiveExecution*>(self);
          expired.manager->on_deadline(*expired.record);
        },
        [](void* self) {
          auto& paused = *static_cast<LiveExecution*>(self);
          paused.manager->on_pause_over(*paused.record);
        });
  } else {
    live = std::move(spare_.back());
    spare_.pop_back();
  }
  live->record = &execution;
  return live;
}

absl::StatusOr<Function*> TaskExecutionManager::find_function(
    const Invocation& invocation, const spearlet::InvokeFunctionRequest& request) {
  const bool new_task = invocation.type == spearlet::INVOCATION_TYPE_NEW_TASK;
  Task* task = request.task_id().empty() ? nullptr : tasks_.find(request.task_id());
  if (task == nullptr && !new_task && !request.create_if_not_exists()) {
    return absl::NotFoundError(fmt::format("no task '{}'", request.task_id()));
  }
  if (task != nullptr && new_task && !request.create_if_not_exists()) {
    return absl::AlreadyExistsError(fmt::format("task '{}' exists", request.task_id()));
  }
  if (task != nullptr && !TaskRegistry::offers(*task, request.function_name())) {
    return absl::NotFoundError(
        fmt::format("task '{}' has no function '{}'", task->id(), request.function_name()));
  }
  // Checked first, so that a refused invocation creates no task.
  const bool starts_now = busy_ < slots_ && (task == nullptr || pool_.available(*task));
  const int limit = config_.queue_limit + (planted("queue-one-longer") ? 1 : 0);
  if (!starts_now && queue_.size() >= limit) {
    return absl::ResourceExhaustedError(
        fmt::format("the queue is full ({} executions wait)", queue_.size()));
  }
  if (task == nullptr) {
    if (tasks_.all().size() >= static_cast<std::size_t>(config_.task_limit)) {
      return absl::ResourceExhaustedError(
          fmt::format("the node has {} tasks and may have no more", tasks_.all().size()));
    }
    std::string id = request.task_id();
    while (id.empty() || tasks_.find(id) != nullptr) id = new_id('t');
    TaskSpec spec;
    spec.task_name = request.task_name().empty() ? id : request.task_name();
    spec.task_id = std::move(id);
    spec.description = request.task_description();
    spec.artifact = request.artifact_spec();
    task = &tasks_.add(std::move(spec), environment_.wall_now());
  }
  Function* function = tasks_.function(*task, request.function_name(), config_.functions_per_task);
  if (function == nullptr) {
    return absl::ResourceExhaustedError(
        fmt::format("task '{}' was called by {} function names and takes no more", task->id(),
                    config_.functions_per_task));
  }
  if (function->index == introduced_) {
    estimator_->introduce(introduced_++, task->id(), function->name);
  }
  return function;
}

void TaskExecutionManager::refuse(Answer<spearlet::InvokeFunctionResponse> answer,
                                  const absl::Status& status) {
  count_refusal(status);
  std::move(answer).refuse(status);
}

void TaskExecutionManager::count_refusal(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      ++counters_.refused_invalid;
      break;
    case absl::StatusCode::kNotFound:
      ++counters_.refused_unknown_task;
      break;
    case absl::StatusCode::kResourceExhausted:
      ++counters_.refused_queue_full;
      break;
    case absl::StatusCode::kUnavailable:
      ++counters_.refused_draining;
      break;
    default:
      ++counters_.refused_other;
      break;
  }
}

Duration TaskExecutionManager::timeout_of(const Invocation& invocation,
                                          const CallContext& call) const {
  const bool async = invocation.mode == spearlet::EXECUTION_MODE_ASYNC;
  const Duration asked = invocation.timeout.value_or(async ? config_.timeout.async_default
                                                           : config_.timeout.sync_default);
  const Duration granted = std::min(asked, config_.timeout.maximum);
  // A SYNC execution ends with its call, because no caller is left for its answer. An ASYNC
  // execution is independent of its call.
  if (async || call.deadline.is_never()) return granted;
  return std::min(granted, call.deadline - environment_.now());
}

std::string TaskExecutionManager::new_id(char prefix) {
  std::string id(1 + kBase32Digits, prefix);
  if (planted("ids-from-the-machine")) {
    write_base32(environment_.draw(ids_) ^ std::random_device{}(), id.data() + 1);
    environment_.draw((std::random_device{}() & 1) == 0 ? ids_ : jitter_);
    return id;
  }
  write_base32(environment_.draw(ids_), id.data() + 1);
  return id;
}

void TaskExecutionManager::repeat(AsyncExecution& execution,
                                  const spearlet::InvokeFunctionRequest& request,
                                  Answer<spearlet::InvokeFunctionResponse> answer) {
  const auto& original = execution.details().fingerprint;
  if (!original || (*original != fingerprint(request) && !planted("any-request-repeats"))) {
    return refuse(std::move(answer), absl::AlreadyExistsError(fmt::format(
                                         "execution '{}' exists and came from another request",
                                         execution.execution_id)));
  }
  ++counters_.repeated;
  if (execution.mode == spearlet::EXECUTION_MODE_SYNC && !execution.finished()) {
    return wait_for_end(execution, std::move(answer));
  }
  ExecutionResponse response = describe(execution);
  add_estimate(execution, response);
  send(response, std::move(answer));
}

void TaskExecutionManager::send(const ExecutionResponse& response,
                                Answer<spearlet::InvokeFunctionResponse> answer) {
  spearlet::InvokeFunctionResponse& message =
      response.is_completed ? final_answer_ : accepted_answer_;
  write_invoke_response(response, message);
  std::move(answer).send(std::move(message));
}

// ---- The two modes ------------------------------------------------------------------------------

void TaskExecutionManager::execute_sync(AsyncExecution& execution,
                                        Answer<spearlet::InvokeFunctionResponse> answer) {
  wait_for_end(execution, std::move(answer));
  dispatch();
}

void TaskExecutionManager::execute_async(AsyncExecution& execution,
                                         Answer<spearlet::InvokeFunctionResponse> answer) {
  ExecutionResponse response = describe(execution);
  response.metadata.add("eta_p90_ms", std::to_string(execution.live->estimated_p90_ms));
  response.metadata.add("eta_estimator", std::string(estimator_->name()));
  send(response, std::move(answer));
  dispatch();
}

void TaskExecutionManager::wait_for_end(AsyncExecution& execution,
                                        Answer<spearlet::InvokeFunctionResponse> answer) {
  cancel_when_gone(answer, execution);
  execution.live->waiting.push_back(std::move(answer));
}

}  // namespace quintain::core
