// The store on a disk that fails: a crash at each operation, a full disk, failing syncs.
#include "sim/storage/simulated_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/journal/sqlite_store.h"

namespace quintain::sim {
namespace {

using core::JournalRecord;
using core::JournalTable;
using core::SqliteStore;

std::unique_ptr<SqliteStore> open(const SimulatedDisk& disk) {
  auto store = SqliteStore::open("/store", disk.vfs().c_str());
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

// Commit number n: a record of its own, and the number in a record that all commits change.
std::vector<JournalRecord> batch(std::uint64_t n) {
  return {{JournalTable::kExecutions, n, std::string(300 * (n % 20), 'x') + std::to_string(n)},
          {JournalTable::kTasks, 0, std::to_string(n)}};
}

// The number of commits that are there. Fails the test unless they are a prefix.
std::uint64_t commits(SqliteStore& store) {
  std::uint64_t last = 0;
  std::uint64_t records = 0;
  const absl::Status status = store.replay([&](const JournalRecord& record) {
    if (record.table == JournalTable::kTasks) last = std::stoull(*record.value);
    if (record.table == JournalTable::kExecutions) {
      EXPECT_EQ(record.value, batch(record.key).front().value);
      EXPECT_EQ(record.key, ++records);
    }
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(records, last);
  return last;
}

TEST(SimulatedDisk, ACrashAtEachOperationKeepsEveryCommit) {
  int survived = 0;
  for (std::int64_t operations = 0; !HasFailure(); ++operations) {
    SimulatedDisk disk(static_cast<std::uint64_t>(operations));
    auto store = open(disk);
    disk.fail_power_after(operations);
    std::uint64_t committed = 0;
    while (committed < 40 && store->commit(batch(committed + 1)).ok()) ++committed;
    const bool whole = committed == 40;
    store.reset();
    disk.restart();
    store = open(disk);
    ASSERT_NE(store, nullptr) << "after " << operations << " operations";
    const std::uint64_t kept = commits(*store);
    // The last commit may have reached the disk before the power failed.
    EXPECT_GE(kept, committed) << "after " << operations << " operations";
    EXPECT_LE(kept, committed + 1) << "after " << operations << " operations";
    survived += kept > committed ? 1 : 0;
    ASSERT_TRUE(store->commit(batch(kept + 1)).ok());
    EXPECT_EQ(commits(*store), kept + 1);
    if (whole) break;
  }
  EXPECT_GT(survived, 0) << "no crash hit a commit between its write and its end";
}

TEST(SimulatedDisk, ACrashWhileTheStoreIsMadeLeavesAStoreOrNone) {
  for (std::int64_t operations = 0; operations < 60 && !HasFailure(); ++operations) {
    SimulatedDisk disk(static_cast<std::uint64_t>(operations));
    disk.fail_power_after(operations);
    SqliteStore::open("/store", disk.vfs().c_str()).status().IgnoreError();
    disk.restart();
    const auto store = open(disk);
    ASSERT_NE(store, nullptr) << "after " << operations << " operations";
    EXPECT_TRUE(store->commit(batch(1)).ok());
  }
}

TEST(SimulatedDisk, AFullDiskRefusesCommitsAndKeepsWhatIsThere) {
  SimulatedDisk disk(1);
  const auto store = open(disk);
  ASSERT_TRUE(store->commit(batch(1)).ok());
  disk.set_full(true);
  const absl::Status status = store->commit(batch(2));
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("full"));
  EXPECT_EQ(commits(*store), 1U);
  disk.set_full(false);
  EXPECT_TRUE(store->commit(batch(2)).ok());
  EXPECT_EQ(commits(*store), 2U);
}

TEST(SimulatedDisk, ACommitWhoseSyncFailsIsNoCommit) {
  SimulatedDisk disk(1);
  auto store = open(disk);
  ASSERT_TRUE(store->commit(batch(1)).ok());
  disk.set_broken(true);
  EXPECT_FALSE(store->commit(batch(2)).ok());
  EXPECT_EQ(commits(*store), 1U);
  disk.set_broken(false);
  EXPECT_TRUE(store->commit(batch(2)).ok());
  disk.fail_power_after(0);
  store.reset();
  disk.restart();
  EXPECT_EQ(commits(*open(disk)), 2U);
}

}  // namespace
}  // namespace quintain::sim
