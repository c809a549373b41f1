#include "server/real_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace quintain::server {
namespace {

using core::Duration;
using core::Instant;
using core::Precedence;
using core::Timer;
using ::testing::ElementsAre;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto kTooLong = 30s;

class RealEnvironmentTest : public ::testing::Test {
 protected:
  void begin(double speed = 1.0) {
    environment = std::make_unique<RealEnvironment>(context, speed, 1);
    context.start();
  }

  void TearDown() override {
    context.run([this] { timers.clear(); });
    context.stop();
  }

  // Arms a timer that records its name, and ends the wait if it is the last.
  void arm(Instant when, Precedence precedence, int name, bool last = false) {
    struct Note {
      RealEnvironmentTest* test;
      int name;
      bool last;
    };
    auto note = std::make_shared<Note>(Note{this, name, last});
    notes.push_back(note);
    timers.push_back(std::make_unique<Timer>(
        *environment,
        [](void* self) {
          const auto& fired = *static_cast<Note*>(self);
          fired.test->order.push_back(fired.name);
          fired.test->fired_at.push_back(fired.test->environment->now());
          if (fired.last) fired.test->done.set_value();
        },
        note.get()));
    timers.back()->arm(when, precedence);
  }

  void await_last() { ASSERT_EQ(done.get_future().wait_for(kTooLong), std::future_status::ready); }

