#include "conformance/judgement/history/execution_history.h"

#include <algorithm>
#include <limits>
#include <map>

namespace quintain::conformance {
namespace {

using spearlet::InvokeFunctionRequest;

constexpr std::uint64_t kUnknown = std::numeric_limits<std::uint64_t>::max();

bool is_invoke(const RecordedCall& recorded) {
  return recorded.method == Method::kInvokeFunction || recorded.method == Method::kStreamFunction;
}

// The id by which an InvokeFunction or StreamFunction call is known afterwards.
std::string_view id_of_invoke(const RecordedCall& recorded) {
  const std::vector<StatusObservation> observations = accounts_of(recorded);
  if (!observations.empty() && !observations.front().execution_id.empty()) {
    return observations.front().execution_id;
  }
  if (recorded.method == Method::kInvokeFunction && recorded.answered()) {
    const auto& id = recorded.answer_as<spearlet::InvokeFunctionResponse>().execution_id();
    if (!id.empty()) return id;
  }
  return given_id(recorded.request_as<InvokeFunctionRequest>());
}

using Traffic = std::map<std::string_view, ExecutionHistory>;

void add_recorded_call(const RecordedCall& recorded, Traffic& traffic) {
  const auto history_of = [&](std::string_view id) -> ExecutionHistory& { return traffic[id]; };
  if (is_invoke(recorded)) {
    const std::string_view id = id_of_invoke(recorded);
    ExecutionHistory& named = history_of(id);
    (may_be_accepted(recorded) ? named.invokes : named.refused).push_back(&recorded);
  } else if (recorded.method == Method::kCancelExecution) {
    history_of(recorded.request_as<spearlet::CancelExecutionRequest>().execution_id())
        .cancels.push_back(&recorded);
  } else if (recorded.method == Method::kGetExecutionStatus && recorded.answered() &&
             !recorded.answer_as<spearlet::GetExecutionStatusResponse>().found()) {
    history_of(recorded.request_as<spearlet::GetExecutionStatusRequest>().execution_id())
        .misses.push_back(&recorded);
  }
  for (const StatusObservation& observation : accounts_of(recorded)) {
    if (!observation.execution_id.empty())
      history_of(observation.execution_id).observations.push_back(observation);
  }
}

// When a DeleteTask that forgets records was first sent.
core::Instant first_cleanup(std::span<const RecordedCall> recorded_calls) {
  for (const RecordedCall& recorded : recorded_calls) {
    if (recorded.method == Method::kDeleteTask &&
        recorded.request_as<spearlet::DeleteTaskRequest>().cleanup_executions()) {
      return recorded.sent;
    }
  }
  return core::Instant::never();
}

// An execution that was live at some moment has not ended before it, and stays for the retention
// after its end.
core::Instant may_be_gone(const ExecutionHistory& execution, core::Instant cleanup,
                          const Policies& policies) {
  if (execution.invokes.empty() && execution.observations.empty()) return core::Instant();
  if (policies.retention == core::kForever) return cleanup;
  core::Instant live = execution.invokes.empty() ? execution.observations.front().recorded->sent
                                                 : execution.invokes.front()->sent;
  for (const StatusObservation& observation : execution.observations) {
    if (is_live(observation.status)) live = std::max(live, observation.recorded->sent);
  }
  const core::Duration certain = std::max(policies.retention - policies.grace, core::Duration(0));
  return std::min(cleanup, live + certain);
}

// Cuts what happened under one id into the executions that it named.
class Splitter {
 public:
  Splitter(std::string_view id, const ExecutionHistory& all, core::Instant cleanup,
           const Policies& policies)
      : id_(id), all_(all), cleanup_(cleanup), policies_(policies) {}

  std::vector<ExecutionHistory> split() {
    std::vector<ExecutionHistory> executions;
    std::size_t begin = 0;
    bool fresh = true;
    while (true) {
      const std::size_t end = end_of_history_of(begin);
      const bool is_last = end >= all_.invokes.size();
      ExecutionHistory execution = part(begin, end, /*is_first=*/begin == 0, is_last);
      execution.fresh = fresh;
      execution.renewed = begin > 0;
      execution.may_be_gone = may_be_gone(execution, cleanup_, policies_);
      // The next one is surely new if this one was there and was seen to be gone.
      fresh = !is_last && std::ranges::any_of(execution.misses, [&](const RecordedCall* miss) {
        return std::ranges::any_of(execution.observations,
                                   [&](const StatusObservation& observation) {
                                     return precedes(interval_of(observation), interval_of(*miss));
                                   });
      });
      executions.push_back(std::move(execution));
      if (is_last) return executions;
      begin = end;
    }
  }

