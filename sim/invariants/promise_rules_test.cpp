#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/durability/memory_journal.h"
#include "core/testing/calls.h"
#include "sim/invariants/invariant.h"
#include "sim/script.h"
#include "sim/testing/scene.h"

namespace quintain::sim {
namespace {

using namespace std::chrono_literals;
using core::JournalTable;
using core::testing::async_request;

// A node that crashes at 200 ms and starts again at 300 ms, on storage that a test can damage in
// between. Its only task takes 100 ms.
class PromiseRules : public ::testing::Test {
 protected:
  void play(const std::function<void(core::MemoryJournal::Records&)>& damage) {
    NodeSpec spec;
    spec.config.slots = 1;
    FunctionModel function;
    function.task = "task";
    function.service = distribution::Constant{100ms};
    spec.functions.push_back(function);
    spec.journal = [this](core::Environment&) {
      return std::make_unique<core::MemoryJournal>(records_);
    };
    spec.lose_power = [&] { damage(records_); };
    World world(/*seed=*/1);
    world.add_node(spec);
    InvariantSet invariants(world);
    world.history().add_listener(invariants);
    std::vector<Step> steps;
    const auto add = [&](std::string name, core::Duration at, auto action) -> Step& {
      Step& step = steps.emplace_back();
      step.at = core::Instant(at);
      step.name = std::move(name);
      step.action = std::move(action);
      return step;
    };
    add("a", 0ms, async_request({.id = "a"}));
    add("told", 150ms, spearlet::GetExecutionStatusRequest()).execution = "a";
    add("crash", 200ms, CrashStep{});
    add("down", 250ms, async_request({.id = "b"}));
    add("restart", 300ms, RestartStep{});
    add("read", 400ms, spearlet::GetExecutionStatusRequest()).execution = "a";
    Script script(world, steps);
    world.kernel().run_until(core::Instant(50ms));
    running_ = records_;
    world.kernel().run_until(core::Instant(1s));
    EXPECT_EQ(script.calls().at("down").status.code(), absl::StatusCode::kUnavailable);
    invariants.finish({.settled = true});
    for (const auto& invariant : invariants.invariants()) {
      for (const InvariantViolation& violation : invariant->violations()) {
        violations_.push_back(std::string(invariant->name()) + ": " + violation.what);
      }
    }
  }

  core::MemoryJournal::Records records_;
  core::MemoryJournal::Records running_;  // as they were while "a" ran
  std::vector<std::string> violations_;
};

TEST_F(PromiseRules, ANodeThatKeepsItsRecordsViolatesNothing) {
  play([](auto&) {});
  EXPECT_THAT(violations_, ::testing::IsEmpty());
}

TEST_F(PromiseRules, ALostRecordIsSeen) {
  play([](auto& records) { records.erase({JournalTable::kExecutions, 1}); });
  EXPECT_THAT(violations_,
              ::testing::ElementsAre(
                  "what-was-told-stays: 'a' was told to be COMPLETED, and is not found"));
}

// The end was told before it was on stable storage: the execution fails or runs again.
TEST_F(PromiseRules, AnEndThatWasNotKeptIsSeen) {
  play([&](auto& records) { records = running_; });
  EXPECT_THAT(violations_, ::testing::ElementsAre(
                               "what-was-told-stays: 'a' was told to be COMPLETED, and is FAILED"));
}

}  // namespace
}  // namespace quintain::sim
