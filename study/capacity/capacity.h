// Capacity planning: how long the calls of a recorded log would take with other numbers of slots,
// and how good the node's estimates would be.
#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "scenarios/language/scenario.h"
#include "study/language/study.h"

namespace quintain::study {

/// Statistics of a time over all calls of a point. A quantile is the smallest value that at least
/// this share of the values do not exceed (R. J. Hyndman and Y. Fan, "Sample quantiles in
/// statistical packages", 1996, definition 1).
inline constexpr std::array<std::string_view, 6> kTimeStatistics = {"mean", "p50", "p90",
                                                                    "p95",  "p99", "max"};

/// In seconds, by statistic; 0 if there are no calls.
using TimeStatistics = std::array<double, kTimeStatistics.size()>;

/// What comes of all calls with one number of slots.
struct CapacityPoint {
  int slots = 0;
  std::int64_t calls = 0;
  std::int64_t refused = 0;
  /// From acceptance to the start, and from acceptance to the end.
  TimeStatistics wait{};
  TimeStatistics response{};
  /// The share of the calls that waited at all.
  double waited = 0;
  /// The share of the time, from the first call to the last end, that a slot was busy.
  double busy = 0;
  /// Slots times the hours from the first call to the last end: the mean over the seeds.
  double slot_hours = 0;
  /// Of the node's default estimates: the mean of |actual - p50| in seconds, and the share of calls
  /// that ended after their p90, which is 10 % where forecasts are calibrated.
  double estimate_error = 0;
  double after_p90 = 0;
};

/// A bound on one statistic.
struct CapacityGoal {
  /// Else the response time.
  bool of_wait = false;
  std::size_t statistic = 0;
  core::Duration most{0};

  /// "response.p95", and "response.p95 <= 2s".
  std::string name() const;
  std::string text() const;
  bool met(const CapacityPoint& point) const { return value(point) <= seconds(); }
  double value(const CapacityPoint& point) const;

 private:
  double seconds() const;
};

/// Reads "response.p95=2s", "wait.mean=100ms", or "p95=2s" (of the response). InvalidArgument says
/// what is wrong and what would be right.
absl::StatusOr<CapacityGoal> parse_capacity_goal(std::string_view text);

/// Reads "2..16" or "2,4,8": at most 1000 numbers, ascending. InvalidArgument likewise.
absl::StatusOr<std::vector<int>> parse_slots(std::string_view text);

/// Reads the trace at `path` (see scenarios::load_trace()) as a workload of asynchronous calls, a
/// load for each function, on a node that refuses none and cuts none off. Else what is wrong with
/// the files.
std::variant<Workload, std::vector<std::string>> read_calls(const std::filesystem::path& path,
                                                            const scenarios::TraceReplay& replay,
                                                            bool strict);

struct CapacityOptions {
  /// Empty: 12 numbers from the fewest that can keep up on average. With goals, in that case: those
  /// that a search for the fewest that meet all goals needs.
  std::vector<int> slots{};
  std::vector<CapacityGoal> goals{};
  /// Runs of each point, with the seeds 1, 2, ...; more than one matters where the trace has
  /// distributions instead of single times.
  int seeds = 1;
  /// Simulations at once; does not change the result.
  int jobs = 1;
  /// Set by another thread or a signal handler to stop soon; may be null.
  const std::atomic<bool>* abort = nullptr;
  /// Called after each simulation, by one thread at a time. `total` is 0 while it is not known.
  std::function<void(std::size_t done, std::size_t total)> progress = [](std::size_t, std::size_t) {
  };
};

struct Capacity {
  /// The mean number of slots that the calls of the log keep busy, if none has to wait.
  double load = 0;
  /// By the number of slots, ascending.
  std::vector<CapacityPoint> points{};
  /// The fewest slots that meet all goals, if any do; nullopt too if there are no goals.
  std::optional<int> fewest{};
};

/// Simulates the calls with each number of slots. CANCELLED: aborted.
absl::StatusOr<Capacity> plan_capacity(const Workload& calls, const CapacityOptions& options);

/// A table for people. `price`: of a slot for an hour; 0: slot-hours are shown.
std::string render_capacity(const Workload& calls, const Capacity& capacity,
                            const std::vector<CapacityGoal>& goals, double price);

/// A plan as a document.
struct CapacityReport {
  std::string command{};
  /// The name of the trace and the digest of its calls.
  std::string trace{};
  std::string trace_digest{};
  std::vector<std::string> trace_notes{};
  std::int64_t functions = 0;
  /// As texts.
  std::vector<std::string> goals{};
  /// Of a slot for an hour; 0: none was given.
  double price = 0;
  Capacity capacity{};
};

CapacityReport report_of(const Workload& calls, const Capacity& capacity,
                         const std::vector<CapacityGoal>& goals, double price,
                         const std::string& command);

std::string capacity_json(const CapacityReport& report);

/// The report in a document. InvalidArgument: the text is not JSON, or differs from what
/// capacity_json() writes for the report that was read, apart from white space and key order.
absl::StatusOr<CapacityReport> capacity_from_json(std::string_view text);

/// A self-contained page for a browser.
std::string capacity_page(const CapacityReport& report);

}  // namespace quintain::study
