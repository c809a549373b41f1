// Several threads take replications from a shared list. The replications of a workload are judged
// in the order of their seeds, so that the result does not depend on the order in which they
// finish.
#include "study/comparison/study_run.h"

#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <utility>

#include "core/eta/estimator.h"
#include "scenarios/runner/run.h"
#include "scenarios/runner/side_by_side.h"
#include "scenarios/runner/trace_load.h"
#include "study/comparison/aggregate.h"
#include "study/comparison/cell.h"
#include "study/statistics/sequential.h"

namespace quintain::study {
namespace {

std::string default_estimator() { return core::eta::EtaConfig().estimator; }

/// The scores of the first `count` replications.
std::vector<const std::vector<SeriesScores>*> first(const std::map<int, CellResult>& cells,
                                                    int count) {
  std::vector<const std::vector<SeriesScores>*> replications;
  for (int i = 0; i < count; ++i) replications.push_back(&cells.at(i).estimators);
  return replications;
}

/// Decides when a workload has enough replications. Immutable.
class Stopper {
 public:
  explicit Stopper(const Replications& replications)
      : fixed_(replications.least == replications.most),
        rule_{.relative_error = replications.precision,
              .min_replications = replications.least,
              .max_replications = replications.most} {}

  /// The reason to stop after these replications, or nullopt to continue.
  std::optional<StopReason> stop(Replicated replications) const {
    if (std::ssize(replications) < least()) return std::nullopt;
    return fixed_ ? StopReason::kMaxReplications : rule_.stop(state(replications));
  }

  int expected(Replicated replications) const {
    if (fixed_ || std::ssize(replications) < least()) return least();
    return rule_.expected_replications(state(replications));
  }

  int least() const { return rule_.min_replications; }
  int most() const { return rule_.max_replications; }
  /// The relative half-width to reach; 0 if the number of replications is fixed.
  double wanted() const { return fixed_ ? 0 : rule_.max_relative_half_width(); }

 private:
  static statistics::SequentialState state(Replicated replications) {
    return {.replications = static_cast<int>(replications.size()),
            .relative_half_width = relative_half_width(replications, default_estimator())};
  }

  bool fixed_;
  statistics::SequentialRule rule_;
};

/// The state of a workload. Replications are numbered from 0; replication i has seed i + 1.
struct WorkloadState {
  const Workload* spec;
  std::vector<bool> skipped{};  // by replication: those of other shards; empty: none
  int started = 0;              // replications
  int wanted = 0;               // replications that may be started
  int expected = 0;
  std::map<int, CellResult> cells{};  // by replication
  std::optional<StopReason> stopped{};
  int judged = 0;  // replications; in the end, those that are the result

  bool skips_next() const {
    const auto next = static_cast<std::size_t>(started);
    return next < skipped.size() && skipped[next];
  }
};

/// Runs all cells of a study. run() uses several threads, which share the members below the mutex;
/// the results are read after it returns.
class Runner {
 public:
  Runner(const Study& study, const StudyOptions& options)
      : study_(study), options_(options), stopper_(replications(study, options)) {
    for (const Workload& workload : study.workloads) {
      workloads_.push_back(
          {.spec = &workload, .wanted = stopper_.least(), .expected = stopper_.least()});
    }
    if (options.shard) choose_shard(*options.shard);
  }

  void run() {
    scenarios::run_side_by_side(options_.jobs, [this] { work(); });
  }

  bool interrupted() const {
    return options_.interrupt != nullptr && options_.interrupt->load(std::memory_order_relaxed);
  }
  std::size_t done() const { return progress_.done; }
  const std::string& error() const { return error_; }
  /// The names of the files of a shard's cells.
  const std::set<std::string>& finished() const { return finished_; }

