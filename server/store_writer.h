// The journal of a served node: a store and the thread that writes it.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/journal.h"
#include "core/journal/sqlite_store.h"
#include "server/serial_context.h"

namespace quintain::server {

/// Commits what was appended on a thread of its own. While a commit is under way, further records
/// gather and become the next commit: so the number of calls that share one sync grows with the
/// load. After a failed commit it tries again every second. Serial context only, except stop().
class StoreWriter final : public core::Journal {
 public:
  /// Opens the store in this file, or creates it. `context` must outlive the writer.
  static absl::StatusOr<std::unique_ptr<StoreWriter>> open(SerialContext& context,
                                                           const std::string& path);
  ~StoreWriter() override { stop(); }

  /// Starts to commit. Requires: replay() is over.
  void start();

  /// Tries once more to commit what was appended, and ends the thread. The functions of listen()
  /// have been posted when it returns. Requires: the caller is not within the context.
  void stop();

  core::JournalPosition append(core::JournalRecord record) override;
  core::JournalPosition appended() const override { return appended_; }
  core::JournalPosition durable() const override { return durable_; }
  std::int64_t pending_bytes() const override { return pending_bytes_; }
  absl::Status failure() const override { return failure_; }
  void listen(std::function<void()> changed) override { changed_ = std::move(changed); }
  absl::Status replay(const std::function<absl::Status(core::JournalRecord)>& visit) override;

  /// Commits so far. Any thread.
  std::int64_t commits() const { return commits_.load(std::memory_order_relaxed); }

 private:
  StoreWriter(SerialContext& context, std::unique_ptr<core::SqliteStore> store)
      : context_(context), store_(std::move(store)) {}

  void run();
  void report(absl::Status status, std::size_t records, std::int64_t bytes);

  SerialContext& context_;
  std::unique_ptr<core::SqliteStore> store_;
  std::atomic<std::int64_t> commits_ = 0;

  // Serial context only.
  core::JournalPosition appended_ = 0;
  core::JournalPosition durable_ = 0;
  std::int64_t pending_bytes_ = 0;
  absl::Status failure_;
  std::function<void()> changed_ = [] {};

  std::mutex mutex_;
  std::condition_variable changed_inbox_;
  // Guarded by mutex_.
  std::vector<core::JournalRecord> inbox_;
  bool idle_ = false;
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace quintain::server
