// Durations and instants as integer nanoseconds; no floating-point clock.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>

namespace quintain::core {

/// A length of time in nanoseconds, up to about 292 years.
using Duration = std::chrono::nanoseconds;

/// "No limit". Sums with it saturate instead of overflowing.
inline constexpr Duration kForever = Duration::max();

/// The sum of two durations, clamped to the range of Duration.
constexpr Duration saturating_add(Duration a, Duration b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a.count(), b.count(), &sum)) return Duration(sum);
  return b > Duration::zero() ? Duration::max() : Duration::min();
}

/// This many milliseconds, clamped to the range of Duration. Callers state limits in int64
/// milliseconds, whose range is a million times that of int64 nanoseconds.
constexpr Duration saturating_milliseconds(std::int64_t milliseconds) {
  std::int64_t nanoseconds = 0;
  if (!__builtin_mul_overflow(milliseconds, std::int64_t{1'000'000}, &nanoseconds)) {
    return Duration(nanoseconds);
  }
  return milliseconds > 0 ? Duration::max() : Duration::min();
}

/// Whole milliseconds, rounded up, for predictions: they must not be shorter than the duration.
constexpr std::int64_t ceil_milliseconds(Duration d) {
  return std::chrono::ceil<std::chrono::milliseconds>(d).count();
}

/// Whole milliseconds, rounded towards zero, for measurements.
constexpr std::int64_t floor_milliseconds(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

/// An instant of the environment's monotonic time: nanoseconds since the environment's start.
class Instant {
 public:
  /// The start of the environment.
  constexpr Instant() = default;

  constexpr explicit Instant(Duration since_start) : since_start_(since_start) {}

  /// Later than every other instant; a timer armed for it never fires.
  static constexpr Instant never() { return Instant(Duration::max()); }

  constexpr Duration since_start() const { return since_start_; }
  constexpr bool is_never() const { return *this == never(); }

  friend constexpr auto operator<=>(Instant, Instant) = default;

  /// Saturates at never().
  friend constexpr Instant operator+(Instant t, Duration d) {
    return Instant(saturating_add(t.since_start_, d));
  }

  /// The time from `earlier` to `later`. Requires: neither is never().
  friend constexpr Duration operator-(Instant later, Instant earlier) {
    return later.since_start_ - earlier.since_start_;
  }

 private:
  Duration since_start_{0};
};

/// Wall-clock time since the Unix epoch. Only for the timestamps that callers see: no decision
/// depends on it.
struct WallTime {
  Duration since_epoch{0};
  friend constexpr auto operator<=>(WallTime, WallTime) = default;
};

}  // namespace quintain::core
