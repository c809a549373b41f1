#include "server/memory_guard.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <chrono>
#include <thread>

namespace quintain::server {
namespace {

// Longer than the interval between two looks.
constexpr std::chrono::milliseconds kAfterALook(200);
constexpr std::chrono::seconds kTooLong(10);

TEST(MemoryGuard, StopsWhileItsTimerExpires) {
  boost::asio::io_context io;
  MemoryGuard guard(io, 1 << 20, Log());
  guard.start();
  // The first turn of the context finds the expired timer, the second one stops the guard, and the
  // third one is the timer's.
  std::this_thread::sleep_for(kAfterALook);
  boost::asio::post(io, [&guard] { guard.stop(); });
  io.run_for(kTooLong);
  EXPECT_TRUE(io.stopped()) << "the guard still waits";
}

}  // namespace
}  // namespace quintain::server
