// TaskExecutionManager, admission: refuses or accepts invocations, answers repeated ones, and
// branches into SYNC, ASYNC and streams.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
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
  static constexpr std::string_view kAlphabet = "0123456789abcdefghijklmnopqrstuv";
  // Two digits at a time: every execution needs an id.
  static constexpr auto kPairs = [&] {
    std::array<std::array<char, 2>, 1024> pairs{};
    for (std::size_t i = 0; i < pairs.size(); ++i)
      pairs[i] = {kAlphabet[i >> 5], kAlphabet[i & 31]};
    return pairs;
  }();
  *text++ = kAlphabet[bits >> 60];
  for (int shift = 50; shift >= 0; shift -= 10, text += 2) {
    std::memcpy(text, kPairs[(bits >> shift) & 1023].data(), 2);
  }
}

// For a caller that left before its call was handled, which watch() would not report.
constexpr std::string_view kCallerGone = "the caller went away; nothing was started";

// What an execution that waits or runs needs besides its request.
constexpr std::int64_t kLiveBytes = sizeof(LiveExecution) + sizeof(AsyncExecution) + 512;

// Unknown fields of a request that are kept and not counted.
constexpr std::int64_t kMaxUnknownBytes = 1024;

// When to try again after a refusal.
constexpr Duration kMinRetry = std::chrono::milliseconds(100);
constexpr Duration kMaxRetry = std::chrono::minutes(1);

}  // namespace

// ---- Admission ----------------------------------------------------------------------------------

void TaskExecutionManager::submit_execution(spearlet::InvokeFunctionRequest&& request,
                                            const CallContext& call,
                                            Answer<spearlet::InvokeFunctionResponse> answer) {
  const auto invocation = parse_invocation(request, InvocationCall::kInvokeFunction);
  if (!invocation.ok()) {
    ++counters_.refused_by_reason[static_cast<std::size_t>(RefusalReason::kInvalid)];
    return std::move(answer).refuse(invocation.status());
  }
  if (invocation->mode == spearlet::EXECUTION_MODE_SYNC && !answer.awaited()) {
    return std::move(answer).refuse(refused(RefusalReason::kCallerGone, kCallerGone));
  }
  if (invocation->execution_id) {
    if (AsyncExecution* existing = tracker_.find(*invocation->execution_id)) {
      return repeat(*existing, request, std::move(answer));
    }
  }
  const auto execution = admit(*invocation, request, call);
  if (!execution.ok()) return std::move(answer).refuse(execution.status());
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
  const auto invocation = parse_invocation(request, InvocationCall::kStreamFunction);
  if (!invocation.ok()) {
    ++counters_.refused_by_reason[static_cast<std::size_t>(RefusalReason::kInvalid)];
    return std::move(answer).finish(invocation.status());
  }
  if (!answer.awaited()) {
    return std::move(answer).finish(refused(RefusalReason::kCallerGone, kCallerGone));
  }
  if (invocation->execution_id && tracker_.find(*invocation->execution_id) != nullptr) {
    return std::move(answer).finish(
        refused(RefusalReason::kExists,
                fmt::format("execution '{}' exists; a stream can't be joined or repeated",
                            *invocation->execution_id)));
  }
  const auto admitted = admit(*invocation, request, call);
  if (!admitted.ok()) return std::move(answer).finish(admitted.status());
  AsyncExecution& execution = **admitted;
  cancel_when_gone(answer, execution);
  answer.watch_room([](void* self, std::uint64_t ordinal) {
    static_cast<TaskExecutionManager*>(self)->on_reader_caught_up(ordinal);
  });
  execution.live->stream.emplace(std::move(answer));
  dispatch();
}

