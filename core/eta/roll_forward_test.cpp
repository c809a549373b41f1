#include "core/eta/roll_forward.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <boost/math/distributions/gamma.hpp>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "core/eta/testing/tables.h"

namespace quintain::core::eta {
namespace {

using namespace std::chrono_literals;
using testing::constant_distribution;
using testing::exponential_distribution;
using testing::lognormal_distribution;
using testing::table_of;
using testing::uniform_distribution;

constexpr Instant kNow{1000s};
constexpr double kNever = 1e30;

Duration seconds(double s) { return Duration(static_cast<std::int64_t>(s * 1e9)); }
double in_seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

// ---- The questions ------------------------------------------------------------------------------

using Distribution = std::function<double(double p)>;

/// The distributions as formulas for the reference, and as tables for what is tested.
struct Function {
  Distribution service;
  Distribution cold_start = constant_distribution(0);
  float common = 0;
};

class KnownDistributions final : public Distributions {
 public:
  explicit KnownDistributions(const std::vector<Function>& functions) {
    for (const Function& function : functions) {
      service_.push_back(table_of(function.service, function.common));
      cold_start_.push_back(table_of(function.cold_start));
    }
  }
  const QuantileTable& service(FunctionIndex function) override { return service_.at(function); }
  const QuantileTable& cold_start(FunctionIndex function) override {
    return cold_start_.at(function);
  }
  const SpeedFactor& speed_factor() override { return speed_factor_; }
  const SpeedFactor& speed_factor_of(const RunningExecution&) override {
    return speed_factor_of_running_;
  }
  float unusual_for(Instant) override { return unusual_for_; }

  float unusual_for_ = kForever;
  SpeedFactor speed_factor_ = SpeedFactor::of(1);
  SpeedFactor speed_factor_of_running_ = SpeedFactor::of(1);

 private:
  std::vector<QuantileTable> service_;
  std::vector<QuantileTable> cold_start_;
};

/// A node at the instant of the question; times are in seconds from it.
struct Situation {
  struct Runs {
    double age;
    FunctionIndex function = 0;
    std::uint64_t task = 0;
    bool in_cold_start = false;
    double deadline = kNever;
  };
  struct Waits {
    FunctionIndex function = 0;
    std::uint64_t task = 0;
    double deadline = kNever;
    bool fresh = false;
    std::int64_t rank = 0;
  };
  struct Task {
    int idle = 1000;
    int limit = 100'000;
  };

  std::vector<Function> functions;
  int slots = 1;
  std::vector<Runs> running;
  std::vector<Waits> waiting;  // the target last
  std::map<std::uint64_t, Task> tasks = {{0, {}}};
  std::int64_t hidden_count = 0;
  Overtaking overtaking = Overtaking::kNever;

  /// Later arrivals: their number per second, and a function and a rank for each. By time: the rank
  /// is the deadline, in nanoseconds from the arrival.
  double arrival_rate = 0;
  struct Later {
    FunctionIndex function;
    std::int64_t rank;
  };
  std::vector<Later> later;  // equally likely
};

int instances_of(const Situation& situation, std::uint64_t task) {
  int held = situation.tasks.at(task).idle;
  for (const auto& running : situation.running) held += running.task == task ? 1 : 0;
  return held;
}

Backlog backlog_of(const Situation& situation) {
  Backlog backlog;
  const auto deadline = [](double d) { return d >= kNever ? Instant::never() : kNow + seconds(d); };
  std::uint64_t ordinal = 1;
  for (const auto& running : situation.running) {
    const Instant since = kNow + -seconds(running.age);
    backlog.running.push_back({.ordinal = ordinal++,
                               .function = running.function,
                               .task = running.task,
                               .dispatched_at = since,
                               .started_at = running.in_cold_start ? Instant::never() : since,
                               .deadline = deadline(running.deadline),
                               .cold = running.in_cold_start});
  }
  std::map<std::uint64_t, std::uint32_t> place;
  for (const auto& waiting : situation.waiting) {
    const auto [share, is_new] =
        place.try_emplace(waiting.task, static_cast<std::uint32_t>(backlog.shares.size()));
    if (is_new) {
      const Situation::Task& task = situation.tasks.at(waiting.task);
      backlog.shares.push_back({.task = waiting.task,
                                .idle = task.idle,
                                .instances = instances_of(situation, waiting.task),
                                .limit = task.limit});
    }
    backlog.waiting.push_back({.ordinal = ordinal++,
                               .function = waiting.function,
                               .rank = waiting.rank,
                               .deadline = deadline(waiting.deadline),
                               .share = share->second,
                               .fresh = waiting.fresh});
  }
  backlog.hidden_count = situation.hidden_count;
  return backlog;
}

struct Quantiles {
  double p50;
  double p90;
};

// ---- The reference: one course at a time, event by event ---------------------------------------

class Course {
 public:
  Course(const Situation& situation, std::mt19937_64& random)
      : situation_(situation), random_(random), slots_(situation.slots) {
    for (const auto& [number, task] : situation.tasks) {
      tasks_[number] = {.idle = task.idle, .instances = instances_of(situation, number)};
    }
    for (const auto& running : situation.running) {
      const Function& function = situation.functions[running.function];
      const double left = running.in_cold_start
                              ? rest(function.cold_start, running.age) + draw(function.service)
                              : rest(function.service, running.age);
      hold(running.task, std::min(left, running.deadline));
    }
    for (const auto& waiting : situation.waiting) queue_.push_back(waiting);
    for (std::int64_t i = 0; i < situation.hidden_count; ++i)
      queue_.push_front(situation.waiting[0]);
    target_ = std::prev(queue_.end());
  }

