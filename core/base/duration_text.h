// Durations as text: "150ms", "1.5s", "1h30m".
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/time.h"

namespace quintain::core {

/// The longest duration that parse_duration() accepts: 100 years.
inline constexpr Duration kMaxDuration = std::chrono::hours(24 * 36'525);

/// Reads one or more numbers, each with its unit (d, h, m, s, ms, us, ns), the units from the
/// largest to the smallest and each at most once. A number may have a decimal fraction. Exact: a
/// value that is not a whole number of nanoseconds is an error. On an error, returns nullopt and
/// sets `error` to the reason.
std::optional<Duration> parse_duration(std::string_view text, std::string& error);

/// The duration as text, exact and short: "0s", "1ns", "1.5ms", "2.5s", "1m0.5s", "1h30m", "30d".
/// Below a minute one unit with a fraction; from a minute up a sum of days, hours, minutes and
/// seconds. A negative duration starts with "-", which parse_duration() rejects; it reads back
/// every other text up to kMaxDuration.
std::string format_duration(Duration duration);

}  // namespace quintain::core
