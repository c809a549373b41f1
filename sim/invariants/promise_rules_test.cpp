#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/durability/memory_journal.h"
#include "sim/testing/crash_test.h"

namespace quintain::sim {
namespace {

using core::JournalTable;

using PromiseRules = testing::CrashTest;

TEST_F(PromiseRules, ANodeThatKeepsItsRecordsViolatesNothing) {
  play([](auto&) {});
  EXPECT_THAT(violations_, ::testing::IsEmpty());
}

TEST_F(PromiseRules, ALostRecordIsSeen) {
  play([](auto& records) { records.erase({JournalTable::kExecutions, 1}); });
  EXPECT_THAT(violations_,
              ::testing::ElementsAre(
                  "what-was-told-stays: 'a' was told to be COMPLETED, and is not found"));
}

// The end was told before it was on stable storage: the execution fails or runs again.
TEST_F(PromiseRules, AnEndThatWasNotKeptIsSeen) {
  play([&](auto& records) { records = running_; });
  EXPECT_THAT(violations_, ::testing::ElementsAre(
                               "what-was-told-stays: 'a' was told to be COMPLETED, and is FAILED"));
}

}  // namespace
}  // namespace quintain::sim
