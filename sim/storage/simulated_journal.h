// A journal in virtual time: SQLite on a simulated disk.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/environment.h"
#include "core/base/random.h"
#include "core/journal.h"
#include "core/journal/sqlite_store.h"
#include "sim/history.h"
#include "sim/storage/simulated_disk.h"

namespace quintain::sim {

/// Commits what was appended, as the server's writer does: one commit at a time, and what is
/// appended meanwhile becomes the next one. A commit takes a random time; its operations reach the
/// disk at its end. After a failed commit it tries again after kRetry. Serial context only.
class SimulatedJournal final : public core::Journal {
 public:
  static constexpr core::Duration kRetry = std::chrono::seconds(1);

  /// Commits take up to twice `mean`. The store and the disk must outlive the journal.
  SimulatedJournal(core::Environment& environment, core::SqliteStore& store, SimulatedDisk& disk,
                   core::Duration mean);

  /// The machine loses its power now: of a commit that is under way, `operations` operations have
  /// reached the disk.
  void crash(std::int64_t operations);

  /// Calls `noted` at each event of the disk.
  void note_events(std::function<void(DiskEvent)> noted) { noted_ = std::move(noted); }

  core::JournalPosition append(core::JournalRecord record) override;
  core::JournalPosition appended() const override { return appended_; }
  core::JournalPosition durable() const override { return durable_; }
  std::int64_t pending_bytes() const override { return pending_bytes_; }
  absl::Status failure() const override { return failure_; }
  void listen(std::function<void()> changed) override { changed_ = std::move(changed); }
  absl::Status replay(const std::function<absl::Status(core::JournalRecord)>& visit) override {
    return store_.replay(visit);
  }

 private:
  void begin();
  void commit();

  core::Environment& environment_;
  core::SqliteStore& store_;
  SimulatedDisk& disk_;
  core::Duration mean_;
  core::RandomStream durations_{"sim.journal"};
  core::Timer end_of_commit_;
  std::vector<core::JournalRecord> inbox_;
  std::vector<core::JournalRecord> batch_;
  core::JournalPosition appended_ = 0;
  core::JournalPosition durable_ = 0;
  std::int64_t pending_bytes_ = 0;
  absl::Status failure_;
  std::function<void()> changed_ = [] {};
  std::function<void(DiskEvent)> noted_ = [](DiskEvent) {};
  bool crashed_ = false;
};

}  // namespace quintain::sim
