#include "study/comparison/study_run.h"

#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "core/eta/estimator.h"
#include "scenarios/runner/trace_load.h"
#include "sim/workload/azure_trace.h"
#include "study/comparison/aggregate.h"
#include "study/comparison/cell.h"
#include "study/statistics/sequential.h"

namespace quintain::study {
namespace {

std::string default_estimator() { return core::eta::EtaConfig().estimator; }

// When a workload has been played often enough. Replications are judged in the order of their
// seeds: the first n that are enough are the result, even if later ones were played meanwhile.
class Stopper {
 public:
  explicit Stopper(const Replications& replications)
      : least_(replications.least),
        most_(replications.most),
        rule_{.relative_error = replications.precision,
              .fewest = replications.least,
              .most = replications.most} {}

  /// Of the first `replications.size()`; nothing to go on.
  std::optional<StopReason> stop(
      std::span<const std::vector<SeriesScores>* const> replications) const {
    const auto count = static_cast<int>(replications.size());
    if (count < least_) return std::nullopt;
    if (least_ == most_) return StopReason::kMaxReplications;  // precision is not asked for
    const auto reason = rule_.stop(state(replications));
    if (!reason) return std::nullopt;
    return *reason == statistics::StopReason::kPrecisionReached ? StopReason::kPrecise
                                                                : StopReason::kMaxReplications;
  }

  int expected(std::span<const std::vector<SeriesScores>* const> replications) const {
    const auto count = static_cast<int>(replications.size());
    if (least_ == most_ || count < least_) return least_;
    return rule_.expected_replications(state(replications));
  }

  int least() const { return least_; }
  int most() const { return most_; }
  double wanted() const { return least_ == most_ ? 0 : rule_.largest_relative_half_width(); }

 private:
  static statistics::SequentialState state(
      std::span<const std::vector<SeriesScores>* const> replications) {
    return {.replications = static_cast<int>(replications.size()),
            .relative_half_width = relative_half_width(replications, default_estimator())};
  }

  int least_;
  int most_;
  statistics::SequentialRule rule_;
};

/// A workload on its way.
struct Course {
  const Workload* workload;
  int begun = 0;   // replications, seeds 1 to this
  int wanted = 0;  // so many may be begun
  int expected = 0;
  std::map<int, CellResult> cells{};  // by replication, from 0
  std::optional<StopReason> stopped{};
  int enough = 0;  // replications that are the result
};

class Runner {
 public:
  Runner(const Study& study, const StudyOptions& options)
      : study_(study), options_(options), stopper_(replications(study, options)) {
    for (const Workload& workload : study.workloads) {
      courses_.push_back(
          {.workload = &workload, .wanted = stopper_.least(), .expected = stopper_.least()});
    }
  }

  void run() {
    std::vector<std::jthread> threads;
    for (int i = 1; i < options_.jobs; ++i) threads.emplace_back([this] { work(); });
    work();
  }

  bool interrupted() const {
    return options_.interrupt != nullptr && options_.interrupt->load(std::memory_order_relaxed);
  }
  std::size_t done() const { return progress_.done; }
  const std::string& error() const { return error_; }

  StudyReport report() const {
    StudyReport report;
    report.name = study_.name;
    report.about = study_.about;
    report.file = study_.file;
    report.default_estimator = default_estimator();
    for (std::size_t i = 0; i < core::eta::kLevels; ++i) {
      report.levels.push_back(core::eta::level(i));
    }
    for (const Course& course : courses_) {
      std::vector<CellResult> cells;
      for (int i = 0; i < course.enough; ++i) cells.push_back(course.cells.at(i));
      report.workloads.push_back(summarise(*course.workload, cells, default_estimator()));
      WorkloadResult& result = report.workloads.back();
      result.stopped = *course.stopped;
      result.wanted_half_width = stopper_.wanted();
      result.relative_half_width =
          relative_half_width(first(course, course.enough), default_estimator());
      add_costs(*course.workload, cells.front(), report);
    }
    return report;
  }

 private:
  struct Ticket {
    Course* course;
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

