// Reads expectations. The table ExpectationReader::kKinds maps the key of an expectation to its
// reader.
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
#include "reports/json_input/diagnostics.h"
#include "scenarios/language/message_kind.h"
#include "scenarios/language/messages.h"
#include "scenarios/language/script.h"

namespace quintain::scenarios {

using json_input::ObjectReader;
using json_input::Reader;

namespace {

using core::Instant;

constexpr int kMaxAttempts = 1'000'000;

/// The name of a gRPC status code but OK; empty if the value is absent or, after a report, wrong.
std::string read_status_code(const Reader& value) {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (int code = 1; code <= 16; ++code) {
      all.push_back(absl::StatusCodeToString(static_cast<absl::StatusCode>(code)));
    }
    return all;
  }();
  const auto index = value.index_among(std::vector<std::string_view>(names.begin(), names.end()));
  return index ? names[*index] : "";
}

/// An execution status but UNSPECIFIED, by its name without prefix.
std::optional<spearlet::ExecutionStatus> read_execution_status(const Reader& value) {
  const auto& type = *spearlet::ExecutionStatus_descriptor();
  auto names = short_names(type);
  std::erase(names, "UNSPECIFIED");
  const auto index = value.index_among(names);
  if (!index) return std::nullopt;
  return static_cast<spearlet::ExecutionStatus>(enum_value(type, names[*index])->number());
}

/// Reads the expectations of one scenario. Serial context only.
class ExpectationReader {
 public:
  ExpectationReader(const Steps& steps, Instant end) : steps_(steps), end_(end) {}

  Expectation read(const Reader& element) const {
    Expectation expectation;
    expectation.source = {.file = element.place().diagnostic("").file,
                          .line = element.place().line()};
    expectation.text = json_input::one_line(element.raw());
    ObjectReader object = element.object();
    const auto kind = only_key(element, object, keys_of(kKinds));
    if (kind) expectation.what = (this->*kKinds[kind->index].read)(kind->value, object);
    return expectation;
  }

 private:
  using What = decltype(Expectation::what);

  struct Kind {
    std::string_view key;
    What (ExpectationReader::*read)(const Reader& value, ObjectReader& object) const;
  };
  static const std::array<Kind, std::variant_size_v<What>> kKinds;

  const sim::Step* step(const Reader& name) const {
    const auto index = steps_.names.find(name);
    return index ? &steps_.steps[*index] : nullptr;
  }

  /// The step, if it is one that may create an execution.
  const sim::Step* invoking_step(const Reader& name) const {
    const sim::Step* found = step(name);
    if (found == nullptr || invokes(*found)) return found;
    name.error(fmt::format("step '{}' is not an 'invoke' or 'stream', so it has no execution",
                           found->name));
    return nullptr;
  }

  /// A duration since the start, or "never".
  std::optional<Instant> instant(const Reader& value) const {
    if (!value.present()) return std::nullopt;
    if (value.raw() == "never") return Instant::never();
    if (!value.raw().is_string()) {
      value.error(fmt::format("expected a duration such as \"150ms\", or \"never\", got {}",
                              json_input::described(value.raw())));
      return std::nullopt;
    }
    const Instant at(value.duration());
    if (at > end_) {
      value.error(fmt::format("the scenario ends earlier, at {}",
                              core::format_duration(end_.since_start())));
    }
    return at;
  }