  double end_of_target() {
    double next_arrival = next_gap();
    for (double now = 0;;) {
      if (const double end = dispatch(now); end >= 0) return end;
      const double next_end = ends_.begin()->first;
      if (next_arrival < next_end) {
        now = next_arrival;
        next_arrival += next_gap();
        arrive(now);
        continue;
      }
      now = next_end;
      Task& task = tasks_.at(ends_.begin()->second);
      ends_.erase(ends_.begin());
      ++task.idle;
      ++slots_;
    }
  }

 private:
  struct Task {
    int idle;
    int instances;
  };

  double uniform() { return std::uniform_real_distribution<double>(1e-12, 1 - 1e-12)(random_); }
  double draw(const Distribution& distribution) { return distribution(uniform()); }
  double rest(const Distribution& distribution, double age) {
    for (;;) {
      const double whole = draw(distribution);
      if (whole >= age) return whole - age;
    }
  }
  double next_gap() {
    return situation_.arrival_rate > 0 ? -std::log(uniform()) / situation_.arrival_rate : kNever;
  }

  void hold(std::uint64_t task, double until) {
    ends_.emplace(until, task);
    --slots_;
  }

  void arrive(double now) {
    const auto which =
        static_cast<std::size_t>(uniform() * static_cast<double>(situation_.later.size()));
    const Situation::Later& later = situation_.later[which];
    const bool by_time = situation_.overtaking == Overtaking::kByRankAndTime;
    const auto rank =
        later.rank +
        (by_time ? static_cast<std::int64_t>(now * 1e9) + kNow.since_start().count() : 0);
    const auto behind = std::ranges::find_if(
        queue_, [&](const Situation::Waits& waiting) { return waiting.rank > rank; });
    queue_.insert(behind, {.function = later.function, .rank = rank});
  }

  // The end of the target, once it has started; otherwise -1.
  double dispatch(double now) {
    for (auto next = queue_.begin(); next != queue_.end() && slots_ > 0;) {
      const bool is_target = next == target_;
      if (!is_target && next->deadline <= now) {
        next = queue_.erase(next);
        continue;
      }
      Task& task = tasks_.at(next->task);
      const int limit = situation_.tasks.at(next->task).limit;
      if (task.idle == 0 && task.instances >= limit) {
        ++next;  // parked
        continue;
      }
      bool cold = false;
      if (task.idle > 0 && !next->fresh) {
        --task.idle;
      } else {
        cold = true;
        if (task.instances >= limit) {
          --task.idle;
        } else {
          ++task.instances;
        }
      }
      const Function& function = situation_.functions[next->function];
      const double end = now + draw(function.service) + (cold ? draw(function.cold_start) : 0);
      if (is_target) return end;
      hold(next->task, std::min(end, next->deadline));
      next = queue_.erase(next);
    }
    return -1;
  }

