// Durations as people write them: "150ms", "1.5s", "1h30m".
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/time.h"

namespace quintain::core {

/// No duration in a file is longer: 100 years.
inline constexpr Duration kLongestDuration = std::chrono::hours(24 * 36'525);

/// Reads one or more numbers, each with its unit (d, h, m, s, ms, us, ns), the units from the
/// largest to the smallest and each at most once. A number may have a decimal fraction. Exact: what
/// is not a whole number of nanoseconds is refused. Without a value, `error` says why.
std::optional<Duration> parse_duration(std::string_view text, std::string& error);

/// The duration, exact and short: "0s", "1ns", "1.5ms", "2.5s", "1m0.5s", "1h30m", "30d". Below a
/// second one unit with a fraction; from a minute up a sum of days, hours, minutes and seconds. A
/// negative duration begins with "-"; every other text is one that parse_duration() reads back.
std::string format_duration(Duration duration);

}  // namespace quintain::core
