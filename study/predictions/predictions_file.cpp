// Table reads the rows of the file and reports problems; Recording makes executions and forecasts
// of them; judge() scores them and adds the flags of honesty.h. Intervals are from batch means:
// consecutive parts of the recording take the place of replications.
#include "study/predictions/predictions_file.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_join.h>
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
#include "study/predictions/honesty.h"
#include "study/predictions/predicted.h"

namespace quintain::study {
namespace {

constexpr std::array<std::string_view, 4> kRequired = {"execution_id", "accepted", "ended", "how"};
constexpr std::array<std::string_view, 6> kOptional = {"deadline", "estimator", "queue_depth",
                                                       "cold",     "function",  "point"};

/// Later than the year 5138 in seconds since 1970: the unit of such a number is a smaller one.
constexpr long double kMaxSeconds = 1e11L;

/// The percentage of a column "q05", "q97.5" or "p50", from 0 to 100.
std::optional<double> percent_of(std::string_view column) {
  if (column.size() < 2 || (column.front() != 'q' && column.front() != 'p')) return std::nullopt;
  double percent = 0;
  if (!absl::SimpleAtod(std::string(column.substr(1)), &percent)) return std::nullopt;
  if (!(percent >= 0 && percent <= 100)) return std::nullopt;
  return percent;
}

/// The end with the name, in upper or lower case: ours, Slurm's job states, Kubernetes' phases and
/// conditions.
std::optional<End> end_of(const std::string& word) {
  constexpr std::array<std::pair<std::string_view, End>, 28> kEnds = {{
      {"completed", End::kCompleted},
      {"complete", End::kCompleted},
      {"succeeded", End::kCompleted},
      {"success", End::kCompleted},
      {"ok", End::kCompleted},
      {"failed", End::kFailed},
      {"failure", End::kFailed},
      {"error", End::kFailed},
      {"node_fail", End::kFailed},
      {"boot_fail", End::kFailed},
      {"out_of_memory", End::kFailed},
      {"oomkilled", End::kFailed},
      {"backofflimitexceeded", End::kFailed},
      {"timeout", End::kTimedOut},
      {"timed_out", End::kTimedOut},
      {"deadline", End::kTimedOut},
      {"deadlineexceeded", End::kTimedOut},
      {"cancelled", End::kCancelled},
      {"canceled", End::kCancelled},
      {"preempted", End::kCancelled},
      {"evicted", End::kCancelled},
      {"revoked", End::kCancelled},
      {"unfinished", End::kUnfinished},
      {"running", End::kUnfinished},
      {"pending", End::kUnfinished},
      {"queued", End::kUnfinished},
      {"suspended", End::kUnfinished},
      {"completing", End::kUnfinished},
  }};
  // Slurm writes "CANCELLED by 1000" and, if the text is cut, "CANCELLED+".
  std::string lower = absl::AsciiStrToLower(word);
  lower = lower.substr(0, lower.find(" by "));
  if (lower.ends_with('+')) lower.pop_back();
  const auto found = std::ranges::find(kEnds, lower, &std::pair<std::string_view, End>::first);
  return found == kEnds.end() ? std::nullopt : std::optional(found->second);
}

/// One row: an estimator's forecast of an execution. Unknown numbers are NaN. Instants are in
/// seconds since the first of the file.
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
  Table(std::string file, const PredictionsFormat& format, Notes& notes,
        json_input::Diagnostics& diagnostics)
      : file_(std::move(file)), format_(format), notes_(notes), diagnostics_(diagnostics) {}

  const std::vector<double>& levels() const { return levels_; }

