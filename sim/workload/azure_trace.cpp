#include "sim/workload/azure_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <map>
#include <optional>
#include <ranges>
#include <set>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

namespace quintain::sim {
namespace {

constexpr std::size_t kMaxErrors = 20;
constexpr std::size_t kNameLength = 12;
constexpr double kNanosecondsPerMillisecond = 1e6;
constexpr double kShortestMilliseconds = 1;
constexpr int kLastMinute = 24 * 60;  // the full data set counts from 1
constexpr std::uint32_t kHighestCount = 60 * static_cast<std::uint32_t>(kHighestRate);

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

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (const auto part : text | std::views::split(separator)) {
    parts.emplace_back(part.begin(), part.end());
  }
  return parts;
}

// The number that all of the text is, whatever the locale.
template <class Number>
std::optional<Number> parse(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

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

struct Row {
  std::size_t line;
  std::vector<std::string_view> fields;
};

// A CSV file without quotes, cut into fields that point into the file's text. Knows how to
// print_error about itself.
class Table {
 public:
  Table(std::string file, std::string_view text, Errors& errors)
      : file_(std::move(file)), errors_(errors) {
    constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // some editors write it
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    std::size_t number = 0;
    for (std::string_view line : split(text, '\n')) {
      ++number;
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (number == 1) {
        header_ = split(line, ',');
        continue;
      }
      if (line.empty()) continue;
      Row row{number, split(line, ',')};
      if (row.fields.size() == header_.size()) {
        rows_.push_back(std::move(row));
      } else {
        error(number, fmt::format("the row has {} fields; it must have {}, as the header has",
                                  row.fields.size(), header_.size()));
      }
    }
  }

  const std::vector<std::string_view>& header() const { return header_; }
  const std::vector<Row>& rows() const { return rows_; }

  void error(std::size_t line, std::string_view what) {
    errors_.add(fmt::format("{}:{}: {}", file_, line, what));
  }

  // The positions of these columns; nothing, after an error for each, if some are missing.
  std::optional<std::vector<std::size_t>> columns(const std::vector<std::string_view>& names) {
    std::vector<std::size_t> positions;
    for (const std::string_view name : names) {
      const auto found = std::find(header_.begin(), header_.end(), name);
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
  std::string file_;
  Errors& errors_;
  std::vector<std::string_view> header_;
  std::vector<Row> rows_;
};

std::optional<std::string> read_file(const std::filesystem::path& path, Errors& errors) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (text.str().empty()) {
    errors.add(
        fmt::format("{}:1: the file is missing, empty or not readable; the folder must have "
                    "invocations.csv and durations.csv",
                    path.string()));
    return std::nullopt;
  }
  return text.str();
}

std::uint64_t fnv1a(std::uint64_t hash, std::string_view text) {
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  return hash;
}

// What identifies a function in both files, of a row whose first three given columns are the
// hashes.
std::string key_of(const Row& row, const std::vector<std::size_t>& columns) {
  return fmt::format("{},{},{}", row.fields[columns[0]], row.fields[columns[1]],
                     row.fields[columns[2]]);
}

// Remembers on which line each function stood; a second row of one is an error.
class SeenFunctions {
 public:
  bool is_new(const std::string& key, const Row& row, Table& table) {
    const auto [position, inserted] = lines_.emplace(key, row.line);
    if (!inserted) {
      table.error(row.line, fmt::format("the function occurs a second time; it must have one row, "
                                        "and line {} is one",
                                        position->second));
    }
    return inserted;
  }

 private:
  std::map<std::string, std::size_t> lines_;
};

std::optional<double> milliseconds(const Row& row, std::size_t column, Table& table) {
  const auto value = parse<double>(row.fields[column]);
  if (value && std::isfinite(*value) && *value >= 0) return value;
  table.error(row.line, fmt::format("{} is '{}'; it must be a number of milliseconds, 0 or more",
                                    table.header()[column], row.fields[column]));
  return std::nullopt;
}

// The quantile function through the percentiles whose mean is the average, or as near as can be.
//
// A segment from (p, a) to (p + w, b) that is bent at (p + (1 - f) w, a + f (b - a)) has the mean
// a + f (b - a): f = 1/2 is the straight line, less makes most durations of the segment short and
// few long. The top segments are bent first because it is they that are far from straight.
distribution::Empirical service_time(Milliseconds value, double average) {
  constexpr double kSharpestBend = 0.02;
  constexpr double kCloseEnough = 1e-6;

  for (double& v : value) v = std::max(v, kShortestMilliseconds);
  double missing = std::max(average, kShortestMilliseconds);
  for (std::size_t i = 1; i < value.size(); ++i) {
    missing -= (kPercentiles[i].p - kPercentiles[i - 1].p) * (value[i] + value[i - 1]) / 2;
  }

  const auto point = [](double p, double v) {
    return distribution::Empirical::Point{.p = p,
                                          .value = to_duration(v * kNanosecondsPerMillisecond)};
  };
  std::vector<distribution::Empirical::Point> points = {
      point(1, value.back())};  // from the top down
  for (std::size_t i = value.size() - 1; i > 0; --i) {
    const double p = kPercentiles[i - 1].p;
    const double width = kPercentiles[i].p - p;
    const double height = value[i] - value[i - 1];
    if (height > 0 && std::abs(missing) > kCloseEnough) {
      const double f =
          std::clamp(0.5 + missing / (width * height), kSharpestBend, 1 - kSharpestBend);
      missing -= (f - 0.5) * width * height;
      points.push_back(point(p + (1 - f) * width, value[i - 1] + f * height));
    }
    points.push_back(point(p, value[i - 1]));
  }
  std::reverse(points.begin(), points.end());
  return {std::move(points)};
}

using ServiceTimes = std::map<std::string, Distribution>;

// Nothing if columns are missing, so that every function would seem to have no durations.
std::optional<ServiceTimes> read_durations(Table& table) {
  std::vector<std::string_view> names = {"HashOwner", "HashApp", "HashFunction", "Average"};
  for (const Percentile& percentile : kPercentiles) names.push_back(percentile.column);
  const auto columns = table.columns(names);
  if (!columns) return std::nullopt;

  ServiceTimes service_times;
  SeenFunctions seen;
  for (const Row& row : table.rows()) {
    const std::string key = key_of(row, *columns);
    if (!seen.is_new(key, row, table)) continue;
    const auto average = milliseconds(row, (*columns)[3], table);
    Milliseconds values = {};
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = milliseconds(row, (*columns)[4 + i], table).value_or(i == 0 ? 0 : values[i - 1]);
      if (i > 0 && values[i] < values[i - 1]) {
        table.error(row.line,
                    fmt::format("{} is {}; it must be no less than {} ({})", kPercentiles[i].column,
                                values[i], kPercentiles[i - 1].column, values[i - 1]));
      }
    }
    // After an error too, so that the function counts as one that has durations.
    std::sort(values.begin(), values.end());
    service_times.emplace(key, service_time(values, average.value_or(values[3])));
  }
  return service_times;
}

// The columns of the minutes; their names must count up by one.
std::vector<std::size_t> minute_columns(Table& table, AzureTrace& trace) {
  constexpr std::array<std::string_view, 4> kOthers = {"HashOwner", "HashApp", "HashFunction",
                                                       "Trigger"};
  std::vector<std::size_t> columns;
  int expected = 0;
  for (std::size_t i = 0; i < table.header().size(); ++i) {
    const std::string_view name = table.header()[i];
    if (std::find(kOthers.begin(), kOthers.end(), name) != kOthers.end()) continue;
    const auto minute = parse<int>(name);
    const bool right =
        columns.empty() ? minute && *minute >= 0 && *minute <= kLastMinute : minute == expected;
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

void read_invocations(Table& table, const std::optional<ServiceTimes>& service_times,
                      AzureTrace& trace) {
  const auto columns = table.columns({"HashOwner", "HashApp", "HashFunction", "Trigger"});
  const std::vector<std::size_t> minutes = minute_columns(table, trace);
  if (!columns) return;

  SeenFunctions seen;
  std::set<std::string> names;
  for (const Row& row : table.rows()) {
    const std::string key = key_of(row, *columns);
    if (!seen.is_new(key, row, table)) continue;

    arrivals::PerMinute invocations;
    for (const std::size_t column : minutes) {
      const auto count = parse<std::uint32_t>(row.fields[column]);
      if (!count || *count > kHighestCount) {
        table.error(row.line,
                    fmt::format("minute {} is '{}'; it must be a whole number from 0 to {}",
                                table.header()[column], row.fields[column], kHighestCount));
      }
      invocations.counts.push_back(count.value_or(0));
    }

    const std::string short_name(row.fields[(*columns)[2]].substr(0, kNameLength));
    std::string name = short_name;
    for (int n = 2; !names.insert(name).second; ++n) name = fmt::format("{}-{}", short_name, n);

    if (!service_times) continue;
    const auto found = service_times->find(key);
    if (found == service_times->end()) {
      table.error(row.line,
                  fmt::format("the function {} has no durations; durations.csv must have a "
                              "row with the same HashOwner, HashApp and HashFunction",
                              name));
      continue;
    }
    trace.functions.push_back({.name = std::move(name),
                               .trigger = std::string(row.fields[(*columns)[3]]),
                               .service_time = found->second,
                               .invocations = std::move(invocations)});
  }
  if (table.rows().empty()) table.error(1, "there are no functions; at least one row must follow");
}

}  // namespace

AzureTraceResult read_azure_trace(const std::filesystem::path& folder) {
  constexpr std::uint64_t kFnvBasis = 0xcbf29ce484222325;
  const std::filesystem::path invocations_path = folder / "invocations.csv";
  const std::filesystem::path durations_path = folder / "durations.csv";

  Errors errors;
  const auto invocations_text = read_file(invocations_path, errors);
  const auto durations_text = read_file(durations_path, errors);
  if (!invocations_text || !durations_text) return errors.take();

  AzureTrace trace;
  trace.digest = fnv1a(fnv1a(kFnvBasis, *invocations_text), *durations_text);
  Table invocations(invocations_path.string(), *invocations_text, errors);
  Table durations(durations_path.string(), *durations_text, errors);
  read_invocations(invocations, read_durations(durations), trace);
  if (!errors.none()) return errors.take();
  return trace;
}

}  // namespace quintain::sim
