// The interface through which a node's state outlives its process.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace quintain::core {

/// What a record of a journal is about; with the key it identifies the record.
enum class JournalTable : std::uint8_t {
  kTasks,
  kExecutions,
  kAttempts,  // the last attempt of an execution that has not ended
};

inline constexpr std::size_t kJournalTables = 3;

/// One change: the record has this value from now on, or is removed if there is no value.
struct JournalRecord {
  JournalTable table;
  std::uint64_t key;
  std::optional<std::string> value;
};

/// The number of records that were appended up to a point; 0 before the first.
using JournalPosition = std::uint64_t;

/// Keeps records on stable storage. append() returns at once; a record becomes durable later,
/// together with all records before it. A crash loses the records that are not durable, always a
/// suffix of what was appended. Serial context only.
class Journal {
 public:
  virtual ~Journal() = default;

  virtual JournalPosition append(JournalRecord record) = 0;

  /// The position after the last append().
  virtual JournalPosition appended() const = 0;

  /// All records up to this position survive a crash.
  virtual JournalPosition durable() const = 0;

  /// Bytes of records that are not durable yet.
  virtual std::int64_t pending_bytes() const = 0;

  /// Why the last attempt to make records durable failed; OK if it succeeded. The journal keeps the
  /// records and tries again.
  virtual absl::Status failure() const = 0;

  /// Calls `changed` whenever durable() or failure() has changed, but not from within append().
  virtual void listen(std::function<void()> changed) = 0;

  /// Calls `visit` for each record that survived, in the order of tables and keys, until it returns
  /// an error. Requires: nothing was appended.
  virtual absl::Status replay(const std::function<absl::Status(JournalRecord)>& visit) = 0;
};

}  // namespace quintain::core
