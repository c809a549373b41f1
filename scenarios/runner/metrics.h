// The metrics of a run: counts, times, shares, and the accuracy of estimates.
#pragma once

#include <absl/container/flat_hash_set.h>

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "sim/history.h"
#include "sim/invariants/ledger.h"
#include "sim/world.h"

namespace quintain::scenarios {

/// Computes the metrics of one world from its history. Counts only executions that were accepted at
/// or after the end of the warm-up. Serial context only.
class Metrics final : public sim::HistoryListener {
 public:
  /// Requires: this listener is added to the history before the one that updates `ledger`.
  Metrics(const sim::World& world, const sim::Ledger& ledger, core::Instant warm_up);

  void on_event(const sim::Event& event) override;

  /// All metrics by name (see metric_names.h) at the end of the run. A metric without samples is
  /// NaN.
  std::map<std::string, double, std::less<>> values(const sim::World& world) const;

 private:
  void on_terminal(const sim::Event& event, const sim::ExecutionFacts& facts);
  void advance(core::Instant now);

  const sim::Ledger& ledger_;
  core::Instant warm_up_;
  int slots_ = 0;

  struct Counts {
    std::int64_t calls = 0;
    std::int64_t accepted = 0;
    std::int64_t refused = 0;
    std::array<std::int64_t, spearlet::ExecutionStatus_ARRAYSIZE> ended{};  // by status
    std::int64_t attempts = 0;
    std::int64_t retries = 0;
    std::int64_t cold_starts = 0;
    std::int64_t kills = 0;
    std::int64_t reports_ignored = 0;
  };
  Counts counts_;
  absl::flat_hash_set<std::uint64_t> invocations_;  // open calls that are invocations
  std::vector<std::int64_t> wait_;                  // ns; of executions that got a slot
  std::vector<std::int64_t> service_;               // ns; of executions that completed or failed
  std::vector<std::int64_t> response_;              // ns; likewise
  std::int64_t ended_ = 0;
  std::int64_t waited_ = 0;

  std::int64_t predicted_ = 0;
  std::int64_t within_p50_ = 0;
  std::int64_t within_p90_ = 0;
  double error_ = 0;           // ns
  double absolute_error_ = 0;  // ns

  // Integrals over time, in ns.
  struct Integrals {
    core::Instant last;  // the upper limit
    double held_slots = 0;
    double queue = 0;

    void advance(core::Instant now, core::Instant warm_up, int held, std::int64_t queued);
  };
  Integrals integrals_;
  int held_ = 0;
  int max_held_ = 0;
  std::int64_t queued_ = 0;
  std::int64_t max_queued_ = 0;
  std::int64_t records_ = 0;
  std::int64_t max_records_ = 0;
};

}  // namespace quintain::scenarios
