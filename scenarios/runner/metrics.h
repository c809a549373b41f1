// What is measured in a run: counts, times, shares, estimates against what came.
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

/// Listens to a world's history. Only executions accepted at or after the end of the warm-up count.
class Metrics final : public sim::HistoryListener {
 public:
  /// `ledger` must not yet know of an event when it is told here: add this listener first.
  Metrics(const sim::World& world, const sim::Ledger& ledger, core::Instant warm_up);

  void on_event(const sim::Event& event) override;

  /// All metrics by name (see metric_names.h), at the end of the run. One that has nothing to be
  /// computed from is NaN.
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
  std::vector<std::int64_t> wait_;                  // ns; of those that got a slot
  std::vector<std::int64_t> service_;               // ns; of those that ended by themselves
  std::vector<std::int64_t> response_;              // ns; likewise
  std::int64_t ended_ = 0;
  std::int64_t waited_ = 0;

  std::int64_t predicted_ = 0;
  std::int64_t within_p50_ = 0;
  std::int64_t within_p90_ = 0;
  double error_ = 0;           // ns
  double absolute_error_ = 0;  // ns

  // Over time, in ns.
  struct Integrals {
    core::Instant last;  // so far they reach
    double held_slots = 0;
    double queue = 0;

    void advance(core::Instant now, core::Instant warm_up, int held, std::int64_t queued);
  };
  Integrals integrals_;
  int held_ = 0;
  int most_held_ = 0;
  std::int64_t queued_ = 0;
  std::int64_t most_queued_ = 0;
  std::int64_t records_ = 0;
  std::int64_t most_records_ = 0;
};

}  // namespace quintain::scenarios
