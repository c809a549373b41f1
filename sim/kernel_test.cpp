#include "sim/kernel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

namespace quintain::sim {
namespace {

using namespace std::chrono_literals;
using core::Instant;
using core::Precedence;
using ::testing::ElementsAre;

// Schedules functions as events, and owns them.
class Events {
 public:
  explicit Events(Kernel& kernel) : kernel_(kernel) {}

  core::EventHandle at(core::Duration when, Precedence precedence, std::function<void()> what) {
    functions_.push_back(std::make_unique<std::function<void()>>(std::move(what)));
    return kernel_.schedule(
        Instant(when), precedence,
        [](void* function) { (*static_cast<std::function<void()>*>(function))(); },
        functions_.back().get());
  }
  core::EventHandle at(core::Duration when, std::function<void()> what = [] {}) {
    return at(when, Precedence::kOther, std::move(what));
  }

 private:
  Kernel& kernel_;
  std::vector<std::unique_ptr<std::function<void()>>> functions_;
};

TEST(Kernel, FiresByInstantThenPrecedenceThenInsertion) {
  Kernel kernel;
  Events events(kernel);
  std::vector<int> fired;
  const auto note = [&](int number) { return [&fired, number] { fired.push_back(number); }; };
  events.at(2s, Precedence::kCompletion, note(7));
  events.at(1s, Precedence::kOther, note(5));
  events.at(1s, Precedence::kTimeout, note(4));
  events.at(1s, Precedence::kCancel, note(2));
  events.at(1s, Precedence::kCompletion, note(1));
  events.at(1s, Precedence::kCancel, note(3));
  events.at(1s, Precedence::kOther, note(6));
  EXPECT_EQ(kernel.run_until_idle(), Kernel::Stop::kIdle);
  EXPECT_THAT(fired, ElementsAre(1, 2, 3, 4, 5, 6, 7));
  EXPECT_EQ(kernel.events(), 7U);
  EXPECT_EQ(kernel.pending(), 0U);
}

TEST(Kernel, AChooserDecidesBetweenEventsOfOneInstantAndPrecedence) {
  Kernel kernel;
  Events events(kernel);
  GivenChoices choices({3, 1});
  kernel.set_chooser(choices);
  std::vector<int> fired;
  const auto note = [&](int number) { return [&fired, number] { fired.push_back(number); }; };
  events.at(1s, Precedence::kCompletion, note(1));
  events.at(1s, Precedence::kOther, note(2));
  events.at(1s, Precedence::kOther, note(3));
  const auto withdrawn = events.at(1s, Precedence::kOther, note(0));
  events.at(1s, Precedence::kOther, [&] {
    fired.push_back(4);
    events.at(0s, Precedence::kOther, note(5));
    kernel.withdraw(withdrawn);
  });
  events.at(2s, Precedence::kOther, note(6));
  kernel.withdraw(events.at(1s, Precedence::kOther, note(0)));
  EXPECT_EQ(kernel.run_until_idle(), Kernel::Stop::kIdle);
  // First of 2, 3, one that is withdrawn and 4, then of 2, 3 and 5.
  EXPECT_THAT(fired, ElementsAre(1, 4, 3, 2, 5, 6));
  EXPECT_EQ(choices.problem(), "");
  std::vector<std::pair<Instant, std::size_t>> made;
  for (const Choice& choice : choices.made()) made.emplace_back(choice.at, choice.n);
  EXPECT_THAT(made, ElementsAre(std::pair(Instant(1s), 4U), std::pair(Instant(1s), 3U),
                                std::pair(Instant(1s), 2U)));
}

TEST(GivenChoices, NamesAChoiceThatCannotBeMade) {
  const auto problem = [](std::vector<std::uint32_t> choices) {
    GivenChoices given(std::move(choices));
    given.choose({.kind = ChoiceKind::kTie, .at = Instant(), .n = 2});
    return given.problem();
  };
  EXPECT_EQ(problem({}), "");
  EXPECT_EQ(problem({1}), "");
  EXPECT_EQ(problem({2}), "choice 0 is 2, but 2 events were due; expected 0 to 1");
  EXPECT_EQ(problem({0, 1}), "there are 2 choices, but events were tied 1 times only");
}

TEST(Kernel, TheClockJumpsFromEventToEvent) {
  Kernel kernel;
  Events events(kernel);
  std::vector<Instant> seen;
  const auto look = [&] { seen.push_back(kernel.now()); };
  events.at(5s, look);
  events.at(0s, look);
  events.at(1h, look);
  EXPECT_EQ(kernel.now(), Instant());
  kernel.run_until_idle();
  EXPECT_THAT(seen, ElementsAre(Instant(0s), Instant(5s), Instant(1h)));
  EXPECT_EQ(kernel.now(), Instant(1h));
}

TEST(Kernel, AnEventInThePastFiresNow) {
  Kernel kernel;
  Events events(kernel);
  std::vector<int> fired;
  events.at(10s, [&] {
    fired.push_back(1);
    events.at(3s, [&] {
      EXPECT_EQ(kernel.now(), Instant(10s));
      fired.push_back(2);
    });
    fired.push_back(3);  // the current event ends first
  });
  kernel.run_until_idle();
  EXPECT_THAT(fired, ElementsAre(1, 3, 2));
}

TEST(Kernel, DoesNotScheduleNever) {
  Kernel kernel;
  EXPECT_EQ(kernel.schedule(Instant::never(), Precedence::kOther, nullptr, nullptr), 0U);
  EXPECT_EQ(kernel.pending(), 0U);
}

TEST(Kernel, AWithdrawnEventDoesNotFire) {
  Kernel kernel;
  Events events(kernel);
  std::vector<int> fired;
  const auto second = events.at(2s, [&] { fired.push_back(2); });
  events.at(1s, [&] { kernel.withdraw(second); });
  events.at(3s, [&] { fired.push_back(3); });
  kernel.run_until_idle();
  EXPECT_THAT(fired, ElementsAre(3));
  EXPECT_EQ(kernel.events(), 2U);
}

TEST(Kernel, RunsUntilATimeAndNoFurther) {
  Kernel kernel;
  Events events(kernel);
  std::vector<int> fired;
  events.at(1s, [&] { fired.push_back(1); });
  events.at(2s, [&] { fired.push_back(2); });
  events.at(2s + 1ns, [&] { fired.push_back(3); });
  EXPECT_EQ(kernel.run_until(Instant(2s)), Kernel::Stop::kTime);
  EXPECT_THAT(fired, ElementsAre(1, 2));
  EXPECT_EQ(kernel.now(), Instant(2s));
  EXPECT_EQ(kernel.run_until(Instant(1s)), Kernel::Stop::kTime);
  EXPECT_EQ(kernel.now(), Instant(2s)) << "time went back";
  EXPECT_EQ(kernel.run_until(Instant(1h)), Kernel::Stop::kIdle);
  EXPECT_THAT(fired, ElementsAre(1, 2, 3));
}

TEST(Kernel, RunsUntilAConditionIsTrue) {
  Kernel kernel;
  Events events(kernel);
  int fired = 0;
  for (int i = 0; i < 5; ++i) events.at(1s, [&] { ++fired; });
  EXPECT_EQ(kernel.run(Instant::never(), [&] { return fired == 3; }), Kernel::Stop::kCondition);
  EXPECT_EQ(fired, 3);
  EXPECT_EQ(kernel.run(Instant::never(), [&] { return fired == 3; }), Kernel::Stop::kCondition)
      << "the condition is also checked before the first event";
  EXPECT_EQ(fired, 3);
}

TEST(Kernel, TooManyEventsAtOneInstantAreAStandstill) {
  Kernel kernel(/*max_events_at_one_instant=*/100);
  Events events(kernel);
  std::function<void()> again = [&] { events.at(1s, again); };
  events.at(1s, again);
  EXPECT_EQ(kernel.run_until(Instant(2s)), Kernel::Stop::kStandstill);
  EXPECT_EQ(kernel.events(), 100U);
  EXPECT_EQ(kernel.now(), Instant(1s));
}

TEST(Kernel, TheAllowedNumberAtEachInstantIsNoStandstill) {
  Kernel kernel(/*max_events_at_one_instant=*/100);
  Events events(kernel);
  for (int i = 0; i < 100; ++i) {
    for (const auto when : {0s, 1s, 2s}) events.at(when);
  }
  EXPECT_EQ(kernel.run_until_idle(), Kernel::Stop::kIdle);
}

TEST(Kernel, TheDigestDependsOnTheOrder) {
  const auto digest_of = [](const std::vector<core::Duration>& times) {
    Kernel kernel;
    Events events(kernel);
    for (const core::Duration when : times) events.at(when);
    kernel.run_until_idle();
    return kernel.digest();
  };
  EXPECT_EQ(digest_of({1s, 2s}), digest_of({1s, 2s}));
  EXPECT_NE(digest_of({1s, 2s}), digest_of({2s, 1s}));
  EXPECT_NE(digest_of({1s, 2s}), digest_of({1s, 2s + 1ns}));
  EXPECT_NE(digest_of({1s, 2s}), digest_of({1s, 2s, 2s}));
}

TEST(Kernel, TheDigestDependsOnThePrecedence) {
  const auto digest_of = [](Precedence precedence) {
    Kernel kernel;
    Events events(kernel);
    events.at(1s, precedence, [] {});
    kernel.run_until_idle();
    return kernel.digest();
  };
  EXPECT_NE(digest_of(Precedence::kCancel), digest_of(Precedence::kTimeout));
}

// ---- Against a model ----------------------------------------------------------------------------

// What an event does when it fires: it schedules events this many nanoseconds ahead, and withdraws
// some pending ones.
struct Plan {
  std::int64_t when = 0;
  int precedence = 0;
  std::vector<std::pair<std::int64_t, int>> schedules;
  std::vector<int> withdraws;
};

// Runs the kernel, and compares it with a plain list whose smallest entry is searched at every
// event.
class Comparison {
 public:
  explicit Comparison(std::vector<Plan> plans) : plans_(std::move(plans)) {}

