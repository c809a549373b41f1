// TaskExecutionManager, from dispatch to the end: slots, attempts, the runtime's reports, retries,
// cancels, timeouts, and final answers. Admission is in execution_manager_admission.cpp,
// predictions are in execution_manager_forecasts.cpp.
#include "core/execution_manager.h"
#include "core/base/planted_fault.h"
#include "core/statuses.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

namespace quintain::core {
namespace {

using namespace core::statuses;

// What an answer needs besides its result and its log lines.
constexpr int kAnswerRest = 32 << 10;

// Work on deletions within one turn: a dropped record counts 1, and 1 more for this many bytes; a
// cancelled execution counts kCancelWork. The rest follows in turns of its own, so that other
// callers do not wait.
constexpr std::int64_t kMaxDeletionWork = 512;
constexpr std::int64_t kCancelWork = 4;
constexpr std::int64_t kBytesPerWork = 64 << 10;

// Of the callers that wait for one execution, those that are answered in one turn.
constexpr std::size_t kMaxAnswersAtOnce = 64;
constexpr std::size_t kMaxAnswerBytesAtOnce = std::size_t{1} << 20;

std::size_t answers_at_once(std::size_t bytes) {
  return std::clamp<std::size_t>(kMaxAnswerBytesAtOnce / (bytes + 1), 1, kMaxAnswersAtOnce);
}

// Cuts a text of a runtime, not within a character of UTF-8.
void shorten(std::string& text, std::size_t max) {
  if (text.size() <= max) return;
  while (max > 0 && (static_cast<unsigned char>(text[max]) & 0xc0) == 0x80) --max;
  text.resize(max);
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
      memory_(config.memory),
      tasks_(environment, memory_, config.task_expiry),
      pool_(environment, runtime, config.instances),
      service_times_(config.eta.prior),
      estimator_(estimator(config.eta, environment.draw(estimator_seed_))),
      tracker_(environment, config.retention, memory_, tasks_, observer),
      queue_(make_scheduling_strategy(config.scheduling.strategy, service_times_),
             config.scheduling.starvation_bound),
      linger_(
          environment,
          [](void* self) {
            auto& manager = *static_cast<TaskExecutionManager*>(self);
            manager.lingered_ = true;
            manager.notify_if_drained();
          },
          this),
      next_deletions_(
          environment,
          [](void* self) { static_cast<TaskExecutionManager*>(self)->continue_deletions(); }, this),
      next_late_answers_(
          environment,
          [](void* self) { static_cast<TaskExecutionManager*>(self)->send_late_answers(); }, this) {
  assert(problems(config).empty());
  tasks_.set_observer(observer);
}

TaskExecutionManager::~TaskExecutionManager() {
  const absl::Status gone = absl::UnavailableError("the node was shut down");
  for (AsyncExecution* execution = tracker_.next_after(0); execution != nullptr;
       execution = tracker_.next_after(execution->ordinal)) {
    if (execution->live == nullptr) continue;
    LiveExecution& live = *execution->live;
    if (live.attempt_active) runtime_.kill(live.attempt);
    if (live.by_dispatch.is_linked()) holders_.erase(holders_.iterator_to(live));
    execution->task->live.erase(execution->task->live.iterator_to(live));
    for (auto& answer : live.waiting) std::move(answer).refuse(gone);
    for (auto& answer : live.cancels) std::move(answer).refuse(gone);
    if (live.stream) std::move(*live.stream).finish(gone);
  }
  for (Deletion& deletion : deletions_) {
    if (deletion.answer) std::move(*deletion.answer).refuse(gone);
  }
  for (LateAnswers& late : late_answers_) {
    for (; late.next < late.answers.size(); ++late.next) {
      std::move(late.answers[late.next]).refuse(gone);
    }
  }
}

// ---- Attempts -----------------------------------------------------------------------------------

void TaskExecutionManager::dispatch() {
  if (cancelling_all_) return;
  const auto may_start = [this](const Task& task) {
    return pool_.available(task) && !task.deleted;
  };
  while (busy_ < slots_ + (planted("one-slot-too-many") ? 1 : 0)) {
    AsyncExecution* execution = queue_.pop(environment_.now(), may_start);
    if (execution == nullptr) return;
    // Its timeout is due at this instant and will end it, so no attempt is started.
    if (execution->deadline <= environment_.now()) {
      queue_.take_back_charge(*execution);
      continue;
    }
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
  LiveExecution& live = *execution->live;
  live.emitted_chunk = true;
  if (!live.stream->awaited()) return;
  if (chunk.value.size() + chunk.type_url.size() + kAnswerRest >
      static_cast<std::size_t>(config_.answer_bytes)) {
    return finish_with_error(*execution, kFailed, "RESULT_TOO_LARGE",
                             fmt::format("a chunk has {} bytes; at most {} are allowed",
                                         chunk.value.size(), config_.answer_bytes - kAnswerRest));
  }
  spearlet::StreamExecutionResult message;
  message.set_execution_id(execution->execution_id);
  message.set_status(execution->status());
  message.mutable_chunk_data()->set_type_url(std::move(chunk.type_url));
  message.mutable_chunk_data()->set_value(std::move(chunk.value));
  live.stream->write(std::move(message));
  account_for_stream(live);
  if (live.stream_bytes > config_.stream_buffer_bytes) {
    return finish_with_error(*execution, kFailed, "SLOW_READER",
                             fmt::format("{} bytes of output wait for the reader of the stream; at "
                                         "most {} may",
                                         live.stream_bytes, config_.stream_buffer_bytes));
  }
  const bool full = live.stream_bytes > config_.stream_buffer_bytes / 2 ||
                    (live.stream_bytes > 0 && !memory_.fits(MemoryUse::kStreams, 0));
  if (full && !live.output_held) {
    live.output_held = true;
    runtime_.hold_output(attempt);
  }
}

void TaskExecutionManager::account_for_stream(LiveExecution& live) {
  const auto bytes = static_cast<std::int64_t>(live.stream->unsent_bytes());
  memory_.add(MemoryUse::kStreams, bytes - live.stream_bytes);
  live.stream_bytes = bytes;
}

void TaskExecutionManager::on_reader_caught_up(std::uint64_t ordinal) {
  AsyncExecution* execution = tracker_.find_ordinal(ordinal);
  if (execution == nullptr || execution->live == nullptr || !execution->live->stream) return;
  LiveExecution& live = *execution->live;
  account_for_stream(live);
  if (!live.output_held || live.stream_bytes > config_.stream_buffer_bytes / 4) return;
  live.output_held = false;
  if (live.attempt_active) runtime_.resume_output(live.attempt);
}

void TaskExecutionManager::on_log(AttemptId attempt, std::string line) {
  AsyncExecution* execution = execution_of_report(attempt);
  if (execution == nullptr) return;
  tracker_.add_log(*execution, std::move(line), static_cast<std::size_t>(config_.log_lines),
                   static_cast<std::size_t>(config_.log_bytes));
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
    case Outcome::Kind::kCompleted: {
      const std::size_t size = outcome.payload.value.size() + outcome.payload.type_url.size();
      if (size + kAnswerRest > static_cast<std::size_t>(config_.answer_bytes)) {
        return finish_with_error(*execution, kFailed, "RESULT_TOO_LARGE",
                                 fmt::format("the result has {} bytes; at most {} are allowed",
                                             size, config_.answer_bytes - kAnswerRest));
      }
      execution->result.type_url.assign(outcome.payload.type_url,
                                        execution->function->returned_type);
      execution->result.value.swap(outcome.payload.value);
      if (planted("result-cut-short") && !execution->result.value.empty()) {
        execution->result.value.pop_back();
      }
      return finish(*execution, kCompleted);
    }
    case Outcome::Kind::kStopped:
      if (live.cancel_requested) return finish_cancelled(*execution);
      return finish_with_error(*execution, kFailed, "STOPPED", "the function was stopped");
    case Outcome::Kind::kFailed:
      if (retry(*execution)) return;
      if (outcome.error_code.empty()) outcome.error_code = "FUNCTION_FAILED";
      shorten(outcome.error_code, RequestLimits::kName);
      shorten(outcome.error_message, RequestLimits::kText);
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
  if (request.reason().size() > RequestLimits::kText) {
    return std::move(answer).refuse(
        invalid_argument({fmt::format("reason: has {} bytes; at most {} are allowed",
                                      request.reason().size(), RequestLimits::kText)}));
  }
  AsyncExecution* execution = tracker_.find(request.execution_id());
  if (execution == nullptr || execution->finished()) {
    spearlet::CancelExecutionResponse response;
    if (execution == nullptr) {
      response.set_message(fmt::format("no execution {}", quoted(request.execution_id())));
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
  if (!first || planted("stop-not-passed-on")) return;
  if (observer_ != nullptr) observer_->on_attempt_stop_requested(execution.ordinal, live.attempt);
  if (!planted("grace-never-ends")) {
    live.pause.arm(environment_.now() + config_.cancel_grace, Precedence::kCancel);
  }
  runtime_.stop(live.attempt);
}

void TaskExecutionManager::delete_task(Task& task, const spearlet::DeleteTaskRequest& request,
                                       Answer<spearlet::DeleteTaskResponse> answer) {
  deletions_.push_back({.task = TaskPointer(&task),
                        .cleanup = request.cleanup_executions(),
                        .reason = "the task was deleted",
                        .cleaned = 0,
                        .answer = std::move(answer)});
  tasks_.remove(task);
  if (!next_deletions_.armed()) continue_deletions();
}

void TaskExecutionManager::cancel_all(std::string_view reason) {
  assert(draining_);
  cancelling_all_ = true;
  for (const auto& [id, task] : tasks_.all()) {
    if (task->live.empty()) continue;
    deletions_.push_back({.task = task,
                          .cleanup = false,
                          .reason = std::string(reason),
                          .cleaned = 0,
                          .answer = std::nullopt});
  }
  if (!next_deletions_.armed()) continue_deletions();
}

void TaskExecutionManager::continue_deletions() {
  std::int64_t work = 0;
  while (!deletions_.empty()) {
    if (!continue_deletion(deletions_.front(), work)) {
      return next_deletions_.arm(environment_.now(), Precedence::kOther);
    }
    Deletion done = std::move(deletions_.front());
    deletions_.pop_front();
    if (!done.answer) continue;
    spearlet::DeleteTaskResponse response;
    response.set_success(true);
    response.set_deleted(true);
    constexpr std::int64_t kMax = std::numeric_limits<std::int32_t>::max();
    response.set_cleaned_executions(static_cast<std::int32_t>(std::min(done.cleaned, kMax)));
    response.set_message("deleted");
    std::move(*done.answer).send(std::move(response));
  }
}

// Returns whether the deletion is complete.
bool TaskExecutionManager::continue_deletion(Deletion& deletion, std::int64_t& work) {
  Task& task = *deletion.task;
  // Queued executions first: each end frees a slot, which must not go to one of them.
  for (const bool queued : {true, false}) {
    for (auto position = task.live.begin(); position != task.live.end();) {
      LiveExecution& live = static_cast<LiveExecution&>(*position++);
      if (live.queued() != queued) continue;
      if (work >= kMaxDeletionWork) return false;
      work += kCancelWork;
      request_cancel(*live.record, deletion.reason, /*force=*/true);
    }
  }
  if (task.deleted) pool_.retire_idle(task);
  if (!deletion.cleanup) return true;
  while (!task.records.empty()) {
    if (work >= kMaxDeletionWork) return false;
    auto& record = static_cast<AsyncExecution&>(task.records.front());
    work += 1 + static_cast<std::int64_t>(record.result.value.size()) / kBytesPerWork;
    tracker_.drop(record);
    ++deletion.cleaned;
  }
  return true;
}

void TaskExecutionManager::on_caller_gone(std::uint64_t ordinal) {
  AsyncExecution* execution = tracker_.find_ordinal(ordinal);
  if (execution == nullptr || execution->live == nullptr) return;
  LiveExecution& live = *execution->live;
  while (live.left < live.waiting.size() && !live.waiting[live.left].awaited()) ++live.left;
  if (live.left < live.waiting.size() || planted("caller-gone-unnoticed")) return;
  request_cancel(*execution, "the caller went away", /*force=*/false);
}

void TaskExecutionManager::on_deadline(AsyncExecution& execution) {
  const std::string_view where = execution.live->dispatched_at.is_never() ? "it never got a slot"
                                 : execution.started_at.is_never() ? "its instance was not ready"
                                 : execution.live->output_held     ? "it waited for its reader"
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
  execution.task->live.erase(execution.task->live.iterator_to(*live));
  if (!planted("request-bytes-not-released")) {
    memory_.add(MemoryUse::kRequests, -live->request_bytes);
  }
  memory_.add(MemoryUse::kStreams, -live->stream_bytes);
  if (draining_ && execution.mode == spearlet::EXECUTION_MODE_ASYNC) tracker_.set_unread(execution);
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
  const LiveExecution& oldest = holders_.front();
  const bool slot_lost = planted("slot-lost-out-of-order") && &oldest != &live &&
                         oldest.dispatched_at == live.dispatched_at &&
                         oldest.record->function == execution.function;
  if (!slot_lost) --busy_;
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
  ends_.add(execution.status(), execution.completed_at - execution.accepted_at);
}

void TaskExecutionManager::send_answers(AsyncExecution& execution, LiveExecution& live) {
  const std::size_t at_once = answers_at_once(execution.result.value.size());
  if (live.waiting.size() <= at_once) {
    for (auto& answer : live.waiting) send(describe(execution), std::move(answer));
  } else {
    LateAnswers late{.message = {}, .answers = std::exchange(live.waiting, {})};
    write_invoke_response(describe(execution), late.message);
    late_answers_.push_back(std::move(late));
    if (!next_late_answers_.armed()) send_late_answers();
  }
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

void TaskExecutionManager::send_late_answers() {
  while (!late_answers_.empty()) {
    LateAnswers& late = late_answers_.front();
    const std::size_t at_once = answers_at_once(late.message.result().result().value().size());
    const std::size_t end = std::min(late.answers.size(), late.next + at_once);
    while (late.next < end) {
      auto message = late.message;
      std::move(late.answers[late.next++]).send(std::move(message));
    }
    if (late.next < late.answers.size()) {
      return next_late_answers_.arm(environment_.now(), Precedence::kOther);
    }
    late_answers_.pop_front();
  }
  notify_if_drained();
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
  if (tally.count(kPending) + tally.count(kRunning) > 0 || !late_answers_.empty()) return;
  if (tracker_.unread() > 0 && config_.drain_linger > Duration::zero() && !lingered_) {
    if (!linger_.armed()) {
      linger_.arm(environment_.now() + config_.drain_linger, Precedence::kOther);
    }
    return;
  }
  linger_.disarm();
  std::exchange(drained_, nullptr)();
}

void EndStatistics::add(spearlet::ExecutionStatus status, Duration took) {
  static constexpr auto kNanoseconds = [] {
    std::array<std::int64_t, kBounds.size()> bounds{};
    for (std::size_t i = 0; i < bounds.size(); ++i) {
      bounds[i] = static_cast<std::int64_t>(kBounds[i] * 1e9 + 0.5);
    }
    return bounds;
  }();
  // By the bits of a duration, the first bucket that it can be in: few others are left to look at.
  static constexpr auto kFirstBucket = [] {
    std::array<std::uint8_t, 65> first{};
    for (std::size_t bits = 1; bits < first.size(); ++bits) {
      const std::uint64_t smallest = std::uint64_t{1} << (bits - 1);
      while (first[bits] < kBounds.size() &&
             static_cast<std::uint64_t>(kNanoseconds[first[bits]]) < smallest) {
        ++first[bits];
      }
    }
    return first;
  }();
  ++by_status[static_cast<std::size_t>(status)];
  const std::int64_t nanoseconds = std::max<std::int64_t>(took.count(), 0);
  sum_seconds += static_cast<double>(nanoseconds) / 1e9;
  std::size_t bucket = kFirstBucket[static_cast<std::size_t>(
      std::bit_width(static_cast<std::uint64_t>(nanoseconds)))];
  while (bucket < kNanoseconds.size() && kNanoseconds[bucket] < nanoseconds) ++bucket;
  ++by_duration[bucket];
}

}  // namespace quintain::core
