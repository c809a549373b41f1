// Reads logs of calls. CsvCalls and read_swf() turn rows into calls; Builder collects them.
#include "sim/workload/call_log.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_split.h>
#include <absl/time/time.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include "core/invocation.h"
#include "core/node_config.h"
#include "sim/random/distribution.h"
#include "sim/workload/csv.h"

namespace quintain::sim {
namespace {

constexpr std::size_t kMaxErrors = 20;
constexpr std::size_t kMaxCalls = 50'000'000;
constexpr double kMaxSeconds = 1e11;  // later than the year 5138
constexpr double kMaxDurationSeconds =
    std::chrono::duration<double>(core::kLongestConfigured).count();
constexpr std::size_t kMaxNameBytes = core::RequestLimits::kName;

struct RawCall {
  double arrival = 0;  // seconds, from any origin
  double duration = 0;
  std::uint32_t function = 0;
  bool failed = false;
};

/// Collects calls, and rows that are left out.
class Builder {
 public:
  Builder(std::filesystem::path path, bool strict) : path_(std::move(path)), strict_(strict) {}

  void add(double arrival, double duration, const std::string& function, bool failed, int line) {
    if (function.empty() || function.size() > kMaxNameBytes) {
      return leave_out(line, "its function has no name, or a longer one than a call may have",
                       fmt::format("the name of the function has {} bytes; it must have 1 to {}",
                                   function.size(), kMaxNameBytes));
    }
    if (calls_.size() == kMaxCalls) {
      error(line, fmt::format("more than {} calls are too many", kMaxCalls));
      return;
    }
    const auto [position, is_new] =
        by_name_.try_emplace(function, static_cast<std::uint32_t>(by_name_.size()));
    if (is_new) log_.functions.push_back(function);
    calls_.push_back({arrival, duration, position->second, failed});
  }

  void leave_out(int line, std::string_view reason, const std::string& detail) {
    if (strict_) {
      error(line, detail);
    } else {
      left_out_.add(reason, 1, path_, line, detail);
    }
  }

  void error(int line, std::string_view what) {
    if (errors_.size() < kMaxErrors) {
      errors_.push_back(fmt::format("{}:{}: {}", path_.string(), line, what));
    } else {
      ++more_errors_;
    }
  }

  void note(std::string text) { log_.notes.push_back(std::move(text)); }

  CallLogResult finish() {
    if (errors_.empty() && calls_.empty()) {
      error(1, left_out_.reasons().empty()
                   ? std::string("there are no calls; at least one row must follow the header")
                   : fmt::format("no row can be used: {}", describe(left_out_.reasons()).front()));
    }
    if (more_errors_ > 0) errors_.push_back(fmt::format("and {} more", more_errors_));
    if (!errors_.empty()) return std::move(errors_);
    std::ranges::stable_sort(calls_, {}, &RawCall::arrival);
    const double first = calls_.front().arrival;
    for (const RawCall& call : calls_) {
      log_.calls.push_back({.arrival = to_duration((call.arrival - first) * 1e9),
                            .duration = to_duration(call.duration * 1e9),
                            .function = call.function,
                            .failed = call.failed});
    }
    log_.left_out = left_out_.take();
    return std::move(log_);
  }

  CallLog& log() { return log_; }

 private:
  std::filesystem::path path_;
  bool strict_;
  CallLog log_;
  std::vector<RawCall> calls_;
  std::map<std::string, std::uint32_t> by_name_;
  LeftOutRows left_out_;
  std::vector<std::string> errors_;
  std::size_t more_errors_ = 0;
};

/// A duration that can be replayed.
bool is_duration(const std::optional<double>& seconds) {
  return seconds && *seconds >= 0 && *seconds <= kMaxDurationSeconds;
}

// ---- CSV ----------------------------------------------------------------------------------------

struct Column {
  std::string_view name;
  double per_second = 1;
};
constexpr std::array kArrivals = {
    Column{"arrival"},         Column{"arrival_s"}, Column{"arrival_ms", 1e3},
    Column{"submit"},          Column{"submitted"}, Column{"timestamp"},
    Column{"start_timestamp"}, Column{"start"},     Column{"arrival_time"}};
constexpr std::array kDurations = {Column{"duration"},         Column{"duration_s"},
                                   Column{"duration_ms", 1e3}, Column{"service_s"},
                                   Column{"service_ms", 1e3},  Column{"runtime"},
                                   Column{"service"}};
constexpr std::array kEnds = {Column{"end_timestamp"}, Column{"ended"}, Column{"end"}};
constexpr std::array kFunctions = {Column{"function"}, Column{"func"}, Column{"function_id"}};

/// Turns the rows of a CSV file into calls.
class CsvCalls {
 public:
  explicit CsvCalls(Builder& builder) : builder_(builder) {}

