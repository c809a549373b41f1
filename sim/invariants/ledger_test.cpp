#include "sim/invariants/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "sim/testing/scene.h"

namespace quintain::sim::testing {
namespace {

using ::testing::ElementsAre;

TEST(Ledger, TracksAnExecution) {
  Scene scene;
  const auto facts = [&] { return *scene.invariants->ledger().find(Scene::ref(1)); };
  scene.at(1s);
  scene.accepted(1, {.retries = 1, .deadline = 10s, .mode = spearlet::EXECUTION_MODE_SYNC});
  EXPECT_EQ(facts().status, kPending);
  EXPECT_EQ(facts().mode, spearlet::EXECUTION_MODE_SYNC);
  EXPECT_EQ(facts().accepted_at, core::Instant(1s));
  EXPECT_EQ(facts().deadline, core::Instant(11s));
  EXPECT_EQ(facts().max_retries, 1);
  EXPECT_EQ(facts().dispatch_order, 0U);
  EXPECT_FALSE(facts().holds_slot);

  scene.at(2s);
  scene.dispatched(1);
  scene.occupied(1);
  EXPECT_EQ(facts().dispatched_at, core::Instant(2s));
  EXPECT_EQ(facts().dispatch_order, 1U);
  EXPECT_EQ(facts().on_machine, 1);
  EXPECT_TRUE(facts().holds_slot);

  scene.at(3s);
  scene.transition(1, kPending, kRunning);
  EXPECT_EQ(facts().started_at, core::Instant(3s));
  EXPECT_FALSE(facts().ended());

  scene.freed(1);
  scene.at(4s);
  scene.dispatched(1, 2);
  EXPECT_EQ(facts().attempts, 2);
  EXPECT_EQ(facts().cold_starts, 2);
  EXPECT_EQ(facts().dispatched_at, core::Instant(2s)) << "a retry keeps its slot";
  EXPECT_EQ(facts().on_machine, 0);

  scene.at(5s);
  scene.cancel(1);
  scene.at(6s);
  scene.cancel(1, /*force=*/true);
  EXPECT_EQ(facts().cancel_requested_at, core::Instant(5s));
  EXPECT_TRUE(facts().cancel_forced);

  scene.transition(1, kRunning, kCancelled);
  EXPECT_EQ(facts().ended_at, core::Instant(6s));
  EXPECT_EQ(facts().outcomes, 1);
  EXPECT_TRUE(facts().holds_slot);
  scene.released(1);
  EXPECT_FALSE(facts().holds_slot);
}

std::vector<std::uint64_t> on_record(const Scene& scene) {
  std::vector<std::uint64_t> ordinals;
  scene.invariants->ledger().for_each([&](ExecutionRef execution, const ExecutionFacts&) {
    ordinals.push_back(execution.ordinal);
  });
  return ordinals;
}

TEST(Ledger, ForgetsWhatTheNodeForgets) {
  Scene scene;
  for (std::uint64_t ordinal = 1; ordinal <= 4; ++ordinal) scene.accepted(ordinal);
  scene.dropped(2);
  EXPECT_THAT(on_record(scene), ElementsAre(1, 3, 4));
  EXPECT_EQ(scene.invariants->ledger().find(Scene::ref(2)), nullptr);
  scene.dropped(1);
  EXPECT_THAT(on_record(scene), ElementsAre(3, 4));
  scene.dropped(3);
  scene.dropped(4);
  EXPECT_THAT(on_record(scene), ElementsAre());
  scene.accepted(5);
  EXPECT_THAT(on_record(scene), ElementsAre(5));
}

TEST(Ledger, DoesNotFindUnknownExecutions) {
  Scene scene;
  scene.accepted(3);
  for (const std::uint64_t ordinal : {1U, 2U, 4U}) {
    EXPECT_EQ(scene.invariants->ledger().find(Scene::ref(ordinal)), nullptr) << ordinal;
  }
  EXPECT_EQ(scene.invariants->ledger().find({.node = 7, .ordinal = 3}), nullptr);
}

}  // namespace
}  // namespace quintain::sim::testing
