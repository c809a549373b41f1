#include "server/message_pool.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "spearlet/function.pb.h"

namespace quintain::server {
namespace {

using Pool = MessagePool<spearlet::GetExecutionStatusRequest, spearlet::GetExecutionStatusResponse>;

TEST(MessagePool, ReusesMessagesThatBothHoldersHaveReleased) {
  Pool pool;
  Pool::Messages* const first = pool.AllocateMessages();
  Pool::Lease lease(first);
  first->Release();  // gRPC's share; the call still uses the request
  Pool::Messages* const second = pool.AllocateMessages();
  EXPECT_NE(second, first);
  lease.reset();
  Pool::Messages* const third = pool.AllocateMessages();
  EXPECT_EQ(third, first);
  for (Pool::Messages* messages : {second, third}) {
    messages->Release();
    messages->Release();
  }
}

TEST(MessagePool, FreesLargeMessages) {
  Pool pool;
  Pool::Messages* const messages = pool.AllocateMessages();
  messages->response()->set_message(std::string(1 << 20, 'x'));
  messages->Release();
  messages->Release();
  Pool::Messages* const next = pool.AllocateMessages();
  EXPECT_LT(next->response()->message().capacity(), 1U << 20);
  next->Release();
  next->Release();
}

TEST(MessagePool, KeepsALimitedNumberOfMessages) {
  constexpr std::size_t kBurst = 1000;
  Pool pool;
  const auto burst = [&pool] {
    std::vector<Pool::Messages*> messages(kBurst);
    for (Pool::Messages*& one : messages) one = pool.AllocateMessages();
    for (Pool::Messages* one : messages) {
      one->request()->set_execution_id("used");
      one->Release();
      one->Release();
    }
  };
  burst();
  std::vector<Pool::Messages*> again(kBurst);
  std::size_t used = 0;
  for (Pool::Messages*& one : again) {
    one = pool.AllocateMessages();
    if (one->request()->execution_id() == "used") ++used;
  }
  EXPECT_GT(used, 0U);
  EXPECT_LT(used, kBurst);
  for (Pool::Messages* one : again) {
    one->Release();
    one->Release();
  }
}

}  // namespace
}  // namespace quintain::server
