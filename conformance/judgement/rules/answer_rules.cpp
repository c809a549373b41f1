// Rules for answers of every method: when they come, and what they must not have yet.
#include <absl/strings/match.h>
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <array>
#include <optional>

#include "conformance/judgement/rules/rules.h"
#include "conformance/judgement/rules/status_observation.h"
#include "core/base/duration_text.h"
#include "core/transitions.h"

namespace quintain::conformance {
namespace {

// Whether the answer may wait for an execution to end.
bool may_wait(const RecordedCall& recorded) {
  switch (recorded.method) {
    case Method::kInvokeFunction:
      return !wants_async(recorded.request_as<spearlet::InvokeFunctionRequest>());
    case Method::kStreamFunction:
    case Method::kCancelExecution:
      return true;
    default:
      return false;
  }
}

void answers_come_at_once(const RecordedCall& recorded, const Policies& policies,
                          Opinion& opinion) {
  if (!recorded.ended() || recorded.abandoned || may_wait(recorded)) return;
  // A client's library reports UNAVAILABLE after it has tried to connect for some time.
  if (absl::IsUnavailable(recorded.status)) return;
  const core::Duration limit = core::saturating_add(kPromptly, policies.grace);
  const core::Duration took = recorded.returned - recorded.sent;
  opinion.require(took <= limit,
                  fmt::format("the call does not wait for an execution and is answered within {}",
                              core::format_duration(limit)),
                  [&] {
                    return fmt::format("{} was answered after {}", name_of(recorded.method),
                                       core::format_duration(took));
                  });
}

// What an execution has only when it has ended; `what` is the first that it has before. The field
// execution_time_ms may count up meanwhile.
void unfinished_has_no_outcome(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  for (const StatusObservation& observation : observations_of(recorded)) {
    // STREAM-4 is about the errors of streams.
    if (!is_live(observation.status) || observation.chunk != nullptr) continue;
    std::string_view what;
    if (!observation.error_message().empty()) {
      what = "an error_message";
    } else if (observation.result != nullptr && !observation.result->error_code().empty()) {
      what = "an error_code";
    } else if (observation.has_payload()) {
      what = "a payload";
    }
    opinion.require(what.empty(), "an execution that has not ended has no result and no error",
                    [&] {
                      return fmt::format("'{}' is {} and has {}", observation.execution_id,
                                         status_name(observation.status), what);
                    });
  }
}

void failed_stream_says_why(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  for (const StatusObservation& observation : observations_of(recorded)) {
    if (observation.chunk == nullptr || !observation.chunk->is_final() ||
        !core::is_terminal(observation.status) ||
        observation.status == spearlet::EXECUTION_STATUS_COMPLETED) {
      continue;
    }
    opinion.require(
        !observation.error_message().empty(),
        "the final message of a stream that did not complete has an error_message",
        [&] { return fmt::format("it is {} and has none", status_name(observation.status)); });
  }
}

// The value of a number field; nullopt for any other field.
std::optional<double> number_in(const google::protobuf::Message& message,
                                const google::protobuf::FieldDescriptor& field) {
  using google::protobuf::FieldDescriptor;
  if (field.is_repeated()) return std::nullopt;
  const auto& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection.GetInt32(message, &field);
    case FieldDescriptor::CPPTYPE_INT64:
      return static_cast<double>(reflection.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection.GetDouble(message, &field);
    default:
      return std::nullopt;
  }
}

// Judges the numbers of a message of the contract and of those in it. The contract's messages do
// not contain themselves; payloads and times are not looked into.
void judge_numbers(const google::protobuf::Message& message, Opinion& opinion) {
  const auto& reflection = *message.GetReflection();
  const auto& descriptor = *message.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const auto& field = *descriptor.field(i);
    if (const auto number = number_in(message, field)) {
      const bool is_share = absl::EndsWith(field.name(), "_percent");
      opinion.require(*number >= 0 && (!is_share || *number <= 100),
                      is_share ? "a percentage is a number from 0 to 100"
                               : "a duration, a size or a count is not negative",
                      [&] { return fmt::format("{} is {}", field.name(), *number); });
      continue;
    }
    if (field.message_type() == nullptr || field.is_map() ||
        field.message_type()->file() != descriptor.file()) {
      continue;
    }
    if (!field.is_repeated()) {
      if (reflection.HasField(message, &field)) {
        judge_numbers(reflection.GetMessage(message, &field), opinion);
      }
      continue;
    }
    for (int j = 0; j < reflection.FieldSize(message, &field); ++j) {
      judge_numbers(reflection.GetRepeatedMessage(message, &field, j), opinion);
    }
  }
}

void numbers_fit_their_units(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  for (const auto& received : recorded.received) {
    if (received.message != nullptr) judge_numbers(*received.message, opinion);
  }
}

constexpr auto kAnswerRules = std::to_array<Rule>({
    {"WIRE-5", answers_come_at_once},
    {"STATE-6", unfinished_has_no_outcome},
    {"STREAM-4", failed_stream_says_why},
    {"FIELD-3", numbers_fit_their_units},
});

}  // namespace

std::span<const Rule> answer_rules() { return kAnswerRules; }

}  // namespace quintain::conformance
