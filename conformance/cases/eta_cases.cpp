// ETA cases: the completion estimate in ASYNC answers.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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
  const InvokeCall fast = call_accepted(run, run.async("echo", {{"value", 1}}));
  // Only so that the next one does not wait for it; whether it ends is judged elsewhere.
  run.await_end(fast.answer().execution_id(), 2s);
  const InvokeCall slow = call_accepted(run, run.async("stubborn", {{"ms", at_least(200, 500)}}));
  run.check("ETA-2", slow, estimate(slow) != estimate(fast),
            fmt::format("a function of {} ms and one that returns at once have different "
                        "estimates: {} ms and {} ms",
                        slow_ms, estimate(slow), estimate(fast)));
  run.check("ETA-2", slow, estimate(slow) > estimate(fast),
            "with history, the longer function has the longer estimate");
  release(run, {slow.answer().execution_id()});
}

void grows_with_the_queue(CaseRun& run) {
  // The target may join or overlap executions in ways that an estimate includes, and it need not
  // have learned the duration exactly; a part of the work ahead has to show, and what an execution
  // takes is what the target estimates for it in an empty node, if that is less.
  constexpr double kFraction = 0.3;
  const int slots = *run.node().slots;
  const int waiting = std::min(*run.node().queue_limit, std::max(8, 2 * slots));
  const int all = slots + waiting;
  // All of them are accepted before the first one ends.
  const std::int64_t wanted_ms = core::floor_milliseconds(500ms + 2 * round_trip(run));
  const core::Duration duration = std::chrono::milliseconds(run.takes_ms("stream", wanted_ms));
  // Unlike `sleep`, this function has not been called by other cases with other durations.
  const auto request = [&] {
    return run.async("stream", {{"chunks", 1}, {"ms", at_least(wanted_ms)}});
  };
  // The target gets a history of it first.
  constexpr int kHistory = 12;
  for (int i = 0; i < kHistory; i += slots) {
    std::vector<InvokeCall> calls;
    for (int j = 0; j < slots; ++j) {
      auto training = request();
      training.set_execution_mode(spearlet::EXECUTION_MODE_SYNC);
      calls.push_back(run.send(training));
    }
    for (const InvokeCall& call : calls) run.wait(call);
  }
  std::vector<InvokeCall> calls;
  std::vector<std::string> ids;
  for (int i = 0; i < all; ++i) {
    calls.push_back(run.send(request()));
    ids.push_back(
        calls.back().recorded().request_as<spearlet::InvokeFunctionRequest>().execution_id());
  }
  std::vector<std::int64_t> estimates;
  for (const InvokeCall& call : calls) {
    run.wait(call);
    if (!call.answered()) {
      CaseRun::abort(
          fmt::format("the target has {} slots and {} places in the queue, but refused "
                      "one of {} executions: {}",
                      slots, waiting, all, describe(call.recorded())));
    }
    estimates.push_back(estimate(call));
  }
  release(run, ids);
  // Calls that are sent at once may arrive in any order.
  const auto [least, most] = std::ranges::minmax(estimates);
  const std::int64_t duration_ms = core::floor_milliseconds(duration);
  const std::int64_t each_ms = std::clamp(least, duration_ms / 4, duration_ms);
  const std::int64_t ahead_ms = (all - 1) / slots * each_ms;
  run.check("ETA-3", static_cast<double>(most - least) >= kFraction * static_cast<double>(ahead_ms),
            fmt::format("behind {} executions of {} ms on {} slots the estimate is at least {:.0f} "
                        "ms longer than in an empty node",
                        all - 1, duration_ms, slots, kFraction * static_cast<double>(ahead_ms)),
            fmt::format("the estimates were {} ms", fmt::join(estimates, ", ")));
  // The same among those that wait, for which the executions that run are no difference.
  std::ranges::sort(estimates);
  const std::int64_t first_waiting = estimates[static_cast<std::size_t>(slots)];
  const std::int64_t queued_ms = (waiting - 1) / slots * each_ms;
  run.check("ETA-3",
            static_cast<double>(most - first_waiting) >= kFraction * static_cast<double>(queued_ms),
            fmt::format("the estimate of the last of {} waiting executions is at least {:.0f} ms "
                        "longer than that of the first",
                        waiting, kFraction * static_cast<double>(queued_ms)),
            fmt::format("the estimates were {} ms", fmt::join(estimates, ", ")));
}

