// Reads traces in the Azure Functions 2019 format. Both files are streamed: the durations first,
// which become one distribution per function, then the invocations, whose rows are joined to them.
#include "sim/workload/azure_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <fstream>
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

// Parses the whole text as a number, independently of the locale.
template <class Number>
std::optional<Number> parse(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
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
  Table(const std::filesystem::path& path, Errors& errors) : path_(path), errors_(errors) {}

  const std::vector<std::string>& header() const { return header_; }

  // Reads the file: calls `on_header` after the first row, and then `on_row` for each row that has
  // as many fields as the header. Rows are skipped if `on_header` returns false. Returns the number
  // of rows that were not skipped, or nullopt after an error in the format of the file.
  std::optional<std::size_t> read(const std::function<bool()>& on_header,
                                  const std::function<void(const CsvRow&)>& on_row) {
    std::ifstream in(path_, std::ios::binary);
    std::size_t rows = 0;
    bool read_rows = false;
    const auto problem = read_csv(in, [&](const CsvRow& row) {
      if (header_.empty()) {
        header_ = row.fields;
        read_rows = on_header();
      } else if (row.fields.size() != header_.size()) {
        error(row.line, fmt::format("the row has {} fields; it must have {}, as the header has",
                                    row.fields.size(), header_.size()));
      } else if (read_rows) {
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
  Errors& errors_;
  std::vector<std::string> header_;
};

// Continues an FNV-1a hash with the bytes of a file. Returns false, after an error, if there are
// none.
bool hash_file(const std::filesystem::path& path, std::uint64_t& hash, Errors& errors) {
  std::ifstream in(path, std::ios::binary);
  std::array<char, 1 << 16> buffer;
  bool empty = true;
  do {
    in.read(buffer.data(), buffer.size());
    const auto length = static_cast<std::size_t>(in.gcount());
    empty = empty && length == 0;
    for (const char c : std::string_view(buffer.data(), length)) {
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    }
  } while (in);
  if (empty) {
    errors.add(
        fmt::format("{}:1: the file is missing, empty or not readable; the folder must have "
                    "invocations.csv and durations.csv",
                    path.string()));
  }
  return !empty;
}

// The key of a function in both files. The first three of `columns` are those of the hashes.
std::string key_of(const CsvRow& row, const std::vector<std::size_t>& columns) {
  return fmt::format("{},{},{}", row.fields[columns[0]], row.fields[columns[1]],
                     row.fields[columns[2]]);
}

// The line of each function. A second row for a function is an error.
class SeenFunctions {
 public:
  bool is_new(const std::string& key, const CsvRow& row, Table& table) {
    const auto [position, inserted] = lines_.emplace(key, row.line);
    if (!inserted) {
      table.error(row.line, fmt::format("the function occurs a second time; it must have one row, "
                                        "and line {} is one",
                                        position->second));
    }
    return inserted;
  }

 private:
  std::map<std::string, int> lines_;
};

std::optional<double> milliseconds(const CsvRow& row, std::size_t column, Table& table) {
  const auto value = parse<double>(row.fields[column]);
  if (value && std::isfinite(*value) && *value >= 0) return value;
  table.error(row.line, fmt::format("{} is '{}'; it must be a number of milliseconds, 0 or more",
                                    table.header()[column], row.fields[column]));
  return std::nullopt;
}

// Returns the quantile function that goes through the percentiles and whose mean is the average, or
// as close to it as possible.
//
// A segment from (p, a) to (p + w, b) that is bent at (p + (1 - f) w, a + f (b - a)) has the mean
// a + f (b - a). f = 1/2 is the straight line; with a smaller f, most durations of the segment are
// short and few are long. The top segments are bent first, because they are the least straight.
distribution::Empirical service_time(Milliseconds value, double average) {
  constexpr double kMinBend = 0.02;
  constexpr double kCloseEnough = 1e-6;

  for (double& v : value) v = std::max(v, kMinMilliseconds);
  double missing = std::max(average, kMinMilliseconds);
  for (std::size_t i = 1; i < value.size(); ++i) {
    missing -= (kPercentiles[i].p - kPercentiles[i - 1].p) * (value[i] + value[i - 1]) / 2;
  }

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

using ServiceTimes = std::map<std::string, Distribution>;

// Returns nullopt if columns are missing, so that no function is reported to have no durations.
std::optional<ServiceTimes> read_durations(Table table) {
  std::vector<std::string_view> names = {"HashOwner", "HashApp", "HashFunction", "Average"};
  for (const Percentile& percentile : kPercentiles) names.push_back(percentile.column);
  std::optional<std::vector<std::size_t>> columns;
  ServiceTimes service_times;
  SeenFunctions seen;
  table.read(
      [&] {
        columns = table.columns(names);
        return columns.has_value();
      },
      [&](const CsvRow& row) {
        const std::string key = key_of(row, *columns);
        if (!seen.is_new(key, row, table)) return;
        const auto average = milliseconds(row, (*columns)[3], table);
        Milliseconds values = {};
        for (std::size_t i = 0; i < values.size(); ++i) {
          const double before = i == 0 ? 0 : values[i - 1];
          values[i] = milliseconds(row, (*columns)[4 + i], table).value_or(before);
          if (values[i] < before) {
            table.error(row.line, fmt::format("{} is {}; it must be no less than {} ({})",
                                              kPercentiles[i].column, values[i],
                                              kPercentiles[i - 1].column, before));
          }
        }
        // Added after an error too, so that the function counts as one that has durations.
        std::ranges::sort(values);
        service_times.emplace(key, service_time(values, average.value_or(values[3])));
      });
  if (!columns) return std::nullopt;
  return service_times;
}

// Returns the columns of the minutes. Their names must be consecutive numbers.
std::vector<std::size_t> minute_columns(Table& table, AzureTrace& trace) {
  constexpr std::array<std::string_view, 4> kOthers = {"HashOwner", "HashApp", "HashFunction",
                                                       "Trigger"};
  std::vector<std::size_t> columns;
  int expected = 0;
  for (std::size_t i = 0; i < table.header().size(); ++i) {
    const std::string_view name = table.header()[i];
    if (std::ranges::find(kOthers, name) != kOthers.end()) continue;
    const auto minute = parse<int>(name);
    const bool right =
        columns.empty() ? minute && *minute >= 0 && *minute <= kMaxMinute : minute == expected;
    if (!right) {
      table.error(1, fmt::format("column {} is '{}'; it must be {}", i + 1, name,
                                 columns.empty() ? "the number of a minute of the day"
                                                 : fmt::format("minute {}", expected)));
      return columns;
    }
    if (columns.empty()) trace.first_minute = *minute;
    expected = *minute + 1;
    columns.push_back(i);
  }
  if (columns.empty()) {
    table.error(
        1, "there are no minutes; columns named by the numbers of minutes must follow Trigger");
  }
  return columns;
}

void read_invocations(Table table, const std::optional<ServiceTimes>& service_times,
                      AzureTrace& trace) {
  std::optional<std::vector<std::size_t>> columns;
  std::vector<std::size_t> minutes;
  SeenFunctions seen;
  std::set<std::string> names;
  const auto rows = table.read(
      [&] {
        columns = table.columns({"HashOwner", "HashApp", "HashFunction", "Trigger"});
        minutes = minute_columns(table, trace);
        return columns.has_value();
      },
      [&](const CsvRow& row) {
        const std::string key = key_of(row, *columns);
        if (!seen.is_new(key, row, table)) return;

        arrivals::PerMinute invocations;
        for (const std::size_t column : minutes) {
          const auto count = parse<std::uint32_t>(row.fields[column]);
          if (!count || *count > kMaxCount) {
            table.error(row.line,
                        fmt::format("minute {} is '{}'; it must be a whole number from 0 to {}",
                                    table.header()[column], row.fields[column], kMaxCount));
          }
          invocations.counts.push_back(count.value_or(0));
        }

        const std::string prefix = row.fields[(*columns)[2]].substr(0, kNameLength);
        std::string name = prefix;
        for (int n = 2; !names.insert(name).second; ++n) name = fmt::format("{}-{}", prefix, n);

        if (!service_times) return;
        const auto found = service_times->find(key);
        if (found == service_times->end()) {
          table.error(row.line,
                      fmt::format("the function {} has no durations; durations.csv must have a "
                                  "row with the same HashOwner, HashApp and HashFunction",
                                  name));
          return;
        }
        trace.functions.push_back({.name = std::move(name),
                                   .trigger = row.fields[(*columns)[3]],
                                   .service_time = found->second,
                                   .invocations = std::move(invocations)});
      });
  if (columns && rows == 0) table.error(1, "there are no functions; at least one row must follow");
}

}  // namespace

AzureTraceResult read_azure_trace(const std::filesystem::path& folder) {
  constexpr std::uint64_t kFnvBasis = 0xcbf29ce484222325;
  const std::filesystem::path invocations = folder / "invocations.csv";
  const std::filesystem::path durations = folder / "durations.csv";

  Errors errors;
  AzureTrace trace;
  trace.digest = kFnvBasis;
  const bool has_invocations = hash_file(invocations, trace.digest, errors);
  const bool has_durations = hash_file(durations, trace.digest, errors);
  if (has_invocations && has_durations) {
    const auto service_times = read_durations(Table(durations, errors));
    read_invocations(Table(invocations, errors), service_times, trace);
  }
  if (!errors.none()) return errors.take();
  return trace;
}

}  // namespace quintain::sim
