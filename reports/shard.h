// A run that several processes share: which cases each of them runs, and how their reports become
// the report of the whole run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "reports/report.h"
#include "reports/stream.h"

namespace quintain::reports {

/// One of `count` processes; they are numbered from 1.
struct ShardNumber {
  int number = 1;
  int count = 1;
};

inline constexpr int kMaxShards = 100'000;

/// Reads "2/8": number 2 of 8. InvalidArgument says what is wrong and what would be right.
absl::StatusOr<ShardNumber> parse_shard(std::string_view text);

/// "1/4, 3/4": the shards that are not there, at most 20 of them; empty if all are. `there`: by
/// number.
std::string missing_shards(const std::vector<bool>& there);

/// Which of a run's cases belong to a shard. Item i has the places i * repeats to
/// (i + 1) * repeats - 1, each of which costs costs[i] (in any unit, at least 0). Every place is in
/// one shard, whatever the machine. The most expensive case goes first, each to the shard with the
/// least cost so far (R. L. Graham, "Bounds on multiprocessing timing anomalies", 1969): no shard
/// gets more than 4/3 of what the best division gives the largest.
std::vector<bool> places_of_shard(const std::vector<double>& costs, std::size_t repeats,
                                  ShardNumber shard);

/// Puts the reports of all shards of one run together. The result is the report that one process
/// would have written, byte for byte, except for `wall_clock`: there the start is the earliest, the
/// duration is the sum, the number of jobs is the largest, and only facts on which all shards agree
/// are kept. Memory grows with the number of cases as that of ReportStream does, and with the
/// largest shard.
class ShardMerge {
 public:
  /// Makes the cases of a whole search from those of each shard, in the order of the shards.
  using CombineWorlds = std::function<std::vector<Case>(const std::vector<std::vector<Case>>&)>;

  /// `files`: what is written; its seeds are replaced by those of the reports.
  ShardMerge(ReportStream::Options files, CombineWorlds combine_worlds);

  /// Adds the report of one shard. `name` is used in errors. InvalidArgument: it is none of a run's
  /// shards, is incomplete, or does not belong to those that were added before; it is left out
  /// then.
  absl::Status add(const std::string& name, const Report& report);

  /// InvalidArgument: shards are missing; the error lists them. Else the merged report without its
  /// cases, which are in stream().
  absl::StatusOr<Report> finish();

  /// Requires: a report was added.
  ReportStream& stream() { return *stream_; }

 private:
  absl::Status check(const Report& report) const;
  void add_wall_clock(const WallClock& wall);

  ReportStream::Options files_;
  CombineWorlds combine_worlds_;
  std::vector<std::vector<Case>> worlds_;  // by shard, if worlds were divided
  std::unique_ptr<ReportStream> stream_;
  std::optional<Report> head_;      // of the first shard
  std::vector<std::string> names_;  // by shard; empty: not added
  std::vector<bool> places_;        // those that were added
};

}  // namespace quintain::reports