absl::StatusOr<AsyncExecution*> TaskExecutionManager::admit(
    const Invocation& invocation, spearlet::InvokeFunctionRequest& request,
    const CallContext& call) {
  if (draining_ && !planted("draining-ignored")) {
    return refused(RefusalReason::kDraining,
                   fmt::format("node '{}' is draining and takes no new work", config_.name));
  }
  if (call.deadline <= environment_.now()) {
    return refused(RefusalReason::kTooLate, "the call's deadline has passed; nothing was started");
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
  execution.task->live.push_back(live);
  live.request = std::move(request);
  // Fields that the contract does not know are on the wire, but not among the bytes of the request.
  if (call.request_bytes > 2 * invocation.bytes + kMaxUnknownBytes) {
    live.request.DiscardUnknownFields();
  }
  live.request_bytes = invocation.bytes + kLiveBytes;
  memory_.add(MemoryUse::kRequests, live.request_bytes);
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
    if (planted("quantiles-cross")) estimate.p90 = estimate.p50 / 2;
    execution.estimated_completion_ms = std::max<std::int64_t>(ceil_milliseconds(estimate.p50), 1);
    live.estimated_p90_ms =
        std::max(ceil_milliseconds(estimate.p90), execution.estimated_completion_ms);
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
    return refused(RefusalReason::kUnknownTask, fmt::format("no task '{}'", request.task_id()));
  }
  if (task != nullptr && new_task && !request.create_if_not_exists()) {
    return refused(RefusalReason::kExists, fmt::format("task '{}' exists", request.task_id()));
  }
  if (task != nullptr && !TaskRegistry::offers(*task, request.function_name())) {
    return refused(RefusalReason::kUnknownTask, fmt::format("task '{}' has no function '{}'",
                                                            task->id(), request.function_name()));
  }
  // Checked first, so that a refused invocation creates no task.
  const bool starts_now = busy_ < slots_ && (task == nullptr || pool_.available(*task));
  const int limit = config_.queue_limit + (planted("queue-one-longer") ? 1 : 0);
  if (!starts_now && queue_.size() >= limit) {
    return refused(RefusalReason::kQueueFull,
                   fmt::format("the queue is full ({} executions wait)", queue_.size()),
                   ReachedLimit{"queue_limit", config_.queue_limit}, expected_wait());
  }
  if (auto status = check_memory(MemoryUse::kRequests, invocation.bytes + kLiveBytes);
      !status.ok()) {
    return status;
  }
  if (task == nullptr) {
    const auto added = add_task(request);
    if (!added.ok()) return added.status();
    task = *added;
  }
  if (Function* const known = tasks_.find_function(*task, request.function_name())) return known;
  if (auto status =
          check_memory(MemoryUse::kTasks, TaskRegistry::bytes_of_function(request.function_name()));
      !status.ok()) {
    return status;
  }
  Function* function = tasks_.function(*task, request.function_name(), config_.functions_per_task);
  if (function == nullptr) {
    return refused(RefusalReason::kFunctionLimit,
                   fmt::format("task '{}' was called by {} function names and takes no more",
                               task->id(), config_.functions_per_task),
                   ReachedLimit{"functions_per_task", config_.functions_per_task});
  }
  if (function->index == introduced_) {
    estimator_->introduce(introduced_++, task->id(), function->name);
  }
  return function;
}

absl::StatusOr<Task*> TaskExecutionManager::add_task(
    const spearlet::InvokeFunctionRequest& request) {
  if (tasks_.all().size() >= static_cast<std::size_t>(config_.task_limit)) {
    return refused(RefusalReason::kTaskLimit,
                   fmt::format("the node has {} tasks and may have no more", tasks_.all().size()),
                   ReachedLimit{"task_limit", config_.task_limit});
  }
  std::string id = request.task_id();
  while (id.empty() || tasks_.find(id) != nullptr) id = new_id('t');
  TaskSpec spec;
  spec.task_name = request.task_name().empty() ? id : request.task_name();
  spec.task_id = std::move(id);
  spec.description = request.task_description();
  spec.artifact = request.artifact_spec();
  spec.artifact.DiscardUnknownFields();
  // Its first function counts as well, so that the task is not added in vain.
  const std::int64_t bytes =
      TaskRegistry::bytes_of(spec) + TaskRegistry::bytes_of_function(request.function_name());
  if (auto status = check_memory(MemoryUse::kTasks, bytes); !status.ok()) return status;
  Task& task = tasks_.add(std::move(spec), environment_.wall_now());
  task.temporary = true;
  return &task;
}

