// TaskExecutionManager, from dispatch to the end: slots, attempts, the runtime's reports, retries,
// cancels, timeouts, and final answers. Admission is in execution_manager_admission.cpp,
// predictions are in execution_manager_forecasts.cpp.
#include "core/execution_manager.h"
#include "core/base/planted_fault.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <iterator>
#include <utility>

namespace quintain::core {
namespace {

constexpr auto kPending = spearlet::EXECUTION_STATUS_PENDING;
constexpr auto kRunning = spearlet::EXECUTION_STATUS_RUNNING;
constexpr auto kCompleted = spearlet::EXECUTION_STATUS_COMPLETED;
constexpr auto kFailed = spearlet::EXECUTION_STATUS_FAILED;
constexpr auto kCancelled = spearlet::EXECUTION_STATUS_CANCELLED;
constexpr auto kTimeout = spearlet::EXECUTION_STATUS_TIMEOUT;

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

// ---- Attempts -----------------------------------------------------------------------------------

void TaskExecutionManager::dispatch() {
  const auto may_start = [this](const Task& task) { return pool_.available(task); };
  while (busy_ < slots_ + (planted("one-slot-too-many") ? 1 : 0)) {
    AsyncExecution* execution = queue_.pop(environment_.now(), may_start);
    if (execution == nullptr) return;
    // Its timeout is due at this instant and will end it, so no attempt is started.
    if (execution->deadline <= environment_.now()) continue;
    LiveExecution& live = *execution->live;
    ++busy_;
    live.dispatched_at = environment_.now();
    if (planted("timeout-counts-from-dispatch")) {
      execution->deadline = environment_.now() + (execution->deadline - execution->accepted_at);
      live.deadline.arm(execution->deadline, Precedence::kTimeout);
    }
    holders_.push_back(live);
    live.instance = pool_.acquire(*execution->task, live.request.force_new_instance());
    live.cold = !live.instance->ready();
    execution->instance_id = live.instance->shared_id();
    estimator_->observe_dispatch(execution->function->index, environment_.now(),
                                 environment_.now() - execution->accepted_at);
    start_attempt(*execution);
  }
}

void TaskExecutionManager::start_attempt(AsyncExecution& execution) {
  LiveExecution& live = *execution.live;
  live.attempt = tracker_.new_attempt_id(execution);
  live.attempt_active = true;
  ++execution.attempts;
  const bool cold = !live.instance->ready();
  ++counters_.attempts;
  counters_.cold_starts += cold ? 1 : 0;
  counters_.retries += execution.attempts > 1 ? 1 : 0;
  if (observer_ != nullptr) {
    observer_->on_attempt_started({.ordinal = execution.ordinal,
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

// The execution that a report is about; nullptr, after counting the report, if the attempt is over.
AsyncExecution* TaskExecutionManager::execution_of_report(AttemptId attempt) {
  AsyncExecution* execution = tracker_.holder(attempt);
  if (execution == nullptr) {
    ++counters_.reports_ignored;
    if (observer_ != nullptr) observer_->on_report_ignored(attempt);
  }
  return execution;
}

void TaskExecutionManager::on_started(AttemptId attempt) {
  if (AsyncExecution* execution = execution_of_report(attempt)) set_running(*execution);
}

void TaskExecutionManager::set_running(AsyncExecution& execution) {
  LiveExecution& live = *execution.live;
  live.instance->mark_ready();
  if (observer_ != nullptr) observer_->on_attempt_running(execution.ordinal, live.attempt);
  if (execution.status() == kPending && !planted("completes-while-pending")) {
    tracker_.transition(execution, kRunning);
  }
}

void TaskExecutionManager::on_chunk(AttemptId attempt, Payload chunk) {
  AsyncExecution* execution = execution_of_report(attempt);
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
  AsyncExecution* execution = execution_of_report(attempt);
  if (execution == nullptr) return;
  std::vector<std::string>& logs = tracker_.details(*execution).logs;
  logs.push_back(std::move(line));
  if (logs.size() > static_cast<std::size_t>(config_.log_lines)) logs.erase(logs.begin());
}

void TaskExecutionManager::on_finished(AttemptId attempt, Outcome&& outcome) {
  AsyncExecution* execution = execution_of_report(attempt);
  if (execution == nullptr) return;
  LiveExecution& live = *execution->live;
  // A completed function has started, even if the runtime did not report it.
  const bool completed = outcome.kind == Outcome::Kind::kCompleted;
  if (completed && execution->status() == kPending && !planted("completes-while-pending")) {
    set_running(*execution);
  }
  live.attempt_active = false;
  if (observer_ != nullptr) observer_->on_attempt_ended(execution->ordinal, attempt, false);
  tracker_.set_memory_used(*execution, outcome.memory_used_bytes);
  if (planted("cancel-overwrites-the-outcome") && live.cancel_requested) {
    return finish_cancelled(*execution);
  }
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
      if (planted("failure-reported-as-completed") && !execution->started_at.is_never()) {
        tracker_.details(*execution).error_code.clear();
        return finish(*execution, kCompleted);
      }
      return finish(*execution, kFailed);
  }
}

// Schedules another attempt; false if there is none.
bool TaskExecutionManager::retry(AsyncExecution& execution) {
  LiveExecution& live = *execution.live;
  // Chunks that a stream's caller has received can't be withdrawn, so they are not produced twice.
  const int retries = live.max_retries + (planted("one-retry-too-many") ? 1 : 0);
  if (execution.attempts > retries || live.cancel_requested || live.emitted_chunk) {
    return false;
  }
  const Duration pause = retry_pause(execution.attempts);
  const Instant next = environment_.now() + (planted("retry-without-a-pause") ? pause / 2 : pause);
  // The timeout would end the pause, so waiting would only delay the answer.
  if (next >= execution.deadline) return false;
  live.pause.arm(next, Precedence::kOther);
  return true;
}

Duration TaskExecutionManager::retry_pause(int attempts) {
  const RetryConfig& retry = config_.retry;
  if (retry.initial == Duration::zero()) return retry.initial;  // 0 * infinity is NaN
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
  // If no function runs (the execution waits, its instance is not ready, or it pauses before a
  // retry), there is nothing to stop and it ends at once.
  const bool function_runs = live.attempt_active && execution.status() == kRunning;
  if (force || !function_runs || planted("cancel-does-not-wait")) {
    return finish_cancelled(execution);
  }
  if (!first) return;
  if (observer_ != nullptr) observer_->on_attempt_stop_requested(execution.ordinal, live.attempt);
  if (!planted("grace-never-ends")) {
    live.pause.arm(environment_.now() + config_.cancel_grace, Precedence::kCancel);
  }
  runtime_.stop(live.attempt);
}

void TaskExecutionManager::cancel_all(const Task& task, std::string_view reason) {
  // Queued executions first: each end frees a slot, which must not go to one of them.
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
  if (std::ranges::any_of(live.waiting, awaited) || planted("caller-gone-unnoticed")) return;
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
    start_attempt(execution);
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
  notify_if_drained();
}

void TaskExecutionManager::end_attempt(const AsyncExecution& execution, LiveExecution& live) {
  if (live.instance == nullptr) return;
  if (live.attempt_active) {
    live.attempt_active = false;
    ++counters_.kills;
    if (planted("slot-leaks-when-killed")) ++busy_;
    if (!planted("timeout-does-not-kill")) runtime_.kill(live.attempt);
    if (observer_ != nullptr) observer_->on_attempt_ended(execution.ordinal, live.attempt, true);
    pool_.discard(*live.instance);
  } else {
    pool_.release(*live.instance);
  }
  --busy_;
  holders_.erase(holders_.iterator_to(live));
  if (observer_ != nullptr) observer_->on_slot_released(execution.ordinal);
  if (!planted("parked-work-forgotten")) queue_.unpark(*execution.task);
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
      last.set_is_final(!planted("stream-without-an-end"));
      last.set_error_message(execution.details().error_message);
      if (!execution.result.empty()) {
        last.mutable_chunk_data()->set_type_url(execution.result.type_url.str());
        last.mutable_chunk_data()->set_value(execution.result.value);
      }
      live.stream->write(std::move(last));
    }
    std::move(*live.stream).finish(absl::OkStatus());
  }
  if (planted("cancel-never-answered")) {
    // Never destroyed, because an answer must be sent before its destruction.
    static auto* lost = new std::vector<Answer<spearlet::CancelExecutionResponse>>;
    std::ranges::move(live.cancels, std::back_inserter(*lost));
    live.cancels.clear();
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

// ---- Draining ----------------------------------------------------------------------------------

void TaskExecutionManager::drain(std::function<void()> drained) {
  draining_ = true;
  drained_ = std::move(drained);
  notify_if_drained();
}

void TaskExecutionManager::notify_if_drained() {
  if (!drained_) return;
  const auto& tally = tracker_.tally();
  if (tally.count(kPending) + tally.count(kRunning) > 0) return;
  std::exchange(drained_, nullptr)();
}

}  // namespace quintain::core
