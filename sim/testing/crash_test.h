// Support for tests of invariants on nodes with a journal: a crash, and storage that a test
// damages.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/durability/memory_journal.h"
#include "core/testing/calls.h"
#include "sim/invariants/invariant.h"
#include "sim/script.h"
#include "sim/world.h"

namespace quintain::sim::testing {

using namespace std::chrono_literals;
using core::testing::async_request;

/// A node that crashes at 200 ms and starts again at 300 ms, on storage that a test can damage in
/// between. Its only task takes 100 ms.
class CrashTest : public ::testing::Test {
 protected:
  using Records = core::MemoryJournal::Records;

  void play(const std::function<void(Records&)>& damage) {
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

  Records records_;
  Records running_;  // as they were while "a" ran
  std::vector<std::string> violations_;
};

}  // namespace quintain::sim::testing
