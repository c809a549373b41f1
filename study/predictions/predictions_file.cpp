// Table reads the rows of the file and reports problems; Recording makes executions and forecasts
// of them; judge() scores them. Intervals are from batch means: consecutive parts of the recording
// take the place of replications.
#include "study/predictions/predictions_file.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/time/time.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <sstream>
#include <utility>
#include <vector>

#include "core/base/random.h"
#include "reports/json_input/diagnostics.h"
#include "reports/json_input/document.h"
#include "sim/workload/csv.h"
#include "study/comparison/aggregate.h"
#include "study/comparison/scoring.h"
#include "study/predictions/predicted.h"

namespace quintain::study {
namespace {

constexpr std::size_t kMaxBatches = 25;
/// A batch must be long against the correlation of a queue.
constexpr std::size_t kMinBatchLength = 40;

constexpr std::array<std::string_view, 4> kRequired = {"execution_id", "accepted", "ended", "how"};
constexpr std::array<std::string_view, 6> kOptional = {"deadline", "estimator", "queue_depth",
                                                       "cold",     "function",  "point"};

/// The level of a column "q05", "q97.5" or "p50".
std::optional<double> level_of(std::string_view column) {
  if (column.size() < 2 || (column.front() != 'q' && column.front() != 'p')) return std::nullopt;
  double percent = 0;
  if (!absl::SimpleAtod(std::string(column.substr(1)), &percent)) return std::nullopt;
  if (!(percent > 0 && percent < 100)) return std::nullopt;
  return percent / 100;
}

/// The end with the name, in upper or lower case.
std::optional<End> end_of(const std::string& word) {
  constexpr std::array<std::pair<std::string_view, End>, 5> kEnds = {{
      {"completed", End::kCompleted},
      {"failed", End::kFailed},
      {"timeout", End::kTimedOut},
      {"cancelled", End::kCancelled},
      {"unfinished", End::kUnfinished},
  }};
  const std::string lower = absl::AsciiStrToLower(word);
  const auto found = std::ranges::find(kEnds, lower, &std::pair<std::string_view, End>::first);
  return found == kEnds.end() ? std::nullopt : std::optional(found->second);
}

/// One row: an estimator's forecast of an execution. Unknown numbers are NaN.
struct Row {
  int line = 0;
  std::string execution_id;
  std::string estimator;
  double accepted = 0;
  double ended = kUnknown;
  double deadline = kUnknown;
  End end = End::kCompleted;
  std::int64_t depth = 0;
  bool cold = false;
  std::string function;
  double point = kUnknown;
  std::vector<double> quantiles;
};

/// Reads the rows and reports every problem.
class Table {
 public:
  Table(std::string file, json_input::Diagnostics& diagnostics)
      : file_(std::move(file)), diagnostics_(diagnostics) {}

  const std::vector<double>& levels() const { return levels_; }

  std::vector<Row> read(std::istream& in) {
    std::vector<Row> rows;
    std::size_t width = 0;
    bool good_header = false;
    const auto problem = sim::read_csv(in, [&](const sim::CsvRow& row) {
      if (width == 0) {
        width = row.fields.size();
        good_header = read_header(row);
      } else if (!good_header) {
        return;
      } else if (row.fields.size() != width) {
        error(row.line, fmt::format("the row has {} fields; it must have {}, as the header has",
                                    row.fields.size(), width));
      } else {
        rows.push_back(read_row(row));
      }
    });
    if (problem) {
      error(problem->line, problem->what);
    } else if (width == 0) {
      error(1, "the file is empty; its first line must name the columns");
    } else if (good_header && rows.empty()) {
      error(1, "there are no predictions; at least one row must follow");
    }
    return rows;
  }

  void error(int line, std::string message) {
    if (diagnostics_.full()) {
      diagnostics_.add_uncollected();
    } else {
      diagnostics_.add({.file = file_, .line = line, .pointer = "", .message = std::move(message)});
    }
  }

