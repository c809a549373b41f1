// Durations as people write them: "150ms", "1.5s", "1h30m".
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "core/time.h"

namespace quintain::scenarios {

/// No duration in a file is longer: 100 years.
inline constexpr core::Duration kLongestDuration = std::chrono::hours(24 * 36'525);

/// Reads one or more numbers, each with its unit (d, h, m, s, ms, us, ns), the units from the
/// largest to the smallest and each at most once. A number may have a decimal fraction. Exact: what
/// is not a whole number of nanoseconds is refused. Without a value, `error` says why.
std::optional<core::Duration> parse_duration(std::string_view text, std::string& error);

/// The text that parse_duration() reads as this duration, in whole numbers: "1s500ms", "0s". The
/// duration may not be negative.
std::string format_duration(core::Duration duration);

}  // namespace quintain::scenarios
