// Extracts the status observations from the answers of all methods, and answers simple questions
// about requests and statuses.
#include "conformance/judgement/rules/status_observation.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>
#include <string.h>

#include <algorithm>

#include "core/transitions.h"

namespace quintain::conformance {
namespace {

using google::protobuf::Timestamp;

StatusObservation observation(const RecordedCall& recorded, std::string_view id,
                              spearlet::ExecutionStatus status) {
  return {.recorded = &recorded, .at = recorded.returned, .execution_id = id, .status = status};
}

void add_result(std::vector<StatusObservation>& observations, const RecordedCall& recorded,
                std::string_view id, const spearlet::ExecutionResult& result) {
  observations.push_back(observation(recorded, id, result.status()));
  observations.back().result = &result;
}

void add_infos(std::vector<StatusObservation>& observations, const RecordedCall& recorded,
               const google::protobuf::RepeatedPtrField<spearlet::ExecutionInfo>& infos) {
  for (const spearlet::ExecutionInfo& info : infos) {
    observations.push_back(observation(recorded, info.execution_id(), info.status()));
    observations.back().info = &info;
  }
}

void add_chunks(std::vector<StatusObservation>& observations, const RecordedCall& recorded) {
  for (const RecordedCall::Received& received : recorded.received) {
    const auto& chunk = static_cast<const spearlet::StreamExecutionResult&>(*received.message);
    observations.push_back(observation(recorded, chunk.execution_id(), chunk.status()));
    observations.back().at = received.at;
    observations.back().chunk = &chunk;
  }
}

}  // namespace

const Timestamp* StatusObservation::started_at() const {
  if (result != nullptr && result->has_started_at()) return &result->started_at();
  return info != nullptr && info->has_started_at() ? &info->started_at() : nullptr;
}

const Timestamp* StatusObservation::completed_at() const {
  if (result != nullptr && result->has_completed_at()) return &result->completed_at();
  return info != nullptr && info->has_completed_at() ? &info->completed_at() : nullptr;
}

std::string_view StatusObservation::error_message() const {
  if (result != nullptr) return result->error_message();
  if (info != nullptr) return info->error_message();
  return chunk != nullptr ? std::string_view(chunk->error_message()) : std::string_view();
}

std::int64_t StatusObservation::execution_time_ms() const {
  if (result != nullptr) return result->execution_time_ms();
  return info != nullptr ? info->execution_time_ms() : 0;
}

std::int64_t StatusObservation::memory_used_bytes() const {
  if (result != nullptr) return result->memory_used_bytes();
  return info != nullptr ? info->memory_used_bytes() : 0;
}

bool StatusObservation::has_payload() const {
  return result != nullptr && conformance::has_payload(*result);
}

bool has_payload(const spearlet::ExecutionResult& result) {
  return result.has_result() &&
         !(result.result().type_url().empty() && result.result().value().empty());
}

std::vector<StatusObservation> observations_of(const RecordedCall& recorded) {
  std::vector<StatusObservation> observations;
  if (recorded.method == Method::kStreamFunction) {
    add_chunks(observations, recorded);
    return observations;
  }
  if (!recorded.answered()) return observations;
  switch (recorded.method) {
    case Method::kInvokeFunction: {
      const auto& answer = recorded.answer_as<spearlet::InvokeFunctionResponse>();
      if (answer.has_result()) {
        add_result(observations, recorded, answer.execution_id(), answer.result());
      }
      break;
    }
    case Method::kGetExecutionStatus: {
      const auto& answer = recorded.answer_as<spearlet::GetExecutionStatusResponse>();
      if (answer.found() && answer.has_result()) {
        add_result(observations, recorded,
                   recorded.request_as<spearlet::GetExecutionStatusRequest>().execution_id(),
                   answer.result());
      }
      break;
    }
    case Method::kCancelExecution: {
      const auto& answer = recorded.answer_as<spearlet::CancelExecutionResponse>();
      if (answer.final_status() != spearlet::EXECUTION_STATUS_UNSPECIFIED) {
        observations.push_back(observation(
            recorded, recorded.request_as<spearlet::CancelExecutionRequest>().execution_id(),
            answer.final_status()));
      }
      break;
    }
    case Method::kListExecutions:
      add_infos(observations, recorded,
                recorded.answer_as<spearlet::ListExecutionsResponse>().executions());
      break;
    case Method::kGetTask:
      add_infos(observations, recorded,
                recorded.answer_as<spearlet::GetTaskResponse>().executions());
      break;
    default:
      break;
  }
  return observations;
}

std::string status_name(spearlet::ExecutionStatus status) {
  constexpr std::string_view kPrefix = "EXECUTION_STATUS_";
  if (!spearlet::ExecutionStatus_IsValid(status)) {
    return fmt::format("status {}", static_cast<int>(status));
  }
  return spearlet::ExecutionStatus_Name(status).substr(kPrefix.size());
}

bool is_live(spearlet::ExecutionStatus status) {
  return status == spearlet::EXECUTION_STATUS_PENDING ||
         status == spearlet::EXECUTION_STATUS_RUNNING;
}

std::optional<double> metric(const spearlet::ExecutionResult& result, const std::string& name) {
  const auto found = result.metrics().find(name);
  double number = 0;
  if (found == result.metrics().end() || !absl::SimpleAtod(found->second, &number)) {
    return std::nullopt;
  }
  return number;
}

core::Duration time_of(const Timestamp& timestamp) {
  constexpr std::int64_t kLargest = core::kForever.count() / 2 / 1'000'000'000 - 1;
  const std::int64_t seconds = std::clamp(timestamp.seconds(), -kLargest, kLargest);
  // The nanoseconds of a valid timestamp are less than a second, but nothing forces them to be.
  return std::chrono::seconds(seconds) +
         std::chrono::nanoseconds(std::clamp(timestamp.nanos(), -999'999'999, 999'999'999));
}

bool contains(std::string_view text, std::string_view part) {
  return part.empty() || memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
}

std::optional<core::Duration> wall_clock_limit(const RecordedCall& recorded, core::Instant at) {
  if (!recorded.wall_sent || at.is_never()) return std::nullopt;
  return recorded.wall_sent->since_epoch + (at - recorded.sent) + recorded.clock_tolerance;
}

std::string_view given_id(const spearlet::InvokeFunctionRequest& request) {
  return request.has_execution_id() ? request.execution_id() : request.context().execution_id();
}

bool wants_sync(const spearlet::InvokeFunctionRequest& request, const Policies& policies) {
  switch (request.execution_mode()) {
    case spearlet::EXECUTION_MODE_SYNC:
      return true;
    case spearlet::EXECUTION_MODE_ASYNC:
    case spearlet::EXECUTION_MODE_STREAM:
      return false;
    default:
      return policies.mode_unspecified == Policies::ModeUnspecified::kSync;
  }
}

bool wants_async(const spearlet::InvokeFunctionRequest& request) {
  return request.execution_mode() == spearlet::EXECUTION_MODE_ASYNC;
}

bool may_be_refusal(const RecordedCall& recorded, const Policies& policies) {
  return policies.start_errors == Policies::StartErrors::kFailedBody && recorded.answered() &&
         recorded.answer_as<spearlet::InvokeFunctionResponse>().result().status() ==
             spearlet::EXECUTION_STATUS_FAILED;
}

bool is_refusal_by_answer(const RecordedCall& recorded, const Policies& policies) {
  return recorded.method == Method::kInvokeFunction && may_be_refusal(recorded, policies) &&
         !recorded.answer_as<spearlet::InvokeFunctionResponse>().result().has_started_at();
}

}  // namespace quintain::conformance
