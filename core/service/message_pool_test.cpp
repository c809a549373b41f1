#include "core/service/message_pool.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/service/call_load.h"
#include "spearlet/function.pb.h"

namespace quintain::core::service {
namespace {

using Pool = MessagePool<spearlet::GetExecutionStatusRequest, NoMutex>;

TEST(MessagePool, ReusesReleasedMessages) {
  Pool pool;
  auto first = pool.lease(10);
  const auto* const address = first.get();
  const auto second = pool.lease(10);
  EXPECT_NE(second.get(), address);
  first.reset();
  EXPECT_EQ(pool.lease(10).get(), address);
}

TEST(MessagePool, FreesLargeMessages) {
  Pool pool;
  auto large = pool.lease(1 << 20);
  large->set_execution_id(std::string(1 << 20, 'x'));
  large.reset();
  EXPECT_LT(pool.lease(10)->execution_id().capacity(), 1U << 20);
}

TEST(MessagePool, KeepsALimitedNumberOfMessages) {
  constexpr std::size_t kBurst = 1000;
  Pool pool;
  std::vector<Pool::Lease> leases;
  for (std::size_t i = 0; i < kBurst; ++i) {
    leases.push_back(pool.lease(10));
    leases.back()->set_execution_id("used");
  }
  leases.clear();
  std::size_t used = 0;
  for (std::size_t i = 0; i < kBurst; ++i) {
    leases.push_back(pool.lease(10));
    if (leases.back()->execution_id() == "used") ++used;
  }
  EXPECT_GT(used, 0U);
  EXPECT_LT(used, kBurst);
}

}  // namespace
}  // namespace quintain::core::service
