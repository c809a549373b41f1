// Splits the calls of a case by execution. The hard part is an id that names several executions in
// turn, because records expire: a call belongs to one only if the order of events proves it.
#include "conformance/judgement/history/execution_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>

#include "core/base/duration_text.h"

namespace quintain::conformance {
namespace {

using spearlet::InvokeFunctionRequest;

// The observations of one execution that are kept of one call. A list has one; a hostile one may
// have any number, and some checks compare them in pairs.
constexpr std::size_t kMaxPerCall = 1000;

constexpr std::uint64_t kUnknown = std::numeric_limits<std::uint64_t>::max();

bool is_invoke(const RecordedCall& recorded) {
  return recorded.method == Method::kInvokeFunction || recorded.method == Method::kStreamFunction;
}

// The execution id of an InvokeFunction or StreamFunction call: from the answer if there is one,
// else from the request.
std::string_view id_of_invoke(const RecordedCall& recorded) {
  const std::vector<StatusObservation> observations = observations_of(recorded);
  if (!observations.empty() && !observations.front().execution_id.empty()) {
    return observations.front().execution_id;
  }
  if (recorded.method == Method::kInvokeFunction && recorded.answered()) {
    const auto& id = recorded.answer_as<spearlet::InvokeFunctionResponse>().execution_id();
    if (!id.empty()) return id;
  }
  return given_id(recorded.request_as<InvokeFunctionRequest>());
}

// Everything that happened under an id, not yet split by execution.
using HistoryById = std::map<std::string_view, ExecutionHistory>;

void add_recorded_call(const RecordedCall& recorded, const Policies& policies, HistoryById& by_id) {
  if (is_invoke(recorded)) {
    ExecutionHistory& history = by_id[id_of_invoke(recorded)];
    if (is_refusal_by_answer(recorded, policies)) {
      history.refused.push_back(&recorded);
      return;
    }
    (may_be_accepted(recorded) ? history.invokes : history.refused).push_back(&recorded);
  } else if (recorded.method == Method::kCancelExecution) {
    by_id[recorded.request_as<spearlet::CancelExecutionRequest>().execution_id()].cancels.push_back(
        &recorded);
  } else if (recorded.method == Method::kGetExecutionStatus && recorded.answered() &&
             !recorded.answer_as<spearlet::GetExecutionStatusResponse>().found()) {
    by_id[recorded.request_as<spearlet::GetExecutionStatusRequest>().execution_id()]
        .misses.push_back(&recorded);
  }
  const std::vector<StatusObservation> all = observations_of(recorded);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].execution_id.empty()) continue;
    std::vector<StatusObservation>& kept = by_id[all[i].execution_id].observations;
    // The last one is the outcome of a stream.
    if (i + 1 < all.size() && kept.size() >= kMaxPerCall &&
        kept[kept.size() - kMaxPerCall].recorded == &recorded) {
      continue;
    }
    kept.push_back(all[i]);
  }
}

// When a DeleteTask that deletes records was first sent.
core::Instant first_cleanup(std::span<const RecordedCall> recorded_calls) {
  for (const RecordedCall& recorded : recorded_calls) {
    if (recorded.method == Method::kDeleteTask &&
        recorded.request_as<spearlet::DeleteTaskRequest>().cleanup_executions()) {
      return recorded.sent;
    }
  }
  return core::Instant::never();
}

// See ExecutionHistory::may_be_gone. A record is kept for the retention after the end, and an
// execution has not ended before the last moment at which it was known to be live.
core::Instant may_be_gone(const ExecutionHistory& execution, core::Instant cleanup,
                          const Policies& policies) {
  if (execution.invokes.empty() && execution.observations.empty()) return core::Instant();
  if (policies.retention == core::kForever) return cleanup;
  // Of another client's execution it is not known when it ended before it was first seen.
  core::Instant live =
      execution.invokes.empty() ? core::Instant() : execution.invokes.front()->sent;
  for (const StatusObservation& observation : execution.observations) {
    if (is_live(observation.status)) live = std::max(live, observation.recorded->sent);
  }
  const core::Duration kept = std::max(policies.retention - policies.grace, core::Duration(0));
  return std::min(cleanup, live + kept);
}

// Whether `b` started after `a` had ended, by the clock of the target.
bool starts_after_end(const StatusObservation& b, const StatusObservation& a) {
  return b.started_at() != nullptr && a.completed_at() != nullptr &&
         time_of(*b.started_at()) > time_of(*a.completed_at());
}