 private:
  bool read_header(const sim::CsvRow& header) {
    bool good = true;
    const auto problem = [&](std::string message) {
      error(header.line, std::move(message));
      good = false;
    };
    std::vector<std::string_view> known(kRequired.begin(), kRequired.end());
    known.insert(known.end(), kOptional.begin(), kOptional.end());
    for (std::size_t i = 0; i < header.fields.size(); ++i) {
      const std::string name(absl::StripAsciiWhitespace(header.fields[i]));
      if (const auto level = level_of(name)) {
        const auto same = [&](const auto& other) { return std::abs(other.first - *level) < 1e-9; };
        if (std::ranges::any_of(quantiles_, same)) {
          problem(fmt::format("column '{}' has the level of another column", name));
        }
        quantiles_.emplace_back(*level, i);
      } else if (std::ranges::find(known, name) == known.end()) {
        problem(
            fmt::format("there is no column '{}'{}; a quantile's is called q and its percent, "
                        "such as q50",
                        name, json_input::alternatives(name, known, "known", known)));
      } else if (!columns_.emplace(name, i).second) {
        problem(fmt::format("there are two columns '{}'", name));
      }
    }
    for (const std::string_view name : kRequired) {
      if (!columns_.contains(name)) problem(fmt::format("column '{}' is missing", name));
    }
    if (quantiles_.empty()) problem("there are no quantiles; give at least q50");
    std::ranges::sort(quantiles_);
    for (const auto& [level, column] : quantiles_) levels_.push_back(level);
    return good;
  }

  Row read_row(const sim::CsvRow& csv) {
    Row row;
    row.line = csv.line;
    row.execution_id = text(csv, "execution_id");
    if (row.execution_id.empty()) error(csv.line, "execution_id is empty");
    row.estimator = text(csv, "estimator");
    if (row.estimator.empty()) row.estimator = "recorded";
    row.function = text(csv, "function");
    const auto end = end_of(text(csv, "how"));
    if (end) {
      row.end = *end;
    } else {
      error(csv.line, fmt::format("how is '{}'; it must be completed, failed, timeout, cancelled "
                                  "or unfinished",
                                  text(csv, "how")));
    }
    row.accepted = instant(csv, "accepted", /*needed=*/true);
    row.ended = instant(csv, "ended", /*needed=*/row.end != End::kUnfinished);
    if (row.ended < row.accepted) error(csv.line, "it ended before it was accepted");
    row.deadline = instant(csv, "deadline", /*needed=*/false);
    if (row.deadline < row.accepted) error(csv.line, "its deadline is before it was accepted");
    row.depth = depth(csv);
    row.cold = cold(csv);
    if (!text(csv, "point").empty()) row.point = seconds(csv, columns_.at("point"), "point");
    for (const auto& [level, column] : quantiles_) {
      const double value = seconds(csv, column, fmt::format("the {} % quantile", level * 100));
      if (!row.quantiles.empty() && value < row.quantiles.back()) {
        error(csv.line, fmt::format("the {} % quantile is {}, below that of a lower level ({}); "
                                    "quantiles must not fall",
                                    level * 100, value, row.quantiles.back()));
      }
      row.quantiles.push_back(value);
    }
    return row;
  }

  /// Empty if the file has no such column.
  std::string text(const sim::CsvRow& csv, std::string_view column) const {
    const auto position = columns_.find(column);
    if (position == columns_.end()) return "";
    return std::string(absl::StripAsciiWhitespace(csv.fields[position->second]));
  }