  SerialContext context;
  std::unique_ptr<RealEnvironment> environment;
  std::vector<std::unique_ptr<Timer>> timers;
  std::vector<std::shared_ptr<void>> notes;
  std::vector<int> order;
  std::vector<Instant> fired_at;
  std::promise<void> done;
};

TEST_F(RealEnvironmentTest, FiresByInstantThenPrecedenceThenOrderOfScheduling) {
  begin();
  context.run([this] {
    const Instant soon = environment->now() + 5ms;
    arm(soon, Precedence::kOther, 6);
    arm(soon, Precedence::kTimeout, 4);
    arm(soon, Precedence::kTimeout, 5);
    arm(soon, Precedence::kCancel, 3);
    arm(soon, Precedence::kCompletion, 2);
    arm(environment->now() + 4ms, Precedence::kOther, 1);
    arm(environment->now() + 6ms, Precedence::kCompletion, 7, /*last=*/true);
  });
  await_last();
  EXPECT_THAT(context.run([this] { return order; }), ElementsAre(1, 2, 3, 4, 5, 6, 7));
}

TEST_F(RealEnvironmentTest, NothingFiresBeforeItsTime) {
  begin();
  const Instant armed_for = context.run([this] {
    const Instant when = environment->now() + 20ms;
    arm(when, Precedence::kOther, 1, /*last=*/true);
    return when;
  });
  await_last();
  EXPECT_GE(context.run([this] { return fired_at.front(); }), armed_for);
}

TEST_F(RealEnvironmentTest, AnEarlierTimerReplacesTheAlarmOfALaterOne) {
  begin();
  context.run([this] { arm(environment->now() + 1h, Precedence::kOther, 2); });
  context.run([this] { arm(environment->now() + 1ms, Precedence::kOther, 1, /*last=*/true); });
  await_last();
  EXPECT_THAT(context.run([this] { return order; }), ElementsAre(1));
}

TEST_F(RealEnvironmentTest, AWithdrawnTimerDoesNotFire) {
  begin();
  context.run([this] {
    arm(environment->now() + 1ms, Precedence::kOther, 1);
    arm(environment->now() + 3ms, Precedence::kOther, 2, /*last=*/true);
    timers.front()->disarm();
  });
  await_last();
  EXPECT_THAT(context.run([this] { return order; }), ElementsAre(2));
}

TEST_F(RealEnvironmentTest, ATimerForNowFiresAfterTheCurrentTurn) {
  begin();
  context.run([this] {
    arm(environment->now() + -1h, Precedence::kOther, 2, /*last=*/true);
    order.push_back(1);
  });
  await_last();
  EXPECT_THAT(context.run([this] { return order; }), ElementsAre(1, 2));
}

TEST_F(RealEnvironmentTest, DueEventsFireBeforeFunctionsPostedLater) {
  begin();
  std::promise<void> entered;
  std::promise<void> go_on;
  // While the context is busy, first a timer comes due and then something is posted.
  Instant due;
  boost::asio::post(context.executor(), [&] {
    due = environment->now() + 1ms;
    arm(due, Precedence::kTimeout, 1);
    entered.set_value();
    go_on.get_future().wait();
    while (environment->instant_of(steady_clock::now()) < due) std::this_thread::yield();
  });
  entered.get_future().wait();
  std::promise<void> posted;
  context.post([&] {
    order.push_back(2);
    posted.set_value();
  });
  go_on.set_value();
  ASSERT_EQ(posted.get_future().wait_for(kTooLong), std::future_status::ready);
  EXPECT_THAT(context.run([this] { return order; }), ElementsAre(1, 2));
}

TEST_F(RealEnvironmentTest, AChainOfImmediateTimersDoesNotBlockOthers) {
  begin();
  struct Chain {
    explicit Chain(core::Environment& environment)
        : timer(environment, &Chain::go_on, this), environment_(environment) {}
    static void go_on(void* self) {
      auto& chain = *static_cast<Chain*>(self);
      chain.timer.arm(chain.environment_.now(), Precedence::kCompletion);
    }
    Timer timer;
    core::Environment& environment_;
  };
  std::unique_ptr<Chain> chain;
  context.run([&] {
    chain = std::make_unique<Chain>(*environment);
    Chain::go_on(chain.get());
  });
  context.run([&] { chain.reset(); });  // would block otherwise
}

TEST_F(RealEnvironmentTest, TimeStandsStillDuringATurnAndMovesBetweenTurns) {
  begin();
  const auto read_twice = [this] {
    const Instant first = environment->now();
    const auto until = steady_clock::now() + 1ms;
    while (steady_clock::now() < until) std::this_thread::yield();
    return std::pair(first, environment->now());
  };
  const auto [first, second] = context.run(read_twice);
  EXPECT_EQ(first, second);
  EXPECT_GE(context.run([this] { return environment->now(); }), first + 1ms);
}

TEST_F(RealEnvironmentTest, SpeedScalesTime) {
  begin(1000.0);
  const auto before = steady_clock::now();
  // Fifty seconds in fifty milliseconds.
  const Instant when = context.run([this] {
    const Instant in_a_while = environment->now() + 50s;
    arm(in_a_while, Precedence::kOther, 1, /*last=*/true);
    return in_a_while;
  });
  await_last();
  const auto took = steady_clock::now() - before;
  EXPECT_GE(context.run([this] { return fired_at.front(); }), when);
  EXPECT_LT(took, kTooLong);
  // A real deadline is further away in the environment's time, by the factor `speed`.
  const auto [deadline, now] = context.run([this] {
    return std::pair(environment->instant_of(steady_clock::now() + 10s), environment->now());
  });
  EXPECT_GT(deadline - now, 9'000s);
  EXPECT_LT(deadline - now, 11'000s);
}

TEST_F(RealEnvironmentTest, WallTimeAgreesWithTheMonotonicTime) {
  begin(7.0);
  const auto read = [this] { return std::pair(environment->now(), environment->wall_now()); };
  const auto [now, wall] = context.run(read);
  const auto [later, wall_later] = context.run(read);
  EXPECT_EQ(later - now, wall_later.since_epoch - wall.since_epoch);
}

TEST_F(RealEnvironmentTest, AcceptsDistantInstants) {
  begin();
  context.run([this] {
    arm(Instant(Duration::max() - 1ns), Precedence::kOther, 2);
    arm(Instant::never(), Precedence::kOther, 3);
    arm(environment->now() + 1ms, Precedence::kOther, 1, /*last=*/true);
  });
  await_last();
  EXPECT_THAT(context.run([this] { return order; }), ElementsAre(1));
}

TEST(RealEnvironmentSeedTest, DeterminesDraws) {
  const auto first_draw = [](std::uint64_t seed) {
    SerialContext context;
    RealEnvironment environment(context, 1.0, seed);
    core::RandomStream stream("test");
    return environment.draw(stream);
  };
  EXPECT_EQ(first_draw(1), first_draw(1));
  EXPECT_NE(first_draw(1), first_draw(2));
  EXPECT_NE(RealEnvironment::random_seed(), RealEnvironment::random_seed());
}

}  // namespace
}  // namespace quintain::server
