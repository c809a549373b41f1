// The estimate of an ASYNC answer.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "conformance/case_run.h"
#include "conformance/cases/case_setup.h"
#include "conformance/cases/families.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;

std::int64_t estimate(const InvokeCall& call) { return call.answer().estimated_completion_ms(); }

void shape(CaseRun& run) {
  const InvokeCall accepted = run.call(run.async("echo", {{"value", 1}}));
  run.check("ETA-1", accepted, estimate(accepted) > 0, "an ASYNC answer has a positive estimate");
  const InvokeCall waited = run.call(run.sync("echo", {{"value", 1}}));
  run.check("ETA-1", waited, waited.answered() && estimate(waited) == 0, "a SYNC answer has none");
}

void learns(CaseRun& run) {
  constexpr int kRounds = 4;
  for (int i = 0; i < kRounds; ++i) {
    const InvokeCall slow = run.send(run.sync("stubborn", {{"ms", 500}}));
    run.call(run.sync("echo", {{"value", 1}}));
    run.wait(slow);
  }
  const InvokeCall fast = run.call(run.async("echo", {{"value", 1}}));
  const InvokeCall slow = run.call(run.async("stubborn", {{"ms", 500}}));
  run.check("ETA-2", slow, estimate(slow) != estimate(fast),
            fmt::format("a function of half a second is not estimated as one that ends at once: "
                        "{} ms and {} ms",
                        estimate(slow), estimate(fast)));
  run.check("ETA-2", slow, estimate(slow) > estimate(fast),
            "with history, the longer function has the longer estimate");
  run.await_end(slow.answer().execution_id());
}

void grows_with_the_queue(CaseRun& run) {
  const int slots = *run.node().slots;
  // History first, so that the target knows how long this function takes.
  for (int i = 0; i < 2; ++i) {
    std::vector<InvokeCall> calls;
    for (int j = 0; j < slots; ++j) calls.push_back(run.send(run.sync("sleep", {{"ms", 200}})));
    for (const InvokeCall& call : calls) run.wait(call);
  }
  std::vector<std::string> ids;
  std::vector<std::int64_t> estimates;
  for (int i = 0; i < slots + *run.node().queue_limit; ++i) {
    const InvokeCall call = run.call(run.async("sleep", {{"ms", 1000}}));
    if (!call.answered()) break;
    ids.push_back(call.answer().execution_id());
    estimates.push_back(estimate(call));
    if (i < slots) run.await(ids.back(), spearlet::EXECUTION_STATUS_RUNNING);
  }
  run.check(
      "ETA-3",
      estimates.size() > static_cast<std::size_t>(slots) && estimates.back() > estimates.front(),
      "an execution with a queue ahead has a longer estimate than one without",
      fmt::format("the estimates were, in order: {} ms", fmt::join(estimates, ", ")));
  release(run, ids);
}

void calibrated(CaseRun& run) {
  // Durations spread evenly from 20 ms to 220 ms, in an order that shows no pattern.
  constexpr int kExecutions = 60;
  const auto duration = [](int i) { return 20 + (i * 77) % 201; };
  int within_p50 = 0;
  int within_p90 = 0;
  int judged = 0;
  for (int i = 0; i < kExecutions; ++i) {
    const core::Instant sent = run.now();
    const InvokeCall call = run.call(run.async("stubborn", {{"ms", duration(i)}}));
    if (!call.answered()) CaseRun::abort("refused: " + describe(call.recorded()));
    run.await_end(call.answer().execution_id());
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(run.now() - sent).count();
    if (i < kExecutions / 3) continue;  // the estimator's time to learn
    ++judged;
    within_p50 += took <= estimate(call) ? 1 : 0;
    const auto& metrics = call.answer().result().metrics();
    const auto p90 = metrics.find("eta_p90_ms");
    within_p90 +=
        p90 != metrics.end() && static_cast<double>(took) <= std::atof(p90->second.c_str()) ? 1 : 0;
  }
  const double share = static_cast<double>(within_p50) / judged;
  const double quantile = run.policies().eta_quantile;
  // 40 case_runs: a binomial's standard deviation is 0.08; four of them, and the study's own
  // bounds.
  run.check(
      "ETA-4", share >= quantile - 0.35 && share <= quantile + 0.35,
      fmt::format("about {:.0f} % of the executions end within their estimate", quantile * 100),
      fmt::format("{:.0f} % of {} did; {} within the 90th percentile", share * 100, judged,
                  within_p90));
}

}  // namespace

std::vector<Case> eta_cases() {
  return {
      {.name = "eta/shape",
       .about = "an estimate in ASYNC mode, none in SYNC mode",
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
       .about = "the estimate grows with the queue ahead",
       .clauses = {"ETA-3"},
       .fixtures = {"sleep"},
       .needs = {Need::kSlots, Need::kQueueLimit},
       .exclusive = true,
       .run = grows_with_the_queue},
      {.name = "eta/calibrated",
       .about = "over many executions, the estimate is as often too short as too long",
       .clauses = {"ETA-4"},
       .fixtures = {"stubborn"},
       .exclusive = true,
       .run = calibrated},
  };
}

}  // namespace quintain::conformance
