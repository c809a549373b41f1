// What a study file says, as plain data: which estimators predict which workloads, how often it is
// repeated, and how good they have to be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "scenarios/language/scenario.h"
#include "sim/load.h"
#include "sim/mixed_load.h"
#include "sim/world.h"

namespace quintain::study {

/// How often a workload is played, each time under another seed: 1, 2, 3 and so on.
struct Replications {
  int least = 10;
  int most = 20;
  /// The relative error of the default estimator's loss to the oracle's within which it is to be
  /// known; see study/statistics/sequential.h. Not asked for if `least` and `most` are the same.
  double precision = 0.01;
};

/// How good an estimator has to be on a workload. Missing: as bad as it likes.
///
/// A goal is held against the value, not against an end of its interval: a bound speaks of what was
/// reached, and more replications must not turn it. The interval is shown beside it.
struct Goal {
  /// Empty: the default estimator.
  std::string estimator{};
  std::optional<double> pinball_to_oracle{};
  std::optional<double> pinball_to_best_baseline{};
  /// The largest |coverage - level| at 50, 80, 90 and 95 %, as a share: 0.01 is a percentage point.
  std::optional<double> coverage_error{};
  /// The same, of time to success.
  std::optional<double> success_coverage_error{};
  /// The same, of the worst stratum that has enough executions.
  std::optional<double> stratum_error{};
  /// The loss over the first arrivals after each change, over the oracle's and over that of the
  /// best baseline.
  std::optional<double> after_change_to_oracle{};
  std::optional<double> after_change_to_best_baseline{};
};

/// A closed form that the workload must meet.
struct ClosedForm {
  enum class Quantity : std::uint8_t {
    kMeanWait,              // s; of those that got a slot
    kShareThatWaits,        // of all
    kShareThatWaitsLonger,  // than `bound`
  };

  /// What the theory is of: "M/M/4".
  std::string model{};
  Quantity quantity = Quantity::kMeanWait;
  core::Duration bound{0};
  double reference = 0;
};

/// One workload: one node, and the calls that come to it.
struct Workload {
  std::string name;
  std::string about;
  sim::NodeSpec node;
  /// Either loads as a scenario has them, a mixed load, or a recorded trace.
  std::vector<sim::Load> loads;
  std::optional<sim::MixedLoad> traffic;
  std::optional<scenarios::TraceReplay> trace;
  /// How often callers let a failed attempt be repeated, at most.
  int max_retries = 0;
  /// The run ends here even if work is left.
  core::Instant until = core::Instant::never();
  /// So many calls has a mixed load. Loads and traces say themselves how many.
  std::int64_t arrivals = 0;
  /// So many arrivals are never scored: estimators learn from them.
  std::int64_t warm_up = 0;
  std::vector<Goal> goals;
  std::vector<ClosedForm> closed_forms;
  /// The resolved configuration, as JSON text.
  std::string config = "{}";

  // Of a trace that was read.
  std::optional<std::uint64_t> trace_digest;
};

struct Study {
  std::string name;
  std::string about;
  std::string file;
  /// In the order of the report; the oracle and the controls always follow.
  std::vector<std::string> estimators;
  Replications replications;
  std::vector<Workload> workloads;
};

}  // namespace quintain::study
