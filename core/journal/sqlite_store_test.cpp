#include "core/journal/sqlite_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace quintain::core {
namespace {

using ::testing::HasSubstr;

class SqliteStoreTest : public ::testing::Test {
 protected:
  SqliteStoreTest() {
    std::string pattern = ::testing::TempDir() + "quintain-store-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ + "/store";
  }
  ~SqliteStoreTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<SqliteStore> open() {
    auto store = SqliteStore::open(path_);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }

  std::string error() {
    const auto store = SqliteStore::open(path_);
    return store.ok() ? "" : std::string(store.status().message());
  }

  static std::vector<std::string> contents(SqliteStore& store) {
    std::vector<std::string> found;
    const absl::Status status = store.replay([&](const JournalRecord& record) {
      found.push_back(std::to_string(static_cast<int>(record.table)) + "/" +
                      std::to_string(record.key) + "=" + *record.value);
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return found;
  }

  void run_sql(const char* text) const {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, text, nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
  }

  std::string folder_;
  std::string path_;
};

TEST_F(SqliteStoreTest, KeepsTheLastValueOfEachRecord) {
  const std::string binary("a\0b", 3);
  {
    const auto store = open();
    EXPECT_TRUE(contents(*store).empty());
    ASSERT_TRUE(store
                    ->commit(std::vector<JournalRecord>{
                        {JournalTable::kExecutions, 2, "old"},
                        {JournalTable::kExecutions, 1, binary},
                        {JournalTable::kAttempts, 1, ""},
                        {JournalTable::kTasks, ~std::uint64_t{0}, "t"},
                    })
                    .ok());
    ASSERT_TRUE(store
                    ->commit(std::vector<JournalRecord>{
                        {JournalTable::kExecutions, 2, "new"},
                        {JournalTable::kExecutions, 3, "gone"},
                        {JournalTable::kExecutions, 3, std::nullopt},
                        {JournalTable::kExecutions, 4, std::nullopt},
                        {JournalTable::kExecutions, 4, "removed before"},
                    })
                    .ok());
  }
  EXPECT_EQ(contents(*open()),
            (std::vector<std::string>{"0/18446744073709551615=t", "1/1=" + binary, "1/2=new",
                                      "1/4=removed before", "2/1="}));
}

TEST_F(SqliteStoreTest, IsLockedWhileItIsOpen) {
  const auto store = open();
  EXPECT_THAT(error(), HasSubstr("is in use by another process"));
}

TEST_F(SqliteStoreTest, RefusesWhatIsNoStore) {
  std::ofstream(path_) << std::string(5000, 'x');
  EXPECT_THAT(error(), HasSubstr("is no SQLite database"));
  std::filesystem::remove(path_);
  run_sql("CREATE TABLE other(x)");
  EXPECT_THAT(error(), HasSubstr("is a database of another program"));
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  EXPECT_THAT(error(), HasSubstr("can't be used"));
  path_ += "/missing/store";
  EXPECT_THAT(error(), HasSubstr("can't be used"));
}

TEST_F(SqliteStoreTest, LeavesAnotherProgramsDatabaseAsItIs) {
  run_sql("CREATE TABLE other(x)");
  const auto bytes = [this] {
    std::ifstream file(path_, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string before = bytes();
  EXPECT_THAT(error(), HasSubstr("another program"));
  EXPECT_EQ(bytes(), before);
}

TEST_F(SqliteStoreTest, RefusesANewerVersion) {
  open();
  run_sql("PRAGMA user_version = 2");
  EXPECT_THAT(error(), HasSubstr("has version 2, and this program knows versions up to 1"));
}

TEST_F(SqliteStoreTest, NoticesADamagedValue) {
  {
    const auto store = open();
    ASSERT_TRUE(store
                    ->commit(std::vector<JournalRecord>{
                        {JournalTable::kExecutions, 7, std::string(64, 'v')}})
                    .ok());
  }
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  const std::size_t place = bytes.find(std::string(64, 'v'));
  ASSERT_NE(place, std::string::npos);
  file.clear();
  file.seekp(static_cast<std::streamoff>(place));
  file.put('w');
  file.close();
  const auto store = open();
  const absl::Status status = store->replay([](const JournalRecord&) { return absl::OkStatus(); });
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("is damaged: the checksum of record 7 of executions is wrong"));
}

TEST_F(SqliteStoreTest, NoticesADamagedPage) {
  {
    const auto store = open();
    std::vector<JournalRecord> records;
    for (std::uint64_t key = 1; key <= 1000; ++key) {
      records.push_back({JournalTable::kExecutions, key, std::string(100, 'v')});
    }
    ASSERT_TRUE(store->commit(records).ok());
  }
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096 * 4);
  file << std::string(4096, 'z');
  file.close();
  EXPECT_THAT(error(), HasSubstr("is damaged"));
}

}  // namespace
}  // namespace quintain::core
