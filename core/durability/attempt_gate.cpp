#include "core/durability/attempt_gate.h"

#include <algorithm>

namespace quintain::core {

// Agrees with Restoration::continue_execution().
bool AttemptGate::may_run_again(const AttemptSpec& attempt) const {
  const AsyncExecution& execution = *manager_->tracker().find_ordinal(attempt.ordinal);
  return execution.mode == spearlet::EXECUTION_MODE_ASYNC ||
         execution.details().fingerprint.has_value();
}

void AttemptGate::start(const AttemptSpec& attempt, AttemptListener& listener) {
  const JournalPosition position = journal_.appended();
  if (position <= journal_.durable() || !may_run_again(attempt)) {
    return inner_.start(attempt, listener);
  }
  waiting_.push_back({.attempt = attempt, .listener = &listener, .position = position});
}

void AttemptGate::on_durable() {
  while (!waiting_.empty() && waiting_.front().position <= journal_.durable()) {
    const Waiting next = waiting_.front();
    waiting_.pop_front();
    inner_.start(next.attempt, *next.listener);
    if (next.stopped) inner_.stop(next.attempt.id);
  }
}

void AttemptGate::stop(AttemptId attempt) {
  const auto waiting =
      std::ranges::find(waiting_, attempt, [](const Waiting& entry) { return entry.attempt.id; });
  if (waiting == waiting_.end()) return inner_.stop(attempt);
  waiting->stopped = true;
}

void AttemptGate::kill(AttemptId attempt) {
  const auto waiting =
      std::ranges::find(waiting_, attempt, [](const Waiting& entry) { return entry.attempt.id; });
  if (waiting == waiting_.end()) return inner_.kill(attempt);
  // The inner runtime knows nothing of the attempt, but it may know the instance: from earlier
  // executions, or from an earlier attempt of this one that could not start in it.
  if (!waiting->attempt.cold_start || waiting->attempt.number > 1)
    inner_.retire(waiting->attempt.instance_id);
  waiting_.erase(waiting);
}

}  // namespace quintain::core
