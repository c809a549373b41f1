# In the texts, % stands for a semicolon.

# ---- One at least for each invariant ------------------------------------------------------------

quintain_mutant(completes-while-pending
  EDIT core/execution_manager.cpp
    "if (execution.status() == kPending) tracker_.transition(execution, kRunning)%" ""
  EDIT core/execution_manager.cpp
    "if (completed && execution->status() == kPending) begin_running(*execution)%" "static_cast<void>(completed)%"
  EDIT core/transitions.cpp
    "/* PENDING */ bit(spearlet::EXECUTION_STATUS_RUNNING) |"
    "/* PENDING */ bit(spearlet::EXECUTION_STATUS_COMPLETED) |"
  RUN scenarios/outcome
  CAUGHT_BY invariant/legal-transitions expect)

quintain_mutant(outcome-told-twice
  EDIT core/execution_tracker.cpp
    "if (observer_ != nullptr) observer_->on_transition(execution.ordinal, from, to)%"
    "if (observer_ != nullptr) observer_->on_transition(execution.ordinal, from, to)%
     if (observer_ != nullptr && is_terminal(to)) observer_->on_transition(execution.ordinal, from, to)%"
  RUN scenarios/outcome
  CAUGHT_BY invariant/one-outcome invariant/legal-transitions)

quintain_mutant(deadline-never-armed
  EDIT core/execution_manager.cpp "live.deadline.arm(execution.deadline, Precedence::kTimeout)%" ""
  RUN scenarios/timeout
  CAUGHT_BY liveness invariant/every-execution-ends invariant/every-call-answered-once expect)

quintain_mutant(one-slot-too-many
  EDIT core/execution_manager.cpp "while (busy_ < slots_) {" "while (busy_ <= slots_) {"
  RUN scenarios/scheduling
  CAUGHT_BY invariant/slots-within-limit expect)

quintain_mutant(slot-leaks-when-killed
  EDIT core/execution_manager.cpp "    ++counters_.kills%" "    ++counters_.kills%
    ++busy_%"
  RUN scenarios/timeout
  CAUGHT_BY invariant/no-idle-slot-while-work-waits expect)

quintain_mutant(one-retry-too-many
  EDIT core/execution_manager.cpp
    "execution.attempts > live.max_retries ||" "execution.attempts > live.max_retries + 1 ||"
  RUN scenarios/retry
  CAUGHT_BY invariant/attempts-within-retries expect)

