#include "sim/simulated_runtime.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/kernel.h"

namespace quintain::sim {
namespace {

using namespace std::chrono_literals;
using core::Instant;
using core::Outcome;
using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr core::AttemptId id(std::uint64_t number) { return core::AttemptId{number}; }

std::string text_of(const core::Payload& payload) {
  EXPECT_EQ(payload.type_url, "type.googleapis.com/google.protobuf.StringValue");
  google::protobuf::StringValue value;
  EXPECT_TRUE(value.ParseFromString(payload.value));
  return value.value();
}

// One attempt, as the core starts it.
struct Start {
  std::uint64_t ordinal = 1;
  int number = 1;
  std::string function = "f";
  std::string task = "task";
  bool cold = false;
  spearlet::InvokeFunctionRequest request{};
};

// A runtime under test, and a log of its reports with their times.
class Machine final : private core::AttemptListener {
 public:
  explicit Machine(std::vector<FunctionModel> models, std::vector<Slowdown> slowdowns = {},
                   int capacity = 4)
      : environment_(kernel_, /*world_seed=*/1, /*index=*/0),
        runtime(environment_, environment_.randomness(), capacity, std::move(models),
                std::move(slowdowns)) {
    runtime.set_use_listener(
        [this](std::uint64_t ordinal, core::AttemptId, bool occupied, const RuntimeReport&) {
          note(occupied ? "occupied" : "freed", std::to_string(ordinal));
        });
    runtime.set_fault_listener(
        [this](std::uint64_t, RuntimeFault fault) { faults.emplace_back(sim::text_of(fault)); });
  }

  // The attempt's id is its ordinal.
  void start(Start start = {}) {
    starts_.push_back(std::move(start));
    const Start& kept = starts_.back();
    runtime.start({.id = id(kept.ordinal),
                   .ordinal = kept.ordinal,
                   .number = kept.number,
                   .execution_id = "e",
                   .task_id = kept.task,
                   .function_name = kept.function,
                   .instance_id = "i",
                   .cold_start = kept.cold,
                   .request = kept.request},
                  *this);
  }

  void at(core::Duration since_start, std::function<void()> what) {
    events_.push_back(std::move(what));
    kernel_.schedule(
        Instant(since_start), core::Precedence::kOther,
        [](void* event) { (*static_cast<std::function<void()>*>(event))(); }, &events_.back());
  }

  void play() { kernel_.run_until_idle(); }

  // The reports: "120ms completed 1".
  std::vector<std::string> reports;
  std::vector<Outcome> outcomes;
  std::vector<core::Payload> chunks;
  std::vector<std::string> faults;
  // Called after a report of an end was logged.
  std::function<void()> on_end;

 private:
  Kernel kernel_;
  NodeEnvironment environment_;

 public:
  SimulatedRuntime runtime;

 private:
  std::deque<Start> starts_;
  std::deque<std::function<void()>> events_;

  void note(std::string_view what, std::string_view more) {
    const auto now = std::chrono::duration<double, std::milli>(kernel_.now().since_start());
    reports.push_back(fmt::format("{}ms {} {}", now.count(), what, more));
  }

