// Properties of every estimator.
#include "core/eta/estimator.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/eta/testing/asked.h"

namespace quintain::core::eta {
namespace {

using namespace std::chrono_literals;
using testing::Acceptances;

std::unique_ptr<Estimator> make(std::string_view name, std::uint64_t seed = 1) {
  EtaConfig config;
  config.estimator = name;
  return make_estimator(config, seed);
}

// A node that does anything that a node may do, and whose clock jumps; two estimators of the same
// seed observe all of it.
class RandomNode {
 public:
  RandomNode(std::string_view name, std::uint64_t seed)
      : one_(make(name, seed)), two_(make(name, seed)) {}

  void step(std::uint64_t word) {
    const std::uint64_t what = word % 8;
    word /= 8;
    switch (what) {
      case 0:
      case 1:
        return accept(word);
      case 2:
      case 3:
        return dispatch(word);
      case 4:
        return end(word);
      case 5:
        return leap(word);
      case 6:
        if (!waiting_.empty()) ask(waiting_[word % waiting_.size()]);
        return;
      default:
        if (!running_.empty()) ask(running_[word % running_.size()]);
    }
  }

  std::vector<std::string> faults;

 private:
  struct Execution {
    std::uint64_t ordinal;
    FunctionIndex function;
    Instant accepted_at;
    Instant deadline;
    std::int64_t rank;
    bool fresh = false;
    bool cold = false;
    Instant dispatched_at = Instant::never();
    Instant started_at = Instant::never();
  };

