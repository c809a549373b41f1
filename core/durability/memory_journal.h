// A journal in memory: what survives a crash in tests and in the conformance suite's virtual time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "core/journal.h"

namespace quintain::core {

/// Every record is durable when it is appended. Serial context only.
class MemoryJournal final : public Journal {
 public:
  /// By table and key.
  using Records = std::map<std::pair<JournalTable, std::uint64_t>, std::string>;

  /// `records` is the storage; it must outlive the journal.
  explicit MemoryJournal(Records& records) : records_(records) {}

  JournalPosition append(JournalRecord record) override {
    if (record.value) {
      records_[{record.table, record.key}] = *std::move(record.value);
    } else {
      records_.erase({record.table, record.key});
    }
    return ++appended_;
  }
  JournalPosition appended() const override { return appended_; }
  JournalPosition durable() const override { return appended_; }
  std::int64_t pending_bytes() const override { return 0; }
  absl::Status failure() const override { return absl::OkStatus(); }
  void listen(std::function<void()> /*changed*/) override {}  // nothing changes later
  absl::Status replay(const std::function<absl::Status(JournalRecord)>& visit) override {
    const Records records = records_;
    for (const auto& [place, value] : records) {
      const absl::Status status =
          visit({.table = place.first, .key = place.second, .value = value});
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  Records& records_;
  JournalPosition appended_ = 0;
};

}  // namespace quintain::core