// Observations of executions of other clients, by execution. When these clients use an id again,
// and whether its record has expired by then, is not known: what no single execution can show
// belongs to several.
std::vector<ExecutionHistory> split_foreign(std::string_view id,
                                            std::span<const StatusObservation> observations) {
  std::vector<ExecutionHistory> executions;
  const StatusObservation* ended = nullptr;  // the first end of the present execution
  for (const StatusObservation& observation : observations) {
    const bool is_another =
        ended != nullptr &&
        (starts_after_end(observation, *ended) || starts_after_end(*ended, observation) ||
         (is_live(observation.status) && before(*ended, observation)));
    if (executions.empty() || is_another) {
      executions.push_back({.id = id});
      executions.back().id_reused = executions.size() > 1;
      ended = nullptr;
    }
    executions.back().observations.push_back(observation);
    if (ended == nullptr && core::is_terminal(observation.status)) ended = &observation;
  }
  return executions;
}

// Splits what happened under one id by execution.
class Splitter {
 public:
  Splitter(std::string_view id, const ExecutionHistory& all, core::Instant cleanup,
           const Policies& policies)
      : id_(id), all_(all), cleanup_(cleanup), policies_(policies) {}

  std::vector<ExecutionHistory> split() {
    const bool ids_return = policies_.retention != core::kForever || !cleanup_.is_never();
    if (all_.invokes.empty() && ids_return) {
      std::vector<ExecutionHistory> foreign = split_foreign(id_, all_.observations);
      for (ExecutionHistory& execution : foreign) execution.may_be_gone = gone(execution);
      if (foreign.size() > 1) return foreign;
    }
    std::vector<ExecutionHistory> executions;
    std::size_t first = 0;
    bool fresh = true;
    while (true) {
      const std::size_t end = end_of_execution(first);
      const bool is_last = end >= all_.invokes.size();
      ExecutionHistory execution = part(first, end, is_last);
      execution.fresh = fresh && !may_have_been_earlier(first, end);
      execution.id_reused = first > 0;
      execution.may_be_gone = gone(execution);
      // The next call starts a new execution for certain if this one was seen and then seen to be
      // gone.
      fresh = !is_last && std::ranges::any_of(execution.misses, [&](const RecordedCall* miss) {
        return std::ranges::any_of(
            execution.observations,
            [&](const StatusObservation& observation) { return before(observation, *miss); });
      });
      if (!is_last && !fresh && all_.invokes[end]->sent < must_be_gone(execution)) {
        earlier_may_be_gone_ = execution.may_be_gone;
      } else {
        earlier_may_be_gone_ = core::Instant::never();
      }
      executions.push_back(std::move(execution));
      if (is_last) return executions;
      first = end;
    }
  }

 private:
  core::Instant gone(const ExecutionHistory& execution) const {
    return std::min(may_be_gone(execution, cleanup_, policies_), earlier_may_be_gone_);
  }

  // From when on its record has expired for certain; never() if it has not been seen to end.
  core::Instant must_be_gone(const ExecutionHistory& execution) const {
    core::Instant gone = core::Instant::never();
    for (const StatusObservation& observation : execution.observations) {
      if (is_live(observation.status)) continue;
      gone =
          std::min(gone, interval_of(observation).end.at + policies_.retention + policies_.grace);
    }
    return gone;
  }

  // The index of the first call after `first` that may have found the id free.
  std::size_t end_of_execution(std::size_t first) const {
    for (std::size_t i = first + 1; i < all_.invokes.size(); ++i) {
      const ExecutionHistory so_far = part(first, i, /*is_last=*/false);
      const core::Instant gone = this->gone(so_far);
      if (!gone.is_never() && interval_of(*all_.invokes[i]).end.at >= gone) return i;
    }
    return all_.invokes.size();
  }

  // Whether a call from `end` on, which may have found the id free, may also have come before the
  // call `first`: one without an answer that was sent before that one returned.
  bool may_have_been_earlier(std::size_t first, std::size_t end) const {
    if (first >= all_.invokes.size()) return false;
    const RecordedCall& invoke = *all_.invokes[first];
    return std::any_of(
        all_.invokes.begin() + static_cast<std::ptrdiff_t>(std::min(end, all_.invokes.size())),
        all_.invokes.end(), [&](const RecordedCall* other) { return !before(invoke, *other); });
  }

  // The calls that belong for certain to the execution of invokes[first, end).
  ExecutionHistory part(std::size_t first, std::size_t end, bool is_last) const {
    ExecutionHistory execution{.id = id_};
    execution.invokes.assign(
        all_.invokes.begin() + static_cast<std::ptrdiff_t>(first),
        all_.invokes.begin() + static_cast<std::ptrdiff_t>(std::min(end, all_.invokes.size())));
    const auto belongs = [&](const RecordedCall& recorded, const Read& when) {
      if (is_invoke(recorded) && may_be_accepted(recorded)) {
        return std::ranges::find(execution.invokes, &recorded) != execution.invokes.end();
      }
      return (first == 0 || precedes(interval_of(*all_.invokes[first]), when)) &&
             (is_last || precedes(when, interval_of(*all_.invokes[end])));
    };
    for (const StatusObservation& observation : all_.observations) {
      if (belongs(*observation.recorded, interval_of(observation))) {
        execution.observations.push_back(observation);
      }
    }
    const auto is_of_it = [&](const RecordedCall* call) {
      return belongs(*call, interval_of(*call));
    };
    std::ranges::copy_if(all_.refused, std::back_inserter(execution.refused), is_of_it);
    std::ranges::copy_if(all_.misses, std::back_inserter(execution.misses), is_of_it);
    std::ranges::copy_if(all_.cancels, std::back_inserter(execution.cancels),
                         [&](const RecordedCall* cancel) {
                           // A cancel without an answer may have concerned any of the executions.
                           return !cancel->answered() || is_of_it(cancel);
                         });
    return execution;
  }

