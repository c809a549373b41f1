// Checks expectations. A failed check says what differs and shows the events of the executions
// concerned.
#include "scenarios/runner/expectation_check.h"

#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/base/duration_text.h"
#include "scenarios/language/messages.h"

namespace quintain::scenarios {
namespace {

constexpr std::size_t kMaxEvidence = 20;

std::string to_text(core::Instant instant) {
  return instant.is_never() ? "never" : "at " + core::format_duration(instant.since_start());
}

std::string to_text(const absl::Status& status) {
  return fmt::format("{}: {}", absl::StatusCodeToString(status.code()),
                     std::string(status.message()));
}

const sim::CallRecord* find_call(const Observed& observed, const std::string& step) {
  const auto position = observed.calls.find(step);
  return position == observed.calls.end() ? nullptr : &position->second;
}

const sim::ExecutionFacts* find_execution(const Observed& observed, const std::string& step) {
  const sim::CallRecord* call = find_call(observed, step);
  if (call == nullptr || !call->execution) return nullptr;
  const auto position = observed.executions.find(*call->execution);
  return position == observed.executions.end() ? nullptr : &position->second;
}

class Checker {
 public:
  Checker(const Observed& observed, reports::Check& check) : observed_(observed), check_(check) {}

  void operator()(const ExecutionExpectation& expected) {
    const sim::ExecutionFacts* facts = find_execution(observed_, expected.step);
    if (facts == nullptr) return report_no_execution(expected.step);
    if (expected.status && facts->status != *expected.status) {
      add_difference("it is {}", sim::short_name(facts->status));
    }
    if (expected.ended && *expected.ended != facts->ended_at) {
      add_difference("it ended {}", to_text(facts->ended_at));
    }
    if (expected.started && *expected.started != facts->started_at) {
      add_difference("it started {}", to_text(facts->started_at));
    }
    if (expected.attempts && *expected.attempts != facts->attempts) {
      add_difference("it had {} attempts", facts->attempts);
    }
    show_execution(expected.step);
    conclude(fmt::format("{}, started {}, ended {}, {} attempts", sim::short_name(facts->status),
                         to_text(facts->started_at), to_text(facts->ended_at), facts->attempts));
  }

  void operator()(const AnswerExpectation& expected) {
    const sim::CallRecord* call = find_call(observed_, expected.step);
    if (call == nullptr) {
      add_difference("the call was not made before the run ended");
      return conclude("");
    }
    const core::Instant at = call->answered_at.value_or(core::Instant::never());
    if (expected.at && *expected.at != at) add_difference("it was answered {}", to_text(at));
    if (call->answered_at) {
      check_answer(expected, *call);
    } else if (!expected.at || !expected.at->is_never()) {
      add_difference("there was no answer{}", call->gone_at ? " before the caller went away" : "");
    }
    show_execution(expected.step);
    conclude(call->answered_at ? fmt::format("answered {}{}", to_text(at),
                                             call->status.ok() ? "" : ", " + to_text(call->status))
                               : "not answered");
  }

  void operator()(const MetricExpectation& expected) {
    const auto position = observed_.metrics.find(expected.metric);
    const double value = position == observed_.metrics.end() ? std::nan("") : position->second;
    const Bounds& bounds = expected.bounds;
    const bool low = bounds.at_least && !(value >= *bounds.at_least);
    const bool high = bounds.at_most && !(value <= *bounds.at_most);
    if (low || high) add_difference("{} is {}", expected.metric, value);
    conclude(fmt::format("{}", value));
  }

  void operator()(const OrderExpectation& expected) {
    std::vector<std::pair<std::uint64_t, std::string>> order;
    for (const std::string& step : expected.started) {
      const sim::ExecutionFacts* facts = find_execution(observed_, step);
      if (facts == nullptr || facts->dispatch_order == 0) {
        add_difference("'{}' never got a slot", step);
      } else {
        order.emplace_back(facts->dispatch_order, step);
        show_execution(step);
      }
    }
    std::ranges::sort(order);
    std::vector<std::string> names;
    for (auto& [place, step] : order) names.push_back(std::move(step));
    const std::string observed = absl::StrJoin(names, ", ");
    if (differences_.empty() && names != expected.started)
      add_difference("the order was {}", observed);
    conclude(observed);
  }