  What execution(const Reader& name, ObjectReader& object) const {
    ExecutionExpectation expected;
    if (const sim::Step* found = invoking_step(name)) expected.step = found->name;
    const Reader status = object.optional("status");
    expected.status = read_execution_status(status);
    const Reader ended = object.optional("ended");
    const Reader started = object.optional("started");
    expected.ended = instant(ended);
    expected.started = instant(started);
    const Reader attempts = object.optional("attempts");
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

  What answer(const Reader& name, ObjectReader& object) const {
    AnswerExpectation expected;
    const sim::Step* found = step(name);
    const google::protobuf::Descriptor* type = found == nullptr ? nullptr : answer_type(*found);
    if (found != nullptr && type == nullptr) {
      name.error(fmt::format("step '{}' is not a call, so it has no answer", found->name));
    }
    if (found != nullptr) expected.step = found->name;
    const bool streams = found != nullptr && std::holds_alternative<sim::StreamStep>(found->action);

    const Reader is = object.optional("is");
    const Reader messages = object.optional("messages");
    const Reader refused = object.optional("refused");
    const Reader because = object.optional("because");
    const Reader at = object.optional("at");
    expected.at = instant(at);
    if (is.present()) {
      expected.is = json_input::one_line(is.raw());
      if (streams) is.error("a stream's answer is its 'messages'");
      if (type != nullptr && !streams) check_object_pattern(is, *type);
    }
    for (const Reader& message : messages.elements()) {
      expected.messages.push_back(json_input::one_line(message.raw()));
      if (type != nullptr && streams) check_object_pattern(message, *type);
    }
    if (messages.present() && type != nullptr && !streams) {
      messages.error("only a stream has messages; write 'is'");
    } else if (messages.present() && expected.messages.empty()) {
      messages.error("expected at least one message");
    }
    expected.refused = read_status_code(refused);
    expected.because = because.string();

    if (because.present() && !refused.present()) {
      because.error("only a refusal has a reason; give 'refused' too");
    }
    if (is.present() && refused.present()) is.error("a refused call has no answer");
    const bool has_contents = is.present() || refused.present() || messages.present();
    if (expected.at && expected.at->is_never() && has_contents) {
      at.error("an answer that never comes has no contents; remove the rest");
    }
    if (!at.present() && !has_contents) {
      object.error("nothing is expected of the answer; give 'at', 'is', 'refused' or 'messages'");
    }
    return expected;
  }

  static void check_object_pattern(const Reader& pattern,
                                   const google::protobuf::Descriptor& type) {
    if (!pattern.raw().is_object()) {
      return pattern.error(fmt::format("expected an object with fields of {}, got {}", type.name(),
                                       json_input::described(pattern.raw())));
    }
    check_pattern(type, pattern);
  }

  What metric(const Reader& name, ObjectReader& object) const {
    MetricExpectation expected;
    expected.metric = name.string();
    if (name.raw().is_string() && !known_metric(expected.metric)) {
      std::vector<std::string_view> names;
      for (const MetricName& known : metric_names()) names.push_back(known.name);
      const std::string meant = json_input::suggestion(expected.metric, names);
      name.error(fmt::format("there is no metric {}{} docs/scenarios.md lists them",
                             json_input::shown_text(expected.metric), meant.empty() ? ";" : meant));
    }
    const auto bound = [](const Reader& value) {
      return value.present() ? std::optional(value.number()) : std::nullopt;
    };
    const Reader equals = object.optional("equals");
    const Reader at_least = object.optional("at_least");
    const Reader at_most = object.optional("at_most");
    expected.bounds = {.at_least = bound(at_least), .at_most = bound(at_most)};
    if (equals.present()) {
      if (at_least.present() || at_most.present()) {
        equals.error("'at_least' or 'at_most' is set already; give one or the other");
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

  What order(const Reader& names, ObjectReader&) const {
    OrderExpectation expected;
    std::set<std::string_view> seen;
    for (const Reader& name : names.elements()) {
      const sim::Step* found = invoking_step(name);
      if (found == nullptr) continue;
      if (!seen.insert(found->name).second) {
        name.error(fmt::format("step '{}' is listed twice", found->name));
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

constexpr std::array<ExpectationReader::Kind, std::variant_size_v<ExpectationReader::What>>
    ExpectationReader::kKinds = {{{"execution", &ExpectationReader::execution},
                                  {"answer", &ExpectationReader::answer},
                                  {"metric", &ExpectationReader::metric},
                                  {"order", &ExpectationReader::order}}};

}  // namespace

std::vector<Expectation> read_expectations(const Reader& expectations, const Steps& steps,
                                           Instant end) {
  const ExpectationReader reader(steps, end);
  return expectations.array_of([&](const Reader& element) { return reader.read(element); });
}

}  // namespace quintain::scenarios
