#include "scenarios/language/expectations.h"

#include <absl/status/status.h>
#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "core/transitions.h"
#include "reports/json_input/wording.h"
#include "scenarios/language/message_match.h"
#include "scenarios/language/metric_names.h"
#include "scenarios/language/names.h"

namespace quintain::scenarios {
namespace {

using core::Instant;

constexpr int kMaxAttempts = 1'000'000;

// What absl::StatusCodeToString() calls each code but OK.
constexpr std::array<std::string_view, 16> kRefusals = {
    "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",   "NOT_FOUND",
    "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
    "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",         "DATA_LOSS",
    "UNAUTHENTICATED"};

std::string one_line(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

class ExpectationReader {
 public:
  ExpectationReader(const Steps& steps, Instant end) : steps_(steps), end_(end) {}

  Expectation read(const json_input::Reader& element) const {
    Expectation expectation;
    expectation.source = {.file = element.place().diagnostic("").file,
                          .line = element.place().line()};
    expectation.text = one_line(element.raw());
    json_input::ObjectReader object = element.object();
    static constexpr std::array<std::string_view, 4> kKinds = {"execution", "answer", "metric",
                                                               "order"};
    const auto kind = only_key(element, object, kKinds);
    if (!kind) return expectation;
    switch (kind->index) {
      case 0:
        expectation.what = execution(kind->value, object);
        break;
      case 1:
        expectation.what = answer(kind->value, object);
        break;
      case 2:
        expectation.what = metric(kind->value, object);
        break;
      default:
        expectation.what = order(kind->value);
        break;
    }
    return expectation;
  }

 private:
  const sim::Step* step(const json_input::Reader& name) const {
    const auto index = steps_.names.find(name);
    return index ? &steps_.steps[*index] : nullptr;
  }

  /// The step, if it is one that may create an execution.
  const sim::Step* invoking_step(const json_input::Reader& name) const {
    const sim::Step* found = step(name);
    if (found == nullptr || invokes(*found)) return found;
    name.error(
        fmt::format("step '{}' is no 'invoke' or 'stream', so it has no execution", found->name));
    return nullptr;
  }

  /// A duration since the beginning, or "never".
  std::optional<Instant> instant(const json_input::Reader& value) const {
    if (!value.present()) return std::nullopt;
    if (value.raw() == "never") return Instant::never();
    if (!value.raw().is_string()) {
      value.error(fmt::format("expected a duration such as \"150ms\", or \"never\", got {}",
                              json_input::described(value.raw())));
      return std::nullopt;
    }
    const Instant at(value.duration());
    if (at > end_) {
      value.error(fmt::format("the scenario ends before, at {}",
                              core::format_duration(end_.since_start())));
    }
    return at;
  }

  ExecutionExpectation execution(const json_input::Reader& name,
                                 json_input::ObjectReader& object) const {
    using namespace spearlet;
    ExecutionExpectation expected;
    if (const sim::Step* found = invoking_step(name)) expected.step = found->name;
    const json_input::Reader status = object.optional("status");
    if (status.present()) {
      expected.status = status.one_of<ExecutionStatus>({{"PENDING", EXECUTION_STATUS_PENDING},
                                                        {"RUNNING", EXECUTION_STATUS_RUNNING},
                                                        {"COMPLETED", EXECUTION_STATUS_COMPLETED},
                                                        {"FAILED", EXECUTION_STATUS_FAILED},
                                                        {"CANCELLED", EXECUTION_STATUS_CANCELLED},
                                                        {"TIMEOUT", EXECUTION_STATUS_TIMEOUT}});
    }
    const json_input::Reader ended = object.optional("ended");
    const json_input::Reader started = object.optional("started");
    expected.ended = instant(ended);
    expected.started = instant(started);
    const json_input::Reader attempts = object.optional("attempts");
    if (attempts.present()) expected.attempts = attempts.integer<int>({0, kMaxAttempts});
    if (!status.present() && !ended.present() && !started.present() && !attempts.present()) {
      object.error(
          "nothing is expected of the execution; "
          "give 'status', 'ended', 'started' or 'attempts'");
    }
    if (expected.status && expected.ended &&
        core::is_terminal(*expected.status) == expected.ended->is_never()) {
      ended.error(expected.ended->is_never() ? "an execution of this status has ended"
                                             : "an execution of this status has not ended");
    }
    if (expected.ended && expected.started && !expected.started->is_never() &&
        *expected.ended < *expected.started) {
      ended.error("an execution can't end before it has started");
    }
    return expected;
  }

  AnswerExpectation answer(const json_input::Reader& name, json_input::ObjectReader& object) const {
    AnswerExpectation expected;
    const sim::Step* found = step(name);
    const google::protobuf::Descriptor* type = found == nullptr ? nullptr : answer_type(*found);
    if (found != nullptr && type == nullptr) {
      name.error(fmt::format("step '{}' is no call, so it has no answer", found->name));
    }
    if (found != nullptr) expected.step = found->name;
    const bool streams = found != nullptr && std::holds_alternative<sim::StreamStep>(found->action);

    const json_input::Reader is = object.optional("is");
    const json_input::Reader messages = object.optional("messages");
    const json_input::Reader refused = object.optional("refused");
    const json_input::Reader because = object.optional("because");
    const json_input::Reader at = object.optional("at");
    expected.at = instant(at);
    if (is.present()) {
      expected.is = one_line(is.raw());
      if (streams) is.error("a stream's answer is its 'messages'");
      if (type != nullptr && !streams) check_pattern(is, *type);
    }
    for (const json_input::Reader& message : messages.elements()) {
      expected.messages.push_back(one_line(message.raw()));
      if (type != nullptr && streams) check_pattern(message, *type);
    }
    if (messages.present() && type != nullptr && !streams) {
      messages.error("only a stream has messages; write 'is'");
    } else if (messages.present() && expected.messages.empty()) {
      messages.error("expected at least one message");
    }
    if (const auto code = index_among(refused, kRefusals)) expected.refused = kRefusals[*code];
    expected.because = because.string();

    if (because.present() && !refused.present()) {
      because.error("only a refusal has a reason; give 'refused' too");
    }
    if (is.present() && refused.present()) is.error("a call that is refused has no answer");
    const bool says_answered = is.present() || refused.present() || messages.present();
    if (expected.at && expected.at->is_never() && says_answered) {
      at.error("an answer that never comes is not anything; leave the rest out");
    }
    if (!at.present() && !says_answered) {
      object.error("nothing is expected of the answer; give 'at', 'is', 'refused' or 'messages'");
    }
    return expected;
  }

  static void check_pattern(const json_input::Reader& pattern,
                            const google::protobuf::Descriptor& type) {
    if (!pattern.raw().is_object()) {
      return pattern.error(fmt::format("expected an object with fields of {}, got {}", type.name(),
                                       json_input::described(pattern.raw())));
    }
    validate_expected(type, pattern);
  }

  static MetricExpectation metric(const json_input::Reader& name,
                                  json_input::ObjectReader& object) {
    MetricExpectation expected;
    expected.metric = name.string();
    if (name.raw().is_string() && !known_metric(expected.metric)) {
      std::vector<std::string_view> names;
      for (const MetricName& known : metric_names()) names.push_back(known.name);
      const std::string meant = json_input::suggestion(expected.metric, names);
      name.error(fmt::format("there is no metric {}{} docs/scenarios.md lists them",
                             json_input::shown_text(expected.metric), meant.empty() ? ";" : meant));
    }
    const auto bound = [](const json_input::Reader& value) {
      return value.present() ? std::optional(value.number()) : std::nullopt;
    };
    const json_input::Reader equals = object.optional("equals");
    const json_input::Reader at_least = object.optional("at_least");
    const json_input::Reader at_most = object.optional("at_most");
    expected.bounds = {.at_least = bound(at_least), .at_most = bound(at_most)};
    if (equals.present()) {
      if (at_least.present() || at_most.present()) {
        equals.error("'at_least' or 'at_most' stands here already; give one or the other");
      }
      expected.bounds = {.at_least = bound(equals), .at_most = bound(equals)};
    }
    const auto& [least, most] = expected.bounds;
    if (!equals.present() && !at_least.present() && !at_most.present()) {
      object.error("nothing is expected of the metric; give 'at_least', 'at_most' or 'equals'");
    }
    if (least && most && *least > *most) {
      at_least.error(fmt::format("no value is at least {} and at most {}", *least, *most));
    }
    return expected;
  }

  OrderExpectation order(const json_input::Reader& names) const {
    OrderExpectation expected;
    std::set<std::string_view> seen;
    for (const json_input::Reader& name : names.elements()) {
      const sim::Step* found = invoking_step(name);
      if (found == nullptr) continue;
      if (!seen.insert(found->name).second) {
        name.error(fmt::format("step '{}' stands here twice", found->name));
      }
      expected.started.push_back(found->name);
    }
    if (names.raw().is_array() && names.raw().size() < 2) {
      names.error("an order needs two steps or more");
    }
    return expected;
  }

  const Steps& steps_;
  Instant end_;
};

}  // namespace

std::vector<Expectation> read_expectations(const json_input::Reader& expectations,
                                           const Steps& steps, Instant end) {
  const ExpectationReader reader(steps, end);
  return expectations.array_of(
      [&](const json_input::Reader& element) { return reader.read(element); });
}

}  // namespace quintain::scenarios