  void accept(std::uint64_t word) {
    Execution execution{.ordinal = ++last_,
                        .function = static_cast<FunctionIndex>(word % 5),
                        .accepted_at = now_,
                        .deadline = now_ + (word % 3 == 0 ? Duration(1h) : Duration(87'600h)),
                        .rank = static_cast<std::int64_t>(word % 7),
                        .fresh = word % 11 == 0};
    waiting_.push_back(execution);
    for (auto* estimator : {one_.get(), two_.get()}) {
      estimator->observe_arrival(execution.function, now_, execution.rank);
    }
    ask(execution);
  }

  void dispatch(std::uint64_t word) {
    if (waiting_.empty() || running_.size() >= kSlots) return;
    Execution execution = waiting_.front();
    waiting_.erase(waiting_.begin());
    execution.dispatched_at = now_;
    execution.cold = word % 2 == 0;
    if (!execution.cold) execution.started_at = now_;
    running_.push_back(execution);
    for (auto* estimator : {one_.get(), two_.get()}) {
      estimator->observe_dispatch(execution.function, now_, now_ - execution.accepted_at);
    }
  }

  // A running execution ends, or one in its cold start starts its function; now and then a waiting
  // one is cancelled.
  void end(std::uint64_t word) {
    std::vector<Execution>& from = word % 5 == 0 ? waiting_ : running_;
    if (from.empty()) return;
    const auto position = from.begin() + static_cast<std::ptrdiff_t>(word / 5 % from.size());
    if (!position->dispatched_at.is_never() && position->started_at.is_never() && word % 4 > 0) {
      position->started_at = now_;
      return;
    }
    const Execution execution = *position;
    from.erase(position);
    const bool started = !execution.started_at.is_never();
    const spearlet::ExecutionStatus ends[] = {
        spearlet::EXECUTION_STATUS_TIMEOUT, spearlet::EXECUTION_STATUS_CANCELLED,
        spearlet::EXECUTION_STATUS_COMPLETED, spearlet::EXECUTION_STATUS_FAILED};
    const Observation observation = {.function = execution.function,
                                     .ordinal = execution.ordinal,
                                     .accepted_at = execution.accepted_at,
                                     .deadline = execution.deadline,
                                     .dispatched_at = execution.dispatched_at,
                                     .started_at = execution.started_at,
                                     .ended_at = now_,
                                     .cold = execution.cold,
                                     .status = ends[word / 31 % (started ? 4 : 2)]};
    one_->observe_end(observation);
    two_->observe_end(observation);
  }

  // By zero, by nanoseconds ... by half a year.
  void leap(std::uint64_t word) {
    constexpr Duration kLeaps[] = {0ns, 1ns, 1us, 1ms, 20ms, 1s, 90s, 1h, 24h, 4380h};
    now_ = now_ + kLeaps[word % std::size(kLeaps)];
  }

  Backlog backlog_for(const Execution& target) const {
    Backlog backlog;
    for (const Execution& running : running_) {
      backlog.running.push_back({.ordinal = running.ordinal,
                                 .function = running.function,
                                 .task = running.function % 2,
                                 .dispatched_at = running.dispatched_at,
                                 .started_at = running.started_at,
                                 .deadline = running.deadline,
                                 .cold = running.cold});
    }
    if (!target.dispatched_at.is_never()) return backlog;
    for (std::uint64_t task : {0U, 1U}) {
      const auto busy = std::ranges::count(backlog.running, task, &RunningExecution::task);
      backlog.shares.push_back({.task = task,
                                .idle = static_cast<int>(last_ % 2),
                                .instances = static_cast<int>(busy + static_cast<int>(last_ % 2)),
                                .limit = 3});
    }
    for (const Execution& waiting : waiting_) {
      backlog.waiting.push_back({.ordinal = waiting.ordinal,
                                 .function = waiting.function,
                                 .rank = waiting.rank,
                                 .deadline = waiting.deadline,
                                 .share = waiting.function % 2,
                                 .fresh = waiting.fresh});
      if (waiting.ordinal == target.ordinal) break;
    }
    backlog.hidden_count = last_ % 13 == 0 ? 500'000 : 0;
    return backlog;
  }

  void ask(const Execution& target) {
    const Backlog backlog = backlog_for(target);
    const NodeState node = {.now = now_,
                            .slots = kSlots,
                            .busy = static_cast<int>(running_.size()),
                            .queued = std::ssize(waiting_),
                            .overtaking = static_cast<Overtaking>(last_ % 4),
                            .backlog = [&]() -> const Backlog& { return backlog; }};
    const Target asked = {.function = target.function,
                          .ordinal = target.ordinal,
                          .accepted_at = target.accepted_at,
                          .dispatched_at = target.dispatched_at,
                          .ahead = std::ssize(backlog.waiting) + backlog.hidden_count};
    const Forecast first = one_->predict(asked, node);
    const Forecast second = two_->predict(asked, node);
    if (first.quantiles != second.quantiles || first.point != second.point) {
      faults.push_back("the forecasts of one seed differ");
    }
    if (!std::ranges::is_sorted(first.quantiles)) faults.push_back("the quantiles fall");
    if (first.quantiles.front() < 0ns || first.point < 0ns)
      faults.push_back("the forecast is negative");
    if (first.quantiles.back() > Duration(9'000'000'000'000'000'000)) {
      faults.push_back("the forecast is endless");
    }
  }

  static constexpr std::size_t kSlots = 4;

  std::unique_ptr<Estimator> one_;
  std::unique_ptr<Estimator> two_;
  Instant now_{100s};
  std::uint64_t last_ = 0;
  std::vector<Execution> waiting_;
  std::vector<Execution> running_;
};

RC_GTEST_PROP(EveryEstimator, IsDeterministicAndStatesQuantiles,
              (std::uint64_t seed, std::vector<std::uint64_t> more)) {
  for (const std::string_view name : estimator_names()) {
    RandomNode node(name, seed);
    std::uint64_t word = seed;
    for (int i = 0; i < 400; ++i) {
      word = word * 6364136223846793005 + 1442695040888963407;
      node.step(word >> 20);
    }
    for (const std::uint64_t step : more) node.step(step);
    if (!node.faults.empty()) RC_FAIL(std::string(name) + ": " + node.faults.front());
  }
}

TEST(EveryEstimator, IsFiniteWithAnyPriorAndQueue) {
  for (const std::string_view name : estimator_names()) {
    EtaConfig config;
    config.estimator = name;
    config.constant = config.prior = std::chrono::hours(24 * 3650);
    const auto estimator = make_estimator(config, 1);
    Backlog backlog;
    backlog.shares.push_back({.task = 0, .idle = 0, .instances = 1, .limit = 1000});
    backlog.running.push_back({.ordinal = 1,
                               .function = 0,
                               .task = 0,
                               .dispatched_at = Instant(),
                               .started_at = Instant(),
                               .deadline = Instant::never(),
                               .cold = false});
    backlog.waiting.resize(900, {.ordinal = 2,
                                 .function = 0,
                                 .rank = 0,
                                 .deadline = Instant::never(),
                                 .share = 0,
                                 .fresh = false});
    backlog.waiting.back().ordinal = 3;
    const NodeState node = {.now = Instant(),
                            .slots = 1,
                            .busy = 1,
                            .queued = 1'000'000,
                            .backlog = [&]() -> const Backlog& { return backlog; }};
    const Forecast forecast = estimator->predict({.function = 0,
                                                  .ordinal = 3,
                                                  .accepted_at = Instant(),
                                                  .dispatched_at = Instant::never(),
                                                  .ahead = 1'000'000},
                                                 node);
    EXPECT_GT(forecast.point, 24h * 300) << name;
    EXPECT_TRUE(std::ranges::is_sorted(forecast.quantiles)) << name;
  }
}

TEST(EveryEstimator, ReportsItsMemory) {
  for (const std::string_view name : estimator_names()) {
    const auto estimator = make(name);
    const std::size_t empty = estimator->bytes();
    EXPECT_GT(empty, 0U) << name;
    Acceptances node(*estimator);
    for (int i = 0; i < 2000; ++i) {
      node.accept();
      node.end(1s);
    }
    EXPECT_GE(estimator->bytes(), empty) << name;
    EXPECT_LT(estimator->bytes(), 60'000U) << name;
  }
}

// ---- The state estimators -----------------------------------------------------------------------

TEST(StateEstimator, LearnsTheDistribution) {
  for (const std::string_view name : {"state", "state+change", "state+calibrated", "best"}) {
    const auto estimator = make(name);
    Acceptances node(*estimator);
    for (int i = 0; i < 2000; ++i) {
      node.accept();
      node.end(i % 4 == 0 ? 8s : 1s);
    }
    const Forecast forecast = node.accept();
    EXPECT_NEAR(std::chrono::duration<double>(forecast.point).count(), 1, 0.1) << name;
    EXPECT_NEAR(std::chrono::duration<double>(forecast.quantiles[k90Level]).count(), 8, 0.8)
        << name;
  }
}

// Ignoring them would make the function look twice as fast as it is.
TEST(StateEstimator, LearnsFromExecutionsThatWereCutShort) {
  const auto estimator = make("state");
  Acceptances node(*estimator);
  // Uniform up to 10 s, cut at 5 s.
  for (int i = 0; i < 4000; ++i) {
    node.accept();
    const Duration took = std::chrono::milliseconds(i * 1597 % 1000 * 10 + 5);
    if (took < 5s) {
      node.end(took);
    } else {
      node.end(5s, spearlet::EXECUTION_STATUS_TIMEOUT);
    }
  }
  const Forecast forecast = node.accept();
  EXPECT_GT(forecast.quantiles[kMedianLevel], 4s);
  EXPECT_LT(forecast.quantiles[kMedianLevel], 6s);
  EXPECT_GT(forecast.quantiles[k90Level], 5s);
}

TEST(StateEstimator, NoticesThatEverythingTakesTwiceAsLong) {
  const auto completions = [](std::string_view name) {
    const auto estimator = make(name);
    Acceptances node(*estimator);
    for (int i = 0; i < 1000; ++i) {
      node.accept();
      node.end(1s + std::chrono::milliseconds(i * 37 % 200));
    }
    int count = 0;
    while (node.accept().point < 1800ms && count < 1000) {
      node.end(2 * (1s + std::chrono::milliseconds(count * 37 % 200)));
      ++count;
    }
    return count;
  };
  EXPECT_LT(completions("state+change"), 15);
  EXPECT_LT(completions("state"), 15) << "the last times predict the next";
}

Observation completion(std::uint64_t ordinal, FunctionIndex function, Duration time) {
  const Instant end{std::chrono::seconds(1000 + ordinal)};
  return {.function = function,
          .ordinal = ordinal,
          .accepted_at = end + -time,
          .deadline = Instant::never(),
          .dispatched_at = end + -time,
          .started_at = end + -time,
          .ended_at = end,
          .cold = false,
          .status = spearlet::EXECUTION_STATUS_COMPLETED};
}

// 100 functions of half an octave of spread about 1 s.
Duration usual_time(int i) { return 700ms + std::chrono::milliseconds(i * 37 % 100 * 7); }

// An estimator that knows a node of 100 functions; `proven`: it has met a slowdown before.
std::unique_ptr<Estimator> experienced(bool proven) {
  auto estimator = make("state+change");
  std::uint64_t ordinal = 0;
  const auto run = [&](int count, int factor) {
    for (int i = 0; i < count; ++i) {
      estimator->observe_end(
          completion(++ordinal, static_cast<FunctionIndex>(i * 61 % 100), factor * usual_time(i)));
    }
  };
  run(3000, 1);
  if (proven) {
    run(100, 2);
    run(100, 1);
  }
  return estimator;
}

// The forecast of an execution of a function beside `late` others that have run for `age`.
Forecast beside(Estimator& estimator, double age, std::size_t late) {
  Backlog backlog;
  const Instant now{100'000s};
  const Instant since =
      now + -std::chrono::duration_cast<Duration>(std::chrono::duration<double>(age));
  for (std::size_t i = 0; i < late; ++i) {
    backlog.running.push_back({.ordinal = 10'000 + i,
                               .function = static_cast<FunctionIndex>(i % 100),
                               .task = 0,
                               .dispatched_at = since,
                               .started_at = since,
                               .deadline = Instant::never(),
                               .cold = false});
  }
  backlog.shares.push_back({.task = 0, .idle = 1, .instances = 1, .limit = 1000});
  backlog.waiting.push_back({.ordinal = 20'000,
                             .function = 0,
                             .rank = 0,
                             .deadline = Instant::never(),
                             .share = 0,
                             .fresh = false});
  const NodeState node = {.now = now,
                          .slots = 1000,
                          .busy = static_cast<int>(late),
                          .queued = 0,
                          .backlog = [&]() -> const Backlog& { return backlog; }};
  return estimator.predict({.function = 0,
                            .ordinal = 20'000,
                            .accepted_at = now,
                            .dispatched_at = Instant::never(),
                            .ahead = 0},
                           node);
}

// No execution has ended at the new speed yet, but two dozen should have. That is believed once the
// speed filter has proven itself.
TEST(StateEstimator, LateExecutionsAreEvidenceOnceTheSpeedFilterIsProven) {
  const auto proven = experienced(true);
  EXPECT_LT(beside(*proven, 0.5, 24).point, 1300ms);
  EXPECT_GT(beside(*proven, 2.4, 24).point, 1600ms);
  const auto unproven = experienced(false);
  EXPECT_LT(beside(*unproven, 2.4, 24).point, 1300ms);
}

// An execution that has outlived every speed is no evidence of one.
TEST(StateEstimator, HangingExecutionsAreNoEvidence) {
  const auto estimator = experienced(true);
  EXPECT_LT(beside(*estimator, 10'000, 1).point, 1300ms);
  EXPECT_LT(beside(*estimator, 10'000, 300).point, 1300ms);
}

// The functions are called one after the other, 20 times each; the times of one function follow
// each other. Without proof, the filter takes a slow function for a slow node.
TEST(StateEstimator, TheSpeedFilterIsNotUsedOnAutocorrelatedTimes) {
  const auto estimator = make("state+change");
  const auto plain = make("state");
  std::uint64_t ordinal = 0;
  double changed = 0;
  int asked = 0;
  for (int round = 0; round < 20; ++round) {
    for (int function = 0; function < 12; ++function) {
      const int level = (round * 7 + function * 5) % 4 + 1;
      for (int i = 0; i < 20; ++i) {
        ++ordinal;
        const Observation end = completion(ordinal, static_cast<FunctionIndex>(function),
                                           level * usual_time(static_cast<int>(ordinal)));
        estimator->observe_end(end);
        plain->observe_end(end);
      }
      // The function of index 0 is asked about after a slow or fast run of another one.
      if (round < 5 || function == 0) continue;
      const auto of = [&](Estimator& one) {
        return std::chrono::duration<double>(beside(one, 0.1, 1).point).count();
      };
      changed += std::abs(std::log2(of(*estimator) / of(*plain)));
      ++asked;
    }
  }
  EXPECT_LT(changed / asked, 0.12);
}

TEST(StateEstimator, ForecastsAConstantExactly) {
  for (const std::string_view name : {"state", "state+change", "state+calibrated", "best"}) {
    const auto estimator = make(name);
    Acceptances node(*estimator);
    for (int i = 0; i < 3; ++i) {
      node.accept();
      node.end(5s);
    }
    EXPECT_NEAR(std::chrono::duration<double>(node.accept().point).count(), 5, 0.05) << name;
    node.end(5s);
    for (int i = 0; i < 60; ++i) {
      node.accept();
      node.end(5s);
    }
    const Forecast forecast = node.accept();
    EXPECT_EQ(forecast.point, 5s) << name;
    EXPECT_EQ(forecast.quantiles[1], 5s) << name;
    EXPECT_EQ(forecast.quantiles[k90Level], 5s) << name;
  }
}

}  // namespace
}  // namespace quintain::core::eta
