#include <fmt/format.h>

#include <array>

#include "conformance/judgement/rules/rule.h"
#include "conformance/judgement/rules/status_observation.h"
#include "core/base/duration_text.h"
#include "core/transitions.h"

namespace quintain::conformance {
namespace {

// "'a' is RUNNING".
std::string told(const StatusObservation& observation) {
  return fmt::format("'{}' is {}", observation.execution_id, status_name(observation.status));
}

// Whether an observation may speak of something that was never accepted.
bool may_be_refusal(const StatusObservation& observation, const Policies& policies) {
  return observation.recorded->method == Method::kInvokeFunction &&
         may_be_refusal(*observation.recorded, policies);
}

void errors_go_with_the_status(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  for (const StatusObservation& observation : accounts_of(recorded)) {
    if (observation.result == nullptr || !core::is_terminal(observation.status)) continue;
    const spearlet::ExecutionResult& result = *observation.result;
    if (observation.status == spearlet::EXECUTION_STATUS_COMPLETED) {
      opinion.require(result.error_code().empty() && result.error_message().empty(),
                      "what COMPLETED has neither error_code nor error_message", [&] {
                        return fmt::format("{} with error_code '{}', error_message '{}'",
                                           told(observation), result.error_code(),
                                           result.error_message());
                      });
    } else {
      opinion.require(!result.error_code().empty(),
                      "what ended otherwise than COMPLETED has an error_code",
                      [&] { return told(observation) + " without an error_code"; });
      opinion.require(!observation.has_payload(),
                      "what ended otherwise than COMPLETED has no result payload",
                      [&] { return told(observation) + " and has a payload"; });
    }
  }
}

void every_status_is_one(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  for (const StatusObservation& observation : accounts_of(recorded)) {
    opinion.require(is_live(observation.status) || core::is_terminal(observation.status),
                    "every execution has one of the contract's statuses, not UNSPECIFIED",
                    [&] { return told(observation); });
  }
}

void times_are_in_order(const RecordedCall& recorded, const Policies& policies, Opinion& opinion) {
  for (const StatusObservation& observation : accounts_of(recorded)) {
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
      opinion.require(started == nullptr, "what is PENDING has no started_at",
                      [&] { return told(observation) + " and has a started_at"; });
    }
    if (is_live(observation.status)) {
      opinion.require(completed == nullptr, "what has not ended has no completed_at",
                      [&] { return told(observation) + " and has a completed_at"; });
    } else if (core::is_terminal(observation.status) && !may_be_refusal(observation, policies)) {
      opinion.require(completed != nullptr, "what has ended has a completed_at",
                      [&] { return told(observation) + " without a completed_at"; });
    }
  }
}

void execution_time_is_from_start_to_end(const RecordedCall& recorded, const Policies&,
                                         Opinion& opinion) {
  // Both times and the duration may each have been cut to milliseconds.
  constexpr core::Duration kRounding = std::chrono::milliseconds(2);
  for (const StatusObservation& observation : accounts_of(recorded)) {
    const auto* const started = observation.started_at();
    const auto* const completed = observation.completed_at();
    if (started == nullptr || completed == nullptr) continue;
    const std::int64_t stated = observation.result != nullptr
                                    ? observation.result->execution_time_ms()
                                    : observation.info->execution_time_ms();
    const core::Duration measured = time_of(*completed) - time_of(*started);
    const core::Duration least = core::saturating_add(measured, -kRounding);
    const core::Duration most = core::saturating_add(measured, kRounding);
    const core::Duration claimed = core::saturating_milliseconds(stated);
    opinion.require(least <= claimed && claimed <= most,
                    "execution_time_ms is the time from started_at to completed_at", [&] {
                      return fmt::format("'{}' ran for {}, execution_time_ms is {}",
                                         observation.execution_id, core::format_duration(measured),
                                         stated);
                    });
  }
}

void found_comes_with_a_result(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  if (recorded.method != Method::kGetExecutionStatus || !recorded.answered()) return;
  const auto& answer = recorded.answer_as<spearlet::GetExecutionStatusResponse>();
  if (!answer.found()) return;
  opinion.require(answer.has_result(), "an execution that is found comes with a result",
                  [] { return "found is true, and there is no result"; });
  if (recorded.request_as<spearlet::GetExecutionStatusRequest>().include_result()) return;
  for (const StatusObservation& observation : accounts_of(recorded)) {
    opinion.require(!observation.has_payload(), "include_result = false leaves out the payload",
                    [&] { return told(observation) + " and has its payload"; });
  }
}

void unknown_is_no_error(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  if (recorded.method != Method::kGetExecutionStatus || !recorded.ended()) return;
  const std::string_view id =
      recorded.request_as<spearlet::GetExecutionStatusRequest>().execution_id();
  if (recorded.status.code() == absl::StatusCode::kNotFound) {
    opinion.require(false, "an unknown id is answered with found = false, not with an error",
                    [&] { return fmt::format("NOT_FOUND for '{}'", id); });
    return;
  }
  if (!recorded.answered()) return;
  const auto& answer = recorded.answer_as<spearlet::GetExecutionStatusResponse>();
  if (answer.found()) return;
  const auto status = answer.result().status();
  opinion.require(
      status == spearlet::EXECUTION_STATUS_UNSPECIFIED, "what is not found has no status",
      [&] { return fmt::format("'{}' is not found, and {}", id, status_name(status)); });
}

constexpr auto kRules = std::to_array<Rule>({
    {"SYNC-4", errors_go_with_the_status},
    {"STATE-5", every_status_is_one},
    {"STATE-6", times_are_in_order},
    {"STATE-7", execution_time_is_from_start_to_end},
    {"STATE-9", found_comes_with_a_result},
    {"STATE-10", unknown_is_no_error},
});

}  // namespace

std::span<const Rule> state_rules() { return kRules; }

}  // namespace quintain::conformance