// Wald's sequential probability ratio test of a share: the hypothesis that it is `expected` against
// the one that it is `wrong`, both errors at most kError (A. Wald, Sequential Analysis, 1947).
class ShareTest {
 public:
  static constexpr double kError = 1e-4;

  ShareTest(double expected, double wrong)
      : hit_(std::log(wrong / expected)), miss_(std::log((1 - wrong) / (1 - expected))) {}

  void add(bool hit) { evidence_ += hit ? hit_ : miss_; }
  bool decided() const { return std::abs(evidence_) >= kEnough; }
  /// Whether the test has decided for `wrong`. An honest target may leave it undecided.
  bool refuted() const { return evidence_ >= kEnough; }

 private:
  // log((1 - kError) / kError)
  static constexpr double kEnough = 9.21;

  double hit_;
  double miss_;
  double evidence_ = 0;  // the logarithm of the likelihood ratio
};

// Milliseconds from the start to the end by the record, which has no error of the client's clock,
// or else by the client.
double duration_ms(const spearlet::ExecutionResult& result, core::Duration seen) {
  if (!result.has_started_at() || !result.has_completed_at()) {
    return static_cast<double>(core::floor_milliseconds(seen));
  }
  const core::Duration took = time_of(result.completed_at()) - time_of(result.started_at());
  return static_cast<double>(took.count()) / 1e6;
}

void calibrated(CaseRun& run) {
  constexpr int kTraining = 30;  // the estimator learns from these; they are not judged
  constexpr int kMaxJudged = 120;
  const double quantile = run.policies().eta_quantile;
  // Shares that are as far from the declared one as 15 % and 85 % are from a half.
  ShareTest not_too_low(quantile, 0.3 * quantile);
  ShareTest not_too_high(quantile, 1 - 0.3 * (1 - quantile));
  constexpr double kP90 = 0.9;
  constexpr double kTooLowP90 = 0.55;
  ShareTest p90_not_too_low(kP90, kTooLowP90);
  // Durations from 20 ms to 220 ms, evenly, in an order without a pattern.
  constexpr std::int64_t kShortest = 20;
  constexpr std::int64_t kLongest = 220;
  std::uint32_t state = 1;
  const auto next_duration = [&] {
    state = state * 1664525 + 1013904223;  // the generator of Numerical Recipes
    return kShortest + static_cast<std::int64_t>(state >> 8) % (kLongest - kShortest + 1);
  };
  // Where it can be, a function without a history: other cases have called this one with other
  // durations.
  std::optional<OwnTask> task = try_make_task(run);
  if (task && task->first_status != kCompleted) {
    drop(run, *task);
    task.reset();
  }
  const auto next_request = [&] {
    auto request = run.async("stubborn", {{"ms", next_duration()}});
    return task ? in_task(std::move(request), *task) : request;
  };
  int judged = 0;
  int within_p50 = 0;
  int within_p90 = 0;
  int far_p90 = 0;
  for (int i = 0; i < kTraining + kMaxJudged; ++i) {
    const core::Instant sent = run.now();
    const InvokeCall call = call_accepted(run, next_request());
    const auto ended = run.poll(call.answer().execution_id(), [](const auto& answer) {
      return is_terminal(answer.result().status());
    });
    if (!ended) CaseRun::abort("an execution did not end: " + describe(call.recorded()));
    const double took = duration_ms(ended->result(), run.now() - sent);
    if (i < kTraining) continue;
    ++judged;
    const bool in_time = took <= static_cast<double>(estimate(call));
    within_p50 += in_time ? 1 : 0;
    not_too_low.add(in_time);
    not_too_high.add(in_time);
    const auto& metrics = call.answer().result().metrics();
    const auto found = metrics.find("eta_p90_ms");
    const double p90 = found == metrics.end() ? 0 : std::atof(found->second.c_str());
    within_p90 += took <= p90 ? 1 : 0;
    far_p90 += p90 > 3.0 * kLongest ? 1 : 0;
    p90_not_too_low.add(took <= p90);
    if (not_too_low.decided() && not_too_high.decided() && p90_not_too_low.decided()) break;
  }
  if (task) drop(run, *task);
  const auto share = [&](int count) { return 100.0 * count / judged; };
  run.check("ETA-4", !not_too_low.refuted() && !not_too_high.refuted(),
            fmt::format("about {:.0f} % of the executions end within their estimate, rather than "
                        "{:.0f} % or {:.0f} %",
                        100 * quantile, 30 * quantile, 100 - 30 * (1 - quantile)),
            fmt::format("{:.0f} % of {} did", share(within_p50), judged));
  run.check("ETA-4", !p90_not_too_low.refuted(),
            fmt::format("about 90 % of the executions end within eta_p90_ms, rather than {:.0f} %",
                        100 * kTooLowP90),
            fmt::format("{:.0f} % of {} did", share(within_p90), judged));
  run.check("ETA-7", 2 * far_p90 <= judged,
            fmt::format("eta_p90_ms is near the longest duration, {} ms", kLongest),
            fmt::format("{:.0f} % of them are more than three times as long", share(far_p90)));
}

