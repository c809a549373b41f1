// Reads traces in the Azure Functions 2019 format. Both files are streamed: the durations first,
// which become one distribution per function, then the invocations, whose rows are joined to them.
#include "sim/workload/azure_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "sim/workload/csv.h"

namespace quintain::sim {
namespace {

constexpr std::size_t kMaxErrors = 20;
constexpr std::size_t kNameLength = 12;
constexpr double kNanosecondsPerMillisecond = 1e6;
constexpr double kMinMilliseconds = 1;
constexpr int kMaxMinute = 24 * 60;  // the full data set counts from 1
constexpr std::uint32_t kMaxCount = 60 * static_cast<std::uint32_t>(kMaxRate);

struct Percentile {
  const char* column;
  double p;
};
constexpr std::array kPercentiles = {
    Percentile{"percentile_Average_0", 0},     Percentile{"percentile_Average_1", 0.01},
    Percentile{"percentile_Average_25", 0.25}, Percentile{"percentile_Average_50", 0.5},
    Percentile{"percentile_Average_75", 0.75}, Percentile{"percentile_Average_99", 0.99},
    Percentile{"percentile_Average_100", 1}};

using Milliseconds = std::array<double, kPercentiles.size()>;

// A whole number; "5.0" is one. Nothing counts as 0.
std::optional<std::uint32_t> parse_count(std::string_view text) {
  if (text.empty()) return 0;
  const auto number = parse_trace_number(text);
  if (!number || *number < 0 || *number > kMaxCount || *number != std::floor(*number)) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(*number);
}

// Collects the first errors and counts the rest.
class Errors {
 public:
  void add(std::string error) {
    if (errors_.size() < kMaxErrors) {
      errors_.push_back(std::move(error));
    } else {
      ++left_out_;
    }
  }

  bool none() const { return errors_.empty(); }

  std::vector<std::string> take() {
    if (left_out_ > 0) errors_.push_back(fmt::format("and {} more", left_out_));
    return std::move(errors_);
  }

 private:
  std::vector<std::string> errors_;
  std::size_t left_out_ = 0;
};

// One CSV file of the trace. Reports errors with the file name and the line.
class Table {
 public:
  Table(const std::filesystem::path& path, bool strict, LeftOutRows& left_out, Errors& errors)
      : path_(path), strict_(strict), left_out_(left_out), errors_(errors) {}

  const std::vector<std::string>& header() const { return header_; }

  // Reads the file: calls `on_header` after the first row, and then `on_row` for each row that has
  // as many fields as the header. Rows are skipped if `on_header` returns false. Returns the number
  // of rows that were not skipped, or nullopt after an error in the format of the file.
  std::optional<std::size_t> read(const std::function<bool()>& on_header,
                                  const std::function<void(const CsvRow&)>& on_row) {
    const auto in = open_trace_file(path_);
    if (in == nullptr) {
      error(1, "the file can't be read");
      return std::nullopt;
    }
    std::size_t rows = 0;
    bool read_rows = false;
    const auto problem = read_csv(*in, [&](const CsvRow& row) {
      if (header_.empty()) {
        header_ = row.fields;
        read_rows = on_header();
      } else if (!read_rows) {
        return;
      } else if (row.fields.size() != header_.size()) {
        leave_out(row, 0, "the number of fields is not that of the header",
                  fmt::format("the row has {} fields; it must have {}, as the header has",
                              row.fields.size(), header_.size()));
      } else {
        ++rows;
        on_row(row);
      }
    });
    if (!problem && !header_.empty()) return rows;
    if (problem) {
      error(problem->line, problem->what);
    } else {
      error(1, "there is no header; the first row must name the columns");
    }
    return std::nullopt;
  }

  void error(int line, std::string_view what) {
    errors_.add(fmt::format("{}:{}: {}", path_.string(), line, what));
  }

  // The row cannot be used: an error if reading strictly.
  void leave_out(const CsvRow& row, std::int64_t calls, std::string_view reason,
                 const std::string& detail) {
    if (strict_) {
      error(row.line, detail);
    } else {
      left_out_.add(reason, calls, path_, row.line, detail);
    }
  }