  const Situation& situation_;
  std::mt19937_64& random_;
  int slots_;
  std::map<std::uint64_t, Task> tasks_;
  std::multimap<double, std::uint64_t> ends_;
  std::list<Situation::Waits> queue_;
  std::list<Situation::Waits>::iterator target_;
};

Quantiles simulated(const Situation& situation, int courses = 40'000) {
  std::mt19937_64 random(1);
  std::vector<double> times;
  for (int i = 0; i < courses; ++i) times.push_back(Course(situation, random).end_of_target());
  std::ranges::sort(times);
  const auto at = [&](double p) {
    return times[static_cast<std::size_t>(p * static_cast<double>(courses))];
  };
  return {.p50 = at(0.5), .p90 = at(0.9)};
}

// ---- The tested code
// -----------------------------------------------------------------------------

NodeState node_of(const Situation& situation, const Backlog& backlog) {
  return {.now = kNow,
          .slots = situation.slots,
          .busy = static_cast<int>(situation.running.size()),
          .queued = static_cast<std::int64_t>(backlog.waiting.size()) - 1 + situation.hidden_count,
          .overtaking = situation.overtaking,
          .backlog = [&backlog]() -> const Backlog& { return backlog; }};
}

// Over many seeds: the lanes alone are a small sample.
Quantiles predicted(const Situation& situation, int seeds = 300) {
  KnownDistributions distributions(situation.functions);
  const Backlog backlog = backlog_of(situation);
  const NodeState node = node_of(situation, backlog);
  const Target target = {.function = backlog.waiting.back().function,
                         .ordinal = backlog.waiting.back().ordinal,
                         .accepted_at = kNow,
                         .dispatched_at = Instant::never(),
                         .ahead = node.queued};
  Quantiles sum{};
  for (int seed = 0; seed < seeds; ++seed) {
    RollForward roll_forward(static_cast<std::uint64_t>(seed));
    if (situation.arrival_rate > 0) {
      // The past was like the future.
      std::mt19937_64 random(static_cast<std::uint64_t>(seed));
      std::exponential_distribution<double> gap(situation.arrival_rate);
      std::vector<double> ages(256);
      double age = 0;
      for (double& past : ages) past = age += gap(random);
      for (std::size_t i = ages.size(); i-- > 0;) {
        const Situation::Later& later = situation.later[random() % situation.later.size()];
        const Instant at = kNow + -seconds(ages[i]);
        const bool by_time = situation.overtaking == Overtaking::kByRankAndTime;
        roll_forward.observe_arrival(later.function, at,
                                     later.rank + (by_time ? at.since_start().count() : 0));
      }
    }
    const Forecast forecast = roll_forward.predict(target, node, distributions);
    EXPECT_TRUE(std::ranges::is_sorted(forecast.quantiles));
    sum.p50 += in_seconds(forecast.quantiles[kMedianLevel]) / seeds;
    sum.p90 += in_seconds(forecast.quantiles[k90Level]) / seeds;
  }
  return sum;
}

// With 40,000 courses the median is known to 1 / (2 f sqrt(n)): 0.5 to 1 % for the distributions
// here.
void expect_like_simulation(const Situation& situation, double tolerance = 0.025) {
  const Quantiles truth = simulated(situation);
  const Quantiles forecast = predicted(situation);
  EXPECT_NEAR(forecast.p50 / truth.p50, 1, tolerance) << truth.p50;
  EXPECT_NEAR(forecast.p90 / truth.p90, 1, tolerance) << truth.p90;
}

Situation busy(int slots, std::size_t waiting, const Distribution& service) {
  Situation situation;
  situation.functions = {{.service = service}};
  situation.slots = slots;
  for (int i = 0; i < slots; ++i) situation.running.push_back({.age = 0.3 * (i % 5)});
  situation.waiting.resize(waiting + 1);
  return situation;
}

// ---- Exact values -------------------------------------------------------------------------------

// One slot and exponential times, whatever has passed of the running one: with n in front, the sum
// of n + 2 of them.
TEST(RollForward, WithOneExponentialServerTimesAreErlangs) {
  for (const std::size_t n : {0U, 1U, 5U, 20U, 60U}) {
    const boost::math::gamma_distribution<double> erlang(static_cast<double>(n + 2), 1);
    const Quantiles forecast = predicted(busy(1, n, exponential_distribution(1)));
    EXPECT_NEAR(forecast.p50 / quantile(erlang, 0.5), 1, 0.015) << n;
    EXPECT_NEAR(forecast.p90 / quantile(erlang, 0.9), 1, 0.02) << n;
  }
}

// The wait is then the time until n + 1 departures at rate c; a constant service time follows.
TEST(RollForward, WithManyExponentialServersWaitsAreErlangs) {
  for (const int slots : {2, 8}) {
    Situation situation = busy(slots, 10, exponential_distribution(1));
    situation.functions.push_back({.service = constant_distribution(3)});
    situation.waiting.back().function = 1;
    const boost::math::gamma_distribution<double> erlang(11, 1.0 / slots);
    const Quantiles forecast = predicted(situation);
    EXPECT_NEAR(forecast.p50, 3 + quantile(erlang, 0.5), 0.05) << slots;
    EXPECT_NEAR(forecast.p90, 3 + quantile(erlang, 0.9), 0.1) << slots;
  }
}

TEST(RollForward, ConstantTimesAddUp) {
  Situation situation = busy(1, 3, constant_distribution(10));
  situation.running[0].age = 4;
  const Quantiles forecast = predicted(situation, 3);
  EXPECT_NEAR(forecast.p50, 6 + 40, 0.01);
  EXPECT_NEAR(forecast.p90, 6 + 40, 0.01);
}

TEST(RollForward, ForecastsTheDistributionItselfOnAFreeSlot) {
  Situation situation;
  situation.functions = {{.service = lognormal_distribution(2, 1)}};
  situation.slots = 4;
  situation.running = {{.age = 1}};
  situation.waiting.resize(1);
  const Quantiles forecast = predicted(situation, 1);
  EXPECT_NEAR(forecast.p50, 2, 0.01);
  EXPECT_NEAR(forecast.p90, 2 * std::exp(1.2815516), 0.05);
}

TEST(RollForward, ForecastOfLanesInterpolatesOrderStatistics) {
  Lanes times{};
  for (std::size_t i = 0; i < kLanes; ++i) times[kLanes - 1 - i] = static_cast<float>(i);
  const Forecast forecast = forecast_of(times);
  EXPECT_NEAR(in_seconds(forecast.quantiles[kMedianLevel]), (kLanes - 1) / 2.0, 1e-4);
  EXPECT_NEAR(in_seconds(forecast.quantiles[0]), 0.05 * kLanes - 0.5, 1e-5);
  EXPECT_NEAR(in_seconds(forecast.quantiles[k90Level]), 0.9 * kLanes - 0.5, 1e-4);
  EXPECT_EQ(forecast.point, forecast.quantiles[kMedianLevel]);
}

TEST(RollForward, LongestTimesFitADuration) {
  Lanes times{};
  times.fill(1e30F);
  for (const Duration quantile : forecast_of(times).quantiles) EXPECT_GT(quantile, 280 * 8760h);
}

// A float has no exact 100.3; the forecast has.
TEST(RollForward, RoundsToSixDigits) {
  Lanes times{};
  for (const auto& [seconds, exact] : std::vector<std::pair<float, Duration>>{
           {5.0F, 5s}, {0.1F, 100ms}, {100.3F, 100'300ms}, {0.0F, 0s}, {1e-6F, 1us}}) {
    times.fill(seconds);
    for (const Duration quantile : forecast_of(times).quantiles) EXPECT_EQ(quantile, exact);
  }
}

// ---- Running executions -------------------------------------------------------------------------

Forecast of_running(const Situation& situation, const SpeedFactor& speed_factor) {
  KnownDistributions distributions(situation.functions);
  distributions.speed_factor_of_running_ = speed_factor;
  const Backlog backlog = backlog_of(situation);
  RollForward roll_forward(1);
  return roll_forward.predict({.function = 0,
                               .ordinal = 1,
                               .accepted_at = kNow + -100s,
                               .dispatched_at = backlog.running[0].dispatched_at,
                               .ahead = 0},
                              node_of(situation, backlog), distributions);
}

TEST(RollForward, ForecastsARunningExecutionByItsAge) {
  Situation situation;
  situation.functions = {{.service = uniform_distribution(10)}};
  situation.running = {{.age = 4}};
  EXPECT_NEAR(in_seconds(of_running(situation, SpeedFactor::of(1)).point), 3, 0.02);
  EXPECT_NEAR(in_seconds(of_running(situation, SpeedFactor::of(2)).point), 8, 0.02);
}

TEST(RollForward, DoubtAboutTheSpeedWidensTheForecast) {
  Situation situation;
  situation.functions = {{.service = constant_distribution(10)}};
  situation.running = {{.age = 4}};
  SpeedFactor doubt = SpeedFactor::of(1);
  std::fill(doubt.factor.begin() + kLanes / 2, doubt.factor.end(), 2.0F);
  doubt.uniform = false;
  const Forecast forecast = of_running(situation, doubt);
  EXPECT_NEAR(in_seconds(forecast.quantiles[2]), 6, 0.1);
  EXPECT_NEAR(in_seconds(forecast.quantiles[16]), 16, 0.1);
}

TEST(RollForward, AColdStartIsFollowedByTheService) {
  Situation situation;
  situation.functions = {
      {.service = constant_distribution(10), .cold_start = uniform_distribution(4)}};
  situation.running = {{.age = 2, .in_cold_start = true}};
  EXPECT_NEAR(in_seconds(of_running(situation, SpeedFactor::of(1)).point), 11, 0.05);
  EXPECT_NEAR(in_seconds(of_running(situation, SpeedFactor::of(3)).point), 31, 0.05)
      << "the speed factor does not apply to cold starts";
}

// ---- Against the reference ----------------------------------------------------------------------

TEST(RollForward, QueuesAreAsSimulated) {
  for (const int slots : {1, 2, 8}) {
    for (const std::size_t waiting : {0U, 3U, 20U, 70U}) {
      SCOPED_TRACE(std::to_string(slots) + " slots, " + std::to_string(waiting) + " in front");
      expect_like_simulation(busy(slots, waiting, lognormal_distribution(1, 1)));
    }
  }
}

TEST(RollForward, FreeSlotsAreAsSimulated) {
  Situation situation = busy(8, 5, lognormal_distribution(1, 1));
  situation.running.resize(5);
  expect_like_simulation(situation);
  situation.running.clear();
  situation.waiting.resize(20);
  expect_like_simulation(situation);
}

TEST(RollForward, DifferentFunctionsAreAsSimulated) {
  Situation situation = busy(2, 6, exponential_distribution(1));
  situation.functions.push_back({.service = lognormal_distribution(5, 0.5)});
  situation.functions.push_back({.service = constant_distribution(0.1)});
  for (std::size_t i = 0; i < situation.waiting.size(); ++i) {
    situation.waiting[i].function = static_cast<FunctionIndex>(i % 3);
  }
  situation.running[1] = {.age = 3, .function = 1};
  expect_like_simulation(situation);
}

TEST(RollForward, ColdStartsAreAsSimulated) {
  for (const int idle : {0, 1, 3}) {
    SCOPED_TRACE(idle);
    Situation situation = busy(3, 5, exponential_distribution(1));
    situation.functions[0].cold_start = lognormal_distribution(2, 0.5);
    situation.running.resize(2);
    situation.tasks[0] = {.idle = idle};
    expect_like_simulation(situation);
  }
}

// An instance that a running execution returns is warm for the next of its task alone.
TEST(RollForward, ReturningInstancesAreAsSimulated) {
  Situation situation = busy(2, 3, exponential_distribution(1));
  situation.functions[0].cold_start = constant_distribution(3);
  situation.tasks = {{0, {.idle = 0}}, {1, {.idle = 0}}};
  situation.running[0].task = 1;
  situation.waiting[0].task = 1;
  situation.waiting[2].task = 1;
  expect_like_simulation(situation);
}

TEST(RollForward, OneInItsColdStartInFrontIsAsSimulated) {
  Situation situation = busy(1, 2, exponential_distribution(1));
  situation.functions[0].cold_start = lognormal_distribution(3, 0.7);
  situation.running[0] = {.age = 2, .in_cold_start = true};
  expect_like_simulation(situation);
}

TEST(RollForward, FreshInstancesAreAsSimulated) {
  Situation situation = busy(2, 4, exponential_distribution(1));
  situation.functions[0].cold_start = constant_distribution(2);
  situation.tasks[0] = {.idle = 2};
  situation.waiting[1].fresh = true;
  situation.waiting.back().fresh = true;
  expect_like_simulation(situation);
  // Each takes the place of one that is idle.
  situation.tasks[0].limit = 4;
  expect_like_simulation(situation);
  // Or waits for one.
  situation.tasks[0] = {.idle = 0, .limit = 2};
  expect_like_simulation(situation);
}

TEST(RollForward, ALimitOfTheTaskIsAsSimulated) {
  for (const int limit : {1, 2}) {
    SCOPED_TRACE(limit);
    Situation situation = busy(4, 4, exponential_distribution(1));
    situation.functions[0].cold_start = constant_distribution(0.5);
    situation.running.resize(2);
    situation.running[0].task = 1;
    situation.tasks = {{0, {}}, {1, {.idle = 0, .limit = limit}}};
    for (auto& waiting : situation.waiting) waiting.task = 1;
    expect_like_simulation(situation);
  }
}

// Other executions overtake those that wait for an instance of their task.
TEST(RollForward, OvertakingALimitedTaskIsAsSimulated) {
  Situation situation = busy(2, 4, exponential_distribution(1));
  situation.tasks = {{0, {}}, {1, {.idle = 0, .limit = 1}}};
  situation.running[0].task = 1;
  situation.waiting[0].task = 1;
  situation.waiting[1].task = 1;
  expect_like_simulation(situation, 0.06);
}

TEST(RollForward, DeadlinesAreAsSimulated) {
  Situation situation = busy(1, 6, lognormal_distribution(2, 1));
  situation.running[0].deadline = 1.5;
  for (std::size_t i = 0; i + 1 < situation.waiting.size(); ++i) {
    situation.waiting[i].deadline =
        2 + static_cast<double>(i % 3);  // some in the queue, some later
  }
  situation.waiting.back().deadline = 1;  // not applied to the target
  expect_like_simulation(situation);
  situation.slots = 3;
  situation.running.push_back({.age = 0.5});
  situation.running.push_back({.age = 0.1, .deadline = 0.2});
  expect_like_simulation(situation);
}

// An execution that never starts takes no instance.
TEST(RollForward, DeadlinesInTheQueueOfALimitedTaskAreAsSimulated) {
  for (const int idle : {0, 1}) {
    SCOPED_TRACE(idle);
    Situation situation = busy(1, 6, exponential_distribution(2));
    situation.functions[0].cold_start = constant_distribution(1);
    situation.tasks[0] = {.idle = idle, .limit = 1 + idle};
    for (auto& waiting : situation.waiting) waiting.deadline = 1;
    expect_like_simulation(situation);
  }
  // With slots to spare, they wait for the one instance.
  Situation situation = busy(3, 6, exponential_distribution(2));
  situation.running.resize(1);
  situation.tasks[0] = {.idle = 0, .limit = 1};
  for (auto& waiting : situation.waiting) waiting.deadline = 1;
  expect_like_simulation(situation);
}

TEST(RollForward, LongQueuesAreAsSimulated) {
  for (const int slots : {1, 4}) {
    SCOPED_TRACE(slots);
    Situation situation = busy(slots, 400, lognormal_distribution(1, 1));
    const Quantiles truth = simulated(situation, 4000);
    const Quantiles forecast = predicted(situation);
    EXPECT_NEAR(forecast.p50 / truth.p50, 1, 0.015);
    EXPECT_NEAR(forecast.p90 / truth.p90, 1, 0.02);
  }
}

TEST(RollForward, QueuesLongerThanListedAreAsSimulated) {
  Situation situation = busy(2, 999, exponential_distribution(1));
  situation.hidden_count = 2000;
  const Quantiles truth = simulated(situation, 1000);
  const Quantiles forecast = predicted(situation, 50);
  EXPECT_NEAR(forecast.p50 / truth.p50, 1, 0.015);
  // The distribution of the hidden executions is known from a sample, so the forecast is wider.
  EXPECT_GT(forecast.p90, truth.p90 * 0.99);
  EXPECT_LT(forecast.p90, truth.p90 * 1.04);
}

TEST(RollForward, HundredsOfSlotsAreAsSimulated) {
  Situation situation = busy(600, 1200, lognormal_distribution(1, 0.5));
  const Quantiles truth = simulated(situation, 500);
  const Quantiles forecast = predicted(situation, 30);
  EXPECT_NEAR(forecast.p50 / truth.p50, 1, 0.04);
  EXPECT_NEAR(forecast.p90 / truth.p90, 1, 0.05);
}

// One in three goes first.
TEST(RollForward, LaterArrivalsByPriorityAreAsSimulated) {
  Situation situation = busy(2, 4, exponential_distribution(1));
  situation.overtaking = Overtaking::kByRank;
  situation.functions.push_back({.service = lognormal_distribution(0.5, 1)});
  situation.arrival_rate = 1.6;
  situation.later = {
      {.function = 1, .rank = -1}, {.function = 0, .rank = 0}, {.function = 0, .rank = 5}};
  expect_like_simulation(situation, 0.05);
}

// By deadline: the later an execution arrives, the less likely it goes first.
TEST(RollForward, LaterArrivalsByDeadlineAreAsSimulated) {
  Situation situation = busy(1, 4, exponential_distribution(1));
  situation.overtaking = Overtaking::kByRankAndTime;
  situation.arrival_rate = 0.6;
  situation.later = {{.function = 0, .rank = 2'000'000'000},
                     {.function = 0, .rank = 20'000'000'000}};
  const std::int64_t now = kNow.since_start().count();
  for (auto& waiting : situation.waiting) waiting.rank = now + 5'000'000'000;
  expect_like_simulation(situation, 0.05);
}

TEST(RollForward, IgnoresLaterArrivalsThatMayNotGoFirst) {
  Situation situation = busy(1, 2, exponential_distribution(1));
  situation.arrival_rate = 0.8;
  situation.later = {{.function = 0, .rank = -1}};
  const Quantiles forecast = predicted(situation);
  situation.arrival_rate = 0;
  const Quantiles without = predicted(situation);
  EXPECT_EQ(forecast.p50, without.p50);
}

// The last times of a function predict the next one and not the hundredth.
TEST(RollForward, UsesTheLongRunFarDownTheQueue) {
  class FollowedDistributions final : public Distributions {
   public:
    const QuantileTable& service(FunctionIndex) override { return next_; }
    const QuantileTable& long_run_service(FunctionIndex) override { return long_run_; }
    const QuantileTable& cold_start(FunctionIndex) override { return next_; }
    const SpeedFactor& speed_factor() override { return speed_factor_; }
    const SpeedFactor& speed_factor_of(const RunningExecution&) override { return speed_factor_; }

   private:
    QuantileTable next_ = table_of(constant_distribution(2));
    QuantileTable long_run_ = table_of(constant_distribution(1));
    SpeedFactor speed_factor_ = SpeedFactor::of(1);
  };
  for (const auto& [ahead, expected] :
       std::vector<std::pair<std::size_t, double>>{{0, 4}, {15, 34}, {16, 35}, {200, 219}}) {
    Situation situation = busy(1, ahead, constant_distribution(1));
    situation.running[0].age = 0;
    FollowedDistributions distributions;
    const Backlog backlog = backlog_of(situation);
    RollForward roll_forward(1);
    const Forecast forecast = roll_forward.predict({.function = 0,
                                                    .ordinal = backlog.waiting.back().ordinal,
                                                    .accepted_at = kNow,
                                                    .dispatched_at = Instant::never(),
                                                    .ahead = static_cast<std::int64_t>(ahead)},
                                                   node_of(situation, backlog), distributions);
    EXPECT_NEAR(in_seconds(forecast.point), expected, 0.5) << ahead;
  }
}

// What is not known of a function is the same for all its executions, so that it does not average
// out over a queue: neither over the executions that are simulated nor over those behind them.
TEST(RollForward, DoubtAboutAFunctionDoesNotAverageOut) {
  for (const std::size_t ahead : {60U, 600U}) {
    Situation situation = busy(1, ahead, lognormal_distribution(1, 1));
    const Quantiles known = predicted(situation);
    EXPECT_LT(known.p90 / known.p50, 1.3) << ahead;
    situation.functions[0].common = 1;
    const Quantiles unknown = predicted(situation);
    // Every execution takes as long as the others: the sum is distributed as one of them.
    EXPECT_NEAR(unknown.p90 / unknown.p50, std::exp(1.2815516), 0.5) << ahead;
    EXPECT_NEAR(unknown.p50 / static_cast<double>(ahead), 1, 0.2) << ahead;
  }
}

// What is not known of two functions is independent.
TEST(RollForward, DoubtsAboutDifferentFunctionsAverageOut) {
  Situation situation = busy(1, 60, lognormal_distribution(1, 1));
  situation.functions.resize(30, situation.functions[0]);
  for (Function& function : situation.functions) function.common = 1;
  for (std::size_t i = 0; i < situation.waiting.size(); ++i) {
    situation.waiting[i].function = static_cast<FunctionIndex>(i % 30);
  }
  const Quantiles forecast = predicted(situation);
  EXPECT_LT(forecast.p90 / forecast.p50, 1.6);
}

// ---- Executions that are alike -----------------------------------------------------------------

// The running execution has outlived 90 % of the distribution: so will those that are like it.
TEST(RollForward, WhatRunsForLongTellsOfThoseThatAreLikeIt) {
  Situation situation = busy(1, 20, lognormal_distribution(1, 1));
  situation.functions.push_back(situation.functions[0]);
  situation.running[0].age = std::exp(1.2815516);
  const Quantiles unlike = predicted(situation);
  situation.functions[0].common = 1;
  const Quantiles alike = predicted(situation);
  EXPECT_GT(alike.p50, 3 * unlike.p50);
  // The target on a free slot, and behind the running one.
  for (const int slots : {1, 2}) {
    situation.slots = slots;
    situation.waiting.resize(1);
    EXPECT_GT(predicted(situation).p50, std::exp(1.2815516)) << slots;
  }
  // One of another function.
  situation.waiting[0].function = 1;
  EXPECT_NEAR(predicted(situation).p50, 1, 0.1);
}

// The less alike they are, the less it tells.
TEST(RollForward, WhatRunsTellsLittleOfThoseThatAreHardlyLikeIt) {
  Situation situation = busy(2, 0, lognormal_distribution(1, 1));
  situation.running.resize(1);
  situation.running[0].age = 30;
  double last = 0;
  for (const float common : {0.0F, 0.1F, 0.5F, 0.9F}) {
    situation.functions[0].common = common;
    const double p50 = predicted(situation).p50;
    EXPECT_GT(p50, last) << common;
    last = p50;
    if (common == 0.1F) {
      EXPECT_LT(p50, 1.2);
    }
  }
  EXPECT_GT(last, 3);
}

// What corrects a sum must not make one time longer than anything that was seen.
TEST(RollForward, CorrectionsOfTheSumKeepTheBound) {
  WorkAhead work;
  for (FunctionIndex i = 0; i < 2000; ++i) work.observe(0, 16, 1, 0.01F);
  class Corrected final : public Distributions {
   public:
    explicit Corrected(const WorkAhead& work) : work_(work) {
      std::array<float, QuantileTable::kWanted> quantiles{};
      quantiles.fill(1);
      table_.assign(quantiles, 2);
    }
    const QuantileTable& service(FunctionIndex) override { return table_; }
    const QuantileTable& cold_start(FunctionIndex) override { return table_; }
    const SpeedFactor& speed_factor() override { return usual_; }
    const SpeedFactor& speed_factor_of(const RunningExecution&) override { return usual_; }
    const WorkAhead* work_ahead() override { return &work_; }

   private:
    const WorkAhead& work_;
    QuantileTable table_;
    SpeedFactor usual_ = SpeedFactor::of(1);
  } corrected(work);
  const Situation situation = busy(1, 20, constant_distribution(1));
  const Backlog backlog = backlog_of(situation);
  const Forecast forecast = RollForward(1).predict({.function = 0,
                                                    .ordinal = backlog.waiting.back().ordinal,
                                                    .accepted_at = kNow,
                                                    .dispatched_at = Instant::never(),
                                                    .ahead = 20},
                                                   node_of(situation, backlog), corrected);
  EXPECT_NEAR(in_seconds(forecast.point), 20 * 2 + 2, 1);
}

// ---- Speed factor -------------------------------------------------------------------------------

TEST(RollForward, AppliesTheSpeedFactorToEveryExecution) {
  Situation situation = busy(1, 200, constant_distribution(1));
  situation.running[0].age = 0;
  KnownDistributions distributions(situation.functions);
  distributions.speed_factor_ = SpeedFactor::of(3);
  distributions.speed_factor_of_running_ = SpeedFactor::of(2);
  const Backlog backlog = backlog_of(situation);
  RollForward roll_forward(1);
  const Forecast forecast = roll_forward.predict({.function = 0,
                                                  .ordinal = backlog.waiting.back().ordinal,
                                                  .accepted_at = kNow,
                                                  .dispatched_at = Instant::never(),
                                                  .ahead = 200},
                                                 node_of(situation, backlog), distributions);
  EXPECT_NEAR(in_seconds(forecast.point), 2 + 201 * 3, 1);
}

// As likely as not the speed is usual again after as long as it has been unusual.
TEST(RollForward, AnUnusualSpeedMayEnd) {
  const Situation situation = busy(1, 30, constant_distribution(1));
  KnownDistributions distributions(situation.functions);
  const Backlog backlog = backlog_of(situation);
  const auto forecast = [&](float factor, float unusual_for) {
    distributions.speed_factor_ = distributions.speed_factor_of_running_ = SpeedFactor::of(factor);
    distributions.unusual_for_ = unusual_for;
    return RollForward(1).predict({.function = 0,
                                   .ordinal = backlog.waiting.back().ordinal,
                                   .accepted_at = kNow,
                                   .dispatched_at = Instant::never(),
                                   .ahead = 30},
                                  node_of(situation, backlog), distributions);
  };
  const double usual = in_seconds(forecast(1, 10).point);
  EXPECT_NEAR(in_seconds(forecast(4, Distributions::kForever).point), 4 * usual, 0.5);
  // Ten seconds at a quarter of the speed, the rest at the usual one.
  EXPECT_NEAR(in_seconds(forecast(4, 10).point), 10 + usual - 10.0 / 4, 1);
  EXPECT_NEAR(in_seconds(forecast(0.25F, 2).point), 2 + usual - 2 / 0.25, 1);
  // Nine times out of ten it lasts for more than a ninth of its past.
  EXPECT_NEAR(in_seconds(forecast(4, 10).quantiles[1]), usual + 10.0 / 9 * 3 / 4, 1);
  EXPECT_NEAR(in_seconds(forecast(4, 1e4F).quantiles[1]), 4 * usual, 0.5);
}

TEST(RollForward, RepeatsItsForecastForTheSameSeed) {
  const Situation situation = busy(2, 8, lognormal_distribution(1, 1));
  const Quantiles one = predicted(situation, 2);
  const Quantiles again = predicted(situation, 2);
  EXPECT_EQ(one.p50, again.p50);
  EXPECT_EQ(one.p90, again.p90);
}

TEST(RollForward, ReportsItsMemory) {
  RollForward roll_forward(1);
  const std::size_t empty = roll_forward.bytes();
  EXPECT_GE(empty, 128 * kLanes);
  for (int i = 0; i < 300; ++i) roll_forward.observe_arrival(0, kNow, 0);
  EXPECT_GE(roll_forward.bytes(), empty + 256 * 24);
  EXPECT_LT(roll_forward.bytes(), empty + 512 * 32) << "a ring does not grow";
}

}  // namespace
}  // namespace quintain::core::eta
