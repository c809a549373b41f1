// The pending-event set: by examples, against a sorted map as a model, and with timers on it.
#include "core/base/pending_event_set.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "core/testing/fakes.h"

namespace quintain::core {
namespace {

using namespace std::chrono_literals;

void do_nothing(void*) {}

TEST(PendingEventSet, OrdersByInstantThenPrecedenceThenScheduling) {
  PendingEventSet events;
  const auto add = [&](Duration when, Precedence precedence, int& self) {
    events.schedule(Instant(when), precedence, &do_nothing, &self);
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

TEST(PendingEventSet, PopReturnsTheEventAsScheduled) {
  PendingEventSet events;
  int self = 0;
  events.schedule(Instant(5ns), Precedence::kTimeout, &do_nothing, nullptr);
  events.schedule(Instant(kForever - 1ns), Precedence::kOther, &do_nothing, &self);
  events.pop();
  const PendingEventSet::Event event = events.pop();
  EXPECT_EQ(event.when, Instant(kForever - 1ns));
  EXPECT_EQ(event.precedence, Precedence::kOther);
  EXPECT_EQ(event.sequence, 2U);
  EXPECT_EQ(event.fire, &do_nothing);
  EXPECT_EQ(event.self, &self);
}

TEST(PendingEventSet, ManyTiesKeepTheOrderOfScheduling) {
  PendingEventSet events;
  std::vector<int> selves(10'000);
  for (int& self : selves) events.schedule(Instant(1s), Precedence::kOther, &do_nothing, &self);
  for (int& self : selves) ASSERT_EQ(events.pop().self, &self);
}

TEST(PendingEventSet, HandlesAreUnique) {
  PendingEventSet events;
  std::map<EventHandle, int> seen;
  for (int i = 0; i < 1000; ++i) {
    const EventHandle handle =
        events.schedule(Instant(1s), Precedence::kOther, &do_nothing, nullptr);
    ASSERT_NE(handle, 0U);
    ASSERT_TRUE(seen.emplace(handle, i).second);
    events.withdraw(handle);
  }
}

TEST(PendingEventSetDeathTest, WithdrawingTwiceFailsAnAssertion) {
  PendingEventSet events;
  const EventHandle handle = events.schedule(Instant(1s), Precedence::kOther, &do_nothing, nullptr);
  events.withdraw(handle);
  EXPECT_DEATH(events.withdraw(handle), "no such event is pending");
}

// ---- Against a model ---------------------------------------------------------------------------

// How an event's instant is chosen from the current one and a random number.
enum class Distribution : std::uint8_t {
  kNow,        // the current instant
  kFew,        // one of eight instants: many ties
  kSpread,     // uniform over a millisecond
  kAnyScale,   // from nanoseconds to hours, all scales equally likely
  kConstant,   // a second from now
  kAnywhere,   // also before the current instant
  kDecreasing  // before all pending events, until time 0 is reached
};

// A number of random steps with the same probabilities.
struct Phase {
  int steps;
  Distribution distribution;
  int withdrawals;       // percentage of the steps
  int pops;              // percentage of the steps
  bool one_precedence;   // otherwise one of four, at random
  bool withdraws_young;  // the event scheduled last, otherwise any
};

// Does the same to a set and to a sorted map with the same events, and checks that they agree.
class SetAndModel {
 public:
  explicit SetAndModel(std::uint64_t seed) : state_(seed) {}

  void run(const Phase& phase) {
    for (int step = 0; step < phase.steps; ++step) {
      const auto dice = static_cast<int>(random() % 100);
      if (model_.empty() || dice >= phase.withdrawals + phase.pops) {
        schedule(instant(phase.distribution),
                 static_cast<Precedence>(phase.one_precedence ? 3 : random() % 4));
      } else if (dice >= phase.withdrawals) {
        pop();
      } else {
        withdraw(phase.withdraws_young ? by_age_.size() - 1 : random() % by_age_.size());
      }
      ASSERT_EQ(events_.size(), model_.size());
      // next() moves keys, so for some stretches of steps it is not called.
      if (random() % 1024 < 8) checks_next_ = !checks_next_;
      if (checks_next_) check_next();
    }
  }

  void drain() {
    while (!model_.empty()) ASSERT_NO_FATAL_FAILURE(pop());
    check_next();
    EXPECT_TRUE(events_.empty());
  }

 private:
  using Order = std::tuple<std::int64_t, Precedence, std::uint64_t>;
  struct Known {
    EventHandle handle;
    std::size_t place;  // in by_age_
  };
  using Model = std::map<Order, Known>;

  // A 64-bit linear congruential generator; its upper bits are random enough here.
  std::uint64_t random() {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return state_ >> 24;
  }

  std::int64_t instant(Distribution distribution) {
    const auto word = static_cast<std::int64_t>(random());
    switch (distribution) {
      case Distribution::kNow:
        return now_;
      case Distribution::kFew:
        return now_ + word % 8;
      case Distribution::kSpread:
        return now_ + word % 1'000'000;
      case Distribution::kAnyScale:
        return now_ + ((word >> 6) & ((std::int64_t{1} << word % 42) - 1));
      case Distribution::kConstant:
        return now_ + 1'000'000'000;
      case Distribution::kAnywhere:
        return word % (2 * now_ + 1000);
      case Distribution::kDecreasing:
        if (model_.empty()) return now_ + 1'000'000;
        return std::max<std::int64_t>(std::get<0>(model_.begin()->first) - word % 3, 0);
    }
    return 0;
  }

  void schedule(std::int64_t when, Precedence precedence) {
    const EventHandle handle =
        events_.schedule(Instant(Duration(when)), precedence, &do_nothing, &events_);
    const auto [entry, fresh] =
        model_.emplace(Order{when, precedence, ++sequence_}, Known{handle, by_age_.size()});
    ASSERT_TRUE(fresh);
    by_age_.push_back(entry);
  }

  void pop() {
    auto expected = model_.begin();
    const auto choose_tied = [&](std::size_t n) {
      const std::size_t chosen = random() % n;
      for (std::size_t i = 0; i < n; ++i) {
        // All of them are tied, and they are all that are.
        EXPECT_NE(expected, model_.end());
        EXPECT_EQ(std::get<0>(expected->first), std::get<0>(model_.begin()->first));
        EXPECT_EQ(std::get<1>(expected->first), std::get<1>(model_.begin()->first));
        ++expected;
      }
      const bool more = expected != model_.end() &&
                        std::get<0>(expected->first) == std::get<0>(model_.begin()->first) &&
                        std::get<1>(expected->first) == std::get<1>(model_.begin()->first);
      EXPECT_FALSE(more);
      expected = std::next(model_.begin(), static_cast<std::ptrdiff_t>(chosen));
      return chosen;
    };
    const PendingEventSet::Event event =
        random() % 16 == 0 ? events_.pop_one_of_first(choose_tied) : events_.pop();
    ASSERT_EQ(Order(event.when.since_start().count(), event.precedence, event.sequence),
              expected->first);
    ASSERT_EQ(event.fire, &do_nothing);
    ASSERT_EQ(event.self, &events_);
    now_ = event.when.since_start().count();
    forget(expected);
  }

  void withdraw(std::size_t place) {
    const auto victim = by_age_[place];
    events_.withdraw(victim->second.handle);
    forget(victim);
  }

  void forget(Model::iterator entry) {
    by_age_[entry->second.place] = by_age_.back();
    by_age_[entry->second.place]->second.place = entry->second.place;
    by_age_.pop_back();
    model_.erase(entry);
  }

  void check_next() {
    ASSERT_EQ(events_.next(), model_.empty()
                                  ? Instant::never()
                                  : Instant(Duration(std::get<0>(model_.begin()->first))));
  }

  PendingEventSet events_;
  Model model_;
  std::vector<Model::iterator> by_age_;  // roughly from the oldest to the youngest
  std::int64_t now_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t state_;
  bool checks_next_ = true;
};

constexpr Distribution kDistributions[] = {Distribution::kNow,       Distribution::kFew,
                                           Distribution::kSpread,    Distribution::kAnyScale,
                                           Distribution::kConstant,  Distribution::kAnywhere,
                                           Distribution::kDecreasing};

RC_GTEST_PROP(PendingEventSetProperty, BehavesLikeASortedMap, ()) {
  const auto any_phase = rc::gen::build<Phase>(
      rc::gen::set(&Phase::steps, rc::gen::inRange(1, 2000)),
      rc::gen::set(&Phase::distribution,
                   rc::gen::elementOf(std::vector<Distribution>(std::begin(kDistributions),
                                                                std::end(kDistributions)))),
      rc::gen::set(&Phase::withdrawals, rc::gen::inRange(0, 60)),
      rc::gen::set(&Phase::pops, rc::gen::inRange(0, 60)), rc::gen::set(&Phase::one_precedence),
      rc::gen::set(&Phase::withdraws_young));
  SetAndModel both(*rc::gen::arbitrary<std::uint64_t>());
  const auto phases = *rc::gen::container<std::vector<Phase>>(any_phase);
  for (const Phase& phase : phases) {
    both.run(phase);
    RC_ASSERT(!::testing::Test::HasFatalFailure());
  }
  both.drain();
  RC_ASSERT(!::testing::Test::HasFatalFailure());
}

// For each distribution, the set grows to some ten thousand events, stays at about that size, and
// shrinks.
TEST(PendingEventSet, BehavesLikeASortedMapForAMillionSteps) {
  SetAndModel both(1);
  constexpr int kSteps = 1'000'000 / (3 * static_cast<int>(std::size(kDistributions)));
  for (const Distribution distribution : kDistributions) {
    const auto phase = [&](int withdrawals, int pops) {
      return Phase{.steps = kSteps,
                   .distribution = distribution,
                   .withdrawals = withdrawals,
                   .pops = pops,
                   .one_precedence = false,
                   .withdraws_young = false};
    };
    ASSERT_NO_FATAL_FAILURE(both.run(phase(10, 10)));
    ASSERT_NO_FATAL_FAILURE(both.run(phase(20, 30)));
    ASSERT_NO_FATAL_FAILURE(both.run(phase(60, 30)));
  }
  both.drain();
}

// Each event is before all earlier ones and before the current instant, so that ever more rungs are
// needed. An environment does not do that.
TEST(PendingEventSet, OrdersManyEventsScheduledInDecreasingOrder) {
  PendingEventSet events;
  events.schedule(Instant(1s), Precedence::kOther, &do_nothing, nullptr);
  events.schedule(Instant(2s), Precedence::kOther, &do_nothing, nullptr);
  EXPECT_EQ(events.pop().when, Instant(1s));
  for (int i = 1; i <= 100'000; ++i) {
    events.schedule(Instant(1s - i * 1ns), Precedence::kOther, &do_nothing, nullptr);
  }
  for (int i = 100'000; i >= 1; --i) ASSERT_EQ(events.pop().when, Instant(1s - i * 1ns));
  EXPECT_EQ(events.pop().when, Instant(2s));
}

// ---- Timers on a pending-event set
// -----------------------------------------------------------------------

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

TEST(Timer, ArmingAgainReplacesTheInstantAndNeverDisarms) {
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

TEST(Timer, DestructionDisarms) {
  testing::ManualEnvironment environment;
  {
    Timer timer(environment, [](void*) { FAIL() << "fired after its destruction"; }, nullptr);
    timer.arm(Instant(1s), Precedence::kOther);
  }
  EXPECT_EQ(environment.pending(), 0U);
  environment.advance_to(Instant(2s));
}

TEST(Timer, APastInstantMeansNowAndTiesKeepTheOrderOfArming) {
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
