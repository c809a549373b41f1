// A journal's records in an SQLite database.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "core/journal.h"

namespace quintain::core {

/// One database, locked against every other process while it is open. It reaches its files through
/// an SQLite VFS only. Has no thread and no lock of its own: one thread at a time may use it.
class SqliteStore {
 public:
  /// Opens the database, or creates it. `vfs` is the name of a registered SQLite VFS; nullptr is
  /// SQLite's default. The error says what is wrong with the file and what to do: it is in use,
  /// damaged, of a newer version or no store at all.
  static absl::StatusOr<std::unique_ptr<SqliteStore>> open(const std::string& path,
                                                           const char* vfs = nullptr);
  ~SqliteStore();

  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  /// Makes all records durable, or none of them if it fails.
  absl::Status commit(std::span<const JournalRecord> records);

  /// As Journal::replay().
  absl::Status replay(const std::function<absl::Status(JournalRecord)>& visit);

 private:
  class Database;
  explicit SqliteStore(std::unique_ptr<Database> database);
  std::unique_ptr<Database> database_;
};

}  // namespace quintain::core
