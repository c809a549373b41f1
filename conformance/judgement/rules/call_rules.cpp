// Rules for the calls other than InvokeFunction and status queries: cancels, streams and lists.
#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "conformance/judgement/rules/rules.h"
#include "conformance/judgement/rules/status_observation.h"
#include "core/transitions.h"

namespace quintain::conformance {
namespace {

using spearlet::StreamExecutionResult;

// ---- Cancel -------------------------------------------------------------------------------------

void unknown_id_is_not_cancelled(const RecordedCall& recorded, const Policies& policies,
                                 Opinion& opinion) {
  if (recorded.method != Method::kCancelExecution || !recorded.ended()) return;
  const std::string_view id =
      recorded.request_as<spearlet::CancelExecutionRequest>().execution_id();
  if (recorded.status.code() == absl::StatusCode::kNotFound) {
    opinion.require(policies.cancel_unknown == Policies::CancelUnknown::kNotFound,
                    "a cancel of an unknown id is answered with success = false, unless the target "
                    "declares cancel_unknown = not_found",
                    [&] { return fmt::format("NOT_FOUND for '{}'", id); });
    return;
  }
  if (!recorded.answered()) return;
  const auto& answer = recorded.answer_as<spearlet::CancelExecutionResponse>();
  // Without a status the id is unknown.
  if (answer.final_status() != spearlet::EXECUTION_STATUS_UNSPECIFIED) return;
  opinion.require(
      !answer.success(), "a cancel with final_status UNSPECIFIED does not succeed",
      [&] { return fmt::format("success for '{}' with final_status UNSPECIFIED", id); });
}

void success_means_cancelled(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  if (recorded.method != Method::kCancelExecution || !recorded.answered()) return;
  const auto& answer = recorded.answer_as<spearlet::CancelExecutionResponse>();
  if (!answer.success()) return;
  const bool ended_otherwise = core::is_terminal(answer.final_status()) &&
                               answer.final_status() != spearlet::EXECUTION_STATUS_CANCELLED;
  opinion.require(
      !ended_otherwise, "a cancel that succeeds has no final_status other than CANCELLED",
      [&] { return fmt::format("success with {}", status_name(answer.final_status())); });
}

// ---- Stream -------------------------------------------------------------------------------------

const StreamExecutionResult& chunk(const RecordedCall& recorded, std::size_t i) {
  return static_cast<const StreamExecutionResult&>(*recorded.received[i].message);
}

// Whether the complete stream was received: it ended, and neither the client nor a lost connection
// ended it. One that is cut because it is too long has no final message either.
bool is_complete(const RecordedCall& recorded) {
  return recorded.ended() && (!recorded.ambiguous() || absl::IsDataLoss(recorded.status));
}

void one_message_is_final_and_last(const RecordedCall& recorded, const Policies&,
                                   Opinion& opinion) {
  if (recorded.method != Method::kStreamFunction) return;
  const std::size_t count = recorded.received.size();
  if (count == 0) {
    // Only a refused call has no message.
    if (recorded.ended() && !recorded.abandoned && recorded.status.ok()) {
      opinion.require(false, "a stream ends with a final message",
                      [] { return "it ended with OK and without a message"; });
    }
    return;
  }
  for (std::size_t i = 0; i + 1 < count; ++i) {
    opinion.require(!chunk(recorded, i).is_final(), "no message follows the final one",
                    [&] { return fmt::format("message {} of {} is final", i + 1, count); });
  }
  if (!is_complete(recorded)) return;
  opinion.require(chunk(recorded, count - 1).is_final(), "the last message is final",
                  [&] { return fmt::format("the last of {} messages is not final", count); });
}

void stream_has_one_execution(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  if (recorded.method != Method::kStreamFunction) return;
  const std::string_view given = given_id(recorded.request_as<spearlet::InvokeFunctionRequest>());
  for (std::size_t i = 0; i < recorded.received.size(); ++i) {
    const StreamExecutionResult& message = chunk(recorded, i);
    const std::string_view id =
        given.empty() ? std::string_view(chunk(recorded, 0).execution_id()) : given;
    opinion.require(!id.empty() && message.execution_id() == id,
                    "every message of a stream has the same execution_id", [&] {
                      return fmt::format("message {} has '{}', not '{}'", i + 1,
                                         message.execution_id(), id);
                    });
    if (!message.is_final()) continue;
    opinion.require(core::is_terminal(message.status()),
                    "the final message's status is COMPLETED, FAILED, CANCELLED or TIMEOUT",
                    [&] { return "it is " + status_name(message.status()); });
  }
}

void stream_is_running_until_its_end(const RecordedCall& recorded, const Policies&,
                                     Opinion& opinion) {
  if (recorded.method != Method::kStreamFunction) return;
  for (std::size_t i = 0; i < recorded.received.size(); ++i) {
    const StreamExecutionResult& message = chunk(recorded, i);
    if (message.is_final()) continue;
    opinion.require(message.status() == spearlet::EXECUTION_STATUS_RUNNING, [&] {
      return fmt::format("message {} has status {}", i + 1, status_name(message.status()));
    });
  }
}

void stream_reports_an_error_once(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  if (recorded.method != Method::kStreamFunction) return;
  const StreamExecutionResult* last = nullptr;
  for (std::size_t i = 0; i < recorded.received.size(); ++i) {
    const StreamExecutionResult& message = chunk(recorded, i);
    if (message.is_final()) last = &message;
    const bool may_have_error =
        message.is_final() && message.status() != spearlet::EXECUTION_STATUS_COMPLETED;
    opinion.require(may_have_error || message.error_message().empty(),
                    "only the final message of a stream that did not complete has an error_message",
                    [&] {
                      return fmt::format("message {} ({}) has error_message '{}'", i + 1,
                                         status_name(message.status()), message.error_message());
                    });
  }
  // The client's gRPC library itself may report these; any other status is the target's.
  const bool ended_by_client = recorded.abandoned ||
                               recorded.status.code() == absl::StatusCode::kCancelled ||
                               recorded.status.code() == absl::StatusCode::kDeadlineExceeded ||
                               recorded.status.code() == absl::StatusCode::kDataLoss ||
                               recorded.status.code() == absl::StatusCode::kUnavailable;
  if (last == nullptr || !recorded.ended() || ended_by_client) return;
  opinion.require(recorded.status.ok(),
                  "a stream whose final message reports the outcome ends with OK", [&] {
                    return fmt::format("{} and then {}", status_name(last->status()),
                                       absl::StatusCodeToString(recorded.status.code()));
                  });
}

// ---- Lists --------------------------------------------------------------------------------------

// The limit in the request of a list; nullopt for other methods.
std::optional<std::int32_t> limit_of(const RecordedCall& recorded) {
  if (recorded.method == Method::kListExecutions) {
    return recorded.request_as<spearlet::ListExecutionsRequest>().limit();
  }
  if (recorded.method == Method::kListTasks) {
    return recorded.request_as<spearlet::ListTasksRequest>().limit();
  }
  return std::nullopt;
}

int entries_of(const RecordedCall& recorded) {
  return recorded.method == Method::kListExecutions
             ? recorded.answer_as<spearlet::ListExecutionsResponse>().executions_size()
             : recorded.answer_as<spearlet::ListTasksResponse>().tasks_size();
}

void page_has_no_duplicates(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  if (recorded.method != Method::kListExecutions || !recorded.answered()) return;
  absl::flat_hash_set<std::string_view> seen;
  for (const auto& info : recorded.answer_as<spearlet::ListExecutionsResponse>().executions()) {
    const std::string& id = info.execution_id();
    opinion.require(seen.insert(id).second, "a page has no duplicates",
                    [&] { return fmt::format("'{}' is in it twice", id); });
  }
}

void limit_is_obeyed(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  const auto limit = limit_of(recorded);
  if (!limit || !recorded.ended() || recorded.ambiguous() ||
      recorded.status.code() == absl::StatusCode::kUnimplemented) {
    return;
  }
  if (*limit < 0) {
    opinion.require(!recorded.answered(),
                    [&] { return fmt::format("limit {} was answered", *limit); });
  } else if (*limit > 0 && recorded.answered()) {
    opinion.require(entries_of(recorded) <= *limit,
                    fmt::format("a page has at most the requested {} entries", *limit),
                    [&] { return fmt::format("it has {}", entries_of(recorded)); });
  }
}

void filter_selects_one_status(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  if (recorded.method != Method::kListExecutions || !recorded.answered()) return;
  const auto filter = recorded.request_as<spearlet::ListExecutionsRequest>().status_filter();
  if (!core::is_terminal(filter) && !is_live(filter)) return;
  for (const StatusObservation& observation : observations_of(recorded)) {
    opinion.require(observation.status == filter,
                    fmt::format("every entry is {}", status_name(filter)), [&] {
                      return fmt::format("'{}' is {}", observation.execution_id,
                                         status_name(observation.status));
                    });
  }
}

void list_has_one_task(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  if (recorded.method != Method::kListExecutions || !recorded.answered()) return;
  const std::string& id = recorded.request_as<spearlet::ListExecutionsRequest>().task_id();
  if (id.empty()) return;
  for (const auto& info : recorded.answer_as<spearlet::ListExecutionsResponse>().executions()) {
    opinion.require(info.task_id() == id, fmt::format("every entry is of task '{}'", id), [&] {
      return fmt::format("'{}' is of task '{}'", info.execution_id(), info.task_id());
    });
  }
}

void further_pages_can_be_reached(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  if (recorded.method != Method::kListExecutions || !recorded.answered()) return;
  const auto& answer = recorded.answer_as<spearlet::ListExecutionsResponse>();
  if (!answer.has_more()) return;
  opinion.require(answer.executions_size() > 0 && !answer.next_start_after().empty(),
                  "a page with has_more has entries and a next_start_after", [&] {
                    return fmt::format("it has {} and '{}'", answer.executions_size(),
                                       answer.next_start_after());
                  });
}

constexpr auto kCallRules = std::to_array<Rule>({
    {"CANCEL-1", unknown_id_is_not_cancelled},
    {"CANCEL-3", success_means_cancelled},
    {"STREAM-1", one_message_is_final_and_last},
    {"STREAM-2", stream_has_one_execution},
    {"STREAM-4", stream_reports_an_error_once},
    {"STREAM-5", stream_is_running_until_its_end},
    {"LIST-1", page_has_no_duplicates},
    {"LIST-1", further_pages_can_be_reached},
    {"LIST-2", limit_is_obeyed},
    {"LIST-3", filter_selects_one_status},
    {"LIST-7", list_has_one_task},
});

}  // namespace

std::span<const Rule> call_rules() { return kCallRules; }

}  // namespace quintain::conformance
