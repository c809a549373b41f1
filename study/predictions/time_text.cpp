// Each form is tried in turn; none is a prefix of another, so the order does not matter.
#include "study/predictions/time_text.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <vector>

namespace quintain::study {
namespace {

/// A whole number of at least 0, or a decimal one.
std::optional<double> unsigned_number(std::string_view text) {
  if (text.empty() || !absl::ascii_isdigit(static_cast<unsigned char>(text.front()))) {
    return std::nullopt;
  }
  const auto number = parse_number(text, /*decimal_comma=*/false);
  return number ? std::optional(static_cast<double>(*number)) : std::nullopt;
}

/// "02:03:04.5" or "03:04" in seconds; `days` before it turn the first part into hours.
std::optional<double> parse_clock(std::string_view text, bool hours_first) {
  const std::vector<std::string> parts = absl::StrSplit(std::string(text), ':');
  if (parts.size() > 3 || (parts.size() == 1 && !hours_first)) return std::nullopt;
  double seconds = 0;
  double unit = hours_first ? 3600 : std::pow(60.0, static_cast<double>(parts.size()) - 1);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto number = unsigned_number(parts[i]);
    const bool fraction = parts[i].find('.') != std::string::npos;
    if (!number || (fraction && i + 1 < parts.size()) || (i > 0 && *number >= 60)) {
      return std::nullopt;
    }
    seconds += *number * unit;
    unit /= 60;
  }
  return seconds;
}

/// pandas: "1 days 02:03:04.5", "-1 days +23:59:59", "0 days".
std::optional<double> parse_timedelta(std::string_view text) {
  const std::size_t word = text.find(" day");
  if (word == std::string_view::npos) return std::nullopt;
  int days = 0;
  if (!absl::SimpleAtoi(std::string(text.substr(0, word)), &days)) return std::nullopt;
  std::string_view rest = text.substr(word + 4);
  if (rest.starts_with('s')) rest.remove_prefix(1);
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  if (rest.starts_with('+')) rest.remove_prefix(1);
  const auto clock = rest.empty() ? std::optional(0.0) : parse_clock(rest, /*hours_first=*/true);
  if (!clock) return std::nullopt;
  return days * 86400.0 + *clock;
}

/// Slurm: "1-02:03:04", "1-02", "02:03:04", "03:04".
std::optional<double> parse_slurm(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return parse_clock(text, /*hours_first=*/false);
  const auto days = unsigned_number(text.substr(0, dash));
  const auto clock = parse_clock(text.substr(dash + 1), /*hours_first=*/true);
  if (!days || !clock) return std::nullopt;
  return *days * 86400 + *clock;
}

/// ISO 8601 without months and years, whose lengths differ: "P1DT2H3M4.5S".
std::optional<double> parse_iso_duration(std::string_view text) {
  if (text.size() < 3 || text.front() != 'P') return std::nullopt;
  text.remove_prefix(1);
  double seconds = 0;
  bool in_time = false;
  while (!text.empty()) {
    if (text.front() == 'T' && !in_time) {
      in_time = true;
      text.remove_prefix(1);
      continue;
    }
    const std::size_t end = text.find_first_not_of("0123456789.");
    if (end == std::string_view::npos) return std::nullopt;
    const auto number = unsigned_number(text.substr(0, end));
    const char unit = text[end];
    double length = 0;
    if (!in_time && unit == 'D') length = 86400;
    if (!in_time && unit == 'W') length = 7 * 86400.0;
    if (in_time && unit == 'H') length = 3600;
    if (in_time && unit == 'M') length = 60;
    if (in_time && unit == 'S') length = 1;
    if (!number || length == 0) return std::nullopt;
    seconds += *number * length;
    text.remove_prefix(end + 1);
  }
  return seconds;
}

}  // namespace

std::string_view to_string(TimeUnit unit) {
  constexpr std::array<std::string_view, 4> kNames = {"s", "ms", "us", "ns"};
  return kNames[static_cast<std::size_t>(unit)];
}

std::optional<TimeUnit> time_unit(std::string_view name) {
  for (const TimeUnit unit : {TimeUnit::kSeconds, TimeUnit::kMilliseconds, TimeUnit::kMicroseconds,
                              TimeUnit::kNanoseconds}) {
    if (to_string(unit) == name) return unit;
  }
  return std::nullopt;
}

bool is_missing(std::string_view text) {
  constexpr std::array<std::string_view, 9> kWords = {"",    "nat", "nan",     "null", "none",
                                                      "n/a", "na",  "unknown", "<na>"};
  return std::ranges::find(kWords, absl::AsciiStrToLower(std::string(text))) != kWords.end();
}

std::optional<DatedTime> parse_dated_time(std::string_view text) {
  // absl's %E*S takes a decimal point only; ISO 8601 and Python's logs also have a comma.
  std::string value(text);
  std::ranges::replace(value, ',', '.');
  absl::Time time;
  constexpr std::array kZoned = {"%Y-%m-%dT%H:%M:%E*S%Ez",     "%Y-%m-%d %H:%M:%E*S%Ez",
                                 "%Y-%m-%d %H:%M:%E*S %Ez",    "%Y-%m-%dT%H:%M:%E*S%z",
                                 "%Y-%m-%d %H:%M:%E*S %z UTC", "%Y-%m-%d %H:%M:%E*S UTC"};
  for (const char* const form : kZoned) {
    if (absl::ParseTime(form, value, absl::UTCTimeZone(), &time, nullptr)) return DatedTime{time};
  }
  constexpr std::array kLocal = {"%Y-%m-%dT%H:%M:%E*S", "%Y-%m-%d %H:%M:%E*S"};
  for (const char* const form : kLocal) {
    if (absl::ParseTime(form, value, absl::UTCTimeZone(), &time, nullptr)) {
      return DatedTime{.time = time, .assumed_utc = true};
    }
  }
  return std::nullopt;
}

std::optional<long double> parse_number(std::string_view text, bool decimal_comma) {
  std::string value(text);
  if (decimal_comma) std::ranges::replace(value, ',', '.');
  std::string_view digits = value;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  long double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || !std::isfinite(number)) {
    return std::nullopt;
  }
  return number;
}

long double to_seconds(long double number, TimeUnit unit) {
  constexpr std::array<long double, 4> kPerSecond = {1, 1e3L, 1e6L, 1e9L};
  return number / kPerSecond[static_cast<std::size_t>(unit)];
}

std::optional<double> parse_duration_text(std::string_view text, TimeUnit unit,
                                          bool decimal_comma) {
  if (const auto number = parse_number(text, decimal_comma)) {
    return static_cast<double>(to_seconds(*number, unit));
  }
  if (const auto seconds = parse_timedelta(text)) return seconds;
  if (const auto seconds = parse_iso_duration(text)) return seconds;
  if (const auto seconds = parse_slurm(text)) return seconds;
  absl::Duration duration;
  if (absl::ParseDuration(std::string(text), &duration) && duration != absl::InfiniteDuration()) {
    return absl::ToDoubleSeconds(duration);
  }
  return std::nullopt;
}

}  // namespace quintain::study
