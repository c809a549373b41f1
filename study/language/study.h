// Study files (`*.study.json`): the estimators to compare, the workloads, the number of
// replications and the goals, as plain data, and the functions that read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "reports/json_input/diagnostics.h"
#include "reports/json_input/document.h"
#include "scenarios/language/scenario.h"
#include "sim/load.h"
#include "sim/world.h"

namespace quintain::study {

/// The number of replications of each workload. Their seeds are 1, 2, 3 and so on.
struct Replications {
  int least = 10;
  int most = 20;
  /// The wanted relative error of the ratio of the default estimator's loss to the oracle's; see
  /// study/statistics/sequential.h. Ignored if `least` and `most` are equal.
  double precision = 0.01;
};

/// Upper bounds on the results of an estimator on a workload; a missing one is not checked.
///
/// A goal is compared with the value, not with an end of its interval, so that more replications do
/// not change the outcome systematically. The interval is reported too.
struct Goal {
  /// Empty: the default estimator.
  std::string estimator{};
  std::optional<double> pinball_to_oracle{};
  std::optional<double> pinball_to_best_baseline{};
  /// The largest |coverage - level| at the judged levels, as a share: 0.01 is a percentage point.
  std::optional<double> coverage_error{};
  /// The same of the time to success.
  std::optional<double> success_coverage_error{};
  /// The same of the worst stratum that has enough executions.
  std::optional<double> stratum_error{};
  /// The loss over the first arrivals after each change, divided by the oracle's and by that of the
  /// best baseline.
  std::optional<double> after_change_to_oracle{};
  std::optional<double> after_change_to_best_baseline{};
  /// The names of flags that have to hold. One that the workload does not have, because it has no
  /// oracle, is not demanded.
  std::vector<std::string> flags{};
};

/// A closed form that the workload must match.
struct ClosedForm {
  enum class Quantity : std::uint8_t {
    kMeanWait,              ///< in s, of the executions that got a slot
    kShareThatWaits,        ///< of all executions
    kShareThatWaitsLonger,  ///< than `bound`
  };

  /// The name of the model: "M/M/4".
  std::string model{};
  Quantity quantity = Quantity::kMeanWait;
  core::Duration bound{0};
  double reference = 0;
};

/// One node and its calls.
struct Workload {
  std::string name;
  std::string about;
  sim::NodeSpec node;
  /// One of: loads as in scenarios, a mixed load, a recorded trace.
  std::vector<sim::Load> loads;
  std::optional<sim::MixedLoad> traffic;
  std::optional<scenarios::TraceReplay> trace;
  /// The largest number of retries that callers ask for.
  int max_retries = 0;
  /// The run ends at this time even if executions are left.
  core::Instant until = core::Instant::never();
  /// The number of calls of a mixed load. Loads and traces have their own numbers.
  std::int64_t arrivals = 0;
  /// The number of arrivals that are not scored; estimators learn from them.
  std::int64_t warm_up = 0;
  std::vector<Goal> goals;
  std::vector<ClosedForm> closed_forms;
  /// The resolved configuration, as JSON text.
  std::string config = "{}";

  // Set when the trace is read.

  std::optional<std::uint64_t> trace_digest;
  /// The trace has single calls and no distributions, so that there is no oracle: the reference
  /// knows only each function's distribution over the whole trace.
  bool single_calls = false;
  /// Rows that were left out, and what was assumed.
  std::vector<std::string> trace_notes;
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

/// The suffix of study files' names. The search for scenarios skips such files.
inline constexpr std::string_view kStudySuffix = ".study.json";

/// Reads a study file. nullopt after reporting everything that is wrong with it.
std::optional<Study> load_study_file(const std::string& path, json_input::Diagnostics& diagnostics);

/// The same of a document.
std::optional<Study> read_study(const json_input::Document& document,
                                json_input::Diagnostics& diagnostics);

}  // namespace quintain::study