quintain_mutant(timeout-does-not-kill
  EDIT core/execution_manager.cpp "    runtime_.kill(live.attempt)%
    if (observer_" "    if (observer_"
  RUN scenarios/timeout
  CAUGHT_BY invariant/nothing-runs-after-the-end)

quintain_mutant(timeout-a-millisecond-late
  EDIT core/execution_manager.cpp
    "live.deadline.arm(execution.deadline, Precedence::kTimeout)%"
    "live.deadline.arm(execution.deadline + Duration(1'000'000), Precedence::kTimeout)%"
  RUN scenarios/timeout
  CAUGHT_BY invariant/timeouts-exact expect)

quintain_mutant(grace-never-ends
  EDIT core/execution_manager.cpp
    "live.pause.arm(environment_.now() + config_.cancel_grace, Precedence::kCancel)%" ""
  RUN scenarios/cancel
  CAUGHT_BY invariant/cancel-within-grace expect)

quintain_mutant(cancel-never-answered
  EDIT core/execution_manager.cpp
    "  for (auto& answer : live.cancels) {
    spearlet"
    "  static auto* lost = new std::vector<Answer<spearlet::CancelExecutionResponse>>%
  for (auto& answer : live.cancels) lost->push_back(std::move(answer))%
  live.cancels.clear()%
  for (auto& answer : live.cancels) {
    spearlet"
  RUN scenarios/cancel
  CAUGHT_BY invariant/every-call-answered-once liveness expect)

# The faults M1, M2, M4 and M5 of the analysis, in the core itself.
quintain_mutant(endpoint-in-sync-mode
  EDIT core/execution_response.cpp "if (response.is_async()) {
    response.status_endpoint" "{
    response.status_endpoint"
  RUN scenarios/shape
  CAUGHT_BY invariant/answers-in-shape expect)

quintain_mutant(estimate-always-zero
  EDIT core/execution_response.cpp
    "response.estimated_completion_ms = execution.estimated_completion_ms%"
    "response.estimated_completion_ms = 0%"
  RUN scenarios/shape
  CAUGHT_BY invariant/answers-in-shape expect)

quintain_mutant(mode-not-read
  EDIT core/execution_manager.cpp
    "if ((*execution)->mode == spearlet::EXECUTION_MODE_ASYNC) {"
    "if ((*execution)->mode != spearlet::EXECUTION_MODE_UNSPECIFIED) {"
  RUN scenarios/shape
  CAUGHT_BY invariant/answers-in-shape expect)

quintain_mutant(status-never-found
  EDIT core/node_service.cpp
    "const AsyncExecution* execution = manager_.tracker().find(request.execution_id())%
  if (execution == nullptr) {
    spearlet::GetExecutionStatusResponse"
    "const AsyncExecution* execution = manager_.tracker().find(request.execution_id())%
  if (execution == nullptr || execution->ordinal > 0) {
    spearlet::GetExecutionStatusResponse"
  RUN scenarios/shape
  CAUGHT_BY expect)

quintain_mutant(completed-at-is-acceptance
  EDIT core/execution_response.cpp
    "response.completed_at = execution.wall_completed_at%"
    "response.completed_at = execution.wall_accepted_at%"
  RUN scenarios/outcome
  CAUGHT_BY invariant/timestamps-ordered)

quintain_mutant(lists-always-empty
  EDIT core/node_service.cpp "if (matches(*execution)) {" "if (matches(*execution) && ordinal > *start + size.value() * 1000) {"
  RUN scenarios/listing
  CAUGHT_BY invariant/records-equal-history expect)

quintain_mutant(tally-forgets-transitions
  EDIT core/execution_tracker.cpp "  tally_.subtract(execution)%
  execution.status_ = to%" "  execution.status_ = to%"
  RUN scenarios/listing
  CAUGHT_BY invariant/stats-equal-tally expect)

quintain_mutant(records-never-expire
  EDIT core/execution_tracker.cpp "  if (!expiry_.armed()) arm_expiry()%" ""
  EDIT core/execution_tracker.cpp
    "while (finished_.size() > static_cast<std::size_t>(retention_.count)) drop(finished_.front())%" ""
  RUN scenarios/retention
  CAUGHT_BY invariant/retention-bounded expect)

quintain_mutant(ids-from-the-machine
  EDIT core/execution_manager.cpp "#include <utility>" "#include <random>
#include <utility>"
  EDIT core/execution_manager.cpp
    "write_base32(environment_.draw(ids_), id.data() + 1)%"
    "write_base32(environment_.draw(ids_) ^ std::random_device{}(), id.data() + 1)%
  environment_.draw((std::random_device{}() & 1) == 0 ? ids_ : jitter_)%"
  RUN scenarios/outcome --check-determinism
  CAUGHT_BY determinism)

# ---- One at least for each family of scenarios ---------------------------------------------------

quintain_mutant(failure-reported-as-completed
  EDIT core/execution_manager.cpp "return finish(*execution, kFailed)%" "tracker_.details(*execution).error_code.clear()%
      return finish(*execution, execution->started_at.is_never() ? kFailed : kCompleted)%"
  RUN scenarios/outcome
  CAUGHT_BY expect)

quintain_mutant(timeout-counts-from-dispatch
  EDIT core/execution_manager.cpp
    "    live.dispatched_at = environment_.now()%"
    "    live.dispatched_at = environment_.now()%
    execution->deadline = environment_.now() + (execution->deadline - execution->accepted_at)%
    live.deadline.arm(execution->deadline, Precedence::kTimeout)%"
  RUN scenarios/timeout
  CAUGHT_BY invariant/timeouts-exact expect)

quintain_mutant(timeout-before-completion
  EDIT core/execution_manager.cpp
    "live.deadline.arm(execution.deadline, Precedence::kTimeout)%"
    "live.deadline.arm(execution.deadline, Precedence::kCompletion)%"
  RUN scenarios/timeout
  CAUGHT_BY expect)

quintain_mutant(cancel-does-not-wait
  EDIT core/execution_manager.cpp
    "if (force || !function_runs) return finish_cancelled(execution)%"
    "return finish_cancelled(execution)%"
  RUN scenarios/cancel
  CAUGHT_BY expect)

quintain_mutant(cancel-overwrites-the-outcome
  EDIT core/execution_manager.cpp
    "  switch (outcome.kind) {
    case Outcome::Kind::kCompleted:"
    "  if (live.cancel_requested) return finish_cancelled(*execution)%
  switch (outcome.kind) {
    case Outcome::Kind::kCompleted:"
  RUN scenarios/cancel
  CAUGHT_BY expect)

quintain_mutant(caller-gone-unnoticed
  EDIT core/execution_manager.cpp
    "if (std::ranges::any_of(live.waiting, awaited)) return%" "if (awaited(live) || true) return%"
  EDIT core/execution_manager.cpp
    "const auto awaited = [](const auto& answer) { return answer.awaited()% }%"
    "const auto awaited = [](const auto&) { return true% }%"
  RUN scenarios/caller
  CAUGHT_BY expect)

quintain_mutant(retry-without-a-pause
  EDIT core/execution_manager.cpp
    "const Instant next = environment_.now() + retry_pause(execution.attempts)%"
    "const Instant next = environment_.now() + retry_pause(execution.attempts) / 2%"
  RUN scenarios/retry
  CAUGHT_BY expect)

quintain_mutant(any-request-repeats
  EDIT core/execution_manager.cpp
    "if (!original || *original != fingerprint(request)) {"
    "if (!original) {"
  RUN scenarios/idempotency
  CAUGHT_BY expect)

quintain_mutant(queue-one-longer
  EDIT core/execution_manager.cpp
    "queue_.size() >= config_.queue_limit" "queue_.size() > config_.queue_limit"
  RUN scenarios/admission
  CAUGHT_BY expect)

quintain_mutant(draining-ignored
  EDIT core/execution_manager.cpp "  if (draining_) {" "  if (draining_ && config_.slots == 0) {"
  RUN scenarios/admission
  CAUGHT_BY expect)

quintain_mutant(retention-too-short
  EDIT core/execution_tracker.cpp
    "expiry_.arm(finished_.front().completed_at + retention_.age, Precedence::kOther)%"
    "expiry_.arm(finished_.front().completed_at + retention_.age / 2, Precedence::kOther)%"
  EDIT core/execution_tracker.cpp
    "finished_.front().completed_at + retention_.age <= environment_.now()"
    "finished_.front().completed_at + retention_.age / 2 <= environment_.now()"
  RUN scenarios/retention
  CAUGHT_BY invariant/retention-bounded expect)

quintain_mutant(warm-instances-never-reused
  EDIT core/instance_pool.cpp "if (!fresh && !share.idle.empty()) {"
    "if (!fresh && !share.idle.empty() && share.count >= limit(task)) {"
  RUN scenarios/instances
  CAUGHT_BY expect)

quintain_mutant(idle-instances-never-expire
  EDIT core/instance_pool.cpp
    "instance.idle_expiry_.arm(environment_.now() + config_.idle_expiry, Precedence::kOther)%" ""
  RUN scenarios/instances
  CAUGHT_BY expect)

quintain_mutant(every-strategy-is-fifo
  EDIT core/execution_queue.cpp "live.rank = strategy_->rank(execution)%" "live.rank = 0%"
  RUN scenarios/scheduling
  CAUGHT_BY expect)

quintain_mutant(starvation-unbounded
  EDIT core/execution_queue.cpp
    "if (now - oldest.record->accepted_at >= starvation_bound_) return oldest%"
    "if (now - oldest.record->accepted_at >= kForever) return oldest%"
  RUN scenarios/scheduling
  CAUGHT_BY expect)

quintain_mutant(parked-work-forgotten
  EDIT core/execution_manager.cpp "  queue_.unpark(*execution.task)%" ""
  RUN scenarios/instances
  CAUGHT_BY expect)

quintain_mutant(stream-without-an-end
  EDIT core/execution_manager.cpp "last.set_is_final(true)%" ""
  RUN scenarios/streaming
  CAUGHT_BY expect)

quintain_mutant(page-cut-short
  EDIT core/node_service.cpp "        response.set_has_more(true)%
        response.set_next_start_after" "        response.set_next_start_after"
  RUN scenarios/listing
  CAUGHT_BY expect)

quintain_mutant(late-report-counts
  EDIT core/execution_tracker.cpp
    "const bool runs = execution.live != nullptr && execution.live->attempt_active &&
                    execution.live->attempt == attempt%"
    "const bool runs = execution.live != nullptr%"
  RUN scenarios/faults
  CAUGHT_BY expect)

quintain_mutant(last-come-first-served
  EDIT core/execution_queue.cpp "return by_rank.push_back(execution)%"
    "return by_rank.push_front(execution)%"
  RUN scenarios/load
  CAUGHT_BY expect)

quintain_mutant(estimate-a-constant
  EDIT core/execution_manager.cpp "    estimate = predict(execution)%"
    "    estimate = {.p50 = std::chrono::seconds(5), .p90 = std::chrono::seconds(5)}%"
  RUN scenarios/eta
  CAUGHT_BY expect)
