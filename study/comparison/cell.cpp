// Runs one cell: CellRun simulates the workload, Evaluation scores the log that the run left.
#include "study/comparison/cell.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <utility>

#include "core/node_config.h"
#include "sim/load.h"
#include "sim/world.h"
#include "study/comparison/oracle.h"
#include "study/predictions/predicted.h"
#include "study/statistics/scores.h"
#include "study/statistics/steady_state.h"

namespace quintain::study {
namespace {

/// Each batch is long against the correlation of a queue, and they are enough to estimate the
/// spread.
constexpr std::size_t kClosedFormBatches = 20;

double seconds(core::Duration d) { return std::chrono::duration<double>(d).count(); }

std::vector<double> levels() {
  std::vector<double> levels;
  for (std::size_t i = 0; i < core::eta::kLevels; ++i) levels.push_back(core::eta::level(i));
  return levels;
}

End end_of(const ComparisonRecord& record) {
  switch (record.status) {
    case spearlet::EXECUTION_STATUS_COMPLETED:
      return End::kCompleted;
    case spearlet::EXECUTION_STATUS_FAILED:
      return End::kFailed;
    case spearlet::EXECUTION_STATUS_TIMEOUT:
      return End::kTimedOut;
    case spearlet::EXECUTION_STATUS_CANCELLED:
      return End::kCancelled;
    default:
      return End::kUnfinished;
  }
}

/// One simulation of the workload. The arguments must outlive it. Serial context only.
class CellRun {
 public:
  CellRun(const Workload& workload, std::uint64_t seed, const CellOptions& options,
          ComparisonLog& log)
      : workload_(workload), world_(seed, sim::World::Recording::kOff) {
    sim::NodeSpec node = workload.node;
    node.estimator = [&](const core::eta::EtaConfig& config, std::uint64_t estimator_seed) {
      return std::make_unique<EstimatorComparison>(estimators(options, config, estimator_seed), log,
                                                   options.stopwatch);
    };
    world_.add_node(node);
    for (std::size_t i = 0; i < workload.loads.size(); ++i) {
      loads_.push_back(std::make_unique<sim::LoadGenerator>(world_, workload.loads[i], i));
    }
    if (workload.traffic) {
      traffic_ = std::make_unique<sim::MixedLoadGenerator>(world_, *workload.traffic,
                                                           workload.loads.size());
    }
  }

  /// Returns false if aborted.
  bool run(const std::atomic<bool>* abort) {
    bool aborted = false;
    world_.kernel().run(workload_.until, [&] {
      aborted = abort != nullptr && abort->load(std::memory_order_relaxed);
      return aborted || settled();
    });
    return !aborted;
  }

  std::int64_t refused() const {
    std::int64_t refused = traffic_ == nullptr ? 0 : traffic_->refused();
    for (const auto& load : loads_) refused += load->refused();
    return refused;
  }
  core::Instant now() const { return world_.now(); }
  std::uint64_t digest() const { return world_.digest(); }

 private:
  /// The default comes first, because the node uses its forecasts. The oracle comes last.
  std::vector<std::unique_ptr<core::eta::Estimator>> estimators(const CellOptions& options,
                                                                const core::eta::EtaConfig& config,
                                                                std::uint64_t seed) const {
    std::vector<std::unique_ptr<core::eta::Estimator>> estimators;
    for (const std::string& name : options.estimators) {
      core::eta::EtaConfig named = config;
      named.estimator = name;
      estimators.push_back(core::eta::make_estimator(named, seed));
      if (name == core::eta::EtaConfig().estimator) {
        std::rotate(estimators.begin(), estimators.end() - 1, estimators.end());
      }
    }
    if (options.oracle) {
      estimators.push_back(make_oracle(workload_.node, workload_.max_retries, seed));
    }
    return estimators;
  }

  bool settled() const {
    return (traffic_ == nullptr || traffic_->finished()) &&
           std::ranges::all_of(loads_, [](const auto& load) { return load->finished(); }) &&
           world_.active_executions() == 0;
  }

