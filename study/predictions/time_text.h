// Instants and durations as the tools of others write them.
#pragma once

#include <absl/time/time.h>

#include <optional>
#include <string_view>
#include <variant>

namespace quintain::study {

/// Whether the text is how a tool writes "no value": empty, NaT, NaN, null, None, N/A, Unknown,
/// in upper or lower case.
bool is_missing(std::string_view text);

/// The units of a plain number.
enum class TimeUnit { kSeconds, kMilliseconds, kMicroseconds, kNanoseconds };

/// "s", "ms", "us", "ns".
std::string_view to_string(TimeUnit unit);
/// The unit with that name; nullopt if there is none.
std::optional<TimeUnit> time_unit(std::string_view name);

/// A time with a date.
struct DatedTime {
  absl::Time time;
  /// The text had no time zone; UTC was assumed.
  bool assumed_utc = false;
};

/// ISO 8601 as JSON, Kubernetes (RFC 3339), Slurm (without a zone) and pandas (with a space) write
/// it, and Go's "2026-01-31 12:00:00 +0000 UTC". nullopt if it is none of these.
std::optional<DatedTime> parse_dated_time(std::string_view text);

/// A number with a decimal point, or with a decimal comma if `decimal_comma`. nullopt unless the
/// whole text is one finite number. Long double keeps every digit of nanoseconds since 1970.
std::optional<long double> parse_number(std::string_view text, bool decimal_comma);

/// The number in seconds.
long double to_seconds(long double number, TimeUnit unit);

/// A duration in seconds: a number in `unit`, "1m30.5s" (Go, Kubernetes), "0 days 00:01:30.5"
/// (pandas), "1-02:03:04", "02:03:04", "03:04" (Slurm: minutes and seconds), "PT1M30.5S" (ISO
/// 8601). nullopt if it is none of these.
std::optional<double> parse_duration_text(std::string_view text, TimeUnit unit, bool decimal_comma);

}  // namespace quintain::study
