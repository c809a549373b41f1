#include "study/capacity/capacity.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <mutex>
#include <numeric>
#include <utility>

#include "core/base/duration_text.h"
#include "core/eta/estimator.h"
#include "core/node_config.h"
#include "scenarios/runner/side_by_side.h"
#include "scenarios/runner/trace_load.h"
#include "study/comparison/cell.h"

namespace quintain::study {
namespace {

constexpr int kMaxSlots = 100'000;
constexpr int kMaxWaiting = 10'000'000;
constexpr std::size_t kMaxPoints = 1000;
constexpr int kDefaultPoints = 12;
// No call of a log is cut off.
constexpr core::Duration kNoTimeout = core::kLongestConfigured;

double to_seconds(core::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// The statistics in the order of kTimeStatistics.
TimeStatistics statistics_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  const auto quantile = [&](double share) {
    const auto rank =
        static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
    return values[std::max<std::size_t>(rank, 1) - 1];
  };
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  return {sum / static_cast<double>(values.size()),
          quantile(0.5),
          quantile(0.9),
          quantile(0.95),
          quantile(0.99),
          values.back()};
}

// What the runs of one point leave.
struct Sums {
  std::vector<double> waits;
  std::vector<double> responses;
  std::int64_t refused = 0;
  double busy = 0;
  double span = 0;
  double absolute_error = 0;
  std::int64_t after_p90 = 0;
};

void add(const ComparisonLog& log, Sums& sums) {
  core::Instant last;
  for (std::size_t i = 0; i < log.records.size(); ++i) {
    const ComparisonRecord& record = log.records[i];
    if (record.ended_at.is_never() || record.dispatched_at.is_never()) continue;
    const double response = to_seconds(record.ended_at - record.accepted_at);
    sums.waits.push_back(to_seconds(record.dispatched_at - record.accepted_at));
    sums.responses.push_back(response);
    sums.busy += to_seconds(record.ended_at - record.dispatched_at);
    const core::eta::Forecast& forecast = log.forecasts.front()[i];
    sums.absolute_error +=
        std::abs(response - to_seconds(forecast.quantiles[core::eta::kMedianLevel]));
    if (response > to_seconds(forecast.quantiles[core::eta::k90Level])) ++sums.after_p90;
    last = std::max(last, record.ended_at);
  }
  if (!log.records.empty()) sums.span += to_seconds(last - log.records.front().accepted_at);
}

CapacityPoint point_of(int slots, int seeds, Sums sums) {
  CapacityPoint point;
  point.slots = slots;
  point.calls = std::ssize(sums.responses);
  point.refused = sums.refused;
  point.slot_hours = slots * sums.span / seeds / 3600;
  if (point.calls == 0) return point;
  const auto calls = static_cast<double>(point.calls);
  point.waited =
      static_cast<double>(std::ranges::count_if(sums.waits, [](double s) { return s > 0; })) /
      calls;
  point.busy = sums.span > 0 ? sums.busy / (slots * sums.span) : 0;
  point.estimate_error = sums.absolute_error / calls;
  point.after_p90 = static_cast<double>(sums.after_p90) / calls;
  point.wait = statistics_of(std::move(sums.waits));
  point.response = statistics_of(std::move(sums.responses));
  return point;
}

// Simulates points, several at once, and keeps them.
class Planner {
 public:
  Planner(const Workload& calls, const CapacityOptions& options)
      : calls_(calls), options_(options) {}

  absl::Status simulate(std::vector<int> wanted, std::size_t total) {
    std::erase_if(wanted, [&](int slots) { return points_.contains(slots); });
    std::atomic<std::size_t> next = 0;
    scenarios::run_side_by_side(options_.jobs, [&] {
      for (std::size_t i = next++; i < wanted.size() && status().ok(); i = next++) {
        run(wanted[i], total);
      }
    });
    return status();
  }

  const std::map<int, CapacityPoint>& points() const { return points_; }