  /// A time in seconds, since any origin, or in ISO 8601. All times of a file must have the form of
  /// the first one, because others cannot be subtracted from it. NaN if empty or, after a report,
  /// wrong.
  double instant(const sim::CsvRow& csv, std::string_view column, bool needed) {
    const std::string value = text(csv, column);
    if (value.empty()) {
      if (needed) error(csv.line, fmt::format("{} is empty", column));
      return kUnknown;
    }
    double number = 0;
    absl::Time time;
    std::string why;
    const bool numeric = absl::SimpleAtod(value, &number) && std::isfinite(number);
    if (!numeric) {
      if (!absl::ParseTime(absl::RFC3339_full, value, absl::UTCTimeZone(), &time, &why)) {
        error(csv.line, fmt::format("{} is '{}'; it must be seconds (12.5) or ISO 8601 with a zone "
                                    "(2026-01-31T12:00:00.5Z)",
                                    column, value));
        return kUnknown;
      }
      number = absl::ToDoubleSeconds(time - epoch(time));
    }
    if (!numeric_) numeric_ = numeric;
    if (*numeric_ != numeric) {
      error(csv.line, fmt::format("{} is '{}'; it must be {} like the times before it", column,
                                  value, *numeric_ ? "seconds" : "ISO 8601"));
      return kUnknown;
    }
    return number;
  }

  /// The origin of ISO times: the first of them, so that a double keeps all digits.
  absl::Time epoch(absl::Time time) {
    if (!epoch_) epoch_ = time;
    return *epoch_;
  }

  double seconds(const sim::CsvRow& csv, std::size_t column, std::string_view what) {
    const std::string value(absl::StripAsciiWhitespace(csv.fields[column]));
    double number = 0;
    if (absl::SimpleAtod(value, &number) && std::isfinite(number)) return number;
    error(csv.line, fmt::format("{} is '{}'; it must be a number of seconds since the acceptance",
                                what, value));
    return 0;
  }

  std::int64_t depth(const sim::CsvRow& csv) {
    const std::string value = text(csv, "queue_depth");
    std::int64_t number = 0;
    if (value.empty() || (absl::SimpleAtoi(value, &number) && number >= 0)) return number;
    error(csv.line,
          fmt::format("queue_depth is '{}'; it must be a whole number, 0 or more", value));
    return 0;
  }

  bool cold(const sim::CsvRow& csv) {
    const std::string value = absl::AsciiStrToLower(text(csv, "cold"));
    if (value == "true" || value == "1") return true;
    if (!value.empty() && value != "false" && value != "0") {
      error(csv.line, fmt::format("cold is '{}'; it must be true or false", value));
    }
    return false;
  }

  std::string file_;
  json_input::Diagnostics& diagnostics_;
  std::map<std::string, std::size_t, std::less<>> columns_;
  std::vector<std::pair<double, std::size_t>> quantiles_;
  std::vector<double> levels_;
  std::optional<bool> numeric_;
  std::optional<absl::Time> epoch_;
};

/// The rows as executions and forecasts. Reports rows that contradict each other. The table must
/// outlive it.
class Recording {
 public:
  Recording(std::vector<Row> rows, Table& table) : table_(table) {
    std::ranges::stable_sort(rows, {}, &Row::accepted);
    double last_seen = -std::numeric_limits<double>::infinity();
    for (const Row& row : rows)
      last_seen = std::max({last_seen, row.accepted, or_lowest(row.ended)});
    for (Row& row : rows) {
      if (std::isnan(row.ended)) row.ended = last_seen;
      add(row);
    }
    stratify(executions_);
    collect_forecasts();
  }

  const std::vector<PredictedExecution>& executions() const { return executions_; }
  const std::vector<Forecasts>& forecasts() const { return forecasts_; }

 private:
  static double or_lowest(double value) {
    return std::isnan(value) ? -std::numeric_limits<double>::infinity() : value;
  }

  void add(const Row& row) {
    const auto [position, is_new] = by_id_.try_emplace(row.execution_id, executions_.size());
    if (is_new) {
      executions_.push_back(execution_of(row));
      first_lines_.push_back(row.line);
      ids_.push_back(row.execution_id);
    } else {
      check_same(row, position->second);
    }
    const std::size_t estimator = estimator_of(row);
    auto& stated = stated_[estimator];
    stated.resize(executions_.size());
    if (stated[position->second].line != 0) {
      table_.error(row.line,
                   fmt::format("'{}' predicts execution '{}' on line {} too", row.estimator,
                               row.execution_id, stated[position->second].line));
      return;
    }
    stated[position->second] = {.line = row.line, .point = row.point, .quantiles = row.quantiles};
  }