 private:
  // The first call after `begin` that may have found its id free.
  std::size_t end_of_history_of(std::size_t begin) const {
    for (std::size_t i = begin + 1; i < all_.invokes.size(); ++i) {
      const ExecutionHistory so_far = part(begin, i, begin == 0, false);
      const core::Instant gone = may_be_gone(so_far, cleanup_, policies_);
      if (!gone.is_never() && interval_of(*all_.invokes[i]).end.at >= gone) return i;
    }
    return all_.invokes.size();
  }

  // What surely belongs to the execution that invokes[begin, end) are about.
  ExecutionHistory part(std::size_t begin, std::size_t end, bool is_first, bool is_last) const {
    ExecutionHistory execution{.id = id_};
    execution.invokes.assign(
        all_.invokes.begin() + static_cast<std::ptrdiff_t>(begin),
        all_.invokes.begin() + static_cast<std::ptrdiff_t>(std::min(end, all_.invokes.size())));
    const auto belongs = [&](const RecordedCall& recorded, const Read& when) {
      if (is_invoke(recorded) && may_be_accepted(recorded)) {
        return std::ranges::find(execution.invokes, &recorded) != execution.invokes.end();
      }
      return (is_first || precedes(interval_of(*all_.invokes[begin]), when)) &&
             (is_last || precedes(when, interval_of(*all_.invokes[end])));
    };
    for (const StatusObservation& observation : all_.observations) {
      if (belongs(*observation.recorded, interval_of(observation)))
        execution.observations.push_back(observation);
    }
    for (const RecordedCall* refused : all_.refused) {
      if (belongs(*refused, interval_of(*refused))) execution.refused.push_back(refused);
    }
    for (const RecordedCall* miss : all_.misses) {
      if (belongs(*miss, interval_of(*miss))) execution.misses.push_back(miss);
    }
    for (const RecordedCall* cancel : all_.cancels) {
      // One that nobody answered may have met any of them.
      if (!cancel->answered() || belongs(*cancel, interval_of(*cancel))) {
        execution.cancels.push_back(cancel);
      }
    }
    return execution;
  }

  std::string_view id_;
  const ExecutionHistory& all_;
  core::Instant cleanup_;
  const Policies& policies_;
};

}  // namespace

const RecordedCall* ExecutionHistory::beginning() const {
  return invokes.empty() || invokes.front()->ambiguous() || !invokes.front()->ended()
             ? nullptr
             : invokes.front();
}

spearlet::ExecutionMode ExecutionHistory::mode() const {
  if (invokes.empty()) return spearlet::EXECUTION_MODE_UNSPECIFIED;
  return invokes.front()->request_as<InvokeFunctionRequest>().execution_mode();
}

Read interval_of(const RecordedCall& recorded, int stage) {
  Read read = {.begin = {recorded.sent, recorded.number}, .end = {}, .stage = stage};
  // Without an answer the call may yet have its effect, for ever.
  const bool is_over = recorded.ended() && !recorded.ambiguous();
  read.end = {is_over ? recorded.returned : core::Instant::never(),
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

std::vector<ExecutionHistory> split_by_execution(std::span<const RecordedCall> recorded_calls,
                                                 const Policies& policies) {
  Traffic traffic;
  for (const RecordedCall& recorded : recorded_calls) add_recorded_call(recorded, traffic);
  const core::Instant cleanup = first_cleanup(recorded_calls);
  const bool may_be_deleted = std::ranges::find(recorded_calls, Method::kDeleteTask,
                                                &RecordedCall::method) != recorded_calls.end();
  std::vector<ExecutionHistory> executions;
  for (const auto& [id, all] : traffic) {
    if (id.empty()) continue;
    for (ExecutionHistory& execution : Splitter(id, all, cleanup, policies).split()) {
      execution.may_be_deleted = may_be_deleted;
      executions.push_back(std::move(execution));
    }
  }
  return executions;
}

}  // namespace quintain::conformance
