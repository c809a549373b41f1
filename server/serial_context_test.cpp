#include "server/serial_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace quintain::server {
namespace {

using ::testing::ElementsAre;
using namespace std::chrono_literals;

class SerialContextTest : public ::testing::Test {
 protected:
  SerialContext context;
  std::vector<int> order;
};

TEST_F(SerialContextTest, AFreeContextRunsOnTheCallersThread) {
  context.start();
  context.run([] {});  // afterwards its own thread leaves it
  std::thread::id ran_on;
  // The thread leaves a moment after it has answered.
  for (int i = 0; i < 1000 && ran_on != std::this_thread::get_id(); ++i) {
    context.run([&] { ran_on = std::this_thread::get_id(); });
  }
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST_F(SerialContextTest, AFunctionPostedWithinATurnRunsAfterIt) {
  context.start();
  context.run([&] {
    context.post([&] { order.push_back(2); });
    context.post([&] { order.push_back(3); });
    order.push_back(1);
  });
  EXPECT_THAT(context.run([&] { return order; }), ElementsAre(1, 2, 3));
}

TEST_F(SerialContextTest, PostingToABusyContextDoesNotBlock) {
  context.start();
  std::promise<void> entered;
  std::promise<void> go_on;
  std::thread busy([&] {
    context.post([&] {
      entered.set_value();
      go_on.get_future().wait();
      order.push_back(1);
    });
  });
  entered.get_future().wait();
  context.post([&] { order.push_back(2); });
  context.post([&] { order.push_back(3); });
  EXPECT_THAT(order, ElementsAre());
  go_on.set_value();
  busy.join();
  EXPECT_THAT(context.run([&] { return order; }), ElementsAre(1, 2, 3));
}

TEST_F(SerialContextTest, TheOwnThreadTakesOverALongRowOfTurns) {
  context.start();
  constexpr int kTurns = 1000;
  std::vector<std::thread::id> ran_on;
  std::promise<void> done;
  struct Chain {
    SerialContext& context;
    std::vector<std::thread::id>& ran_on;
    std::promise<void>& done;
    void operator()() const {
      ran_on.push_back(std::this_thread::get_id());
      if (ran_on.size() == kTurns) return done.set_value();
      context.post(*this);
    }
  };
  context.post(Chain{context, ran_on, done});
  done.get_future().wait();
  const auto all = context.run([&] { return ran_on; });
  EXPECT_EQ(all.size(), kTurns);
  EXPECT_NE(all.back(), std::this_thread::get_id());
}

TEST_F(SerialContextTest, FunctionsOfTheExecutorRunOnTheOwnThread) {
  context.start();
  std::promise<std::thread::id> posted;
  boost::asio::post(context.executor(), [&] { posted.set_value(std::this_thread::get_id()); });
  const auto own = posted.get_future().get();
  EXPECT_NE(own, std::this_thread::get_id());

  boost::asio::steady_timer timer(context.executor());
  std::promise<std::thread::id> expired;
  context.run([&] {
    timer.expires_after(1ms);
    timer.async_wait([&](const boost::system::error_code& error) {
      EXPECT_FALSE(error);
      expired.set_value(std::this_thread::get_id());
    });
  });
  EXPECT_EQ(expired.get_future().get(), own);
}

TEST_F(SerialContextTest, AFunctionPostedBeforeTheStartRunsAfterIt) {
  context.post([&] { order.push_back(1); });
  EXPECT_THAT(order, ElementsAre());
  context.start();
  EXPECT_THAT(context.run([&] { return order; }), ElementsAre(1));
}

TEST_F(SerialContextTest, AFunctionPostedAfterTheEndIsDestroyedWithoutRunning) {
  context.start();
  context.stop();
  const auto held = std::make_shared<int>(0);
  context.post([held, this] { order.push_back(1); });
  boost::asio::post(context.executor(), [held, this] { order.push_back(2); });
  EXPECT_THAT(order, ElementsAre());
  {
    SerialContext never_started;
    never_started.post([held, this] { order.push_back(3); });
  }
  EXPECT_THAT(order, ElementsAre());
  EXPECT_LE(held.use_count(), 2);  // at most the one that was posted to the thread that has ended
}

TEST(SerialContextConcurrentTest, RunsEveryTurnOnceAloneAndInTheOrderOfItsThread) {
  constexpr int kThreads = 4;
  constexpr int kTurns = 5000;
  SerialContext context;
  std::vector<int> next(kThreads, 0);  // without a lock, because this tests the context
  bool inside = false;
  std::vector<std::thread> threads;
  context.start();
  for (int number = 0; number < kThreads; ++number) {
    threads.emplace_back([&, number] {
      for (int i = 0; i < kTurns; ++i) {
        const auto turn = [&, number, i] {
          EXPECT_FALSE(std::exchange(inside, true));
          EXPECT_EQ(next[static_cast<std::size_t>(number)]++, i);
          inside = false;
        };
        // Uses both ways to post.
        i % 7 == 0 ? boost::asio::post(context.executor(), turn) : context.post(turn);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(context.run([&] { return next; }), ElementsAre(kTurns, kTurns, kTurns, kTurns));
}

}  // namespace
}  // namespace quintain::server
