#include "core/pending_event_set.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <chrono>
#include <iterator>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "core/testing/manual_environment.h"

namespace quintain::core {
namespace {

using namespace std::chrono_literals;

void nothing(void*) {}

TEST(PendingEventSet, OrdersByInstantThenPrecedenceThenScheduling) {
  PendingEventSet events;
  const auto add = [&](Duration when, Precedence precedence, int& self) {
    events.schedule(Instant(when), precedence, &nothing, &self);
  };
  int names[6] = {};
  add(2ns, Precedence::kCompletion, names[5]);
  add(1ns, Precedence::kOther, names[4]);
  add(1ns, Precedence::kTimeout, names[3]);
  add(1ns, Precedence::kCancel, names[1]);
  add(1ns, Precedence::kCancel, names[2]);
  add(1ns, Precedence::kCompletion, names[0]);
  for (int& name : names) EXPECT_EQ(events.pop().self, &name);
  EXPECT_TRUE(events.empty());
  EXPECT_TRUE(events.next().is_never());
}

TEST(PendingEventSet, AnEventComesBackAsItWasScheduled) {
  PendingEventSet events;
  int self = 0;
  events.schedule(Instant(5ns), Precedence::kTimeout, &nothing, nullptr);
  events.schedule(Instant(kForever - 1ns), Precedence::kOther, &nothing, &self);
  events.pop();
  const PendingEventSet::Event event = events.pop();
  EXPECT_EQ(event.when, Instant(kForever - 1ns));
  EXPECT_EQ(event.precedence, Precedence::kOther);
  EXPECT_EQ(event.sequence, 2U);
  EXPECT_EQ(event.fire, &nothing);
  EXPECT_EQ(event.self, &self);
}

TEST(PendingEventSet, TiesInMassesKeepTheOrderOfScheduling) {
  PendingEventSet events;
  std::vector<int> selves(10'000);
  for (int& self : selves) events.schedule(Instant(1s), Precedence::kOther, &nothing, &self);
  for (int& self : selves) ASSERT_EQ(events.pop().self, &self);
}

TEST(PendingEventSet, HandlesAreNotReused) {
  PendingEventSet events;
  std::map<EventHandle, int> seen;
  for (int i = 0; i < 1000; ++i) {
    const EventHandle handle = events.schedule(Instant(1s), Precedence::kOther, &nothing, nullptr);
    ASSERT_NE(handle, 0U);
    ASSERT_TRUE(seen.emplace(handle, i).second);
    events.withdraw(handle);
  }
}

TEST(PendingEventSetDeathTest, WithdrawingTwiceIsAnError) {
  PendingEventSet events;
  const EventHandle handle = events.schedule(Instant(1s), Precedence::kOther, &nothing, nullptr);
  events.withdraw(handle);
  EXPECT_DEATH(events.withdraw(handle), "no such event is pending");
}

// The set against a sorted map: any mixture of scheduling, withdrawing and popping. Few instants,
// so that ties abound; masses of withdrawals, so that keys are compacted.
RC_GTEST_PROP(PendingEventSetProperty, BehavesAsASortedMap, ()) {
  using Order = std::tuple<std::int64_t, Precedence, std::uint64_t>;
  // Percent, in every other hundred steps.
  const auto withdrawals = *rc::gen::resize(100, rc::gen::inRange(0U, 91U));
  const auto words = *rc::gen::resize(500, rc::gen::arbitrary<std::vector<std::uint32_t>>());
  PendingEventSet events;
  std::map<Order, EventHandle> model;
  std::uint64_t sequence = 0;
  const auto pop_first = [&] {
    const PendingEventSet::Event event = events.pop();
    RC_ASSERT(Order(event.when.since_start().count(), event.precedence, event.sequence) ==
              model.begin()->first);
    model.erase(model.begin());
  };
  std::size_t step = 0;
  for (const std::uint32_t word : words) {
    const std::uint32_t dice = word % 100;
    const std::uint32_t withdrawn = step++ / 100 % 2 == 0 ? 0 : withdrawals;
    if (model.empty() || dice >= withdrawn + 10) {
      const std::int64_t when = (word >> 8) % 8;
      const auto precedence = static_cast<Precedence>((word >> 12) % 4);
      const EventHandle handle =
          events.schedule(Instant(Duration(when)), precedence, &nothing, &model);
      model.emplace(Order{when, precedence, ++sequence}, handle);
    } else if (dice >= withdrawn) {
      pop_first();
    } else {
      const auto victim =
          std::next(model.begin(), static_cast<std::ptrdiff_t>((word >> 8) % model.size()));
      events.withdraw(victim->second);
      model.erase(victim);
    }
    RC_ASSERT(events.size() == model.size());
    RC_ASSERT(
        events.next() ==
        (model.empty() ? Instant::never() : Instant(Duration(std::get<0>(model.begin()->first)))));
  }
  while (!model.empty()) pop_first();
  RC_ASSERT(events.empty());
}

// ---- Timers on such a set
// -------------------------------------------------------------------------

TEST(Timer, FiresOnceAtItsInstant) {
  testing::ManualEnvironment environment;
  int fired = 0;
  Timer timer(environment, [](void* count) { ++*static_cast<int*>(count); }, &fired);
  timer.arm(Instant(2s), Precedence::kOther);
  environment.advance_to(Instant(2s - 1ns));
  EXPECT_EQ(fired, 0);
  EXPECT_TRUE(timer.armed());
  environment.advance_to(Instant(10s));
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(timer.armed());
}

TEST(Timer, ArmingAgainReplacesAndNeverDisarms) {
  testing::ManualEnvironment environment;
  int fired = 0;
  Timer timer(environment, [](void* count) { ++*static_cast<int*>(count); }, &fired);
  timer.arm(Instant(1s), Precedence::kOther);
  timer.arm(Instant(3s), Precedence::kOther);
  environment.advance_to(Instant(2s));
  EXPECT_EQ(fired, 0);
  timer.arm(Instant::never(), Precedence::kOther);
  EXPECT_FALSE(timer.armed());
  environment.run_until_idle();
  EXPECT_EQ(fired, 0);
}

TEST(Timer, DestroyingItWithdrawsIt) {
  testing::ManualEnvironment environment;
  {
    Timer timer(environment, [](void*) { FAIL() << "fired after its end"; }, nullptr);
    timer.arm(Instant(1s), Precedence::kOther);
  }
  EXPECT_EQ(environment.pending(), 0U);
  environment.advance_to(Instant(2s));
}

TEST(Timer, ThePastMeansNowAndAZeroDelayComesAfterWhatIsDueAlready) {
  testing::ManualEnvironment environment;
  environment.advance_to(Instant(5s));
  std::string order;
  Timer second(environment, [](void* text) { *static_cast<std::string*>(text) += "b"; }, &order);
  Timer first(environment, [](void* text) { *static_cast<std::string*>(text) += "a"; }, &order);
  first.arm(Instant(1s), Precedence::kOther);
  second.arm(Instant(5s), Precedence::kOther);
  environment.settle();
  EXPECT_EQ(order, "ab");
  EXPECT_EQ(environment.now(), Instant(5s));
}

}  // namespace
}  // namespace quintain::core