  const Workload& workload_;
  sim::World world_;
  std::vector<std::unique_ptr<sim::LoadGenerator>> loads_;
  std::unique_ptr<sim::MixedLoadGenerator> traffic_;
};

/// The instants at which the regime changes, ascending.
std::vector<core::Instant> changes_of(const sim::NodeSpec& node) {
  std::vector<core::Instant> changes;
  for (const sim::Slowdown& slowdown : node.slowdowns) {
    if (slowdown.from > core::Instant()) changes.push_back(slowdown.from);
    if (!slowdown.until.is_never()) changes.push_back(slowdown.until);
  }
  std::ranges::sort(changes);
  changes.erase(std::unique(changes.begin(), changes.end()), changes.end());
  return changes;
}

/// Scores the log of a run. The arguments must outlive it.
class Evaluation {
 public:
  Evaluation(const Workload& workload, std::uint64_t seed, const ComparisonLog& log,
             core::Instant end)
      : workload_(workload), log_(log), end_(end) {
    result_.seed = seed;
    read_executions(seed);
    find_changes();
    stratify(executions_);
    cut_warm_up();
  }

  CellResult evaluate(const CellOptions& options) {
    count();
    measure_closed_forms();
    for (const std::string& name : options.estimators) {
      const std::size_t estimator = index_of(name);
      add_scores(forecasts_of(estimator), estimator);
    }
    const std::size_t oracle = log_.names.size() - 1;
    const Forecasts of_oracle = forecasts_of(oracle);
    add_scores(of_oracle, oracle);
    for (const Forecasts& control : make_controls(levels_, scored(), of_oracle)) {
      add_scores(control, oracle);
      result_.estimators.back().bytes = 0;
      result_.estimators.back().bytes_per_function = 0;
    }
    for (std::size_t i = 0; i < log_.costs.size(); ++i) add_cost(i);
    return std::move(result_);
  }

 private:
  void read_executions(std::uint64_t seed) {
    for (const ComparisonRecord& record : log_.records) {
      const core::Instant last_seen = record.ended_at.is_never() ? end_ : record.ended_at;
      core::RandomStream ties("study.ties", record.ordinal);
      PredictedExecution execution{.arrival = static_cast<std::int64_t>(executions_.size()),
                                   .elapsed = seconds(last_seen - record.accepted_at),
                                   .end = end_of(record),
                                   .uniform = core::to_unit_interval(ties.next(seed)),
                                   .depth = record.depth,
                                   .cold = record.cold_in_sight,
                                   .function = record.function};
      if (!record.deadline.is_never()) {
        execution.limit = seconds(record.deadline - record.accepted_at);
      }
      executions_.push_back(execution);
    }
  }

  void find_changes() {
    for (const core::Instant change : changes_of(workload_.node)) {
      const auto first =
          std::ranges::lower_bound(log_.records, change, {}, &ComparisonRecord::accepted_at);
      if (first == log_.records.end()) break;
      const auto number = static_cast<std::size_t>(first - log_.records.begin());
      result_.changes.push_back(static_cast<double>(number));
      for (std::size_t i = number; i < executions_.size(); ++i) {
        executions_[i].arrivals_since_change = static_cast<std::int64_t>(i - number);
        executions_[i].ends_since_change = log_.records[i].ends_before - first->ends_before;
      }
    }
  }

  /// Cuts the study's warm-up, or more if MSER-5 finds a longer one, but at most half. MSER-5 uses
  /// the part before the first change of regime. A trace is never stationary, and the rule would
  /// take its first hours as a warm-up, so that only the study's is cut.
  void cut_warm_up() {
    std::vector<double> series;
    const std::size_t stationary = result_.changes.empty()
                                       ? executions_.size()
                                       : static_cast<std::size_t>(result_.changes.front());
    for (std::size_t i = 0; i < stationary; ++i) series.push_back(executions_[i].elapsed);
    const auto found = static_cast<std::int64_t>(statistics::mser5(series));
    const auto half = static_cast<std::int64_t>(executions_.size() / 2);
    result_.warm_up_found = static_cast<double>(found);
    const bool is_trace = workload_.trace.has_value();
    cut_ = static_cast<std::size_t>(
        std::min(is_trace ? workload_.warm_up : std::max(found, workload_.warm_up), half));
    result_.warm_up_cut = static_cast<double>(cut_);
  }

