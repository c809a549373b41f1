#include "core/execution_manager.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

namespace quintain::core {
namespace {

constexpr auto kPending = spearlet::EXECUTION_STATUS_PENDING;
constexpr auto kRunning = spearlet::EXECUTION_STATUS_RUNNING;
constexpr auto kCompleted = spearlet::EXECUTION_STATUS_COMPLETED;
constexpr auto kFailed = spearlet::EXECUTION_STATUS_FAILED;
constexpr auto kCancelled = spearlet::EXECUTION_STATUS_CANCELLED;
constexpr auto kTimeout = spearlet::EXECUTION_STATUS_TIMEOUT;

// 64 bits as 13 characters of RFC 4648's base32hex alphabet: with a short prefix an id fits into a
// std::string without an allocation.
constexpr std::size_t kBase32Digits = 13;
void write_base32(std::uint64_t bits, char* text) {
  constexpr std::string_view kAlphabet = "0123456789abcdefghijklmnopqrstuv";
  for (int shift = 60; shift >= 0; shift -= 5) *text++ = kAlphabet[(bits >> shift) & 31];
}

// For a caller that left before its call was heard: watch() would not tell of it any more.
absl::Status caller_gone() {
  return absl::CancelledError("the caller went away; nothing was started");
}

}  // namespace

TaskExecutionManager::TaskExecutionManager(Environment& environment, Runtime& runtime,
                                           const NodeConfig& config, Observer* observer,
                                           const eta::EstimatorFactory& estimator)
    : environment_(environment),
      runtime_(runtime),
      config_(config),
      observer_(observer),
      slots_(std::min(config.slots, config.instances.per_node)),
      pool_(environment, runtime, config.instances),
      service_times_(config.eta.prior),
      estimator_(estimator(config.eta, environment.draw(estimator_seed_))),
      tracker_(environment, config.retention, observer),
      queue_(make_scheduling_strategy(config.scheduling.strategy, service_times_),
             config.scheduling.starvation_bound) {
  assert(problems(config).empty());
}

TaskExecutionManager::~TaskExecutionManager() {
  const absl::Status gone = absl::UnavailableError("the node was shut down");
  for (AsyncExecution* execution = tracker_.next_after(0); execution != nullptr;
       execution = tracker_.next_after(execution->ordinal)) {
    if (execution->live == nullptr) continue;
    LiveExecution& live = *execution->live;
    if (live.attempt_active) runtime_.kill(live.attempt);
    if (live.by_dispatch.is_linked()) holders_.erase(holders_.iterator_to(live));
    for (auto& answer : live.waiting) std::move(answer).refuse(gone);
    for (auto& answer : live.cancels) std::move(answer).refuse(gone);
    if (live.stream) std::move(*live.stream).finish(gone);
  }
}

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
  if ((*execution)->mode == spearlet::EXECUTION_MODE_ASYNC) {
    execute_async(**execution, std::move(answer));
  } else {
    execute_sync(**execution, std::move(answer));
  }
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
  answer.watch(
      [](void* self, std::uint64_t ordinal) {
        static_cast<TaskExecutionManager*>(self)->on_caller_gone(ordinal);
      },
      this, execution.ordinal);
  execution.live->stream.emplace(std::move(answer));
  dispatch();
}