  void on_started(core::AttemptId attempt) override { note("started", name(attempt)); }
  void on_chunk(core::AttemptId attempt, core::Payload chunk) override {
    note("chunk", name(attempt));
    chunks.push_back(std::move(chunk));
  }
  void on_log(core::AttemptId attempt, std::string line) override {
    note("log", name(attempt) + " " + line);
  }
  void on_finished(core::AttemptId attempt, Outcome&& outcome) override {
    constexpr std::string_view kKinds[] = {"completed", "failed", "stopped"};
    note(kKinds[static_cast<std::size_t>(outcome.kind)], name(attempt));
    outcomes.push_back(std::move(outcome));
    if (on_end) on_end();
  }
  static std::string name(core::AttemptId attempt) {
    return std::to_string(static_cast<std::uint64_t>(attempt));
  }
};

FunctionModel model() {
  FunctionModel model;
  model.task = "task";
  model.service = distribution::Constant{100ms};
  model.cold_start = distribution::Constant{30ms};
  model.result = "done";
  return model;
}

// ---- Outcomes -----------------------------------------------------------------------------------

TEST(SimulatedRuntime, CompletesAfterItsServiceTime) {
  Machine machine({model()});
  machine.start();
  EXPECT_THAT(machine.reports, ElementsAre("0ms occupied 1")) << "it reports in a later event";
  machine.play();
  EXPECT_THAT(machine.reports,
              ElementsAre("0ms occupied 1", "0ms started 1", "100ms freed 1", "100ms completed 1"));
  EXPECT_EQ(text_of(machine.outcomes.at(0).payload), "done");
}

TEST(SimulatedRuntime, AColdStartDelaysTheStart) {
  Machine machine({model()});
  machine.start({.cold = true});
  machine.play();
  EXPECT_THAT(machine.reports, ElementsAre("0ms occupied 1", "30ms started 1", "130ms freed 1",
                                           "130ms completed 1"));
}

TEST(SimulatedRuntime, FailsAfterItsServiceTime) {
  FunctionModel failing = model();
  failing.outcomes = {PlannedOutcome::kFails};
  failing.error_code = "E42";
  failing.error_message = "no luck";
  failing.memory_bytes = 7;
  Machine machine({failing});
  machine.start();
  machine.play();
  EXPECT_THAT(machine.reports,
              ElementsAre("0ms occupied 1", "0ms started 1", "100ms freed 1", "100ms failed 1"));
  EXPECT_EQ(machine.outcomes.at(0).error_code, "E42");
  EXPECT_EQ(machine.outcomes.at(0).error_message, "no luck");
  EXPECT_EQ(machine.outcomes.at(0).memory_used_bytes, 7);
  EXPECT_TRUE(machine.outcomes.at(0).payload.empty());
}

TEST(SimulatedRuntime, HangsForever) {
  FunctionModel hanging = model();
  hanging.outcomes = {PlannedOutcome::kHangs};
  Machine machine({hanging});
  machine.start();
  machine.play();
  EXPECT_THAT(machine.reports, ElementsAre("0ms occupied 1", "0ms started 1"));
  EXPECT_EQ(machine.runtime.running(), 1);
}

TEST(SimulatedRuntime, AFailedStartNeverStarts) {
  FunctionModel start_fails = model();
  start_fails.outcomes = {PlannedOutcome::kStartFails};
  Machine machine({start_fails});
  machine.start({.cold = true});
  machine.play();
  EXPECT_THAT(machine.reports, ElementsAre("0ms occupied 1", "30ms freed 1", "30ms failed 1"));
  EXPECT_EQ(machine.outcomes.at(0).error_code, "START_FAILED");
}

TEST(SimulatedRuntime, AFailedStartHasThePrecedenceOfACompletion) {
  FunctionModel varying = model();
  varying.outcomes = {PlannedOutcome::kStartFails, PlannedOutcome::kCompletes};
  for (const int number : {1, 2}) {
    Machine machine({varying});
    machine.at(30ms, [&] { machine.reports.emplace_back("meanwhile"); });
    machine.start({.number = number, .cold = true});
    machine.play();
    EXPECT_EQ(machine.reports.at(1), number == 1 ? "30ms freed 1" : "meanwhile");
  }
}

TEST(SimulatedRuntime, TheLastPlannedOutcomeHoldsForLaterAttempts) {
  FunctionModel varying = model();
  varying.outcomes = {PlannedOutcome::kStartFails, PlannedOutcome::kFails,
                      PlannedOutcome::kCompletes};
  Machine machine({varying});
  for (const int number : {1, 2, 3, 4, 9}) {
    machine.start({.ordinal = static_cast<std::uint64_t>(number), .number = number});
  }
  machine.play();
  EXPECT_THAT(machine.outcomes, SizeIs(5));
  EXPECT_THAT(machine.reports,
              ::testing::IsSupersetOf({"0ms failed 1", "100ms failed 2", "100ms completed 3",
                                       "100ms completed 4", "100ms completed 9"}));
}

TEST(SimulatedRuntime, OutcomesHaveTheirProbabilities) {
  FunctionModel random = model();
  random.failure_probability = 0.25;
  random.hang_probability = 0.2;
  Machine machine({random});
  constexpr int kMany = 4000;
  for (int i = 1; i <= kMany; ++i) machine.start({.ordinal = static_cast<std::uint64_t>(i)});
  machine.play();
  std::map<Outcome::Kind, int> ends;
  for (const Outcome& outcome : machine.outcomes) ++ends[outcome.kind];
  // Four standard deviations.
  EXPECT_NEAR(machine.runtime.running() / double{kMany}, 0.2, 0.026);
  EXPECT_NEAR(ends[Outcome::Kind::kFailed] / double{kMany}, 0.8 * 0.25, 0.026);
}

TEST(SimulatedRuntime, AFunctionWithoutAModelFails) {
  Machine machine({model()});
  machine.start({.task = "elsewhere", .cold = true});
  machine.play();
  EXPECT_THAT(machine.reports, ElementsAre("0ms occupied 1", "0ms freed 1", "0ms failed 1"));
  EXPECT_EQ(machine.outcomes.at(0).error_code, "NO_SUCH_FUNCTION");
}

TEST(SimulatedRuntime, FindsTheModelByTaskAndFunction) {
  const auto named = [](std::string task, std::string function, std::string result) {
    FunctionModel model;
    model.task = std::move(task);
    model.function = std::move(function);
    model.result = std::move(result);
    return model;
  };
  Machine machine({named("a", "f", "a.f"), named("a", "", "a.*"), named("b", "g", "b.g"),
                   named("b", "h", "b.h")});
  const auto result_of = [&](const std::string& task, const std::string& function) {
    static std::uint64_t ordinal = 0;
    machine.outcomes.clear();
    machine.start({.ordinal = ++ordinal, .function = function, .task = task});
    machine.play();
    const Outcome& outcome = machine.outcomes.at(0);
    return outcome.kind == Outcome::Kind::kFailed ? outcome.error_code : text_of(outcome.payload);
  };
  EXPECT_EQ(result_of("a", "f"), "a.f");
  EXPECT_EQ(result_of("a", "x"), "a.*");
  EXPECT_EQ(result_of("b", "h"), "b.h");
  EXPECT_EQ(result_of("b", "f"), "NO_SUCH_FUNCTION");
  EXPECT_EQ(result_of("made-by-a-call", "h"), "b.h")
      << "a new task uses the model with the function name";
}

// ---- Service ------------------------------------------------------------------------------------

TEST(SimulatedRuntime, ServiceTimesFollowTheDistribution) {
  FunctionModel random = model();
  random.service = distribution::Exponential{1s};
  Machine machine({random});
  constexpr int kMany = 4000;
  for (int i = 1; i <= kMany; ++i) machine.start({.ordinal = static_cast<std::uint64_t>(i)});
  machine.play();
  double total_ms = 0;
  for (const std::string& report : machine.reports) {
    if (report.find("completed") != std::string::npos) total_ms += std::stod(report);
  }
  EXPECT_NEAR(total_ms / kMany / 1000, 1, 4 / std::sqrt(kMany));
}

TEST(SimulatedRuntime, OtherAttemptsDoNotChangeAServiceTime) {
  FunctionModel random = model();
  random.service = distribution::Exponential{1s};
  random.cold_start = distribution::Exponential{1s};
  const auto end_of_five = [&](const std::vector<std::uint64_t>& ordinals) {
    Machine machine({random});
    for (const std::uint64_t ordinal : ordinals) {
      machine.start({.ordinal = ordinal, .cold = true});
    }
    machine.play();
    for (const std::string& report : machine.reports) {
      if (report.ends_with("completed 5")) return report;
    }
    return std::string("never");
  };
  EXPECT_EQ(end_of_five({5}), end_of_five({1, 9, 5, 3}));
}

TEST(SimulatedRuntime, EveryAttemptDrawsItsOwnServiceTime) {
  FunctionModel random = model();
  random.service = distribution::Exponential{1s};
  Machine machine({random});
  machine.start({.ordinal = 1, .number = 1});
  machine.start({.ordinal = 2, .number = 1});
  machine.play();
  Machine again({random});
  again.start({.ordinal = 1, .number = 2});
  again.play();
  EXPECT_NE(std::stod(machine.reports.at(4)), std::stod(machine.reports.at(6)));
  EXPECT_NE(std::stod(machine.reports.at(4)), std::stod(again.reports.at(2)));
  EXPECT_NE(std::stod(machine.reports.at(6)), std::stod(again.reports.at(2)));
}

TEST(SimulatedRuntime, ASlowdownAppliesToAttemptsThatStartInIt) {
  Machine machine({model()}, {{.from = Instant(1s), .until = Instant(2s), .factor = 3},
                              {.from = Instant(1500ms), .until = Instant(3s), .factor = 2}});
  const std::vector<core::Duration> begins = {1s - 1ns, 1s, 1500ms, 2s, 3s};
  for (std::size_t i = 0; i < begins.size(); ++i) {
    machine.at(begins[i], [&machine, i] { machine.start({.ordinal = i + 1}); });
  }
  machine.play();
  EXPECT_THAT(
      machine.reports,
      ::testing::IsSupersetOf({"1099.999999ms completed 1", "1300ms completed 2",
                               "2100ms completed 3", "2200ms completed 4", "3100ms completed 5"}));
}

// ---- Output -------------------------------------------------------------------------------------

TEST(SimulatedRuntime, ChunksAreSpreadEvenly) {
  FunctionModel chunked = model();
  chunked.chunks = 3;
  Machine machine({chunked});
  machine.start();
  machine.play();
  EXPECT_THAT(machine.reports,
              ElementsAre("0ms occupied 1", "0ms started 1", "25ms chunk 1", "50ms chunk 1",
                          "75ms chunk 1", "100ms freed 1", "100ms completed 1"));
  ASSERT_THAT(machine.chunks, SizeIs(3));
  EXPECT_EQ(text_of(machine.chunks[0]), "chunk 1");
  EXPECT_EQ(text_of(machine.chunks[2]), "chunk 3");
}

TEST(SimulatedRuntime, ChunksOfAnInstantFunctionComeBeforeItsEnd) {
  FunctionModel chunked = model();
  chunked.chunks = 2;
  chunked.service = distribution::Constant{0ms};
  Machine machine({chunked});
  machine.start();
  machine.play();
  EXPECT_THAT(machine.reports, ElementsAre("0ms occupied 1", "0ms started 1", "0ms chunk 1",
                                           "0ms chunk 1", "0ms freed 1", "0ms completed 1"));
}

TEST(SimulatedRuntime, EchoReturnsTheFirstParameter) {
  FunctionModel echo = model();
  echo.echo = true;
  Machine machine({echo});
  Start start;
  for (const char* value : {"first", "second"}) {
    auto* any = start.request.add_parameters()->mutable_value();
    any->set_type_url("type");
    any->set_value(value);
  }
  machine.start(start);
  machine.start({.ordinal = 2});
  machine.play();
  EXPECT_EQ(machine.outcomes.at(0).payload.type_url, "type");
  EXPECT_EQ(machine.outcomes.at(0).payload.value, "first");
  EXPECT_TRUE(machine.outcomes.at(1).payload.empty()) << "without a parameter there is no echo";
}

TEST(SimulatedRuntime, LogsAreWrittenWhenTheFunctionStarts) {
  FunctionModel logging = model();
  logging.logs = {"hello", "world"};
  Machine machine({logging});
  machine.start({.cold = true});
  machine.play();
  EXPECT_THAT(machine.reports,
              ElementsAre("0ms occupied 1", "30ms started 1", "30ms log 1 hello",
                          "30ms log 1 world", "130ms freed 1", "130ms completed 1"));
}

// ---- Stop and kill ------------------------------------------------------------------------------

// The reports after a stop at 40 ms of a function that takes 100 ms.
std::vector<std::string> after_stop(const FunctionModel& model) {
  Machine machine({model});
  machine.start();
  machine.at(40ms, [&] {
    machine.reports.clear();
    machine.runtime.stop(id(1));
  });
  machine.play();
  return machine.reports;
}

TEST(SimulatedRuntime, ObeysAStopAtOnce) {
  EXPECT_THAT(after_stop(model()), ElementsAre("40ms freed 1", "40ms stopped 1"));
}

TEST(SimulatedRuntime, ObeysAStopAfterADelay) {
  FunctionModel slow = model();
  slow.obeys_stop_after = distribution::Constant{50ms};
  EXPECT_THAT(after_stop(slow), ElementsAre("90ms freed 1", "90ms stopped 1"));
  slow.outcomes = {PlannedOutcome::kHangs};
  EXPECT_THAT(after_stop(slow), ElementsAre("90ms freed 1", "90ms stopped 1"));
}

TEST(SimulatedRuntime, IgnoresAStop) {
  FunctionModel unstoppable = model();
  unstoppable.obeys_stop_after.reset();
  EXPECT_THAT(after_stop(unstoppable), ElementsAre("100ms freed 1", "100ms completed 1"));
  unstoppable.outcomes = {PlannedOutcome::kHangs};
  EXPECT_THAT(after_stop(unstoppable), IsEmpty());
}

TEST(SimulatedRuntime, CompletesIfThatIsNoLaterThanTheStop) {
  FunctionModel slow = model();
  slow.obeys_stop_after = distribution::Constant{60ms};  // the instant of completion
  EXPECT_THAT(after_stop(slow), ElementsAre("100ms freed 1", "100ms completed 1"));
  slow.obeys_stop_after = distribution::Constant{60ms - 1ns};
  EXPECT_THAT(after_stop(slow), ElementsAre("99.999999ms freed 1", "99.999999ms stopped 1"));
}

TEST(SimulatedRuntime, SendsNoChunksOnceItIsStopping) {
  FunctionModel chunked = model();
  chunked.chunks = 3;
  chunked.obeys_stop_after = distribution::Constant{50ms};
  EXPECT_THAT(after_stop(chunked), ElementsAre("90ms freed 1", "90ms stopped 1"));
}

TEST(SimulatedRuntime, AStartingInstanceIgnoresAStop) {
  Machine machine({model()});
  machine.start({.cold = true});
  machine.runtime.stop(id(1));
  machine.play();
  EXPECT_EQ(machine.reports.back(), "130ms completed 1");
}

TEST(SimulatedRuntime, AKillFreesTheMachineAtOnce) {
  Machine machine({model()});
  machine.start();
  machine.start({.ordinal = 2, .cold = true});
  machine.at(20ms, [&] {
    machine.reports.clear();
    machine.runtime.kill(id(1));
    machine.runtime.kill(id(2));
    machine.runtime.kill(id(2));
    EXPECT_EQ(machine.runtime.running(), 0);
  });
  machine.play();
  EXPECT_THAT(machine.reports, ElementsAre("20ms freed 1", "20ms freed 2"));
}

// ---- Faults -------------------------------------------------------------------------------------

TEST(SimulatedRuntime, MayReportCompletionAfterAKill) {
  FunctionModel late = model();
  late.reports_late = 500ms;
  Machine machine({late});
  machine.start();
  machine.at(20ms, [&] {
    machine.reports.clear();
    machine.runtime.kill(id(1));
  });
  machine.play();
  EXPECT_THAT(machine.reports, ElementsAre("20ms freed 1", "520ms completed 1"));
}

TEST(SimulatedRuntime, DoesNotReportAKilledStart) {
  FunctionModel late = model();
  late.reports_late = 500ms;
  Machine machine({late});
  machine.start({.cold = true});
  machine.at(20ms, [&] { machine.runtime.kill(id(1)); });
  machine.play();
  EXPECT_EQ(machine.reports.back(), "20ms freed 1");
}

TEST(SimulatedRuntime, MayReportEveryEndTwice) {
  FunctionModel twice = model();
  twice.reports_twice = true;
  Machine machine({twice});
  machine.start();
  machine.play();
  EXPECT_THAT(machine.reports, ElementsAre("0ms occupied 1", "0ms started 1", "100ms freed 1",
                                           "100ms completed 1", "100ms completed 1"));
}

TEST(SimulatedRuntime, AnAttemptMayStartDuringTheReportOfAnEnd) {
  FunctionModel twice = model();
  twice.reports_twice = true;
  Machine machine({twice});
  machine.on_end = [&] {
    machine.on_end = nullptr;
    machine.start({.ordinal = 2});
  };
  machine.start();
  machine.play();
  EXPECT_THAT(machine.reports,
              ElementsAre("0ms occupied 1", "0ms started 1", "100ms freed 1", "100ms completed 1",
                          "100ms occupied 2", "100ms completed 1", "100ms started 2",
                          "200ms freed 2", "200ms completed 2", "200ms completed 2"));
}

TEST(SimulatedRuntime, MayReportOutOfOrder) {
  FunctionModel disorderly = model();
  disorderly.reports_out_of_order = true;
  Machine machine({disorderly});
  machine.start();
  machine.play();
  EXPECT_THAT(machine.reports,
              ElementsAre("0ms occupied 1", "0ms started 1", "100ms freed 1", "100ms completed 1",
                          "100ms started 1", "100ms chunk 1", "100ms log 1 a line after the end"));
  EXPECT_THAT(machine.faults, ElementsAre("the runtime answers out of order"));
}

TEST(SimulatedRuntime, MayReturnGarbageOrTooMuch) {
  FunctionModel garbage = model();
  garbage.returns_garbage = true;
  FunctionModel big = model();
  big.task = "big";
  big.result_bytes = 5'000'000;
  Machine machine({garbage, big});
  machine.start();
  machine.start({.ordinal = 2, .task = "big"});
  machine.play();
  EXPECT_EQ(machine.outcomes.at(0).payload.type_url, "no such type");
  EXPECT_EQ(machine.outcomes.at(0).payload.value.size(), 5U);
  EXPECT_EQ(text_of(machine.outcomes.at(1).payload), std::string(5'000'000, 'x'));
  EXPECT_THAT(machine.faults,
              ElementsAre("the runtime answers with garbage", "the runtime answers with too much"));
}

TEST(SimulatedRuntime, AnInstanceMayDieWhileItIsIdle) {
  FunctionModel mortal = model();
  mortal.dies_idle_after = 50ms;
  Machine machine({mortal});
  machine.start({.cold = true});
  machine.at(179ms, [&] { machine.start({.ordinal = 2}); });  // idle since 130 ms
  machine.at(329ms, [&] { machine.start({.ordinal = 3}); });  // since 279 ms
  machine.play();
  EXPECT_EQ(machine.outcomes.at(1).kind, Outcome::Kind::kCompleted);
  EXPECT_EQ(machine.outcomes.at(2).kind, Outcome::Kind::kFailed);
  EXPECT_EQ(machine.outcomes.at(2).error_code, "INSTANCE_LOST");
  EXPECT_EQ(machine.reports.back(), "329ms failed 3");
  EXPECT_THAT(machine.faults, ElementsAre("an instance has died while it was idle"));
}

TEST(SimulatedRuntime, ReportsItsOtherFaults) {
  FunctionModel late = model();
  late.reports_late = 500ms;
  FunctionModel other = model();
  other.task = "other";
  other.outcomes = {PlannedOutcome::kHangs, PlannedOutcome::kStartFails};
  FunctionModel twice = model();
  twice.task = "twice";
  twice.reports_twice = true;
  Machine machine({late, other, twice});
  machine.start();
  machine.start({.ordinal = 2, .task = "other"});
  machine.start({.ordinal = 3, .number = 2, .task = "other"});
  machine.start({.ordinal = 4, .task = "twice"});
  machine.at(20ms, [&] { machine.runtime.kill(id(1)); });
  machine.play();
  EXPECT_THAT(machine.faults,
              ElementsAre("a start fails", "the runtime never answers", "a kill is ignored",
                          "the runtime answers twice", "the runtime answers late"));
}

// ---- Usage --------------------------------------------------------------------------------------

TEST(SimulatedRuntime, UsageIsRelativeToItsCapacity) {
  FunctionModel heavy = model();
  heavy.memory_bytes = std::int64_t{1} << 30;
  Machine machine({heavy}, {}, /*capacity=*/4);
  EXPECT_THAT(machine.runtime.usage().cpu_percent, DoubleEq(0));
  machine.start();
  machine.start({.ordinal = 2});
  EXPECT_THAT(machine.runtime.usage().cpu_percent, DoubleEq(50));
  EXPECT_THAT(machine.runtime.usage().memory_percent, DoubleEq(50));
  EXPECT_EQ(machine.runtime.usage().memory_bytes, std::int64_t{2} << 30);
  machine.runtime.kill(id(1));
  EXPECT_THAT(machine.runtime.usage().cpu_percent, DoubleEq(25));
  machine.play();
  EXPECT_THAT(machine.runtime.usage().cpu_percent, DoubleEq(0));
  EXPECT_EQ(machine.runtime.usage().memory_bytes, 0);
  for (std::uint64_t i = 10; i < 20; ++i) machine.start({.ordinal = i});
  EXPECT_THAT(machine.runtime.usage().cpu_percent, DoubleEq(100)) << "never more";
}

}  // namespace
}  // namespace quintain::sim