  void count() {
    CallCounts& counts = result_.counts;
    counts.predicted = static_cast<std::int64_t>(executions_.size());
    counts.dropped = static_cast<std::int64_t>(cut_);
    for (const PredictedExecution& execution : executions_) {
      counts.completed += execution.end == End::kCompleted;
      counts.failed += execution.end == End::kFailed;
      counts.timed_out += execution.end == End::kTimedOut;
      counts.cancelled += execution.end == End::kCancelled;
      counts.unfinished += execution.end == End::kUnfinished;
    }
  }

  void measure_closed_forms() {
    for (const ClosedForm& form : workload_.closed_forms) {
      std::vector<double> values;
      for (std::size_t i = cut_; i < log_.records.size(); ++i) {
        const ComparisonRecord& record = log_.records[i];
        const bool got_slot = !record.dispatched_at.is_never();
        const core::Instant until = got_slot ? record.dispatched_at : record.ended_at;
        if (until.is_never()) continue;
        const core::Duration wait = until - record.accepted_at;
        switch (form.quantity) {
          case ClosedForm::Quantity::kMeanWait:
            if (got_slot) values.push_back(seconds(wait));
            break;
          case ClosedForm::Quantity::kShareThatWaits:
            values.push_back(wait > core::Duration::zero() ? 1 : 0);
            break;
          case ClosedForm::Quantity::kShareThatWaitsLonger:
            values.push_back(wait > form.bound ? 1 : 0);
            break;
        }
      }
      result_.closed_forms.push_back(
          values.size() < kClosedFormBatches
              ? std::vector<double>()
              : statistics::means_of_batches(values, kClosedFormBatches));
    }
  }

  std::span<const PredictedExecution> scored() const {
    return std::span(executions_).subspan(cut_);
  }

  /// The first with the name. The oracle, which is the last, may share its name with an estimator.
  std::size_t index_of(const std::string& name) const {
    return static_cast<std::size_t>(std::ranges::find(log_.names, name) - log_.names.begin());
  }

  Forecasts forecasts_of(std::size_t estimator) const {
    Forecasts forecasts{.estimator = log_.names[estimator]};
    const auto& all = log_.forecasts[estimator];
    for (std::size_t i = cut_; i < all.size(); ++i) {
      forecasts.points.push_back(seconds(all[i].point));
      for (const core::Duration quantile : all[i].quantiles) {
        forecasts.quantiles.push_back(seconds(quantile));
      }
    }
    return forecasts;
  }

  void add_scores(const Forecasts& forecasts, std::size_t estimator) {
    SeriesScores scores = score(levels_, scored(), forecasts);
    scores.bytes = static_cast<std::int64_t>(log_.bytes[estimator]);
    scores.bytes_per_function = static_cast<double>(scores.bytes) /
                                static_cast<double>(std::max<std::size_t>(1, log_.functions));
    result_.estimators.push_back(std::move(scores));
  }

  void add_cost(std::size_t estimator) {
    std::vector<std::int64_t> all;
    std::map<int, std::pair<double, std::vector<std::int64_t>>> by_depth;
    for (std::size_t i = cut_; i < log_.costs[estimator].size(); ++i) {
      const PredictionCosts& cost = log_.costs[estimator][i];
      all.push_back(cost.nanoseconds);
      auto& [depth, costs] =
          by_depth[static_cast<int>(std::bit_width(static_cast<std::uint64_t>(cost.depth)))];
      depth += static_cast<double>(cost.depth);
      costs.push_back(cost.nanoseconds);
    }
    if (all.empty()) return;
    const auto quantile = [](std::vector<std::int64_t>& values, double p) {
      const auto place =
          static_cast<std::ptrdiff_t>(std::ceil(p * static_cast<double>(values.size())) - 1);
      std::nth_element(values.begin(), values.begin() + place, values.end());
      return static_cast<double>(values[static_cast<std::size_t>(place)]);
    };
    CellCost cost{
        .estimator = log_.names[estimator], .p50 = quantile(all, 0.5), .p99 = quantile(all, 0.99)};
    for (auto& [bin, group] : by_depth) {
      auto& [depth, costs] = group;
      cost.by_depth.push_back(
          {.predicted = depth / static_cast<double>(costs.size()), .actual = quantile(costs, 0.5)});
    }
    result_.costs.push_back(std::move(cost));
  }