  PredictedExecution execution_of(const Row& row) {
    const auto number = static_cast<std::uint64_t>(executions_.size());
    core::RandomStream ties("study.ties", number + 1);
    PredictedExecution execution{
        .arrival = static_cast<std::int64_t>(number),
        .elapsed = row.ended - row.accepted,
        .end = row.end,
        .uniform = core::to_unit_interval(ties.next(0)),
        .depth = row.depth,
        .cold = row.cold,
        .function = functions_.try_emplace(row.function, functions_.size()).first->second};
    if (!std::isnan(row.deadline)) execution.limit = row.deadline - row.accepted;
    return execution;
  }

  void check_same(const Row& row, std::size_t execution) {
    const PredictedExecution& known = executions_[execution];
    if (known.end == row.end && known.elapsed == row.ended - row.accepted) return;
    table_.error(row.line, fmt::format("execution '{}' has another end on line {}",
                                       row.execution_id, first_lines_[execution]));
  }

  std::size_t estimator_of(const Row& row) {
    const auto [position, is_new] = estimators_.try_emplace(row.estimator, estimators_.size());
    if (is_new) {
      names_.push_back(row.estimator);
      stated_.emplace_back();
    }
    return position->second;
  }

  /// Estimators are compared execution by execution, so that each must have predicted all.
  void collect_forecasts() {
    for (std::size_t e = 0; e < stated_.size(); ++e) {
      stated_[e].resize(executions_.size());
      Forecasts& forecasts = forecasts_.emplace_back(Forecasts{.estimator = names_[e]});
      for (std::size_t i = 0; i < executions_.size(); ++i) {
        const Stated& stated = stated_[e][i];
        if (stated.line == 0) {
          table_.error(first_lines_[i],
                       fmt::format("'{}' does not predict execution '{}'; all estimators of a file "
                                   "must predict the same executions",
                                   names_[e], ids_[i]));
          continue;
        }
        forecasts.points.push_back(std::isnan(stated.point) ? median(stated.quantiles)
                                                            : stated.point);
        forecasts.quantiles.insert(forecasts.quantiles.end(), stated.quantiles.begin(),
                                   stated.quantiles.end());
      }
    }
  }

  /// The median or, if all quantiles are on one side of it, the closest one.
  double median(const std::vector<double>& quantiles) const {
    const double median = quantile_at(table_.levels(), quantiles, 0.5);
    if (!std::isnan(median)) return median;
    return table_.levels().front() > 0.5 ? quantiles.front() : quantiles.back();
  }

  struct Stated {
    int line = 0;
    double point = 0;
    std::vector<double> quantiles;
  };