  void read_row(const CsvRow& row) {
    if (header_.empty()) return read_header(row);
    if (!good_) return;
    if (row.fields.size() != header_.size()) {
      builder_.leave_out(row.line, "the number of fields is not that of the header",
                         fmt::format("the row has {} fields; it must have {}, as the header has",
                                     row.fields.size(), header_.size()));
      return;
    }
    const auto duration = scaled(row, *duration_);
    if (!is_duration(duration)) {
      return builder_.leave_out(
          row.line, "its duration is missing, negative, over ten years or no number",
          fmt::format("{} is '{}'; it must be a number from 0 to ten years",
                      header_[duration_->index], row.fields[duration_->index]));
    }
    auto arrival = instant(row, arrival_ ? *arrival_ : *end_);
    if (!arrival) {
      const std::size_t index = (arrival_ ? *arrival_ : *end_).index;
      return builder_.leave_out(
          row.line, "its time is missing or no time",
          fmt::format("{} is '{}'; it must be a number of at most 1e11 seconds, or a date and "
                      "time, like the first one",
                      header_[index], row.fields[index]));
    }
    if (!arrival_) *arrival -= *duration;
    std::string name = function_ ? row.fields[*function_] : "call";
    if (app_) name = row.fields[*app_].substr(0, kNamePart) + "/" + name.substr(0, kNamePart);
    const std::string outcome =
        outcome_ ? absl::AsciiStrToLower(row.fields[*outcome_]) : std::string();
    const bool failed = outcome == "failed" || outcome == "failure" || outcome == "error";
    if (cold_) {
      const std::string cold = absl::AsciiStrToLower(row.fields[*cold_]);
      cold_calls_ += cold == "true" || cold == "1" || cold == "yes";
    }
    builder_.add(*arrival, *duration, name, failed, row.line);
  }

  void finish() {
    if (header_.empty())
      builder_.error(1, "there is no header; the first row must name the columns");
    if (cold_calls_ > 0) {
      builder_.note(fmt::format(
          "{} calls were cold; their recorded durations are replayed as they are", cold_calls_));
    }
    if (assumed_utc_) builder_.note("times have no time zone; they are taken as UTC");
  }

 private:
  static constexpr std::size_t kNamePart = 12;

  struct Found {
    std::size_t index = 0;
    double per_second = 1;
  };

  template <std::size_t n>
  std::optional<Found> find(const std::array<Column, n>& names) const {
    for (const Column& column : names) {
      const auto found = std::ranges::find(header_, column.name);
      if (found != header_.end()) {
        return Found{static_cast<std::size_t>(found - header_.begin()), column.per_second};
      }
    }
    return std::nullopt;
  }
  std::optional<std::size_t> find(std::string_view name) const {
    const auto found = find(std::array{Column{name}});
    return found ? std::optional(found->index) : std::nullopt;
  }

  void read_header(const CsvRow& row) {
    for (const std::string& field : row.fields) header_.push_back(absl::AsciiStrToLower(field));
    arrival_ = find(kArrivals);
    duration_ = find(kDurations);
    end_ = find(kEnds);
    if (const auto function = find(kFunctions)) function_ = function->index;
    app_ = find("app");
    outcome_ = find("outcome");
    cold_ = find("cold");
    good_ = duration_ && (arrival_ || end_);
    if (!duration_) {
      builder_.error(row.line,
                     "there is no column with the durations; name one 'duration' (seconds), "
                     "'duration_ms', 'service_s' or 'runtime'");
    }
    if (!arrival_ && !end_) {
      builder_.error(row.line,
                     "there is no column with the arrivals; name one 'arrival' (seconds, or dates "
                     "and times), 'arrival_ms', 'submit', 'timestamp' or 'end_timestamp'");
    }
  }

  std::optional<double> scaled(const CsvRow& row, const Found& column) const {
    const auto number = parse_trace_number(row.fields[column.index]);
    return number ? std::optional(*number / column.per_second) : std::nullopt;
  }

