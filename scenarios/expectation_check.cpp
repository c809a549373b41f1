#include "scenarios/expectation_check.h"

#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "reports/duration.h"
#include "scenarios/json/message_match.h"

namespace quintain::scenarios {
namespace {

constexpr std::size_t kMostEvidence = 20;

// What is not as expected, in words; empty if nothing is.
using Complaints = std::vector<std::string>;

std::string in_words(core::Instant instant) {
  return instant.is_never() ? "never" : "at " + reports::human_duration(instant.since_start());
}

std::string in_words(const absl::Status& status) {
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

class Judge {
 public:
  Judge(const Observed& observed, reports::Check& check) : observed_(observed), check_(check) {}

  void operator()(const ExecutionExpectation& expected) {
    const sim::ExecutionFacts* facts = find_execution(observed_, expected.step);
    if (facts == nullptr) return complain_of_missing(expected.step);
    const std::optional<core::Instant> ended =
        facts->ended() ? std::optional(facts->ended_at) : std::nullopt;
    if (expected.status && facts->status != *expected.status) {
      complain("it is {}", sim::short_name(facts->status));
    }
    if (expected.ended && *expected.ended != ended.value_or(core::Instant::never())) {
      complain("it ended {}", in_words(ended.value_or(core::Instant::never())));
    }
    if (expected.started && *expected.started != facts->started_at) {
      complain("it started {}", in_words(facts->started_at));
    }
    if (expected.attempts && *expected.attempts != facts->attempts) {
      complain("it had {} attempts", facts->attempts);
    }
    show_execution(expected.step);
    conclude(fmt::format("{}, started {}, ended {}, {} attempts", sim::short_name(facts->status),
                         in_words(facts->started_at),
                         in_words(ended.value_or(core::Instant::never())), facts->attempts));
  }

  void operator()(const AnswerExpectation& expected) {
    const sim::CallRecord* call = find_call(observed_, expected.step);
    if (call == nullptr) {
      complain("the call was not made before the run ended");
      return conclude("");
    }
    const core::Instant at = call->answered_at.value_or(core::Instant::never());
    if (expected.at && *expected.at != at) complain("it was answered {}", in_words(at));
    if (call->answered_at) {
      check_verdict(expected, *call);
    } else if (!expected.at || !expected.at->is_never()) {
      complain("there was no answer{}", call->gone_at ? " before the caller went away" : "");
    }
    show_execution(expected.step);
    conclude(call->answered_at ? fmt::format("answered {}{}", in_words(at),
                                             call->status.ok() ? "" : ", " + in_words(call->status))
                               : "not answered");
  }

  void operator()(const MetricExpectation& expected) {
    const auto position = observed_.metrics.find(expected.metric);
    const double value = position == observed_.metrics.end() ? std::nan("") : position->second;
    const Bounds& bounds = expected.bounds;
    const bool low = bounds.at_least && !(value >= *bounds.at_least);
    const bool high = bounds.at_most && !(value <= *bounds.at_most);
    if (low || high) complain("{} is {}", expected.metric, value);
    conclude(fmt::format("{}", value));
  }

  void operator()(const OrderExpectation& expected) {
    std::vector<std::pair<std::uint64_t, std::string>> order;
    for (const std::string& step : expected.started) {
      const sim::ExecutionFacts* facts = find_execution(observed_, step);
      if (facts == nullptr || facts->dispatch_order == 0) {
        complain("'{}' never got a slot", step);
      } else {
        order.emplace_back(facts->dispatch_order, step);
        show_execution(step);
      }
    }
    std::ranges::sort(order);
    std::vector<std::string> names;
    for (auto& [place, step] : order) names.push_back(std::move(step));
    const std::string observed = absl::StrJoin(names, ", ");
    if (complaints_.empty() && names != expected.started) complain("the order was {}", observed);
    conclude(observed);
  }

 private:
  void check_verdict(const AnswerExpectation& expected, const sim::CallRecord& call) {
    const std::string code = absl::StatusCodeToString(call.status.code());
    if (expected.refused.empty() && !call.status.ok()) {
      complain("it was refused, {}", in_words(call.status));
      return;
    }
    if (!expected.refused.empty() && code != expected.refused) {
      complain("it was {}", call.status.ok() ? "not refused" : "refused, " + in_words(call.status));
      return;
    }
    if (std::string(call.status.message()).find(expected.because) == std::string::npos) {
      complain("the refusal says '{}'", std::string(call.status.message()));
    }
    if (!expected.is.empty() && call.response != nullptr)
      match_message(*call.response, expected.is);
    check_stream(expected, call);
  }

  void check_stream(const AnswerExpectation& expected, const sim::CallRecord& call) {
    if (expected.messages.empty()) return;
    if (call.stream.size() != expected.messages.size()) {
      complain("the stream had {} messages", call.stream.size());
    }
    const std::size_t common = std::min(call.stream.size(), expected.messages.size());
    for (std::size_t i = 0; i < common; ++i) {
      match_message(call.stream[i].message, expected.messages[i]);
    }
  }

  void match_message(const google::protobuf::Message& message, const std::string& pattern) {
    for (const Mismatch& mismatch : match(message, nlohmann::ordered_json::parse(pattern))) {
      complain("{} is {}, not {}", mismatch.pointer.empty() ? "the answer" : mismatch.pointer,
               mismatch.observed, mismatch.expected);
    }
  }

  void complain_of_missing(const std::string& step) {
    const sim::CallRecord* call = find_call(observed_, step);
    if (call != nullptr && !call->status.ok()) {
      complain("no execution: it was refused, {}", in_words(call->status));
    } else {
      complain("step '{}' began no execution", step);
    }
    conclude("");
  }

  template <class... Arguments>
  void complain(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    complaints_.push_back(fmt::format(text, std::forward<Arguments>(arguments)...));
  }

  void show_execution(const std::string& step) {
    const sim::CallRecord* call = find_call(observed_, step);
    if (call == nullptr || !call->execution) return;
    const auto events = observed_.history.events_of(*call->execution);
    shown_.insert(shown_.end(), events.begin(), events.end());
  }

  // A failed check tells what was wrong and shows the events; one that held just tells what was
  // seen.
  void conclude(std::string seen) {
    if (complaints_.empty()) {
      check_.verdict = reports::Verdict::kPassed;
      check_.observed = std::move(seen);
      return;
    }
    check_.verdict = reports::Verdict::kFailed;
    check_.observed = absl::StrJoin(complaints_, "; ");
    std::ranges::stable_sort(shown_, {}, &sim::Event::at);
    check_.evidence = to_evidence(observed_.history, shown_);
  }

  const Observed& observed_;
  reports::Check& check_;
  Complaints complaints_;
  std::vector<sim::Event> shown_;
};

}  // namespace

reports::Evidence to_evidence(const sim::History& history, const std::vector<sim::Event>& events) {
  reports::Evidence evidence;
  const std::size_t shown = std::min(events.size(), kMostEvidence);
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
  std::visit(Judge(observed, check), expectation.what);
  return check;
}

}  // namespace quintain::scenarios
