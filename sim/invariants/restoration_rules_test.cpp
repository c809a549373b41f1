#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/durability/memory_journal.h"
#include "sim/testing/crash_test.h"
#include "store/records.pb.h"

namespace quintain::sim {
namespace {

using ::testing::Contains;

class RestorationRules : public testing::CrashTest {
 protected:
  template <class Change>
  static void change(Records& records, const Change& make) {
    std::string& stored = records.at({core::JournalTable::kExecutions, 1});
    store::Execution record;
    ASSERT_TRUE(record.ParseFromString(stored));
    make(record);
    stored = record.SerializeAsString();
  }
};

TEST_F(RestorationRules, AnEndThatSaysSomethingElseIsSeen) {
  play([](Records& records) {
    change(records, [](store::Execution& record) { record.mutable_end()->set_logs_dropped(7); });
  });
  EXPECT_THAT(violations_, ::testing::ElementsAre("restored-as-recorded: its dropped log lines was "
                                                  "'0' and is '7' after the restart"));
}

TEST_F(RestorationRules, AnotherAcceptanceIsSeen) {
  play([](Records& records) {
    change(records, [](store::Execution& record) { record.set_eta_p50_ms(123'456); });
  });
  EXPECT_THAT(violations_, Contains(::testing::StartsWith("restored-as-recorded: its estimate")));
}

// The end was not on stable storage, so the node takes over what had not ended.
TEST_F(RestorationRules, AnotherRequestOfALiveExecutionIsSeen) {
  play([&](Records& records) {
    records = running_;
    change(records, [](store::Execution& record) { record.mutable_pending()->set_max_retries(5); });
  });
  EXPECT_THAT(violations_,
              Contains("restored-as-recorded: its retries was '0' and is '5' after the restart"));
}

}  // namespace
}  // namespace quintain::sim