  bool meets_goals(int slots) const {
    const CapacityPoint& point = points_.at(slots);
    return point.refused == 0 && std::ranges::all_of(options_.goals, [&](const CapacityGoal& goal) {
             return goal.met(point);
           });
  }

 private:
  absl::Status status() {
    const std::scoped_lock lock(mutex_);
    return status_;
  }

  void run(int slots, std::size_t total) {
    Workload workload = calls_;
    workload.node.config.slots = slots;
    Sums sums;
    for (int seed = 1; seed <= options_.seeds; ++seed) {
      ComparisonLog log;
      const auto refused =
          simulate_default(workload, static_cast<std::uint64_t>(seed), options_.abort, log);
      if (!refused.ok()) {
        const std::scoped_lock lock(mutex_);
        status_.Update(refused.status());
        return;
      }
      sums.refused += *refused;
      add(log, sums);
    }
    CapacityPoint point = point_of(slots, options_.seeds, std::move(sums));
    const std::scoped_lock lock(mutex_);
    points_.emplace(slots, point);
    options_.progress(points_.size(), total);
  }

  const Workload& calls_;
  const CapacityOptions& options_;
  std::mutex mutex_;
  absl::Status status_;
  std::map<int, CapacityPoint> points_;
};

// The fewest slots that meet the goals, by doubling and bisection. More slots are taken to be never
// worse, which holds but for chance.
absl::Status search(Planner& planner, int start) {
  // Of a short log, fewer slots than its load may be enough.
  int too_few = 0;
  int enough = start;
  while (true) {
    if (absl::Status status = planner.simulate({enough}, 0); !status.ok()) return status;
    if (planner.meets_goals(enough)) break;
    if (enough == kMaxSlots) return absl::OkStatus();
    too_few = enough;
    enough = std::min(kMaxSlots, enough * 2);
    // What no number of slots can meet ends here: nothing waits any more.
    if (planner.points().at(too_few).waited == 0) return absl::OkStatus();
  }
  while (enough - too_few > 1) {
    const int middle = too_few + (enough - too_few) / 2;
    if (absl::Status status = planner.simulate({middle}, 0); !status.ok()) return status;
    (planner.meets_goals(middle) ? enough : too_few) = middle;
  }
  return absl::OkStatus();
}

}  // namespace

std::string CapacityGoal::name() const {
  return fmt::format("{}.{}", of_wait ? "wait" : "response", kTimeStatistics[statistic]);
}

std::string CapacityGoal::text() const {
  return fmt::format("{} <= {}", name(), core::format_duration(most));
}

double CapacityGoal::value(const CapacityPoint& point) const {
  return (of_wait ? point.wait : point.response)[statistic];
}

double CapacityGoal::seconds() const { return to_seconds(most); }

absl::StatusOr<CapacityGoal> parse_capacity_goal(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return absl::InvalidArgumentError(
        fmt::format("'{}': {}; expected response.STATISTIC=TIME or wait.STATISTIC=TIME, such as "
                    "response.p95=2s, with one of the statistics {}",
                    text, why, fmt::join(kTimeStatistics, ", ")));
  };
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return wrong("it has no '='");
  std::string_view name = text.substr(0, equals);
  CapacityGoal goal;
  goal.of_wait = name.starts_with("wait.");
  if (const std::size_t dot = name.find('.'); dot != std::string_view::npos) {
    if (!goal.of_wait && name.substr(0, dot) != "response") return wrong("it is of another time");
    name.remove_prefix(dot + 1);
  }
  const auto found = std::ranges::find(kTimeStatistics, name);
  if (found == kTimeStatistics.end()) return wrong(fmt::format("there is no '{}'", name));
  goal.statistic = static_cast<std::size_t>(found - kTimeStatistics.begin());
  std::string error;
  const auto most = core::parse_duration(text.substr(equals + 1), error);
  if (!most) return wrong(error);
  goal.most = *most;
  return goal;
}