  StudyReport report() const {
    StudyReport report;
    report.name = study_.name;
    report.about = study_.about;
    report.file = study_.file;
    report.default_estimator = default_estimator();
    for (std::size_t i = 0; i < core::eta::kLevels; ++i) {
      report.levels.push_back(core::eta::level(i));
    }
    for (const WorkloadState& workload : workloads_) {
      if (workload.judged == 0) continue;  // the study was interrupted
      std::vector<CellResult> cells;
      for (int i = 0; i < workload.judged; ++i) cells.push_back(workload.cells.at(i));
      report.workloads.push_back(summarise(*workload.spec, cells, default_estimator()));
      WorkloadResult& result = report.workloads.back();
      result.stopped = workload.stopped.value_or(StopReason::kInterrupted);
      result.wanted_half_width = stopper_.wanted();
      result.relative_half_width =
          relative_half_width(first(workload.cells, workload.judged), default_estimator());
      add_costs(*workload.spec, cells.front(), report);
    }
    return report;
  }

 private:
  struct Ticket {
    WorkloadState* workload;
    int replication;
  };

  static Replications replications(const Study& study, const StudyOptions& options) {
    Replications replications = study.replications;
    if (options.replications) {
      replications.least = *options.replications;
      replications.most = *options.replications;
    }
    return replications;
  }

  static void add_costs(const Workload& workload, const CellResult& cell, StudyReport& report) {
    for (const CellCost& cost : cell.costs) {
      PredictionCost& added = report.costs.emplace_back();
      added.workload = workload.name;
      added.estimator = cost.estimator;
      added.p50_ns = cost.p50;
      added.p99_ns = cost.p99;
      for (const PointPair& point : cost.by_depth) {
        added.by_depth.push_back({point.predicted, point.actual});
      }
    }
  }

  // The number of calls is the cost of a cell.
  void choose_shard(reports::ShardNumber shard) {
    std::vector<double> costs;
    for (const Workload& workload : study_.workloads) {
      costs.push_back(static_cast<double>(workload.arrivals) +
                      scenarios::expected_calls(workload.loads, workload.until));
    }
    const auto least = static_cast<std::size_t>(stopper_.least());
    const std::vector<bool> chosen = reports::places_of_shard(costs, least, shard);
    for (std::size_t w = 0; w < workloads_.size(); ++w) {
      for (std::size_t i = 0; i < least; ++i) {
        workloads_[w].skipped.push_back(!chosen[w * least + i]);
      }
      workloads_[w].expected = static_cast<int>(std::ranges::count(workloads_[w].skipped, false));
    }
  }

  void work() {
    std::unique_lock lock(mutex_);
    while (const auto ticket = next(lock)) {
      lock.unlock();
      auto cell = find_or_run(*ticket);
      lock.lock();
      --running_;
      if (cell) finish(*ticket, std::move(*cell));
      changed_.notify_all();
    }
  }

  /// The next cell to run; nullopt if the study ends. Waits while other cells run whose results may
  /// require more.
  std::optional<Ticket> next(std::unique_lock<std::mutex>& lock) {
    while (true) {
      if (interrupted() || !error_.empty()) return std::nullopt;
      for (WorkloadState& workload : workloads_) {
        while (workload.skips_next()) ++workload.started;
        if (workload.stopped || workload.started >= workload.wanted) continue;
        ++running_;
        return Ticket{.workload = &workload, .replication = workload.started++};
      }
      if (running_ == 0) return std::nullopt;
      changed_.wait(lock);
    }
  }

  std::optional<CellResult> find_or_run(const Ticket& ticket) {
    const bool costs = ticket.replication == 0 && options_.stopwatch != nullptr;
    const CellKey key{.build = options_.build,
                      .workload = ticket.workload->spec,
                      .estimators = study_.estimators,
                      .seed = static_cast<std::uint64_t>(ticket.replication) + 1,
                      .costs = costs};
    if (options_.shard) {
      const std::scoped_lock lock(mutex_);
      finished_.insert(CellStore::name_of(key));
    }
    std::string fault;
    if (auto kept = options_.store.find(key, fault)) {
      const std::scoped_lock lock(mutex_);
      ++progress_.kept;
      return kept;
    }
    if (options_.expects_cells) {
      const std::scoped_lock lock(mutex_);
      if (!std::exchange(noted_, true)) {
        options_.note(
            fmt::format("no shard has {}; it is run now, and so are others that are missing",
                        CellStore::name_of(key)));
      }
    }
    if (!fault.empty()) {
      const std::scoped_lock lock(mutex_);
      options_.note(fault + "; the cell is run again");
    }
    auto cell = run_cell(*ticket.workload->spec, key.seed,
                         {.estimators = study_.estimators,
                          .stopwatch = costs ? options_.stopwatch : Stopwatch(),
                          .abort = options_.interrupt});
    if (absl::IsCancelled(cell.status())) return std::nullopt;
    const absl::Status status = cell.ok() ? options_.store.keep(key, *cell) : cell.status();
    if (status.ok()) return *std::move(cell);
    const std::scoped_lock lock(mutex_);
    error_ = std::string(status.message());
    return std::nullopt;
  }

