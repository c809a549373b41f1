// The account of what a node keeps for its clients.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/node_config.h"

namespace quintain::core {

/// What clients can make a node keep.
enum class MemoryUse : std::uint8_t {
  kRequests,  // of executions that wait or run
  kRecords,   // results, errors and log lines
  kTasks,     // tasks and names of functions
  kStreams,   // output that waits for the readers of streams
};

inline constexpr std::size_t kMemoryUses = 4;
inline constexpr std::array<std::string_view, kMemoryUses> kMemoryUseNames = {"requests", "records",
                                                                              "tasks", "streams"};

/// Bytes that the node keeps, by use, and their limits. The bytes are those of the contents plus
/// fixed amounts for the objects around them. Serial context only.
class MemoryAccount {
 public:
  explicit MemoryAccount(const MemoryConfig& config);

  /// `bytes` is negative when memory is released.
  void add(MemoryUse use, std::int64_t bytes) {
    used_[static_cast<std::size_t>(use)] += bytes;
    total_ += bytes;
  }

  std::int64_t used(MemoryUse use) const { return used_[static_cast<std::size_t>(use)]; }
  std::int64_t limit(MemoryUse use) const { return limits_[static_cast<std::size_t>(use)]; }
  std::int64_t total() const { return total_; }
  std::int64_t total_limit() const { return total_limit_; }

  /// Whether the use may grow by `bytes`, apart from the total.
  bool fits(MemoryUse use, std::int64_t bytes) const { return used(use) + bytes <= limit(use); }

  /// Whether the total may grow by `bytes`.
  bool fits_total(std::int64_t bytes) const { return total_ + bytes <= total_limit_; }

 private:
  std::array<std::int64_t, kMemoryUses> used_{};
  std::array<std::int64_t, kMemoryUses> limits_;
  std::int64_t total_ = 0;
  std::int64_t total_limit_;
};

}  // namespace quintain::core