  // Returns the positions of these columns, or nullopt after an error for each missing one.
  std::optional<std::vector<std::size_t>> columns(const std::vector<std::string_view>& names) {
    std::vector<std::size_t> positions;
    for (const std::string_view name : names) {
      const auto found = std::ranges::find(header_, name);
      if (found == header_.end()) {
        error(1, fmt::format("there is no column {}; the header must name it", name));
      } else {
        positions.push_back(static_cast<std::size_t>(found - header_.begin()));
      }
    }
    if (positions.size() < names.size()) return std::nullopt;
    return positions;
  }

 private:
  std::filesystem::path path_;
  bool strict_;
  LeftOutRows& left_out_;
  Errors& errors_;
  std::vector<std::string> header_;
};

// The key of a function in both files. The first three of `columns` are those of the hashes.
std::string key_of(const CsvRow& row, const std::vector<std::size_t>& columns) {
  return fmt::format("{},{},{}", row.fields[columns[0]], row.fields[columns[1]],
                     row.fields[columns[2]]);
}

// The line of each function. A second row for a function is left out.
class SeenFunctions {
 public:
  bool is_new(const std::string& key, const CsvRow& row, std::int64_t calls, Table& table) {
    const auto [position, inserted] = lines_.emplace(key, row.line);
    if (!inserted) {
      table.leave_out(row, calls, "the function has an earlier row",
                      fmt::format("the function occurs a second time; it must have one row, "
                                  "and line {} is one",
                                  position->second));
    }
    return inserted;
  }