  void finish(const Ticket& ticket, CellResult cell) {
    WorkloadState& workload = *ticket.workload;
    progress_.workload = workload.spec->name;
    progress_.seed = cell.seed;
    ++progress_.done;
    // The cells of one shard are not enough to judge a workload by.
    if (!options_.shard) {
      workload.cells.emplace(ticket.replication, std::move(cell));
      judge(workload);
    }
    progress_.expected = 0;
    for (const WorkloadState& each : workloads_) {
      const int least = options_.shard ? each.expected : std::max(each.started, each.expected);
      progress_.expected += static_cast<std::size_t>(least);
    }
    options_.progress(progress_);
  }

  void judge(WorkloadState& workload) {
    while (!workload.stopped && workload.cells.contains(workload.judged)) {
      ++workload.judged;
      const auto replications = first(workload.cells, workload.judged);
      workload.stopped = stopper_.stop(replications);
      workload.expected = stopper_.expected(replications);
      if (workload.stopped) workload.expected = workload.judged;
    }
    // At most one replication per job is started ahead, so that few are wasted.
    if (!workload.stopped && workload.judged >= stopper_.least()) {
      workload.wanted = std::min({stopper_.most(), std::max(workload.expected, workload.judged + 1),
                                  workload.judged + std::max(1, options_.jobs)});
    }
  }

  const Study& study_;
  const StudyOptions& options_;
  Stopper stopper_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<WorkloadState> workloads_;
  int running_ = 0;
  StudyProgress progress_;
  std::string error_;
  std::set<std::string> finished_;
  bool noted_ = false;
};

}  // namespace

std::variant<std::vector<SkippedWorkload>, StudyError> read_traces(Study& study,
                                                                   const std::string& trace_dir,
                                                                   bool strict) {
  std::vector<SkippedWorkload> skipped;
  std::vector<Workload> runnable;
  for (Workload& workload : study.workloads) {
    if (!workload.trace) {
      runnable.push_back(std::move(workload));
      continue;
    }
    if (trace_dir.empty()) {
      skipped.push_back({.name = workload.name,
                         .reason = fmt::format("it replays the trace '{}'; give its folder, or "
                                               "the folder's parent, by --trace-dir",
                                               workload.trace->folder)});
      continue;
    }
    auto read = scenarios::load_trace(scenarios::path_of_trace(*workload.trace, trace_dir),
                                      *workload.trace, strict, workload.node, workload.loads);
    if (const auto* errors = std::get_if<std::vector<std::string>>(&read)) {
      return StudyError{absl::StrJoin(*errors, "\n")};
    }
    const auto& trace = std::get<scenarios::ReplayedTrace>(read);
    workload.trace_digest = trace.digest;
    workload.single_calls = trace.has_single_calls;
    workload.trace_notes = sim::describe(trace.left_out);
    workload.trace_notes.insert(workload.trace_notes.end(), trace.notes.begin(), trace.notes.end());
    runnable.push_back(std::move(workload));
  }
  study.workloads = std::move(runnable);
  return skipped;
}

std::variant<StudyReport, ShardDone, Interrupted, StudyError> run_study(
    const Study& study, const StudyOptions& options) {
  const absl::Status prepared = options.store.prepare();
  if (!prepared.ok()) return StudyError{std::string(prepared.message())};
  Runner runner(study, options);
  runner.run();
  if (!runner.error().empty()) return StudyError{runner.error()};
  if (runner.interrupted()) {
    Interrupted interrupted{.cells = runner.done()};
    StudyReport report = runner.report();
    if (!report.workloads.empty()) interrupted.report = std::move(report);
    return interrupted;
  }
  if (options.shard) return ShardDone{runner.finished()};
  return runner.report();
}

}  // namespace quintain::study