absl::StatusOr<std::vector<int>> parse_slots(std::string_view text) {
  const auto wrong = [&] {
    return absl::InvalidArgumentError(
        fmt::format("'{}' is neither A..B nor A,B,...: ascending numbers from 1 to {}, at most {} "
                    "of them",
                    text, kMaxSlots, kMaxPoints));
  };
  const auto number = [](std::string_view word, int& value) {
    return !word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos &&
           absl::SimpleAtoi(absl::string_view(word.data(), word.size()), &value) && value >= 1 &&
           value <= kMaxSlots;
  };
  std::vector<int> slots;
  if (const std::size_t dots = text.find(".."); dots != std::string_view::npos) {
    int first = 0;
    int last = 0;
    if (!number(text.substr(0, dots), first) || !number(text.substr(dots + 2), last) ||
        last < first || last - first >= static_cast<int>(kMaxPoints)) {
      return wrong();
    }
    slots.resize(static_cast<std::size_t>(last - first + 1));
    std::iota(slots.begin(), slots.end(), first);
    return slots;
  }
  for (const auto word : absl::StrSplit(absl::string_view(text.data(), text.size()), ',')) {
    int value = 0;
    if (!number(std::string_view(word.data(), word.size()), value)) return wrong();
    if (!slots.empty() && value <= slots.back()) return wrong();
    slots.push_back(value);
  }
  if (slots.size() > kMaxPoints) return wrong();
  return slots;
}

std::variant<Workload, std::vector<std::string>> read_calls(const std::filesystem::path& path,
                                                            const scenarios::TraceReplay& replay,
                                                            bool strict) {
  Workload workload;
  workload.name = path.string();
  workload.trace = replay;
  core::NodeConfig& config = workload.node.config;
  config.queue_limit = kMaxWaiting;
  config.instances.per_node = kMaxSlots;
  config.instances.per_task = kMaxSlots;
  config.timeout = {.sync_default = kNoTimeout, .async_default = kNoTimeout, .maximum = kNoTimeout};
  auto read = scenarios::load_trace(path, replay, strict, workload.node, workload.loads);
  if (auto* errors = std::get_if<std::vector<std::string>>(&read)) return std::move(*errors);
  const auto& trace = std::get<scenarios::ReplayedTrace>(read);
  workload.trace_digest = trace.digest;
  workload.single_calls = trace.has_single_calls;
  workload.trace_notes = sim::describe(trace.left_out);
  workload.trace_notes.insert(workload.trace_notes.end(), trace.notes.begin(), trace.notes.end());
  return workload;
}

absl::StatusOr<Capacity> plan_capacity(const Workload& calls, const CapacityOptions& options) {
  // With this many slots nothing waits, so that a run shows the load.
  CapacityOptions once = options;
  once.progress = [](std::size_t, std::size_t) {};
  Planner unlimited(calls, once);
  if (absl::Status status = unlimited.simulate({kMaxSlots}, 0); !status.ok()) return status;
  const CapacityPoint& free = unlimited.points().at(kMaxSlots);
  Capacity capacity;
  capacity.load = free.busy * kMaxSlots;
  const int start = std::clamp(static_cast<int>(std::ceil(capacity.load)), 1, kMaxSlots);

  Planner planner(calls, options);
  absl::Status status;
  if (!options.slots.empty()) {
    status = planner.simulate(options.slots, options.slots.size());
  } else if (!options.goals.empty()) {
    status = search(planner, start);
  } else {
    std::vector<int> slots;
    for (int i = 0; i < kDefaultPoints; ++i) {
      slots.push_back(std::min(kMaxSlots, start + i * std::max(1, start / 10)));
    }
    slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
    status = planner.simulate(slots, slots.size());
  }
  if (!status.ok()) return status;
  for (const auto& [slots, point] : planner.points()) {
    capacity.points.push_back(point);
    if (!options.goals.empty() && !capacity.fewest && planner.meets_goals(slots)) {
      capacity.fewest = slots;
    }
  }
  return capacity;
}

}  // namespace quintain::study
