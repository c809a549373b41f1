#include "sim/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
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

}  // namespace
}  // namespace quintain::sim