  std::vector<Row> read(std::string_view text) {
    const char delimiter = sim::find_delimiter(text.substr(0, text.find('\n')));
    // Where a semicolon separates fields, a comma is likely in numbers.
    decimal_comma_ = delimiter == ';';
    if (delimiter != ',') {
      notes_.push_back(fmt::format("fields are separated by {}",
                                   delimiter == '\t' ? "tabs" : fmt::format("'{}'", delimiter)));
    }
    std::istringstream in{std::string(text)};
    std::vector<Row> rows;
    std::size_t width = 0;
    bool good_header = false;
    const auto on_row = [&](const sim::CsvRow& row) {
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
    };
    const auto problem = sim::read_csv(in, on_row, delimiter);
    if (problem) {
      error(problem->line, problem->what);
    } else if (width == 0) {
      error(1, "the file is empty; its first line must name the columns");
    } else if (good_header && rows.empty()) {
      error(1, "there are no predictions; at least one row must follow");
    }
    if (assumed_utc_ > 0) {
      notes_.push_back(fmt::format(
          "{} times have no time zone; they are taken as UTC, which is wrong across a change of "
          "daylight saving time",
          assumed_utc_));
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
  /// Our name of a column of the file, as the options and the names say; empty if it has none.
  std::string our_name(const std::string& theirs) const {
    for (const auto& [ours, mapped] : format_.columns) {
      if (mapped == theirs) return ours;
    }
    for (const auto& [ours, mapped] : format_.columns) {
      if (ours == theirs) return "";  // another column has taken its place
    }
    const std::string lower = absl::AsciiStrToLower(theirs);
    const bool known = std::ranges::find(kRequired, lower) != kRequired.end() ||
                       std::ranges::find(kOptional, lower) != kOptional.end();
    return known || percent_of(lower) ? lower : "";
  }

  bool read_header(const sim::CsvRow& header) {
    bool good = true;
    const auto problem = [&](std::string message) {
      error(header.line, std::move(message));
      good = false;
    };
    std::vector<std::string> unused;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < header.fields.size(); ++i) {
      names.emplace_back(absl::StripAsciiWhitespace(header.fields[i]));
      const std::string name = our_name(names.back());
      if (name.empty()) {
        unused.push_back(names.back().empty() ? fmt::format("number {}", i + 1)
                                              : fmt::format("'{}'", names.back()));
      } else if (const auto percent = percent_of(name)) {
        add_quantile(name, *percent, i, problem);
      } else if (!columns_.emplace(name, i).second) {
        problem(fmt::format("there are two columns '{}'", name));
      }
    }
    const std::vector<std::string_view> theirs(names.begin(), names.end());
    for (const auto& [ours, mapped] : format_.columns) {
      if (std::ranges::find(names, mapped) != names.end()) continue;
      problem(fmt::format("there is no column '{}', which --column {}={} names{}", mapped, ours,
                          mapped, json_input::alternatives(mapped, theirs, "columns", theirs)));
    }
    for (const std::string_view name : kRequired) {
      if (columns_.contains(name)) continue;
      problem(fmt::format("column '{}' is missing{}; if it has another name, use --column {}=NAME",
                          name, json_input::suggestion(name, theirs), name));
    }
    if (quantiles_.empty()) {
      problem(
          "there are no quantiles; give at least q50 (q and its percentage), or use --column "
          "q50=NAME");
    }
    if (good && !unused.empty()) {
      notes_.push_back(fmt::format("not used: column {}", absl::StrJoin(unused, ", ")));
    }
    std::ranges::sort(quantiles_, {}, &Quantile::level);
    for (const Quantile& quantile : quantiles_) levels_.push_back(quantile.level);
    return good;
  }

  template <class Problem>
  void add_quantile(const std::string& name, double percent, std::size_t column,
                    const Problem& problem) {
    if (percent == 0 || percent == 100) {
      notes_.push_back(fmt::format(
          "column '{}' is a bound and not a quantile that can be covered; it is not judged", name));
      return;
    }
    const double level = percent / 100;
    const auto same = [&](const Quantile& other) { return std::abs(other.level - level) < 1e-9; };
    if (std::ranges::any_of(quantiles_, same)) {
      problem(fmt::format("column '{}' has the level of another column", name));
    }
    quantiles_.push_back({.level = level, .column = column, .name = name});
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
    if (!is_missing(text(csv, "point"))) {
      row.point = seconds(csv, columns_.at("point"), "point", row.accepted);
    }
    for (const Quantile& quantile : quantiles_) {
      const double value = seconds(csv, quantile.column, quantile.name, row.accepted);
      if (!row.quantiles.empty() && value < row.quantiles.back()) {
        error(csv.line, fmt::format("the {} % quantile is {}, below that of a lower level ({}); "
                                    "quantiles must not fall",
                                    quantile.level * 100, value, row.quantiles.back()));
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

  /// A time in seconds since the first time of the file. All times of a file must have the form of
  /// the first one, because others cannot be subtracted from it. NaN if missing or, after a report,
  /// wrong.
  double instant(const sim::CsvRow& csv, std::string_view column, bool needed) {
    const std::string value = text(csv, column);
    if (is_missing(value)) {
      if (needed) {
        error(csv.line, value.empty()
                            ? fmt::format("{} is empty", column)
                            : fmt::format("{} is '{}', but the execution ended", column, value));
      }
      return kUnknown;
    }
    const auto number = parse_number(value, decimal_comma_);
    const auto dated = number ? std::nullopt : parse_dated_time(value);
    if (!number && !dated) {
      error(csv.line,
            fmt::format("{} is '{}'; it must be a number of seconds (12.5; or --time-unit), or a "
                        "date and time such as 2026-01-31T12:00:00.5Z",
                        column, value));
      return kUnknown;
    }
    if (!numeric_) numeric_ = number.has_value();
    if (*numeric_ != number.has_value()) {
      error(csv.line, fmt::format("{} is '{}'; it must be {} like the times before it", column,
                                  value, *numeric_ ? "a number" : "a date and time"));
      return kUnknown;
    }
    if (dated) {
      assumed_utc_ += dated->assumed_utc;
      if (!epoch_) epoch_ = dated->time;
      return absl::ToDoubleSeconds(dated->time - *epoch_);
    }
    const long double since_1970 = to_seconds(*number, format_.time_unit);
    if (std::abs(since_1970) > kMaxSeconds) {
      // The unit is wrong for the whole file: one message is enough.
      if (!std::exchange(reported_unit_, true)) {
        error(csv.line, fmt::format("{} is {} {}, which is later than the year 5138; {}", column,
                                    value, to_string(format_.time_unit), right_unit(*number)));
      }
      return kUnknown;
    }
    if (!origin_) origin_ = *number;
    return static_cast<double>(to_seconds(*number - *origin_, format_.time_unit));
  }

  /// What to do about a number that is too large for the unit.
  static std::string right_unit(long double number) {
    for (const TimeUnit unit :
         {TimeUnit::kMilliseconds, TimeUnit::kMicroseconds, TimeUnit::kNanoseconds}) {
      const double seconds = static_cast<double>(to_seconds(number, unit));
      if (std::abs(seconds) > static_cast<double>(kMaxSeconds)) continue;
      return fmt::format("with --time-unit {} it would be {}", to_string(unit),
                         absl::FormatTime("%Y-%m-%d", absl::UnixEpoch() + absl::Seconds(seconds),
                                          absl::UTCTimeZone()));
    }
    return "it is no time in any unit";
  }

  /// A time since the acceptance: a duration, or a date and time.
  double seconds(const sim::CsvRow& csv, std::size_t column, std::string_view what,
                 double accepted) {
    const std::string value(absl::StripAsciiWhitespace(csv.fields[column]));
    if (const auto duration = parse_duration_text(value, format_.duration_unit, decimal_comma_)) {
      return *duration;
    }
    if (const auto dated = parse_dated_time(value); dated && epoch_) {
      assumed_utc_ += dated->assumed_utc;
      return absl::ToDoubleSeconds(dated->time - *epoch_) - accepted;
    }
    error(csv.line, fmt::format("column {}, {}: the value is '{}'; it must be a number of seconds "
                                "since the acceptance (or --duration-unit), a duration such as "
                                "1m30s, or a date and time if 'accepted' is one",
                                column + 1, what, value));
    return kUnknown;
  }

  std::int64_t depth(const sim::CsvRow& csv) {
    const std::string value = text(csv, "queue_depth");
    if (is_missing(value)) return 0;
    const auto number = parse_number(value, decimal_comma_);
    if (number && *number >= 0 && *number < 1e15L && *number == std::floor(*number)) {
      return static_cast<std::int64_t>(*number);
    }
    error(csv.line,
          fmt::format("queue_depth is '{}'; it must be a whole number, 0 or more", value));
    return 0;
  }

  bool cold(const sim::CsvRow& csv) {
    const std::string value = absl::AsciiStrToLower(text(csv, "cold"));
    for (const std::string_view yes : {"true", "1", "1.0", "yes", "t", "y"}) {
      if (value == yes) return true;
    }
    for (const std::string_view no : {"false", "0", "0.0", "no", "f", "n"}) {
      if (value == no) return false;
    }
    if (!is_missing(value)) {
      error(csv.line, fmt::format("cold is '{}'; it must be true or false", value));
    }
    return false;
  }

  struct Quantile {
    double level = 0;
    std::size_t column = 0;
    std::string name;
  };

  std::string file_;
  const PredictionsFormat& format_;
  Notes& notes_;
  json_input::Diagnostics& diagnostics_;
  std::map<std::string, std::size_t, std::less<>> columns_;
  std::vector<Quantile> quantiles_;
  std::vector<double> levels_;
  bool decimal_comma_ = false;
  std::optional<bool> numeric_;
  std::optional<absl::Time> epoch_;
  std::optional<long double> origin_;
  std::int64_t assumed_utc_ = 0;
  bool reported_unit_ = false;
};

/// The rows as executions and forecasts. Reports rows that contradict each other. The table must
/// outlive it.
class Recording {
 public:
  Recording(std::vector<Row> rows, Table& table) : table_(table) {
    std::ranges::stable_sort(rows, {}, &Row::accepted);
    for (const Row& row : rows) {
      last_seen_ = std::max({last_seen_, row.accepted, or_lowest(row.ended)});
    }
    for (const Row& row : rows) {
      const bool to_the_end = std::isnan(row.ended) || row.ended == last_seen_;
      cut_at_the_end_ = cut_at_the_end_ || (row.end == End::kUnfinished && to_the_end);
    }
    for (Row& row : rows) {
      if (std::isnan(row.ended)) row.ended = last_seen_;
      add(row);
    }
    stratify(executions_);
    collect_forecasts();
  }

  const std::vector<PredictedExecution>& executions() const { return executions_; }
  const std::vector<Forecasts>& forecasts() const { return forecasts_; }
  /// When each execution was accepted, in seconds.
  const std::vector<double>& accepted() const { return accepted_; }

 private:
  static double or_lowest(double value) {
    return std::isnan(value) ? -std::numeric_limits<double>::infinity() : value;
  }

  void add(const Row& row) {
    const auto [position, is_new] = by_id_.try_emplace(row.execution_id, executions_.size());
    if (is_new) {
      executions_.push_back(execution_of(row));
      accepted_.push_back(row.accepted);
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
    // An execution that was still running is scored up to the moment until which it was watched, as
    // at a deadline. If the recording was cut off while executions ran, the others are scored up to
    // the cut as well: if only those that had not ended were, long ones would be missing among the
    // ended ones and nowhere be counted (survivorship).
    if (row.end == End::kUnfinished) execution.limit = std::min(execution.limit, execution.elapsed);
    if (cut_at_the_end_) execution.limit = std::min(execution.limit, last_seen_ - row.accepted);
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

  /// The median; NaN if the file does not have it, because another quantile is no point forecast.
  double median(const std::vector<double>& quantiles) const {
    return quantile_at(table_.levels(), quantiles, 0.5);
  }

  struct Stated {
    int line = 0;
    double point = 0;
    std::vector<double> quantiles;
  };

  Table& table_;
  /// The latest time of the file.
  double last_seen_ = -std::numeric_limits<double>::infinity();
  /// Some executions were running then.
  bool cut_at_the_end_ = false;
  std::vector<PredictedExecution> executions_;
  std::vector<double> accepted_;
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

Counts counts_of(const std::vector<PredictedExecution>& executions) {
  Counts counts;
  counts.predicted = static_cast<std::int64_t>(executions.size());
  for (const PredictedExecution& execution : executions) {
    const End end = execution.end;
    counts.completed += end == End::kCompleted;
    counts.failed += end == End::kFailed;
    counts.timed_out += end == End::kTimedOut;
    counts.cancelled += end == End::kCancelled;
    counts.unfinished += end == End::kUnfinished;
    counts.censored += !ended_by_itself(end);
  }
  // If nothing ended, no forecast was compared with an outcome.
  counts.scored = counts.unfinished == counts.predicted ? 0 : counts.predicted;
  return counts;
}

bool has_level(std::span<const double> levels, double level) { return can_judge(levels, level); }

/// Pictures that need levels which the file does not have.
void remove_interpolated(std::span<const double> levels, EstimatorResult& result) {
  bool every_bin = true;
  for (std::size_t bin = 1; bin < kPitBins; ++bin) {
    every_bin = every_bin && has_level(levels, static_cast<double>(bin) / kPitBins);
  }
  if (!every_bin) {
    result.pit = {.bins = {}, .null_low = kUnknown, .null_high = kUnknown, .p_value = kUnknown};
  }
  if (!has_level(levels, 0.5)) {
    result.curves.coverage_50_by_depth.clear();
    result.curves.rolling_50.clear();
    result.curves.actual_by_p50.clear();
  }
  if (!has_level(levels, 0.9)) {
    result.curves.coverage_90_by_depth.clear();
    result.curves.rolling_90.clear();
  }
}

/// Nothing ended, so that no score means anything.
void forget_scores(EstimatorResult& result) {
  const auto unknown = Estimate::value_only(kUnknown);
  for (Scores* scores : {&result.terminal, &result.success}) {
    *scores = {.of = scores->of,
               .censored = scores->censored,
               .pinball = unknown,
               .crps = unknown,
               .interval_score_80 = kUnknown,
               .interval_score_90 = kUnknown,
               .mean_absolute_error = kUnknown,
               .mean_absolute_percentage_error = kUnknown,
               .bias = unknown};
  }
  result.worst_coverage_error = unknown;
  result.worst_stratum_error = kUnknown;
  result.strata.clear();
  result.width_50 = result.width_80 = result.width_90 = kUnknown;
  result.pit = {.bins = {}, .null_low = kUnknown, .null_high = kUnknown, .p_value = kUnknown};
  result.curves = {};
  result.to_best_baseline.ratio = unknown;
  for (Ratio& ratio : result.to_baselines) ratio.ratio = unknown;
}

void add_bound(EstimatorResult& result, std::string_view name, const std::optional<double>& bound,
               double reached, bool at_least = false) {
  if (!bound) return;
  result.flags.push_back(
      {.name = fmt::format("goal/{}", name),
       .holds = at_least ? reached >= *bound : reached <= *bound,
       .expected = fmt::format("{} {}", at_least ? "at least" : "at most", *bound),
       .observed = fmt::format("{:.4g}", reached)});
}

void add_goals(EstimatorResult& result, const Counts& counts, const RecordedGoal& goal) {
  demand_flags(result, goal.flags);
  add_bound(result, "rows", goal.rows, static_cast<double>(counts.scored), /*at_least=*/true);
  add_bound(result, "pinball", goal.pinball, result.terminal.pinball.value);
  add_bound(result, "mean-absolute-error", goal.mean_absolute_error,
            result.terminal.mean_absolute_error);
  add_bound(result, "coverage-error", goal.coverage_error, result.worst_coverage_error.value);
  add_bound(result, "pinball-to-best-baseline", goal.pinball_to_best_baseline,
            result.to_best_baseline.ratio.value);
}

WorkloadResult judge(std::span<const double> levels, const Recording& recording,
                     std::span<const RecordedGoal> goals) {
  const RecordedSeries series{
      .executions = recording.executions(), .accepted = recording.accepted(), .levels = levels};
  const Dependence dependence = dependence_of(series);
  const std::size_t all = recording.executions().size();
  const std::size_t batches = std::max<std::size_t>(1, dependence.batches);

  std::vector<std::vector<SeriesScores>> parts;
  for (std::size_t i = 0; i < batches; ++i) {
    const std::size_t from = i * all / batches;
    parts.push_back(score_part(levels, recording, from, (i + 1) * all / batches - from));
  }
  std::vector<const std::vector<SeriesScores>*> replications;
  for (const auto& part : parts) replications.push_back(&part);

  WorkloadResult result;
  result.counts = counts_of(recording.executions());
  result.stopped = StopReason::kRecorded;
  result.warm_up_found = kUnknown;
  result.relative_half_width = kUnknown;
  result.estimators = aggregate(replications, RatioOf::kMeans);
  // Results without an interval are of the whole series.
  const std::vector<SeriesScores> whole = score_part(levels, recording, 0, all);
  const auto of_whole = aggregate(std::vector{&whole});
  const auto honest_ones = static_cast<std::size_t>(std::ranges::count_if(
      result.estimators, [](const EstimatorResult& e) { return e.role == Role::kEstimator; }));
  for (std::size_t i = 0; i < of_whole.size(); ++i) {
    EstimatorResult& estimator = result.estimators[i];
    estimator.pit = of_whole[i].pit;
    estimator.curves = of_whole[i].curves;
    estimator.worst_stratum_error = of_whole[i].worst_stratum_error;
    estimator.strata = of_whole[i].strata;
    remove_interpolated(levels, estimator);
    if (result.counts.scored == 0) {
      forget_scores(estimator);
      continue;
    }
    estimator.flags = honesty_flags(series, dependence, recording.forecasts()[i], honest_ones);
    for (const RecordedGoal& goal : goals) {
      const bool meant = goal.estimator.empty() ? estimator.role == Role::kEstimator
                                                : goal.estimator == estimator.name;
      if (meant) add_goals(estimator, result.counts, goal);
    }
  }
  return result;
}

RecordedGoal read_recorded_goal(const json_input::Reader& reader) {
  json_input::ObjectReader object = reader.object();
  const auto bound = [&](std::string_view key) {
    const json_input::Reader value = object.optional(key);
    return value.present() ? std::optional(value.number({0, 1e18})) : std::nullopt;
  };
  RecordedGoal goal;
  goal.estimator = object.optional("estimator").string();
  goal.flags = object.optional("flags").array_of([](const json_input::Reader& flag) {
    return flag.one_of<std::string>({{"unbiased", "unbiased"},
                                     {"wide-enough", "wide-enough"},
                                     {"narrow-enough", "narrow-enough"},
                                     {"no-hindsight", "no-hindsight"}});
  });
  goal.rows = bound("rows");
  goal.pinball = bound("pinball");
  goal.mean_absolute_error = bound("mean_absolute_error");
  goal.coverage_error = bound("coverage_error");
  goal.pinball_to_best_baseline = bound("pinball_to_best_baseline");
  return goal;
}

}  // namespace

std::vector<RecordedGoal> default_recorded_goals() {
  return {{.flags = {"unbiased", "wide-enough", "no-hindsight"}}};
}

std::optional<std::vector<RecordedGoal>> load_recorded_goals(const std::string& path,
                                                             json_input::Diagnostics& diagnostics) {
  json_input::Diagnostics problems;
  std::vector<RecordedGoal> goals;
  const auto text = json_input::read_file(path, problems);
  const auto document = text ? json_input::Document::parse(path, *text, problems) : std::nullopt;
  if (document) {
    json_input::ObjectReader root = json_input::Reader(document->root(), problems).object();
    const json_input::Reader list = root.required("goals");
    goals = list.array_of(read_recorded_goal);
    if (list.raw().is_array() && list.raw().empty()) list.error("expected at least one goal");
  }
  if (problems.empty()) return goals;
  diagnostics.add_all(problems);
  return std::nullopt;
}

std::optional<StudyReport> judge_predictions_text(const std::string& file_name,
                                                  std::string_view text,
                                                  const PredictionsFormat& format,
                                                  std::span<const RecordedGoal> goals, Notes& notes,
                                                  json_input::Diagnostics& diagnostics) {
  json_input::Diagnostics problems;
  Table table(file_name, format, notes, problems);
  std::vector<Row> rows = table.read(text);
  if (problems.empty()) {
    const Recording recording(std::move(rows), table);
    for (const RecordedGoal& goal : goals) {
      const bool known = goal.estimator.empty() ||
                         std::ranges::any_of(recording.forecasts(), [&](const Forecasts& f) {
                           return f.estimator == goal.estimator;
                         });
      if (!known) {
        table.error(1, fmt::format("a goal names the estimator '{}', which has no prediction here",
                                   goal.estimator));
      }
    }
    if (problems.empty()) {
      StudyReport report;
      report.name = std::filesystem::path(file_name).stem().string();
      report.about = "predictions that were recorded";
      report.file = file_name;
      report.default_estimator = recording.forecasts().front().estimator;
      report.levels = table.levels();
      WorkloadResult result = judge(table.levels(), recording, goals);
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
                                             const PredictionsFormat& format,
                                             std::span<const RecordedGoal> goals, Notes& notes,
                                             json_input::Diagnostics& diagnostics) {
  const auto text = json_input::read_file(path, diagnostics);
  return text ? judge_predictions_text(path, *text, format, goals, notes, diagnostics)
              : std::nullopt;
}

}  // namespace quintain::study