  static std::vector<const std::vector<SeriesScores>*> first(const Course& course, int count) {
    std::vector<const std::vector<SeriesScores>*> replications;
    for (int i = 0; i < count; ++i) replications.push_back(&course.cells.at(i).estimators);
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

  void work() {
    std::unique_lock lock(mutex_);
    while (const auto ticket = next(lock)) {
      lock.unlock();
      auto cell = find_or_play(*ticket);
      lock.lock();
      --playing_;
      if (cell) finish(*ticket, std::move(*cell));
      changed_.notify_all();
    }
  }

  // The next cell to play. While others are being played that may show that more are needed, waits
  // for them.
  std::optional<Ticket> next(std::unique_lock<std::mutex>& lock) {
    while (true) {
      if (interrupted() || !error_.empty()) return std::nullopt;
      for (Course& course : courses_) {
        if (course.stopped || course.begun >= course.wanted) continue;
        ++playing_;
        return Ticket{.course = &course, .replication = course.begun++};
      }
      if (playing_ == 0) return std::nullopt;
      changed_.wait(lock);
    }
  }

  std::optional<CellResult> find_or_play(const Ticket& ticket) {
    const bool costs = ticket.replication == 0 && options_.stopwatch != nullptr;
    const CellKey key{.build = options_.build,
                      .workload = ticket.course->workload,
                      .estimators = study_.estimators,
                      .seed = static_cast<std::uint64_t>(ticket.replication) + 1,
                      .costs = costs};
    if (auto kept = options_.store.find(key)) {
      const std::scoped_lock lock(mutex_);
      ++progress_.kept;
      return kept;
    }
    auto cell = run_cell(*ticket.course->workload, key.seed,
                         {.estimators = study_.estimators,
                          .stopwatch = costs ? options_.stopwatch : Stopwatch(),
                          .give_up = options_.interrupt});
    if (absl::IsCancelled(cell.status())) return std::nullopt;
    const absl::Status status = cell.ok() ? options_.store.keep(key, *cell) : cell.status();
    if (status.ok()) return *std::move(cell);
    const std::scoped_lock lock(mutex_);
    error_ = std::string(status.message());
    return std::nullopt;
  }

  void finish(const Ticket& ticket, CellResult cell) {
    Course& course = *ticket.course;
    progress_.workload = course.workload->name;
    progress_.seed = cell.seed;
    ++progress_.done;
    course.cells.emplace(ticket.replication, std::move(cell));
    judge(course);
    progress_.expected = 0;
    for (const Course& each : courses_) {
      progress_.expected += static_cast<std::size_t>(std::max(each.begun, each.expected));
    }
    options_.progress(progress_);
  }

  void judge(Course& course) {
    while (!course.stopped && course.cells.contains(course.enough)) {
      ++course.enough;
      const auto replications = first(course, course.enough);
      course.stopped = stopper_.stop(replications);
      course.expected = stopper_.expected(replications);
      if (course.stopped) course.expected = course.enough;
    }
    // One more than is certain for each job at most, so that little is played in vain.
    if (!course.stopped && course.enough >= stopper_.least()) {
      course.wanted = std::min({stopper_.most(), std::max(course.expected, course.enough + 1),
                                course.enough + std::max(1, options_.jobs)});
    }
  }

  const Study& study_;
  const StudyOptions& options_;
  Stopper stopper_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Course> courses_;
  int playing_ = 0;
  StudyProgress progress_;
  std::string error_;
};

/// The folder of a trace: below the one given, or that one itself.
std::filesystem::path folder_of(const scenarios::TraceReplay& replay,
                                const std::string& trace_dir) {
  const std::filesystem::path below = std::filesystem::path(trace_dir) / replay.folder;
  std::error_code error;
  const bool itself =
      !std::filesystem::exists(below, error) &&
      std::filesystem::exists(std::filesystem::path(trace_dir) / "invocations.csv", error);
  return itself ? std::filesystem::path(trace_dir) : below;
}

}  // namespace

std::variant<std::vector<SkippedWorkload>, StudyError> read_traces(Study& study,
                                                                   const std::string& trace_dir) {
  std::vector<SkippedWorkload> skipped;
  std::vector<Workload> played;
  for (Workload& workload : study.workloads) {
    if (!workload.trace) {
      played.push_back(std::move(workload));
      continue;
    }
    if (trace_dir.empty()) {
      skipped.push_back({.name = workload.name,
                         .reason = fmt::format("it replays the trace '{}'; give its folder, or "
                                               "the folder's parent, by --trace-dir",
                                               workload.trace->folder)});
      continue;
    }
    const auto read = sim::read_azure_trace(folder_of(*workload.trace, trace_dir));
    if (const auto* errors = std::get_if<std::vector<std::string>>(&read)) {
      return StudyError{absl::StrJoin(*errors, "\n")};
    }
    const auto& trace = std::get<sim::AzureTrace>(read);
    workload.trace_digest = trace.digest;
    scenarios::add_trace(trace, *workload.trace, workload.node.functions, workload.loads);
    played.push_back(std::move(workload));
  }
  study.workloads = std::move(played);
  return skipped;
}

std::variant<StudyReport, Interrupted, StudyError> run_study(const Study& study,
                                                             const StudyOptions& options) {
  const absl::Status prepared = options.store.prepare();
  if (!prepared.ok()) return StudyError{std::string(prepared.message())};
  Runner runner(study, options);
  runner.run();
  if (!runner.error().empty()) return StudyError{runner.error()};
  if (runner.interrupted()) return Interrupted{runner.done()};
  return runner.report();
}

}  // namespace quintain::study