// Reads the estimates while an execution waits and while it runs, with others before it.
void refreshed(CaseRun& run) {
  run.call(run.sync("sleep", {{"ms", at_least(800)}}));
  std::vector<std::string> ids;
  const int count = executions_at_once(run, run.node().slots.value_or(1) + 1);
  // The first one must still run after all of them were started and it was read twice.
  const std::int64_t ms = 800 + (count + 4) * core::floor_milliseconds(round_trip(run));
  for (int i = 0; i < count; ++i) {
    ids.push_back(run.start_async(run.async("sleep", {{"ms", at_least(ms)}})));
  }
  const auto first =
      run.poll(ids.front(), [](const auto& a) { return a.result().status() == kRunning; }, 3s);
  const std::string p50 = "eta_p50_ms";
  if (!first || !first->result().metrics().contains(p50)) {
    run.check("ETA-6", false, "the status of a RUNNING execution has eta_p50_ms",
              first ? brief_json(*first) : "it was not RUNNING");
    release(run, ids);
    return;
  }
  const auto at_first = std::atoll(first->result().metrics().at(p50).c_str());
  if (at_first <= 0) {
    release(run, ids);
    CaseRun::not_judged("the target expects the end at once, and no later estimate can be less");
  }
  run.sleep_for(400ms);
  const StatusCall later = run.read(ids.front());
  if (status_of(later) == kRunning) {
    const auto& metrics = later.answer().result().metrics();
    const auto found = metrics.find(p50);
    const auto at_last = found == metrics.end() ? 0 : std::atoll(found->second.c_str());
    run.check(
        "ETA-6", later, at_last < at_first,
        fmt::format("the estimate counts from now: 400 ms later it is less than {} ms", at_first));
  }
  for (const std::string& id : ids) run.await_end(id);
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
       .about = "the estimate grows with the work in the queue",
       .clauses = {"ETA-3"},
       .fixtures = {"stream"},
       .needs = {Need::kSlots, Need::kQueueLimit},
       .exclusive = true,
       .run = grows_with_the_queue},
      {.name = "eta/refreshed",
       .about = "the status of an execution that waits or runs has a new estimate, from now",
       .clauses = {"ETA-5", "ETA-6"},
       .fixtures = {"sleep"},
       .exclusive = true,
       .run = refreshed},
      {.name = "eta/calibrated",
       .about = "the shares of executions that end within their median and 90th percentile, by "
                "sequential tests",
       .clauses = {"ETA-4", "ETA-7"},
       .fixtures = {"stubborn", "echo"},
       .exclusive = true,
       .run = calibrated},
  };
}

const RegisterCases kEtaCases(12, eta_cases);

}  // namespace
}  // namespace quintain::conformance