// Counts a refusal and returns its status.
absl::Status TaskExecutionManager::refused(RefusalReason reason, std::string_view message,
                                           std::optional<ReachedLimit> limit,
                                           std::optional<Duration> retry_after) {
  ++counters_.refused_by_reason[static_cast<std::size_t>(reason)];
  return refusal(reason, message, limit, retry_after);
}

// Finished records make room for what is to be added.
absl::Status TaskExecutionManager::check_memory(MemoryUse use, std::int64_t bytes) {
  if (!memory_.fits(use, bytes) && !planted("memory-without-a-limit")) {
    const std::string_view name = kMemoryUseNames[static_cast<std::size_t>(use)];
    return refused(RefusalReason::kMemory,
                   fmt::format("the node's {} occupy {} bytes; with {} more they would exceed {}",
                               name, memory_.used(use), bytes, memory_.limit(use)),
                   ReachedLimit{fmt::format("memory.{}", name), memory_.limit(use)},
                   expected_wait());
  }
  tracker_.make_room(bytes);
  if (memory_.fits_total(bytes)) return absl::OkStatus();
  return refused(RefusalReason::kMemory,
                 fmt::format("the node keeps {} bytes; with {} more it would exceed {}",
                             memory_.total(), bytes, memory_.total_limit()),
                 ReachedLimit{"memory.total", memory_.total_limit()}, expected_wait());
}

// The time until a slot becomes free, roughly: the mean service time of the function that has held
// its slot the longest, shared by all slots.
Duration TaskExecutionManager::expected_wait() const {
  if (holders_.empty()) return kMinRetry;
  const Function& function = *holders_.front().record->function;
  return std::clamp(service_times_.mean(function.index) / slots_, kMinRetry, kMaxRetry);
}

Duration TaskExecutionManager::timeout_of(const Invocation& invocation,
                                          const CallContext& call) const {
  const bool async = invocation.mode == spearlet::EXECUTION_MODE_ASYNC;
  const Duration asked = invocation.timeout.value_or(async ? config_.timeout.async_default
                                                           : config_.timeout.sync_default);
  const Duration granted =
      planted("maximum-timeout-ignored") ? asked : std::min(asked, config_.timeout.maximum);
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
    return std::move(answer).refuse(refused(
        RefusalReason::kExists, fmt::format("execution '{}' exists and came from another request",
                                            execution.execution_id)));
  }
  ++counters_.repeated;
  if (execution.mode == spearlet::EXECUTION_MODE_SYNC && !execution.finished()) {
    return wait_for_end(execution, std::move(answer));
  }
  send_accepted(execution, std::move(answer));
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
  send_accepted(execution, std::move(answer));
  dispatch();
}

// The forecast in it is that of the acceptance, in a repeated answer too, so that median and 90th
// percentile belong together.
void TaskExecutionManager::send_accepted(const AsyncExecution& execution,
                                         Answer<spearlet::InvokeFunctionResponse> answer) {
  ExecutionResponse response = describe(execution);
  if (execution.live != nullptr) {
    response.metadata.add("eta_p90_ms", std::to_string(execution.live->estimated_p90_ms));
    response.metadata.add("eta_estimator", std::string(estimator_->name()));
  }
  send(response, std::move(answer));
}

void TaskExecutionManager::wait_for_end(AsyncExecution& execution,
                                        Answer<spearlet::InvokeFunctionResponse> answer) {
  cancel_when_gone(answer, execution);
  execution.live->waiting.push_back(std::move(answer));
}

}  // namespace quintain::core
