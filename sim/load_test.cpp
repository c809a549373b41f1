#include "sim/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/testing/calls.h"

namespace quintain::sim {
namespace {

using namespace std::chrono_literals;
using core::Instant;
using core::testing::async_request;
using core::testing::sync_request;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::Lt;
using ::testing::SizeIs;

NodeSpec node_spec(const Distribution& service = distribution::Constant{100ms}) {
  NodeSpec spec;
  spec.config.slots = 1000;
  FunctionModel function;
  function.task = "task";
  function.service = service;
  spec.functions.push_back(function);
  return spec;
}

Load open_load(ArrivalSpec arrivals) {
  Load load;
  load.name = "load";
  load.request = sync_request();
  load.arrivals = std::move(arrivals);
  return load;
}

Load closed_load(int clients, const Distribution& think) {
  Load load;
  load.name = "load";
  load.request = sync_request();
  load.arrivals = ClosedLoop{.clients = clients, .think = think};
  return load;
}

// The calls of a load and their answers, from the history.
struct Played {
  std::vector<Instant> sent;
  std::vector<Instant> answered;
  std::int64_t gone = 0;
  std::int64_t most_open = 0;
  std::int64_t calls = 0;
  std::int64_t refused = 0;
  bool finished = false;
};

Played play(const Load& load, const NodeSpec& spec = node_spec(),
            core::Duration until = std::chrono::hours(10)) {
  World world(/*seed=*/1);
  world.add_node(spec);
  LoadGenerator generator(world, load, 0);
  world.kernel().run(Instant(until),
                     [&] { return generator.finished() && world.open_calls() == 0; });
  Played played;
  std::int64_t open = 0;
  for (const Event& event : world.history().events()) {
    switch (event.kind) {
      case EventKind::kCallSent:
        played.sent.push_back(event.at);
        played.most_open = std::max(played.most_open, ++open);
        break;
      case EventKind::kCallAnswered:
      case EventKind::kCallRefused:
        played.answered.push_back(event.at);
        --open;
        break;
      case EventKind::kCallerGone:
        ++played.gone;
        break;
      default:
        break;
    }
  }
  played.calls = generator.calls();
  played.refused = generator.refused();
  played.finished = generator.finished();
  return played;
}

// ---- Open loads ---------------------------------------------------------------------------------

TEST(OpenLoad, CallsAtGivenTimes) {
  const Played played = play(open_load(arrivals::AtTimes{{Instant(1s), Instant(1s), Instant(3s)}}));
  EXPECT_THAT(played.sent, ElementsAre(Instant(1s), Instant(1s), Instant(3s)));
  EXPECT_THAT(played.answered, ElementsAre(Instant(1100ms), Instant(1100ms), Instant(3100ms)));
  EXPECT_EQ(played.calls, 3);
  EXPECT_TRUE(played.finished);
}

TEST(OpenLoad, CallsAtIntervalsFromUntil) {
  Load load = open_load(arrivals::Deterministic{.interval = 2s, .start = Instant(1s)});
  load.from = Instant(10s);
  load.until = Instant(17s);
  EXPECT_THAT(play(load).sent, ElementsAre(Instant(11s), Instant(13s), Instant(15s)))
      << "there is no call at `until`";
}

TEST(OpenLoad, MakesNoMoreCallsThanItsCount) {
  Load load = open_load(arrivals::Deterministic{.interval = 1s, .start = Instant()});
  load.count = 4;
  const Played played = play(load);
  EXPECT_THAT(played.sent, ElementsAre(Instant(0s), Instant(1s), Instant(2s), Instant(3s)));
  EXPECT_TRUE(played.finished);
}

TEST(OpenLoad, PerMinuteCountsAreExact) {
  const Played played = play(open_load(arrivals::PerMinute{{3, 0, 2}}));
  ASSERT_THAT(played.sent, SizeIs(5));
  EXPECT_LT(played.sent[2], Instant(1min));
  EXPECT_GE(played.sent[3], Instant(2min));
  EXPECT_LT(played.sent[4], Instant(3min));
}

TEST(OpenLoad, RandomArrivalsComeAtTheirRate) {
  const std::vector<std::pair<std::string, ArrivalSpec>> specs = {
      {"poisson", arrivals::Poisson{10}},
      {"renewal", arrivals::Renewal{distribution::Uniform{50ms, 150ms}}},
      {"diurnal", arrivals::Diurnal{.mean_rate = 10, .amplitude = 1, .period = 100s, .phase = 0s}},
      {"mmpp",
       arrivals::Mmpp{{{.rate = 5, .mean_sojourn = 1s}, {.rate = 15, .mean_sojourn = 1s}}}}};
  for (const auto& [name, spec] : specs) {
    Load load = open_load(spec);
    load.from = Instant(100s);
    load.until = Instant(500s);
    const Played played = play(load);
    EXPECT_THAT(played.sent, Each(Ge(Instant(100s)))) << name;
    EXPECT_THAT(played.sent, Each(Lt(Instant(500s)))) << name;
    // 4000 calls; the deviation is 63 for a Poisson process and 89 for this modulated one.
    EXPECT_NEAR(static_cast<double>(played.sent.size()), 4000, 4 * 89) << name;
    EXPECT_EQ(played.answered.size(), played.sent.size()) << name;
  }
}

TEST(OpenLoad, CountsRefusals) {
  NodeSpec spec = node_spec();
  spec.config.slots = 1;
  spec.config.queue_limit = 1;
  Load load = open_load(arrivals::AtTimes{std::vector<Instant>(5, Instant(1s))});
  const Played played = play(load, spec);
  EXPECT_EQ(played.calls, 5);
  EXPECT_EQ(played.refused, 3);
  EXPECT_THAT(played.answered, SizeIs(5));
}

TEST(OpenLoad, ADeadlineBoundsEveryCall) {
  Load load = open_load(arrivals::Deterministic{.interval = 1s, .start = Instant()});
  load.count = 3;
  load.deadline = 30ms;
  const Played played = play(load);
  EXPECT_THAT(played.answered, ElementsAre(Instant(30ms), Instant(1030ms), Instant(2030ms)))
      << "the node ends them at the deadline, before the callers go";
  EXPECT_EQ(played.gone, 0);
}

TEST(OpenLoad, AsyncCallsAreAnsweredAtOnce) {
  Load load = open_load(arrivals::AtTimes{{Instant(1s), Instant(2s)}});
  load.request = async_request();
  load.deadline = 10ms;
  const Played played = play(load);
  EXPECT_THAT(played.answered, ElementsAre(Instant(1s), Instant(2s)));
  EXPECT_EQ(played.most_open, 1);
}

TEST(OpenLoad, AnotherLoadDoesNotShiftItsArrivals) {
  Load load = open_load(arrivals::Poisson{10});
  load.count = 50;
  const auto arrivals_of = [&](bool with_other) {
    World world(/*seed=*/1);
    world.add_node(node_spec());
    world.add_node(node_spec());
    Load other = load;
    other.node = 1;
    LoadGenerator generator(world, load, 0);
    std::unique_ptr<LoadGenerator> second;
    if (with_other) second = std::make_unique<LoadGenerator>(world, other, 1);
    world.kernel().run_until(Instant(1h));
    std::map<std::uint32_t, std::vector<Instant>> sent;
    for (const Event& event : world.history().events()) {
      if (event.kind == EventKind::kCallSent) sent[event.execution.node].push_back(event.at);
    }
    return sent;
  };
  auto alone = arrivals_of(false);
  auto together = arrivals_of(true);
  EXPECT_THAT(alone[0], SizeIs(50));
  EXPECT_EQ(alone[0], together[0]);
  EXPECT_NE(together[0], together[1]);
}

// ---- Closed loads -------------------------------------------------------------------------------

TEST(ClosedLoad, ClientsThinkBeforeEveryCall) {
  Load load = closed_load(1, distribution::Constant{400ms});
  load.count = 3;
  const Played played = play(load);
  EXPECT_THAT(played.sent, ElementsAre(Instant(400ms), Instant(900ms), Instant(1400ms)));
  EXPECT_THAT(played.answered, ElementsAre(Instant(500ms), Instant(1s), Instant(1500ms)));
  EXPECT_TRUE(played.finished);
}

TEST(ClosedLoad, HasAtMostOneOpenCallPerClient) {
  Load load = closed_load(7, distribution::Constant{0ms});
  load.count = 200;
  const Played played = play(load, node_spec(distribution::Exponential{100ms}));
  EXPECT_EQ(played.most_open, 7);
  EXPECT_EQ(played.calls, 200);
  EXPECT_THAT(played.answered, SizeIs(200));
}

TEST(ClosedLoad, HasNoCallsBeforeFromOrAtUntil) {
  Load load = closed_load(3, distribution::Exponential{200ms});
  load.from = Instant(5s);
  load.until = Instant(20s);
  const Played played = play(load);
  EXPECT_THAT(played.sent, Each(Ge(Instant(5s))));
  EXPECT_THAT(played.sent, Each(Lt(Instant(20s))));
  EXPECT_GT(played.sent.size(), 50U);
  EXPECT_TRUE(played.finished);
}

TEST(ClosedLoad, ClientsDrawDifferentThinkTimes) {
  Load load = closed_load(5, distribution::Exponential{1s});
  load.count = 5;
  const Played played = play(load);
  ASSERT_THAT(played.sent, SizeIs(5));
  EXPECT_EQ(std::ranges::adjacent_find(played.sent), played.sent.end());
}

TEST(ClosedLoad, ARefusedClientThinksAndTriesAgain) {
  Load load = closed_load(1, distribution::Constant{1s});
  load.request = sync_request({.task = "missing"});
  load.count = 3;
  const Played played = play(load);
  EXPECT_THAT(played.sent, ElementsAre(Instant(1s), Instant(2s), Instant(3s)));
  EXPECT_EQ(played.refused, 3);
}

// Little's law: with think time 1 s and service 1 s, ten clients make five calls a second.
TEST(ClosedLoad, MeetsLittlesLaw) {
  Load load = closed_load(10, distribution::Exponential{1s});
  load.until = Instant(2000s);
  const Played played = play(load, node_spec(distribution::Exponential{1s}));
  EXPECT_NEAR(static_cast<double>(played.sent.size()) / 2000, 5, 0.15);
}

TEST(LoadGenerator, ItsDestructionClosesTheWorld) {
  World world(/*seed=*/1);
  world.add_node(node_spec());
  {
    LoadGenerator generator(world, open_load(arrivals::AtTimes{{Instant(1s)}}), 0);
    EXPECT_FALSE(generator.finished());
    world.kernel().run_until(Instant(1s));
    EXPECT_TRUE(generator.finished());
    EXPECT_EQ(world.open_calls(), 1);
  }
  EXPECT_EQ(world.open_calls(), 0);
}

// ---- Callers that do more than call -------------------------------------------------------------

// P(a customer leaves the queue) of M/M/c+M (C. Palm, 1943), by the stationary distribution of the
// number of customers, in which n customers leave at the rate min(n, c) service + (n - c) patience.
double probability_of_leaving(int servers, double arrival, double service, double patience) {
  double weight = 1;
  double sum = 1;
  double leaving = 0;
  for (int n = 1; n < 1000; ++n) {
    const double waiting = std::max(n - servers, 0);
    weight *= arrival / (std::min(n, servers) * service + waiting * patience);
    sum += weight;
    leaving += weight * waiting * patience;
  }
  return leaving / sum / arrival;
}

// The batches are long beside the time in which the queue forgets its past, so that their shares
// are almost independent.
struct Ends final : HistoryListener {
  void on_event(const Event& event) override {
    const auto batch = static_cast<std::size_t>(event.at.since_start() / std::chrono::hours(1));
    if (batch >= kBatches) return;
    if (event.kind == EventKind::kAccepted) ++accepted[batch];
    if (event.to == spearlet::EXECUTION_STATUS_CANCELLED) ++left[batch];
  }
  static constexpr std::size_t kBatches = 24;
  std::array<double, kBatches> accepted{};
  std::array<double, kBatches> left{};
};

class Patience : public ::testing::TestWithParam<spearlet::ExecutionMode> {};

TEST_P(Patience, LeavesTheQueueAsOftenAsInTheory) {
  const double theory = probability_of_leaving(10, 9, 1, 0.5);
  ASSERT_NEAR(theory, 0.0670117154734, 1e-12);
  NodeSpec spec = node_spec(distribution::Exponential{1s});
  spec.config.slots = 10;
  spec.config.queue_limit = 1'000'000;
  spec.config.eta.estimator = "constant";
  Load load = open_load(arrivals::Poisson{.rate = 9});
  load.request.set_execution_mode(GetParam());
  load.patience = distribution::Exponential{2s};
  World world(/*seed=*/1);
  world.add_node(spec);
  Ends ends;
  world.history().add_listener(ends);
  LoadGenerator generator(world, load, 0);
  world.kernel().run_until(Instant(std::chrono::hours(Ends::kBatches)));
  double sum = 0;
  double squares = 0;
  for (std::size_t i = 1; i < Ends::kBatches; ++i) {  // the first is a warm-up
    const double share = ends.left[i] / ends.accepted[i];
    sum += share;
    squares += share * share;
  }
  constexpr double kCount = Ends::kBatches - 1;
  const double mean = sum / kCount;
  const double error = std::sqrt((squares / kCount - mean * mean) / (kCount - 1));
  EXPECT_LT(error, 0.01 * theory) << "the run is too short";
  EXPECT_NEAR(mean, theory, 4 * error);
}

INSTANTIATE_TEST_SUITE_P(Modes, Patience,
                         ::testing::Values(spearlet::EXECUTION_MODE_SYNC,
                                           spearlet::EXECUTION_MODE_ASYNC,
                                           spearlet::EXECUTION_MODE_STREAM),
                         [](const auto& mode) {
                           return spearlet::ExecutionMode_Name(mode.param).substr(15);
                         });

// Counts of the calls of a load, by the type of their request.
struct Requests final : HistoryListener {
  void on_event(const Event& event) override {
    if (event.kind == EventKind::kCallerGone) gone.push_back(event.at);
    if (event.kind != EventKind::kCallSent) return;
    if (const auto* call = message_as<spearlet::InvokeFunctionRequest>(event)) {
      invoked.push_back(call->execution_id());
    } else if (const auto* cancel = message_as<spearlet::CancelExecutionRequest>(event)) {
      cancelled.push_back(cancel->execution_id());
      cancelled_at.push_back(event.at);
    } else if (message_as<spearlet::GetExecutionStatusRequest>(event) != nullptr) {
      read.push_back(event.at);
    }
  }
  std::vector<std::string> invoked;
  std::vector<std::string> cancelled;
  std::vector<Instant> cancelled_at;
  std::vector<Instant> read;
  std::vector<Instant> gone;
};

Requests requests_of(const Load& load) {
  Requests requests;
  World world(/*seed=*/1);
  world.add_node(node_spec());
  world.history().add_listener(requests);
  LoadGenerator generator(world, load, 0);
  const auto stop = world.kernel().run(Instant(std::chrono::hours(10)), [&] {
    return generator.finished() && world.open_calls() == 0 && world.active_executions() == 0;
  });
  EXPECT_EQ(stop, Kernel::Stop::kCondition);
  return requests;
}

TEST(FollowUps, CallersReadCancelAndRepeatTheirOwnExecutions) {
  Load load = open_load(arrivals::AtTimes{{Instant(1s), Instant(2s)}});
  load.cancels = Load::FollowUp{.after = distribution::Constant{70ms}};
  load.repeats = Load::FollowUp{.after = distribution::Constant{10ms}};
  load.polls = distribution::Constant{30ms};
  const Requests requests = requests_of(load);
  EXPECT_THAT(requests.invoked, ElementsAre("load-1", "load-1", "load-2", "load-2"));
  EXPECT_THAT(requests.cancelled, ElementsAre("load-1", "load-2"));
  EXPECT_THAT(requests.cancelled_at, ElementsAre(Instant(1070ms), Instant(2070ms)));
  // The read after the cancel finds the end.
  EXPECT_THAT(requests.read, ElementsAre(Instant(1030ms), Instant(1060ms), Instant(1090ms),
                                         Instant(2030ms), Instant(2060ms), Instant(2090ms)));
}

TEST(FollowUps, CallersLeave) {
  Load load = open_load(arrivals::AtTimes{{Instant(1s), Instant(2s)}});
  load.leaves = Load::FollowUp{.after = distribution::Constant{40ms}};
  const Requests requests = requests_of(load);
  EXPECT_THAT(requests.gone, ElementsAre(Instant(1040ms), Instant(2040ms)));
  EXPECT_THAT(requests.invoked, ElementsAre("", "")) << "no id is needed";
}

TEST(FollowUps, AShareOfTheCallersDoesIt) {
  Load load = open_load(arrivals::Deterministic{.interval = 1s, .start = Instant()});
  load.count = 1000;
  load.cancels = Load::FollowUp{.share = 0.3, .after = distribution::Constant{40ms}};
  EXPECT_NEAR(static_cast<double>(requests_of(load).cancelled.size()), 300, 60);
}

}  // namespace
}  // namespace quintain::sim
