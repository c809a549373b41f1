// ETA cases: the completion estimate in ASYNC answers.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;

std::int64_t estimate(const InvokeCall& call) { return call.answer().estimated_completion_ms(); }

void shape(CaseRun& run) {
  const InvokeCall async = run.call(run.async("echo", {{"value", 1}}));
  run.check("ETA-1", async, estimate(async) > 0, "an ASYNC answer has a positive estimate");
  const InvokeCall sync = run.call(run.sync("echo", {{"value", 1}}));
  run.check("ETA-1", sync, sync.answered() && estimate(sync) == 0, "a SYNC answer has no estimate");
}

void learns(CaseRun& run) {
  constexpr int kRounds = 4;
  const std::int64_t slow_ms = run.takes_ms("stubborn", 500);
  for (int i = 0; i < kRounds; ++i) {
    const InvokeCall slow = run.send(run.sync("stubborn", {{"ms", at_least(200, 500)}}));
    run.call(run.sync("echo", {{"value", 1}}));
    run.wait(slow);
  }
  const InvokeCall fast = run.call(run.async("echo", {{"value", 1}}));
  const InvokeCall slow = run.call(run.async("stubborn", {{"ms", at_least(200, 500)}}));
  run.check("ETA-2", slow, estimate(slow) != estimate(fast),
            fmt::format("a function of {} ms and one that returns at once have different "
                        "estimates: {} ms and {} ms",
                        slow_ms, estimate(slow), estimate(fast)));
  run.check("ETA-2", slow, estimate(slow) > estimate(fast),
            "with history, the longer function has the longer estimate");
  run.await_end(slow.answer().execution_id());
}

void grows_with_the_queue(CaseRun& run) {
  const int slots = *run.node().slots;
  // The target gets a history of this function first.
  for (int i = 0; i < 2; ++i) {
    std::vector<InvokeCall> calls;
    for (int j = 0; j < slots; ++j)
      calls.push_back(run.send(run.sync("sleep", {{"ms", at_least(200)}})));
    for (const InvokeCall& call : calls) run.wait(call);
  }
  std::vector<std::string> ids;
  std::vector<std::int64_t> estimates;
  for (int i = 0; i < slots + *run.node().queue_limit; ++i) {
    const InvokeCall call = run.call(run.async("sleep", {{"ms", at_least(1000)}}));
    if (!call.answered()) break;
    ids.push_back(call.answer().execution_id());
    estimates.push_back(estimate(call));
    if (i < slots) run.await(ids.back(), kRunning);
  }
  run.check(
      "ETA-3",
      estimates.size() > static_cast<std::size_t>(slots) && estimates.back() > estimates.front(),
      "an execution behind a queue has a longer estimate than one without a queue",
      fmt::format("the estimates were, in order: {} ms", fmt::join(estimates, ", ")));
  release(run, ids);
}

void calibrated(CaseRun& run) {
  constexpr int kExecutions = 60;
  constexpr int kTraining = 20;  // the estimator learns from these; they are not judged
  constexpr int kJudged = kExecutions - kTraining;
  // The standard deviation of the share of a binomial with 40 trials is 0.08. Four of them are
  // 0.32.
  constexpr double kTolerance = 0.35;
  // Durations spread evenly from 20 ms to 220 ms, in an order without a pattern.
  const auto duration_ms = [](int i) { return 20 + (i * 77) % 201; };
  int within_p50 = 0;
  int within_p90 = 0;
  for (int i = 0; i < kExecutions; ++i) {
    const core::Instant sent = run.now();
    const InvokeCall call = run.call(run.async("stubborn", {{"ms", duration_ms(i)}}));
    if (!call.answered()) CaseRun::abort("refused: " + describe(call.recorded()));
    run.await_end(call.answer().execution_id());
    const std::int64_t took_ms = core::floor_milliseconds(run.now() - sent);
    if (i < kTraining) continue;
    within_p50 += took_ms <= estimate(call) ? 1 : 0;
    const auto& metrics = call.answer().result().metrics();
    const auto p90 = metrics.find("eta_p90_ms");
    if (p90 == metrics.end()) continue;
    within_p90 += static_cast<double>(took_ms) <= std::atof(p90->second.c_str()) ? 1 : 0;
  }
  const double share = static_cast<double>(within_p50) / kJudged;
  const double quantile = run.policies().eta_quantile;
  run.check(
      "ETA-4", share >= quantile - kTolerance && share <= quantile + kTolerance,
      fmt::format("about {:.0f} % of the executions end within their estimate", quantile * 100),
      fmt::format("{:.0f} % of {} did; {} within the 90th percentile", share * 100, kJudged,
                  within_p90));
}

std::vector<Case> eta_cases() {
  return {
      {.name = "eta/shape",
       .about = "there is an estimate in ASYNC mode and none in SYNC mode",
       .clauses = {"ETA-1"},
       .fixtures = {"echo"},
       .run = shape},
      {.name = "eta/learns",
       .about = "functions of different length have different estimates once both have history",
       .clauses = {"ETA-2"},
       .fixtures = {"echo", "stubborn"},
       .exclusive = true,
       .run = learns},
      {.name = "eta/grows-with-the-queue",
       .about = "the estimate grows with the length of the queue",
       .clauses = {"ETA-3"},
       .fixtures = {"sleep"},
       .needs = {Need::kSlots, Need::kQueueLimit},
       .exclusive = true,
       .run = grows_with_the_queue},
      {.name = "eta/calibrated",
       .about = "the share of executions that end within their estimate is the declared quantile",
       .clauses = {"ETA-4"},
       .fixtures = {"stubborn"},
       .exclusive = true,
       .run = calibrated},
  };
}

const RegisterCases kEtaCases(10, eta_cases);

}  // namespace
}  // namespace quintain::conformance