 private:
  std::map<std::string, int> lines_;
};

// The durations of one row: the average and the percentiles; or what is wrong with them.
struct Durations {
  double average = 0;
  Milliseconds percentiles{};
};
std::variant<Durations, std::string> read_durations_row(const CsvRow& row,
                                                        const std::vector<std::size_t>& columns,
                                                        const Table& table) {
  Durations durations;
  for (std::size_t i = 0; i <= kPercentiles.size(); ++i) {
    const std::size_t column = columns[3 + i];
    const auto value = parse_trace_number(row.fields[column]);
    if (!value || *value < 0) {
      return fmt::format("{} is '{}'; it must be a number of milliseconds, 0 or more",
                         table.header()[column], row.fields[column]);
    }
    if (i == 0) {
      durations.average = *value;
      continue;
    }
    durations.percentiles[i - 1] = *value;
    if (i > 1 && *value < durations.percentiles[i - 2]) {
      return fmt::format("{} is {}; it must be no less than {} ({})", kPercentiles[i - 1].column,
                         *value, kPercentiles[i - 2].column, durations.percentiles[i - 2]);
    }
  }
  return durations;
}

// Returns the quantile function that goes through the percentiles and whose mean is the average, or
// as close to it as possible.
//
// A segment from (p, a) to (p + w, b) that is bent at (p + (1 - f) w, a + f (b - a)) has the mean
// a + f (b - a). f = 1/2 is the straight line; with a smaller f, most durations of the segment are
// short and few are long. The top segments are bent first, because they are the least straight.
//
// Without an average, the lines are straight.
distribution::Empirical service_time(Milliseconds value, std::optional<double> average) {
  constexpr double kMinBend = 0.02;
  constexpr double kCloseEnough = 1e-6;

  for (double& v : value) v = std::max(v, kMinMilliseconds);
  double missing = std::max(average.value_or(0), kMinMilliseconds);
  for (std::size_t i = 1; i < value.size(); ++i) {
    missing -= (kPercentiles[i].p - kPercentiles[i - 1].p) * (value[i] + value[i - 1]) / 2;
  }
  if (!average) missing = 0;

  const auto point = [](double p, double v) {
    return distribution::Empirical::Point{.p = p,
                                          .value = to_duration(v * kNanosecondsPerMillisecond)};
  };
  // From the top down.
  std::vector<distribution::Empirical::Point> points = {point(1, value.back())};
  for (std::size_t i = value.size() - 1; i > 0; --i) {
    const double p = kPercentiles[i - 1].p;
    const double width = kPercentiles[i].p - p;
    const double height = value[i] - value[i - 1];
    if (height > 0 && std::abs(missing) > kCloseEnough) {
      const double f = std::clamp(0.5 + missing / (width * height), kMinBend, 1 - kMinBend);
      missing -= (f - 0.5) * width * height;
      points.push_back(point(p + (1 - f) * width, value[i - 1] + f * height));
    }
    points.push_back(point(p, value[i - 1]));
  }
  std::reverse(points.begin(), points.end());
  return {std::move(points)};
}

// The smallest mean of a distribution with these percentiles.
double min_mean(const Milliseconds& percentiles) {
  double mean = 0;
  for (std::size_t i = 1; i < percentiles.size(); ++i) {
    mean += (kPercentiles[i].p - kPercentiles[i - 1].p) * percentiles[i - 1];
  }
  return mean;
}

using ServiceTimes = std::map<std::string, Distribution>;

// Returns nullopt if columns are missing, so that no function is reported to have no durations.
std::optional<ServiceTimes> read_durations(Table table, AzureTrace& trace) {
  std::vector<std::string_view> names = {"HashOwner", "HashApp", "HashFunction", "Average"};
  for (const Percentile& percentile : kPercentiles) names.push_back(percentile.column);
  std::optional<std::vector<std::size_t>> columns;
  ServiceTimes service_times;
  SeenFunctions seen;
  std::int64_t without_average = 0;
  const auto rows = table.read(
      [&] {
        columns = table.columns(names);
        return columns.has_value();
      },
      [&](const CsvRow& row) {
        const auto read = read_durations_row(row, *columns, table);
        if (const auto* wrong = std::get_if<std::string>(&read)) {
          table.leave_out(row, 0, "its durations are no numbers, or fall", *wrong);
          return;
        }
        const std::string key = key_of(row, *columns);
        if (!seen.is_new(key, row, 0, table)) return;
        const auto& [average, percentiles] = std::get<Durations>(read);
        // An average that was not recorded is 0; one below half a millisecond is rounded to it.
        const bool recorded = average > 0 || min_mean(percentiles) < kMinMilliseconds;
        without_average += !recorded;
        service_times.emplace(
            key, service_time(percentiles, recorded ? std::optional(average) : std::nullopt));
      });
  if (without_average > 0) {
    trace.notes.push_back(fmt::format(
        "{} functions have an average duration of 0 beside percentiles above 0; the percentiles "
        "are believed",
        without_average));
  }
  if (!columns || !rows) return std::nullopt;
  return service_times;
}

// Returns the columns of the minutes. Their names must be consecutive numbers; other columns are
// ignored.
std::vector<std::size_t> minute_columns(Table& table, AzureTrace& trace) {
  std::vector<std::size_t> columns;
  int expected = 0;
  for (std::size_t i = 0; i < table.header().size(); ++i) {
    const std::string_view name = table.header()[i];
    const auto minute = parse_trace_number(name);
    if (!minute) continue;
    const bool right = columns.empty()
                           ? *minute >= 0 && *minute <= kMaxMinute && *minute == std::floor(*minute)
                           : *minute == expected;
    if (!right) {
      table.error(1, fmt::format("column {} is '{}'; it must be {}", i + 1, name,
                                 columns.empty() ? "the number of a minute of the day"
                                                 : fmt::format("minute {}", expected)));
      return columns;
    }
    if (columns.empty()) trace.first_minute = static_cast<int>(*minute);
    expected = static_cast<int>(*minute) + 1;
    columns.push_back(i);
  }
  if (columns.empty()) {
    table.error(1, "there are no minutes; there must be columns named by the numbers of minutes");
  }
  return columns;
}

void read_invocations(Table table, const std::optional<ServiceTimes>& service_times,
                      AzureTrace& trace) {
  std::optional<std::vector<std::size_t>> columns;
  std::optional<std::size_t> trigger;
  std::vector<std::size_t> minutes;
  SeenFunctions seen;
  std::set<std::string> names;
  const auto rows = table.read(
      [&] {
        columns = table.columns({"HashOwner", "HashApp", "HashFunction"});
        const auto found = std::ranges::find(table.header(), "Trigger");
        if (found != table.header().end()) {
          trigger = static_cast<std::size_t>(found - table.header().begin());
        }
        minutes = minute_columns(table, trace);
        return columns.has_value() && !minutes.empty();
      },
      [&](const CsvRow& row) {
        std::vector<std::uint32_t> counts;
        std::int64_t calls = 0;
        std::string wrong;
        counts.reserve(minutes.size());
        for (const std::size_t column : minutes) {
          const auto count = parse_count(row.fields[column]);
          if (!count && wrong.empty()) {
            wrong = fmt::format("minute {} is '{}'; it must be a whole number from 0 to {}",
                                table.header()[column], row.fields[column], kMaxCount);
          }
          counts.push_back(count.value_or(0));
          calls += counts.back();
        }
        if (!wrong.empty()) return table.leave_out(row, calls, "a count is no whole number", wrong);
        const std::string key = key_of(row, *columns);
        if (!seen.is_new(key, row, calls, table)) return;
        if (!service_times) return;
        const std::string prefix = row.fields[(*columns)[2]].substr(0, kNameLength);
        const auto found = service_times->find(key);
        if (found == service_times->end()) {
          table.leave_out(row, calls, "the function has no usable durations",
                          fmt::format("the function {} has no durations; the other file must have "
                                      "a row with the same HashOwner, HashApp and HashFunction",
                                      prefix));
          return;
        }
        std::string name = prefix;
        for (int n = 2; !names.insert(name).second; ++n) name = fmt::format("{}-{}", prefix, n);
        trace.functions.push_back({.name = std::move(name),
                                   .trigger = trigger ? row.fields[*trigger] : "",
                                   .service_time = found->second,
                                   .invocations = {.counts = std::move(counts)}});
      });
  if (columns && !minutes.empty() && rows && trace.functions.empty() && service_times) {
    table.error(1, *rows == 0 ? "there are no functions; at least one row must follow"
                              : "no row can be used");
  }
}

}  // namespace

std::optional<AzureTraceFiles> find_azure_trace(const std::filesystem::path& folder) {
  const auto existing = [&](const std::string& name) -> std::optional<std::filesystem::path> {
    std::error_code error;
    for (const char* const suffix : {"", ".gz"}) {
      const std::filesystem::path path = folder / (name + suffix);
      if (std::filesystem::is_regular_file(path, error)) return path;
    }
    return std::nullopt;
  };
  const auto both = [&](const std::string& invocations,
                        const std::string& durations) -> std::optional<AzureTraceFiles> {
    const auto one = existing(invocations);
    const auto other = existing(durations);
    if (!one || !other) return std::nullopt;
    return AzureTraceFiles{.invocations = *one, .durations = *other};
  };
  if (auto files = both("invocations.csv", "durations.csv")) return files;
  constexpr int kMaxDay = 14;  // of the published data set
  for (int day = 1; day <= kMaxDay; ++day) {
    if (auto files = both(fmt::format("invocations_per_function_md.anon.d{:02}.csv", day),
                          fmt::format("function_durations_percentiles.anon.d{:02}.csv", day))) {
      return files;
    }
  }
  return std::nullopt;
}

AzureTraceResult read_azure_trace(const std::filesystem::path& folder, bool strict) {
  Errors errors;
  const auto files = find_azure_trace(folder);
  if (!files) {
    errors.add(fmt::format(
        "{}: the folder must have invocations.csv and durations.csv, or "
        "invocations_per_function_md.anon.dNN.csv and function_durations_percentiles.anon.dNN.csv, "
        "perhaps with .gz",
        folder.string()));
    return errors.take();
  }
  AzureTrace trace;
  LeftOutRows left_out;
  trace.digest = kTraceHashStart;
  for (const std::filesystem::path& path : {files->invocations, files->durations}) {
    if (hash_trace_file(path, trace.digest)) continue;
    errors.add(
        fmt::format("{}:1: the file is empty, not readable, or larger than 4 GiB", path.string()));
  }
  if (errors.none()) {
    const auto service_times =
        read_durations(Table(files->durations, strict, left_out, errors), trace);
    read_invocations(Table(files->invocations, strict, left_out, errors), service_times, trace);
  }
  if (!errors.none()) return errors.take();
  trace.left_out = left_out.take();
  return trace;
}

}  // namespace quintain::sim