  Table& table_;
  std::vector<PredictedExecution> executions_;
  std::vector<int> first_lines_;
  std::vector<std::string> ids_;
  std::map<std::string, std::size_t> by_id_;
  std::map<std::string, std::size_t> estimators_;
  std::map<std::string, std::uint32_t> functions_;
  std::vector<std::string> names_;
  std::vector<std::vector<Stated>> stated_;
  std::vector<Forecasts> forecasts_;
};

/// The forecasts of `count` executions from the one at `start`.
Forecasts part_of(const Forecasts& forecasts, std::size_t start, std::size_t count,
                  std::size_t levels) {
  const auto cut = [](const std::vector<double>& values, std::size_t from, std::size_t length) {
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(from);
    return std::vector<double>(first, first + static_cast<std::ptrdiff_t>(length));
  };
  return {.estimator = forecasts.estimator,
          .points = cut(forecasts.points, start, count),
          .quantiles = cut(forecasts.quantiles, start * levels, count * levels)};
}

std::vector<SeriesScores> score_part(std::span<const double> levels, const Recording& recording,
                                     std::size_t start, std::size_t count) {
  std::vector<SeriesScores> scores;
  const auto executions = std::span(recording.executions()).subspan(start, count);
  for (const Forecasts& forecasts : recording.forecasts()) {
    scores.push_back(score(levels, executions, part_of(forecasts, start, count, levels.size())));
  }
  return scores;
}

Counts counts_of(const std::vector<PredictedExecution>& executions, std::size_t dropped) {
  Counts counts;
  counts.predicted = static_cast<std::int64_t>(executions.size());
  counts.dropped = static_cast<std::int64_t>(dropped);
  for (std::size_t i = 0; i < executions.size(); ++i) {
    const End end = executions[i].end;
    counts.completed += end == End::kCompleted;
    counts.failed += end == End::kFailed;
    counts.timed_out += end == End::kTimedOut;
    counts.cancelled += end == End::kCancelled;
    counts.unfinished += end == End::kUnfinished;
    if (i < dropped) continue;
    counts.scored += end != End::kUnfinished;
    counts.censored += !ended_by_itself(end);
  }
  return counts;
}

WorkloadResult judge(std::span<const double> levels, const Recording& recording) {
  const std::size_t all = recording.executions().size();
  const std::size_t batches = std::clamp<std::size_t>(all / kMinBatchLength, 1, kMaxBatches);
  const std::size_t length = all / batches;
  // Executions that do not fill a batch are dropped from the start, where a warm-up would be.
  const std::size_t dropped = all - batches * length;

  std::vector<std::vector<SeriesScores>> parts;
  for (std::size_t i = 0; i < batches; ++i) {
    parts.push_back(score_part(levels, recording, dropped + i * length, length));
  }
  std::vector<const std::vector<SeriesScores>*> replications;
  for (const auto& part : parts) replications.push_back(&part);

  WorkloadResult result;
  result.counts = counts_of(recording.executions(), dropped);
  result.stopped = StopReason::kRecorded;
  result.relative_half_width = kUnknown;
  result.estimators = aggregate(replications, RatioOf::kMeans);
  // Results without an interval are of the whole series.
  const std::vector<SeriesScores> whole = score_part(levels, recording, dropped, batches * length);
  const auto of_whole = aggregate(std::vector{&whole});
  for (std::size_t i = 0; i < of_whole.size(); ++i) {
    result.estimators[i].pit = of_whole[i].pit;
    result.estimators[i].curves = of_whole[i].curves;
  }
  set_flags(result, replications, {}, "");
  return result;
}

}  // namespace

std::optional<StudyReport> judge_predictions_text(const std::string& file_name,
                                                  std::string_view text,
                                                  json_input::Diagnostics& diagnostics) {
  json_input::Diagnostics problems;
  Table table(file_name, problems);
  std::istringstream in{std::string(text)};
  std::vector<Row> rows = table.read(in);
  if (problems.empty()) {
    const Recording recording(std::move(rows), table);
    if (problems.empty()) {
      StudyReport report;
      report.name = std::filesystem::path(file_name).stem().string();
      report.about = "predictions that were recorded";
      report.file = file_name;
      report.default_estimator = recording.forecasts().front().estimator;
      report.levels = table.levels();
      WorkloadResult result = judge(table.levels(), recording);
      result.name = report.name;
      result.about = report.about;
      report.workloads.push_back(std::move(result));
      return report;
    }
  }
  diagnostics.add_all(problems);
  return std::nullopt;
}

std::optional<StudyReport> judge_predictions(const std::string& path,
                                             json_input::Diagnostics& diagnostics) {
  const auto text = json_input::read_file(path, diagnostics);
  return text ? judge_predictions_text(path, *text, diagnostics) : std::nullopt;
}

}  // namespace quintain::study