  /// Seconds. All rows must write times like the first one.
  std::optional<double> instant(const CsvRow& row, const Found& column) {
    if (const auto number = scaled(row, column)) {
      if (dated_.value_or(false) || std::abs(*number) > kMaxSeconds) return std::nullopt;
      dated_ = false;
      return number;
    }
    if (!dated_.value_or(true)) return std::nullopt;
    absl::Time time;
    for (const char* const form : {"%Y-%m-%dT%H:%M:%E*S%Ez", "%Y-%m-%d %H:%M:%E*S%Ez",
                                   "%Y-%m-%dT%H:%M:%E*S", "%Y-%m-%d %H:%M:%E*S"}) {
      if (!absl::ParseTime(form, row.fields[column.index], absl::UTCTimeZone(), &time, nullptr)) {
        continue;
      }
      assumed_utc_ = assumed_utc_ || !std::string_view(form).ends_with("%Ez");
      if (!dated_) epoch_ = time;
      dated_ = true;
      return absl::ToDoubleSeconds(time - epoch_);
    }
    return std::nullopt;
  }

  Builder& builder_;
  std::vector<std::string> header_;
  bool good_ = false;
  std::optional<Found> arrival_;
  std::optional<Found> duration_;
  std::optional<Found> end_;
  std::optional<std::size_t> function_;
  std::optional<std::size_t> app_;
  std::optional<std::size_t> outcome_;
  std::optional<std::size_t> cold_;
  std::optional<bool> dated_;
  absl::Time epoch_;
  bool assumed_utc_ = false;
  std::int64_t cold_calls_ = 0;
};

/// A stream whose first line has been read already.
void read_csv_calls(std::istream& in, std::string first_line, Builder& builder) {
  const char delimiter = find_delimiter(first_line);
  CsvCalls calls(builder);
  std::istringstream header(std::move(first_line));
  int lines = 0;
  const auto read = [&](std::istream& part) {
    const auto problem = read_csv(
        part,
        [&](const CsvRow& row) {
          CsvRow moved = row;
          moved.line += lines;
          calls.read_row(moved);
        },
        delimiter);
    if (problem) builder.error(problem->line + lines, problem->what);
    return !problem;
  };
  if (read(header)) {
    lines = 1;
    read(in);
  }
  calls.finish();
}

// ---- Standard Workload Format -------------------------------------------------------------------

void read_swf(std::istream& in, Builder& builder) {
  constexpr std::size_t kFields = 18;
  constexpr std::size_t kSubmit = 1;
  constexpr std::size_t kRunTime = 3;
  constexpr std::size_t kStatus = 10;
  constexpr std::size_t kUser = 11;
  constexpr std::size_t kExecutable = 13;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const std::vector<std::string> fields =
        absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (fields.empty() || fields.front().starts_with(';')) continue;
    if (fields.size() != kFields) {
      builder.leave_out(number, "the row does not have 18 fields",
                        fmt::format("the row has {} fields; the Standard Workload Format has {}",
                                    fields.size(), kFields));
      continue;
    }
    const auto submit = parse_trace_number(fields[kSubmit]);
    const auto duration = parse_trace_number(fields[kRunTime]);
    if (!submit || *submit < 0 || *submit > kMaxSeconds) {
      builder.leave_out(number, "its submit time is not known",
                        fmt::format("the submit time is '{}'; it must be a number of seconds, 0 or "
                                    "more",
                                    fields[kSubmit]));
    } else if (!is_duration(duration)) {
      builder.leave_out(
          number, "its run time is not known",
          fmt::format("the run time is '{}'; it must be a number of seconds from 0 to "
                      "ten years (-1: not known)",
                      fields[kRunTime]));
    } else {
      const bool has_executable = !fields[kExecutable].starts_with('-');
      builder.add(*submit, *duration,
                  has_executable ? "app-" + fields[kExecutable] : "user-" + fields[kUser],
                  fields[kStatus] == "0", number);
    }
  }
  if (in.bad()) builder.error(1, "the file can't be read to its end; is it damaged or cut off?");
}

}  // namespace

CallLogResult read_call_log(const std::filesystem::path& path, bool strict) {
  Builder builder(path, strict);
  builder.log().digest = kTraceHashStart;
  const auto in = hash_trace_file(path, builder.log().digest) ? open_trace_file(path) : nullptr;
  if (in == nullptr) {
    builder.error(1, "the file is missing, empty, not readable, or larger than 4 GiB");
    return builder.finish();
  }
  const std::string name = path.filename().string();
  if (name.ends_with(".swf") || name.ends_with(".swf.gz")) {
    read_swf(*in, builder);
  } else {
    std::string first_line;
    constexpr std::size_t kMaxHeader = 1 << 20;
    for (int c = in->get(); c != EOF && c != '\n' && first_line.size() < kMaxHeader;
         c = in->get()) {
      first_line += static_cast<char>(c);
    }
    read_csv_calls(*in, first_line, builder);
  }
  return builder.finish();
}

}  // namespace quintain::sim