  const Workload& workload_;
  const ComparisonLog& log_;
  core::Instant end_;
  const std::vector<double> levels_ = levels();
  std::vector<PredictedExecution> executions_;
  std::size_t cut_ = 0;
  CellResult result_;
};

}  // namespace

absl::StatusOr<CellResult> run_cell(const Workload& workload, std::uint64_t seed,
                                    const CellOptions& options) {
  ComparisonLog log;
  core::Instant end;
  std::int64_t refused = 0;
  std::uint64_t digest = 0;
  {
    CellRun run(workload, seed, options, log);
    if (!run.run(options.abort)) return absl::CancelledError("aborted");
    end = run.now();
    refused = run.refused();
    digest = run.digest();
  }
  if (!log.fault.empty()) {
    return absl::InternalError(fmt::format("{} under seed {}: {}", workload.name, seed, log.fault));
  }
  CellResult result = Evaluation(workload, seed, log, end).evaluate(options);
  result.counts.refused = refused;
  result.digest = digest;
  return result;
}

namespace {

// The mean pinball loss of a forecast, cut at the deadline.
double loss_of(const core::eta::Forecast& forecast, const ComparisonRecord& record) {
  double loss = 0;
  const core::Duration limit =
      record.deadline.is_never() ? core::Duration::max() : record.deadline - record.accepted_at;
  for (std::size_t i = 0; i < core::eta::kLevels; ++i) {
    loss += statistics::pinball_loss(core::eta::level(i),
                                     seconds(std::min(forecast.quantiles[i], limit)),
                                     seconds(record.ended_at - record.accepted_at)) /
            core::eta::kLevels;
  }
  return loss;
}

std::string_view text_of(End end) {
  switch (end) {
    case End::kCompleted:
      return "it completed";
    case End::kFailed:
      return "it failed";
    case End::kTimedOut:
      return "it was cut at its deadline";
    case End::kCancelled:
      return "it was cancelled";
    case End::kUnfinished:
      break;
  }
  return "it had not ended when the run did";
}

// What came of it, and the state of the node in front of it.
std::string explain_state(const ComparisonLog& log, const ComparisonRecord& record,
                          const ExplainedExecution& explained) {
  std::string text;
  if (!record.dispatched_at.is_never()) {
    text += fmt::format("  it waited for {:.6g} s\n",
                        seconds(record.dispatched_at - record.accepted_at));
  }
  text += fmt::format("  {}", text_of(end_of(record)));
  if (!record.ended_at.is_never()) {
    text += fmt::format(", {:.6g} s after the acceptance",
                        seconds(record.ended_at - record.accepted_at));
  }
  text += fmt::format("\n\nthe node: {} of {} slots busy, {} waiting in front\n", explained.busy,
                      explained.slots, explained.queued);
  for (const core::eta::RunningExecution& running : explained.running) {
    const bool starts = running.started_at.is_never();
    text +=
        fmt::format("  runs: {}, {} for {:.6g} s{}\n", log.function_names[running.function],
                    starts ? "makes its instance" : "running",
                    seconds(explained.now - (starts ? running.dispatched_at : running.started_at)),
                    running.cold && !starts ? ", started cold" : "");
  }
  text += "\nwork that waits, the execution itself included:\n";
  text += fmt::format("  {:<24} {:>8} {:>14} {:>14} {:>14}\n", "function", "number", "mean time, s",
                      "cold start, s", "work, s");
  double sum = 0;
  for (const core::eta::Explanation::Work& work : explained.explanation.work) {
    const double seconds = static_cast<double>(work.waiting) * work.mean_service;
    sum += seconds;
    text += fmt::format("  {:<24} {:>8} {:>14.6g} {:>14.6g} {:>14.6g}\n",
                        log.function_names[work.function], work.waiting, work.mean_service,
                        work.mean_cold_start, seconds);
  }
  return text + fmt::format("  all: {:.6g} s, {:.6g} s a slot\n  speed factor {:.4g}, {}\n", sum,
                            sum / explained.slots, explained.explanation.speed_factor,
                            explained.explanation.recalibrated
                                ? "recalibrated from past forecast errors"
                                : "not recalibrated");
}

std::string explain_forecasts(const ComparisonLog& log, std::size_t number,
                              const ExplainedExecution& explained) {
  const ComparisonRecord& record = log.records[number];
  std::string text = fmt::format("\n{:<26} {:>7} {:>14} {:>12} {:>12} {:>12} {:>12}\n", "seconds",
                                 "weight", "recent losses", "p10", "p50", "p90", "loss");
  const auto add = [&](std::string_view name, std::string_view weight, std::string_view losses,
                       const core::eta::Forecast& forecast) {
    const std::string loss =
        record.ended_at.is_never() ? "-" : fmt::format("{:.5g}", loss_of(forecast, record));
    text += fmt::format("{:<26} {:>7} {:>14} {:>12.5g} {:>12.5g} {:>12.5g} {:>12}\n", name, weight,
                        losses, seconds(forecast.quantiles[1]),
                        seconds(forecast.quantiles[core::eta::kMedianLevel]),
                        seconds(forecast.quantiles[core::eta::k90Level]), loss);
  };
  add(log.names.front(), "", "", log.forecasts.front()[number]);
  for (const core::eta::Explanation::Part& part : explained.explanation.parts) {
    add(fmt::format("  {}", part.estimator), fmt::format("{:.2f}", part.weight),
        fmt::format("{:.5g}", part.recent_losses), part.forecast);
  }
  text += "for comparison\n";
  for (std::size_t i = 1; i < log.names.size(); ++i) {
    add(fmt::format("  {}", log.names[i]), "", "", log.forecasts[i][number]);
  }
  return text;
}

absl::Status simulate(const Workload& workload, std::uint64_t seed, const CellOptions& options,
                      ComparisonLog& log) {
  CellRun run(workload, seed, options, log);
  if (!run.run(options.abort)) return absl::CancelledError("aborted");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::int64_t> simulate_default(const Workload& workload, std::uint64_t seed,
                                              const std::atomic<bool>* abort, ComparisonLog& log) {
  const CellOptions options{.estimators = {core::eta::EtaConfig().estimator},
                            .stopwatch = {},
                            .abort = abort,
                            .oracle = false};
  CellRun run(workload, seed, options, log);
  if (!run.run(abort)) return absl::CancelledError("aborted");
  return run.refused();
}

absl::StatusOr<std::string> explain_execution(const Workload& workload, std::uint64_t seed,
                                              const CellOptions& options,
                                              std::optional<std::size_t> number) {
  if (!number) {
    ComparisonLog log;
    if (const absl::Status run = simulate(workload, seed, options, log); !run.ok()) return run;
    double most = -1;
    for (std::size_t i = static_cast<std::size_t>(workload.warm_up); i < log.records.size(); ++i) {
      if (log.records[i].ended_at.is_never()) continue;
      const double loss = loss_of(log.forecasts.front()[i], log.records[i]);
      if (loss <= most) continue;
      most = loss;
      number = i + 1;
    }
    if (!number) return absl::OutOfRangeError("no execution has ended after the warm-up");
  }
  ComparisonLog log;
  log.explain = *number - 1;
  if (const absl::Status run = simulate(workload, seed, options, log); !run.ok()) return run;
  if (!log.explained) {
    return absl::OutOfRangeError(
        fmt::format("there is no execution {}; {} were accepted", *number, log.records.size()));
  }
  const ComparisonRecord& record = log.records[*log.explain];
  return fmt::format("execution {} of {} under seed {}: {}, accepted at {:.6g} s\n", *number,
                     workload.name, seed, log.function_names[record.function],
                     seconds(record.accepted_at - core::Instant())) +
         explain_state(log, record, *log.explained) +
         explain_forecasts(log, *log.explain, *log.explained);
}

}  // namespace quintain::study