absl::StatusOr<AsyncExecution*> TaskExecutionManager::admit(
    const Invocation& invocation, spearlet::InvokeFunctionRequest& request,
    const CallContext& call) {
  if (draining_) {
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
  live.deadline.arm(execution.deadline, Precedence::kTimeout);
  // It stands in the queue from now on, so that the estimate knows its place. It gets no slot
  // before the caller has his answer.
  queue_.push(execution);
  estimator_->observe_arrival(execution.function->index, environment_.now(), live.rank);

  eta::Estimate estimate{};
  if (execution.mode == spearlet::EXECUTION_MODE_ASYNC) {
    estimate = predict(execution);
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
  // Nothing is created for an invocation that is refused.
  const bool starts_now = busy_ < slots_ && (task == nullptr || pool_.available(*task));
  if (!starts_now && queue_.size() >= config_.queue_limit) {
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

template <class AnswerType>
void TaskExecutionManager::refuse(AnswerType&& answer, const absl::Status& status) {
  count_refusal(status);
  std::forward<AnswerType>(answer).refuse(status);
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
  // Nobody is left to hear of a SYNC execution that outlasts its call. An ASYNC one was never bound
  // to its call.
  if (async || call.deadline.is_never()) return granted;
  return std::min(granted, call.deadline - environment_.now());
}

std::string TaskExecutionManager::new_id(char prefix) {
  std::string id(1 + kBase32Digits, prefix);
  write_base32(environment_.draw(ids_), id.data() + 1);
  return id;
}

void TaskExecutionManager::repeat(AsyncExecution& execution,
                                  const spearlet::InvokeFunctionRequest& request,
                                  Answer<spearlet::InvokeFunctionResponse> answer) {
  const auto& original = execution.details().fingerprint;
  if (!original || *original != fingerprint(request)) {
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
  answer.watch(
      [](void* self, std::uint64_t ordinal) {
        static_cast<TaskExecutionManager*>(self)->on_caller_gone(ordinal);
      },
      this, execution.ordinal);
  execution.live->waiting.push_back(std::move(answer));
}

// ---- Attempts -----------------------------------------------------------------------------------

void TaskExecutionManager::dispatch() {
  const auto may_start = [this](const Task& task) { return pool_.available(task); };
  while (busy_ < slots_) {
    AsyncExecution* execution = queue_.pop(environment_.now(), may_start);
    if (execution == nullptr) return;
    // Its timeout is due at this instant and ends it; a function that could only be killed is not
    // begun.
    if (execution->deadline <= environment_.now()) continue;
    LiveExecution& live = *execution->live;
    ++busy_;
    live.dispatched_at = environment_.now();
    holders_.push_back(live);
    live.instance = pool_.acquire(*execution->task, live.request.force_new_instance());
    live.cold = !live.instance->ready();
    execution->instance_id = live.instance->shared_id();
    estimator_->observe_dispatch(execution->function->index, environment_.now(),
                                 environment_.now() - execution->accepted_at);
    begin_attempt(*execution);
  }
}

void TaskExecutionManager::begin_attempt(AsyncExecution& execution) {
  LiveExecution& live = *execution.live;
  live.attempt = tracker_.name_attempt(execution);
  live.attempt_active = true;
  ++execution.attempts;
  const bool cold = !live.instance->ready();
  ++counters_.attempts;
  counters_.cold_starts += cold ? 1 : 0;
  counters_.retries += execution.attempts > 1 ? 1 : 0;
  if (observer_ != nullptr) {
    observer_->on_attempt_begun({.ordinal = execution.ordinal,
                                 .attempt = live.attempt,
                                 .number = execution.attempts,
                                 .instance = live.instance->number(),
                                 .cold_start = cold});
  }
  const AttemptSpec spec = {.id = live.attempt,
                            .ordinal = execution.ordinal,
                            .number = execution.attempts,
                            .execution_id = execution.execution_id,
                            .task_id = execution.task->id(),
                            .function_name = execution.function->name,
                            .instance_id = live.instance->id(),
                            .cold_start = cold,
                            .request = live.request};
  runtime_.start(spec, *this);
}

AsyncExecution* TaskExecutionManager::reporter(AttemptId attempt) {
  AsyncExecution* execution = tracker_.holder(attempt);
  if (execution == nullptr) {
    ++counters_.reports_ignored;
    if (observer_ != nullptr) observer_->on_report_ignored(attempt);
  }
  return execution;
}

void TaskExecutionManager::on_started(AttemptId attempt) {
  if (AsyncExecution* execution = reporter(attempt)) begin_running(*execution);
}

void TaskExecutionManager::begin_running(AsyncExecution& execution) {
  LiveExecution& live = *execution.live;
  live.instance->mark_ready();
  if (observer_ != nullptr) observer_->on_attempt_running(execution.ordinal, live.attempt);
  if (execution.status() == kPending) tracker_.transition(execution, kRunning);
}

void TaskExecutionManager::on_chunk(AttemptId attempt, Payload chunk) {
  AsyncExecution* execution = reporter(attempt);
  if (execution == nullptr || !execution->live->stream) return;
  execution->live->emitted_chunk = true;
  if (!execution->live->stream->awaited()) return;
  spearlet::StreamExecutionResult message;
  message.set_execution_id(execution->execution_id);
  message.set_status(execution->status());
  message.mutable_chunk_data()->set_type_url(std::move(chunk.type_url));
  message.mutable_chunk_data()->set_value(std::move(chunk.value));
  execution->live->stream->write(std::move(message));
}

void TaskExecutionManager::on_log(AttemptId attempt, std::string line) {
  AsyncExecution* execution = reporter(attempt);
  if (execution == nullptr) return;
  std::vector<std::string>& logs = tracker_.details(*execution).logs;
  logs.push_back(std::move(line));
  if (logs.size() > static_cast<std::size_t>(config_.log_lines)) logs.erase(logs.begin());
}

void TaskExecutionManager::on_finished(AttemptId attempt, Outcome&& outcome) {
  AsyncExecution* execution = reporter(attempt);
  if (execution == nullptr) return;
  LiveExecution& live = *execution->live;
  // What has ended well has begun, even if the runtime left that out.
  const bool completed = outcome.kind == Outcome::Kind::kCompleted;
  if (completed && execution->status() == kPending) begin_running(*execution);
  live.attempt_active = false;
  if (observer_ != nullptr) observer_->on_attempt_ended(execution->ordinal, attempt, false);
  tracker_.set_memory_used(*execution, outcome.memory_used_bytes);
  switch (outcome.kind) {
    case Outcome::Kind::kCompleted:
      execution->result.type_url.assign(outcome.payload.type_url,
                                        execution->function->returned_type);
      execution->result.value.swap(outcome.payload.value);
      return finish(*execution, kCompleted);
    case Outcome::Kind::kStopped:
      if (live.cancel_requested) return finish_cancelled(*execution);
      return finish_with_error(*execution, kFailed, "STOPPED", "the function was stopped");
    case Outcome::Kind::kFailed:
      if (retry(*execution)) return;
      if (outcome.error_code.empty()) outcome.error_code = "FUNCTION_FAILED";
      tracker_.details(*execution).error_code.swap(outcome.error_code);
      tracker_.details(*execution).error_message.swap(outcome.error_message);
      return finish(*execution, kFailed);
  }
}

bool TaskExecutionManager::retry(AsyncExecution& execution) {
  LiveExecution& live = *execution.live;
  // What a stream's reader has seen can't be taken back, so it is not produced twice.
  if (execution.attempts > live.max_retries || live.cancel_requested || live.emitted_chunk) {
    return false;
  }
  const Instant next = environment_.now() + retry_pause(execution.attempts);
  // A pause that the timeout would cut short only delays the news.
  if (next >= execution.deadline) return false;
  live.pause.arm(next, Precedence::kOther);
  return true;
}

Duration TaskExecutionManager::retry_pause(int attempts) {
  const RetryConfig& retry = config_.retry;
  if (retry.initial == Duration::zero()) return retry.initial;  // 0 * infinity is not a number
  const double grown = static_cast<double>(retry.initial.count()) *
                       std::pow(retry.multiplier, static_cast<double>(attempts - 1));
  double pause = std::min(grown, static_cast<double>(retry.maximum.count()));
  if (retry.jitter > 0) pause *= 1 - retry.jitter * to_unit_interval(environment_.draw(jitter_));
  return Duration(static_cast<std::int64_t>(pause));
}

// ---- Ends ---------------------------------------------------------------------------------------

void TaskExecutionManager::cancel(const spearlet::CancelExecutionRequest& request,
                                  Answer<spearlet::CancelExecutionResponse> answer) {
  AsyncExecution* execution = tracker_.find(request.execution_id());
  if (execution == nullptr || execution->finished()) {
    spearlet::CancelExecutionResponse response;
    if (execution == nullptr) {
      response.set_message(fmt::format("no execution '{}'", request.execution_id()));
    } else {
      response.set_final_status(execution->status());
      response.set_message("it had ended before");
    }
    return std::move(answer).send(std::move(response));
  }
  execution->live->cancels.push_back(std::move(answer));
  request_cancel(*execution, request.reason(), request.force());
}

void TaskExecutionManager::request_cancel(AsyncExecution& execution, std::string_view reason,
                                          bool force) {
  LiveExecution& live = *execution.live;
  const bool first = !std::exchange(live.cancel_requested, true);
  if (first) live.cancel_reason = reason;
  if (observer_ != nullptr) observer_->on_cancel_requested(execution.ordinal, force);
  // Without a function that runs (it waits, its instance is being made, a retry is paused) there is
  // nothing to ask politely.
  const bool function_runs = live.attempt_active && execution.status() == kRunning;
  if (force || !function_runs) return finish_cancelled(execution);
  if (!first) return;
  if (observer_ != nullptr) observer_->on_attempt_stop_requested(execution.ordinal, live.attempt);
  live.pause.arm(environment_.now() + config_.cancel_grace, Precedence::kCancel);
  runtime_.stop(live.attempt);
}

void TaskExecutionManager::cancel_all(const Task& task, std::string_view reason) {
  // Those that wait first: an end frees a slot, and the slot must not go to one of them.
  for (const bool queued : {true, false}) {
    std::uint64_t ordinal = 0;
    while (AsyncExecution* execution = tracker_.next_after(ordinal)) {
      ordinal = execution->ordinal;
      if (execution->task.get() == &task && !execution->finished() &&
          execution->live->queued() == queued) {
        request_cancel(*execution, reason, /*force=*/true);
      }
    }
  }
}

void TaskExecutionManager::on_caller_gone(std::uint64_t ordinal) {
  AsyncExecution* execution = tracker_.find_ordinal(ordinal);
  if (execution == nullptr || execution->live == nullptr) return;
  const LiveExecution& live = *execution->live;
  const auto awaited = [](const auto& answer) { return answer.awaited(); };
  if (std::ranges::any_of(live.waiting, awaited)) return;
  request_cancel(*execution, "the caller went away", /*force=*/false);
}

void TaskExecutionManager::on_deadline(AsyncExecution& execution) {
  const std::string_view where = execution.live->dispatched_at.is_never() ? "it never got a slot"
                                 : execution.started_at.is_never() ? "its instance was not ready"
                                                                   : "it was running";
  finish_with_error(
      execution, kTimeout, "TIMEOUT",
      fmt::format("not finished within {} ms: {}",
                  floor_milliseconds(execution.deadline - execution.accepted_at), where));
}

void TaskExecutionManager::on_pause_over(AsyncExecution& execution) {
  if (execution.live->cancel_requested) {
    finish_cancelled(execution);
  } else {
    begin_attempt(execution);
  }
}

void TaskExecutionManager::finish_cancelled(AsyncExecution& execution) {
  std::string reason = std::move(execution.live->cancel_reason);
  if (reason.empty()) reason = "cancelled";
  finish_with_error(execution, kCancelled, "CANCELLED", std::move(reason));
}

void TaskExecutionManager::finish_with_error(AsyncExecution& execution,
                                             spearlet::ExecutionStatus status,
                                             std::string_view code, std::string message) {
  ExecutionDetails& details = tracker_.details(execution);
  details.error_code = code;
  details.error_message = std::move(message);
  finish(execution, status);
}

void TaskExecutionManager::finish(AsyncExecution& execution, spearlet::ExecutionStatus status) {
  if (execution.live->queued()) queue_.remove(execution);
  std::unique_ptr<LiveExecution> live = std::move(execution.live);
  live->deadline.disarm();
  live->pause.disarm();
  tracker_.transition(execution, status);
  observe_end(execution, *live);
  end_attempt(execution, *live);
  send_answers(execution, *live);
  live->reset();
  spare_.push_back(std::move(live));
  dispatch();
  tell_if_drained();
}

void TaskExecutionManager::end_attempt(const AsyncExecution& execution, LiveExecution& live) {
  if (live.instance == nullptr) return;
  if (live.attempt_active) {
    live.attempt_active = false;
    ++counters_.kills;
    runtime_.kill(live.attempt);
    if (observer_ != nullptr) observer_->on_attempt_ended(execution.ordinal, live.attempt, true);
    pool_.discard(*live.instance);
  } else {
    pool_.release(*live.instance);
  }
  --busy_;
  holders_.erase(holders_.iterator_to(live));
  if (observer_ != nullptr) observer_->on_slot_released(execution.ordinal);
  queue_.unpark(*execution.task);
}

void TaskExecutionManager::observe_end(const AsyncExecution& execution, const LiveExecution& live) {
  const eta::Observation observation = {.function = execution.function->index,
                                        .ordinal = execution.ordinal,
                                        .accepted_at = execution.accepted_at,
                                        .deadline = execution.deadline,
                                        .dispatched_at = live.dispatched_at,
                                        .started_at = execution.started_at,
                                        .ended_at = execution.completed_at,
                                        .cold = live.cold,
                                        .status = execution.status()};
  service_times_.observe(observation);
  estimator_->observe_end(observation);
}

void TaskExecutionManager::send_answers(AsyncExecution& execution, LiveExecution& live) {
  for (auto& answer : live.waiting) send(describe(execution), std::move(answer));
  if (live.stream) {
    if (live.stream->awaited()) {
      spearlet::StreamExecutionResult last;
      last.set_execution_id(execution.execution_id);
      last.set_status(execution.status());
      last.set_is_final(true);
      last.set_error_message(execution.details().error_message);
      if (!execution.result.empty()) {
        last.mutable_chunk_data()->set_type_url(execution.result.type_url.str());
        last.mutable_chunk_data()->set_value(execution.result.value);
      }
      live.stream->write(std::move(last));
    }
    std::move(*live.stream).finish(absl::OkStatus());
  }
  for (auto& answer : live.cancels) {
    spearlet::CancelExecutionResponse response;
    response.set_success(execution.status() == kCancelled);
    response.set_final_status(execution.status());
    response.set_message(response.success() ? "cancelled"
                                            : "it ended before it could be cancelled");
    std::move(answer).send(std::move(response));
  }
}

// ---- Draining and estimates ---------------------------------------------------------------------

void TaskExecutionManager::drain(std::function<void()> drained) {
  draining_ = true;
  drained_ = std::move(drained);
  tell_if_drained();
}

void TaskExecutionManager::tell_if_drained() {
  if (!drained_) return;
  const auto& tally = tracker_.tally();
  if (tally.count(kPending) + tally.count(kRunning) > 0) return;
  std::exchange(drained_, nullptr)();
}

eta::Estimate TaskExecutionManager::predict(const AsyncExecution& execution) {
  const LiveExecution& live = *execution.live;
  // Its timeout is due and ends it; it may have lost its place in the queue already.
  const Duration left = execution.deadline - environment_.now();
  if (left <= Duration::zero()) return {};
  // One reference is what a std::function holds without an allocation.
  auto listing = [this, &execution, known = false]() mutable -> const eta::Backlog& {
    if (!std::exchange(known, true)) list_backlog(execution);
    return backlog_;
  };
  const eta::Forecast forecast =
      estimator_->predict({.function = execution.function->index,
                           .ordinal = execution.ordinal,
                           .accepted_at = execution.accepted_at,
                           .dispatched_at = live.dispatched_at,
                           .ahead = live.queued() ? queue_.ahead_of(execution) : 0},
                          {.now = environment_.now(),
                           .slots = slots_,
                           .busy = busy_,
                           .queued = queue_.size() - (live.queued() ? 1 : 0),
                           .overtaking = queue_.overtaking(),
                           .backlog = std::ref(listing)});
  // What would take longer ends by its timeout.
  return {.p50 = std::min(forecast.point, left),
          .p90 = std::min(forecast.quantiles[eta::k90Level], left)};
}

void TaskExecutionManager::list_backlog(const AsyncExecution& execution) {
  backlog_.running.clear();
  backlog_.waiting.clear();
  backlog_.shares.clear();
  for (const LiveExecution& live : holders_) {
    const AsyncExecution& record = *live.record;
    backlog_.running.push_back({.ordinal = record.ordinal,
                                .function = record.function->index,
                                .task = record.task->number(),
                                .dispatched_at = live.dispatched_at,
                                .started_at = record.started_at,
                                .deadline = record.deadline,
                                .cold = live.cold});
  }
  backlog_.omitted = 0;
  ++listings_;
  if (!execution.live->queued()) return;
  const auto front = queue_.in_front_of(execution, eta::Backlog::kMostWaiting);
  const auto add = [this](const AsyncExecution& record) {
    Task::Listing& listing = record.task->listing;
    if (listing.number != listings_) {
      listing = {.number = listings_, .place = static_cast<std::uint32_t>(backlog_.shares.size())};
      backlog_.shares.push_back(pool_.share_of(*record.task));
    }
    backlog_.waiting.push_back({.ordinal = record.ordinal,
                                .function = record.function->index,
                                .rank = record.live->rank,
                                .deadline = record.deadline,
                                .share = listing.place,
                                .fresh = record.live->request.force_new_instance()});
  };
  for (const AsyncExecution* record : front) add(*record);
  if (front.back() != &execution) {
    const auto shown = static_cast<std::int64_t>(front.size());
    backlog_.omitted = std::max<std::int64_t>(queue_.ahead_of(execution) - shown, 0);
    add(execution);
  }
}

void TaskExecutionManager::add_estimate(const AsyncExecution& execution,
                                        ExecutionResponse& response) {
  if (execution.live == nullptr) return;
  const eta::Estimate estimate = predict(execution);
  response.metadata.add("eta_p50_ms", std::to_string(ceil_milliseconds(estimate.p50)));
  response.metadata.add("eta_p90_ms", std::to_string(ceil_milliseconds(estimate.p90)));
  response.metadata.add("eta_estimator", std::string(estimator_->name()));
}

}  // namespace quintain::core