  std::string_view id_;
  const ExecutionHistory& all_;
  core::Instant cleanup_;
  const Policies& policies_;
  // If the first call of the present execution may have found the record of the one before: from
  // when on that one may be gone.
  core::Instant earlier_may_be_gone_ = core::Instant::never();
};

}  // namespace

const RecordedCall* ExecutionHistory::first_invoke() const {
  return invokes.empty() || invokes.front()->ambiguous() || !invokes.front()->ended()
             ? nullptr
             : invokes.front();
}

spearlet::ExecutionMode ExecutionHistory::mode() const {
  if (invokes.empty()) return spearlet::EXECUTION_MODE_UNSPECIFIED;
  return invokes.front()->request_as<InvokeFunctionRequest>().execution_mode();
}

Read interval_of(const RecordedCall& recorded, int stage) {
  Read read = {.start = {recorded.sent, recorded.number}, .end = {}, .stage = stage};
  // An ambiguous call may still take effect.
  const bool is_certain = recorded.ended() && !recorded.ambiguous();
  read.end = {is_certain ? recorded.returned : core::Instant::never(),
              recorded.followed_by == 0 ? kUnknown : recorded.followed_by};
  return read;
}

Read interval_of(const StatusObservation& observation, int stage) {
  Read read = interval_of(*observation.recorded, stage);
  if (observation.chunk != nullptr) read.end = {observation.at, kUnknown};
  return read;
}

bool may_be_accepted(const RecordedCall& invoke) {
  return !invoke.ended() || invoke.status.ok() || invoke.ambiguous() || !invoke.received.empty();
}

bool is_query(const StatusObservation& observation) {
  return observation.recorded->method == Method::kGetExecutionStatus;
}

std::vector<ExecutionHistory> split_by_execution(std::span<const RecordedCall> recorded_calls,
                                                 const Policies& policies) {
  HistoryById by_id;
  for (const RecordedCall& recorded : recorded_calls) {
    add_recorded_call(recorded, policies, by_id);
  }
  const core::Instant cleanup = first_cleanup(recorded_calls);
  const bool may_be_deleted = std::ranges::find(recorded_calls, Method::kDeleteTask,
                                                &RecordedCall::method) != recorded_calls.end();
  std::vector<ExecutionHistory> executions;
  for (const auto& [id, all] : by_id) {
    if (id.empty()) continue;
    for (ExecutionHistory& execution : Splitter(id, all, cleanup, policies).split()) {
      execution.may_be_deleted = may_be_deleted;
      executions.push_back(std::move(execution));
    }
  }
  return executions;
}

std::string cite(const RecordedCall& recorded) {
  return fmt::format("call {} ({}), sent at {}", recorded.number, name_of(recorded.method),
                     core::format_duration(recorded.sent.since_start()));
}

Citation::Citation(const RecordedCall& call, std::string_view addition)
    : recorded(&call), text(fmt::format("{}{}", cite(call), addition)) {}

Citation::Citation(const StatusObservation& observation, std::string_view addition)
    : recorded(observation.recorded),
      text(fmt::format("{}, returned {} at {}{}", cite(*observation.recorded),
                       status_name(observation.status),
                       core::format_duration(observation.at.since_start()), addition)) {}

Violation violation(const ExecutionHistory& execution, std::string expected,
                    std::initializer_list<Citation> citations) {
  Violation violation{.expected = std::move(expected),
                      .observed = fmt::format("'{}'", execution.id)};
  for (const Citation& citation : citations) {
    violation.observed += violation.recorded_calls.empty() ? ": " : "; ";
    violation.observed += citation.text;
    violation.recorded_calls.push_back(citation.recorded->number);
  }
  std::vector<std::uint64_t>& numbers = violation.recorded_calls;
  std::ranges::sort(numbers);
  numbers.erase(std::ranges::unique(numbers).begin(), numbers.end());
  return violation;
}

Violation contradiction(const ExecutionHistory& execution, std::string expected,
                        const StatusObservation& first, const StatusObservation& second,
                        std::string_view difference) {
  Violation result = violation(execution, std::move(expected), {first, second});
  if (before(first, second)) result.observed += "; the first ended before the second started";
  if (!difference.empty()) result.observed += fmt::format(": {}", difference);
  return result;
}

}  // namespace quintain::conformance
