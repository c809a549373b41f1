#include "server/context_watch.h"

#include <gtest/gtest.h>

#include <future>

namespace quintain::server {
namespace {

TEST(ContextWatch, CountsATurnThatIsTooLongOnce) {
  SerialContext context;
  context.start();
  ContextWatch watch(context, Log());
  std::promise<void> end;
  std::thread poster([&] { context.post([&] { end.get_future().wait(); }); });
  while (watch.held() == 0) std::this_thread::yield();
  // It is still the same turn.
  std::this_thread::sleep_for(2 * ContextWatch::kLimit);
  EXPECT_EQ(watch.held(), 1);
  end.set_value();
  poster.join();
  // Neither short turns nor an idle context count.
  for (int i = 0; i < 1000; ++i) context.run([] {});
  EXPECT_EQ(watch.held(), 1);
  context.stop();
}

}  // namespace
}  // namespace quintain::server