 private:
  void check_answer(const AnswerExpectation& expected, const sim::CallRecord& call) {
    const std::string code = absl::StatusCodeToString(call.status.code());
    if (expected.refused.empty() && !call.status.ok()) {
      add_difference("it was refused, {}", to_text(call.status));
      return;
    }
    if (!expected.refused.empty() && code != expected.refused) {
      add_difference("it was {}",
                     call.status.ok() ? "not refused" : "refused, " + to_text(call.status));
      return;
    }
    if (std::string(call.status.message()).find(expected.because) == std::string::npos) {
      add_difference("the refusal says '{}'", std::string(call.status.message()));
    }
    if (!expected.is.empty() && call.response != nullptr) {
      match_message(*call.response, expected.is);
    }
    check_stream(expected, call);
  }

  void check_stream(const AnswerExpectation& expected, const sim::CallRecord& call) {
    if (expected.messages.empty()) return;
    if (call.stream.size() != expected.messages.size()) {
      add_difference("the stream had {} messages", call.stream.size());
    }
    const std::size_t common = std::min(call.stream.size(), expected.messages.size());
    for (std::size_t i = 0; i < common; ++i) {
      match_message(call.stream[i].message, expected.messages[i]);
    }
  }

  void match_message(const google::protobuf::Message& message, const std::string& pattern) {
    for (const Mismatch& mismatch : match(message, nlohmann::ordered_json::parse(pattern))) {
      add_difference("{} is {}, not {}", mismatch.pointer.empty() ? "the answer" : mismatch.pointer,
                     mismatch.observed, mismatch.expected);
    }
  }

  void report_no_execution(const std::string& step) {
    const sim::CallRecord* call = find_call(observed_, step);
    if (call != nullptr && !call->status.ok()) {
      add_difference("no execution: it was refused, {}", to_text(call->status));
    } else {
      add_difference("step '{}' created no execution", step);
    }
    conclude("");
  }

  template <class... Arguments>
  void add_difference(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    differences_.push_back(fmt::format(text, std::forward<Arguments>(arguments)...));
  }

  // Shows the events of the step's execution if the check fails. They are not looked for before:
  // that would cost each of thousands of checks a walk through the history.
  void show_execution(const std::string& step) {
    const sim::CallRecord* call = find_call(observed_, step);
    if (call != nullptr && call->execution) shown_.push_back(*call->execution);
  }

  // Sets the verdict. `observed` is the text of a passed check.
  void conclude(std::string observed) {
    if (differences_.empty()) {
      check_.verdict = reports::Verdict::kPassed;
      check_.observed = std::move(observed);
      return;
    }
    check_.verdict = reports::Verdict::kFailed;
    check_.observed = absl::StrJoin(differences_, "; ");
    std::vector<sim::Event> events;
    for (const sim::ExecutionRef& execution : shown_) {
      const auto of_one = observed_.history.events_of(execution);
      events.insert(events.end(), of_one.begin(), of_one.end());
    }
    std::ranges::stable_sort(events, {}, &sim::Event::at);
    check_.evidence = to_evidence(observed_.history, events);
  }

  const Observed& observed_;
  reports::Check& check_;
  std::vector<std::string> differences_;
  std::vector<sim::ExecutionRef> shown_;
};

}  // namespace

reports::Evidence to_evidence(const sim::History& history, const std::vector<sim::Event>& events) {
  reports::Evidence evidence;
  const std::size_t shown = std::min(events.size(), kMaxEvidence);
  evidence.omitted = static_cast<std::int64_t>(events.size() - shown);
  for (std::size_t i = events.size() - shown; i < events.size(); ++i) {
    evidence.events.push_back(
        {.at = events[i].at.since_start(), .text = history.describe(events[i])});
  }
  return evidence;
}

reports::Check check_expectation(const Expectation& expectation, std::size_t place,
                                 const Observed& observed) {
  reports::Check check;
  check.name = fmt::format("expect/{}", place);
  check.kind = reports::CheckKind::kExpectation;
  check.expected = expectation.text;
  check.where = reports::Location{.file = expectation.source.file, .line = expectation.source.line};
  std::visit(Checker(observed, check), expectation.what);
  return check;
}

}  // namespace quintain::scenarios
