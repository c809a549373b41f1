// Rules for what any answer shows of an execution: its status, its times, its error and its
// payload.
#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "conformance/judgement/rules/rules.h"
#include "conformance/judgement/rules/status_observation.h"
#include "core/base/duration_text.h"
#include "core/transitions.h"

namespace quintain::conformance {
namespace {

// "'a' is RUNNING".
std::string brief(const StatusObservation& observation) {
  return fmt::format("'{}' is {}", observation.execution_id, status_name(observation.status));
}

std::string text_of(const std::optional<double>& number) {
  return number ? fmt::format("{}", *number) : "missing";
}

// Whether the observation may be about an execution that was never accepted.
bool may_be_refusal(const StatusObservation& observation, const Policies& policies) {
  return observation.recorded->method == Method::kInvokeFunction &&
         may_be_refusal(*observation.recorded, policies);
}

void errors_match_the_status(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  for (const StatusObservation& observation : observations_of(recorded)) {
    if (observation.result == nullptr || !core::is_terminal(observation.status)) continue;
    const spearlet::ExecutionResult& result = *observation.result;
    if (observation.status == spearlet::EXECUTION_STATUS_COMPLETED) {
      opinion.require(result.error_code().empty() && result.error_message().empty(),
                      "a COMPLETED execution has neither error_code nor error_message", [&] {
                        return fmt::format("{} with error_code '{}', error_message '{}'",
                                           brief(observation), result.error_code(),
                                           result.error_message());
                      });
    } else {
      opinion.require(!result.error_code().empty(),
                      "an execution that ended other than COMPLETED has an error_code",
                      [&] { return brief(observation) + " without an error_code"; });
      opinion.require(!observation.has_payload(),
                      "an execution that ended other than COMPLETED has no result payload",
                      [&] { return brief(observation) + " and has a payload"; });
    }
  }
}

void every_status_is_known(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  for (const StatusObservation& observation : observations_of(recorded)) {
    opinion.require(is_live(observation.status) || core::is_terminal(observation.status),
                    "every execution has a status of the contract other than UNSPECIFIED",
                    [&] { return brief(observation); });
  }
}

void times_are_in_order(const RecordedCall& recorded, const Policies& policies, Opinion& opinion) {
  for (const StatusObservation& observation : observations_of(recorded)) {
    if (observation.result == nullptr && observation.info == nullptr) continue;
    const auto* const started = observation.started_at();
    const auto* const completed = observation.completed_at();
    if (started != nullptr && completed != nullptr) {
      opinion.require(
          time_of(*started) <= time_of(*completed), "started_at is not after completed_at", [&] {
            return fmt::format("'{}' started {} after it completed", observation.execution_id,
                               core::format_duration(time_of(*started) - time_of(*completed)));
          });
    }
    if (observation.status == spearlet::EXECUTION_STATUS_PENDING) {
      opinion.require(started == nullptr, "a PENDING execution has no started_at",
                      [&] { return brief(observation) + " and has a started_at"; });
    }
    if (is_live(observation.status)) {
      opinion.require(completed == nullptr, "an execution that has not ended has no completed_at",
                      [&] { return brief(observation) + " and has a completed_at"; });
    } else if (core::is_terminal(observation.status) && !may_be_refusal(observation, policies)) {
      opinion.require(completed != nullptr, "an execution that has ended has a completed_at",
                      [&] { return brief(observation) + " without a completed_at"; });
    }
  }
}

void execution_time_matches_the_times(const RecordedCall& recorded, const Policies&,
                                      Opinion& opinion) {
  // Both times and the duration may each be truncated to milliseconds.
  constexpr core::Duration kRounding = std::chrono::milliseconds(2);
  constexpr core::Duration kClocks = std::chrono::milliseconds(10);
  for (const StatusObservation& observation : observations_of(recorded)) {
    const auto* const started = observation.started_at();
    const auto* const completed = observation.completed_at();
    if (started == nullptr || completed == nullptr) continue;
    const std::int64_t stated = observation.result != nullptr
                                    ? observation.result->execution_time_ms()
                                    : observation.info->execution_time_ms();
    const core::Duration measured = time_of(*completed) - time_of(*started);
    // A live target may measure the duration by another clock than the times.
    const bool live = recorded.clock_tolerance > core::Duration::zero();
    const core::Duration tolerance =
        live ? core::saturating_add(kClocks, std::max(measured, -measured) / 100) : kRounding;
    const core::Duration least = core::saturating_add(measured, -tolerance);
    const core::Duration most = core::saturating_add(measured, tolerance);
    const core::Duration claimed = core::saturating_milliseconds(stated);
    opinion.require(least <= claimed && claimed <= most, [&] {
      return fmt::format("'{}' ran for {}, execution_time_ms is {}", observation.execution_id,
                         core::format_duration(measured), stated);
    });
  }
}

void found_has_a_result(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  if (recorded.method != Method::kGetExecutionStatus || !recorded.answered()) return;
  const auto& answer = recorded.answer_as<spearlet::GetExecutionStatusResponse>();
  if (!answer.found()) return;
  opinion.require(answer.has_result(), "an answer with found = true has a result",
                  [] { return "found is true, and there is no result"; });
  if (recorded.request_as<spearlet::GetExecutionStatusRequest>().include_result()) return;
  for (const StatusObservation& observation : observations_of(recorded)) {
    opinion.require(!observation.has_payload(), "include_result = false omits the payload",
                    [&] { return brief(observation) + " and has a payload"; });
  }
}

void logs_are_there_if_asked_for(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  if (recorded.method != Method::kGetExecutionStatus || !recorded.answered()) return;
  const auto& answer = recorded.answer_as<spearlet::GetExecutionStatusResponse>();
  if (!answer.found()) return;
  const auto& request = recorded.request_as<spearlet::GetExecutionStatusRequest>();
  if (request.include_logs()) return;  // an execution may have no log
  opinion.require(answer.logs().empty(), "include_logs = false omits the log lines", [&] {
    return fmt::format("the answer for '{}' has {}", request.execution_id(), answer.logs_size());
  });
}

void no_time_is_in_the_future(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  for (const StatusObservation& observation : observations_of(recorded)) {
    const auto limit = wall_clock_limit(recorded, observation.at);
    if (!limit) continue;
    for (const auto& [name, time] : {std::pair("started_at", observation.started_at()),
                                     std::pair("completed_at", observation.completed_at())}) {
      if (time == nullptr) continue;
      opinion.require(time_of(*time) <= *limit,
                      "a timestamp is not after the time at which the answer arrived", [&] {
                        return fmt::format("{} of '{}' is {} later", name, observation.execution_id,
                                           core::format_duration(time_of(*time) - *limit));
                      });
    }
  }
}

void unfinished_has_estimates(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  if (recorded.method != Method::kGetExecutionStatus) return;
  for (const StatusObservation& observation : observations_of(recorded)) {
    if (!is_live(observation.status)) continue;
    const auto p50 = metric(*observation.result, "eta_p50_ms");
    const auto p90 = metric(*observation.result, "eta_p90_ms");
    opinion.require(p50 && p90 && *p50 >= 0 && *p50 <= *p90,
                    "the metrics of an execution that is PENDING or RUNNING have eta_p50_ms and "
                    "eta_p90_ms, not negative and in this order",
                    [&] {
                      return fmt::format("{} with eta_p50_ms {} and eta_p90_ms {}",
                                         brief(observation), text_of(p50), text_of(p90));
                    });
  }
}

void unknown_id_is_no_error(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  if (recorded.method != Method::kGetExecutionStatus || !recorded.ended()) return;
  const std::string_view id =
      recorded.request_as<spearlet::GetExecutionStatusRequest>().execution_id();
  if (recorded.status.code() == absl::StatusCode::kNotFound) {
    opinion.require(false, [&] { return fmt::format("NOT_FOUND for '{}'", id); });
    return;
  }
  if (!recorded.answered()) return;
  const auto& answer = recorded.answer_as<spearlet::GetExecutionStatusResponse>();
  if (answer.found()) return;
  const auto status = answer.result().status();
  opinion.require(
      status == spearlet::EXECUTION_STATUS_UNSPECIFIED,
      "an answer with found = false has no status",
      [&] { return fmt::format("'{}' is not found and has status {}", id, status_name(status)); });
}

constexpr auto kStateRules = std::to_array<Rule>({
    {"SYNC-4", errors_match_the_status},
    {"STATE-5", every_status_is_known},
    {"STATE-6", times_are_in_order},
    {"STATE-7", execution_time_matches_the_times},
    {"STATE-9", found_has_a_result},
    {"STATE-10", unknown_id_is_no_error},
    {"STATE-12", logs_are_there_if_asked_for},
    {"STATE-13", no_time_is_in_the_future},
    {"ETA-6", unfinished_has_estimates},
});

}  // namespace

std::span<const Rule> state_rules() { return kStateRules; }

}  // namespace quintain::conformance