  void schedule(const Plan& plan, std::int64_t when, int precedence) {
    auto event = std::make_unique<Event>();
    event->comparison = this;
    event->plan = &plan;
    event->key = {std::max(when, kernel_.now().since_start().count()), precedence, events_.size()};
    event->handle = kernel_.schedule(
        Instant(core::Duration(when)), static_cast<Precedence>(precedence),
        [](void* self) {
          auto& fired = *static_cast<Event*>(self);
          fired.comparison->fire(fired);
        },
        event.get());
    pending_.push_back(event.get());
    events_.push_back(std::move(event));
  }

  void play() {
    for (const Plan& plan : plans_) schedule(plan, plan.when, plan.precedence);
    RC_ASSERT(kernel_.run_until_idle() == Kernel::Stop::kIdle);
    RC_ASSERT(pending_.empty());
  }

 private:
  struct Event {
    Comparison* comparison;
    const Plan* plan;
    std::tuple<std::int64_t, int, std::size_t> key;
    core::EventHandle handle;
  };

  void fire(Event& fired) {
    const auto by_key = [](const Event* a, const Event* b) { return a->key < b->key; };
    const auto first = std::ranges::min_element(pending_, by_key);
    RC_ASSERT(*first == &fired);
    RC_ASSERT(kernel_.now().since_start().count() == std::get<0>(fired.key));
    pending_.erase(first);
    RC_ASSERT(kernel_.pending() == pending_.size());
    for (const int pick : fired.plan->withdraws) {
      if (pending_.empty()) break;
      const auto position = pending_.begin() + pick % static_cast<std::ptrdiff_t>(pending_.size());
      kernel_.withdraw((*position)->handle);
      pending_.erase(position);
    }
    static const Plan kNothing;
    for (const auto& [ahead, precedence] : fired.plan->schedules) {
      schedule(kNothing, kernel_.now().since_start().count() + ahead, precedence);
    }
  }

  std::vector<Plan> plans_;
  Kernel kernel_;
  std::vector<std::unique_ptr<Event>> events_;
  std::vector<Event*> pending_;
};

RC_GTEST_PROP(KernelProperty, FiresWhatASortedListWouldFire, ()) {
  const auto ahead = rc::gen::inRange<std::int64_t>(-3, 6);
  const auto precedence = rc::gen::inRange(0, 4);
  const auto plan = rc::gen::build<Plan>(
      rc::gen::set(&Plan::when, rc::gen::inRange<std::int64_t>(0, 20)),
      rc::gen::set(&Plan::precedence, precedence),
      rc::gen::set(&Plan::schedules, rc::gen::container<std::vector<std::pair<std::int64_t, int>>>(
                                         rc::gen::pair(ahead, precedence))),
      rc::gen::set(&Plan::withdraws,
                   rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 99))));
  Comparison comparison(*rc::gen::container<std::vector<Plan>>(plan));
  comparison.play();
}

}  // namespace
}  // namespace quintain::sim
