// What is measured in a run: counts, times, shares, estimates against what came.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
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

  std::map<std::string, std::int64_t, std::less<>> counts_;
  std::set<std::uint64_t> invocations_;  // open calls that are invocations
  std::vector<std::int64_t> wait_;       // ns; of those that got a slot
  std::vector<std::int64_t> service_;    // ns; of those that ended by themselves
  std::vector<std::int64_t> response_;   // ns; likewise
  std::int64_t ended_ = 0;
  std::int64_t waited_ = 0;

  std::int64_t predicted_ = 0;
  std::int64_t within_p50_ = 0;
  std::int64_t within_p90_ = 0;
  double error_ = 0;           // ns
  double absolute_error_ = 0;  // ns

  // Time integrals, in ns.
  core::Instant last_;
  int held_ = 0;
  int most_held_ = 0;
  std::int64_t queued_ = 0;
  std::int64_t most_queued_ = 0;
  double held_integral_ = 0;
  double queue_integral_ = 0;
  std::int64_t records_ = 0;
  std::int64_t most_records_ = 0;
};

}  // namespace quintain::scenarios
