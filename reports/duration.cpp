#include "reports/duration.h"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

namespace quintain::reports {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMinute = 60 * kSecond;
constexpr std::uint64_t kHour = 60 * kMinute;
constexpr std::uint64_t kDay = 24 * kHour;

/// `value` nanoseconds in a unit of 10^digits nanoseconds, without trailing zeros.
std::string decimal(std::uint64_t value, int digits, std::string_view unit) {
  std::uint64_t scale = 1;
  for (int i = 0; i < digits; ++i) scale *= 10;
  std::string text = fmt::format("{}", value / scale);
  if (const std::uint64_t fraction = value % scale; fraction != 0) {
    text += fmt::format(".{:0{}}", fraction, digits);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text.append(unit);
}

}  // namespace

std::string human_duration(std::chrono::nanoseconds d) {
  if (d == d.zero()) return "0s";
  std::string text = d < d.zero() ? "-" : "";
  // Negated as unsigned: the smallest duration has no positive twin.
  const auto bits = static_cast<std::uint64_t>(d.count());
  std::uint64_t rest = d < d.zero() ? 0 - bits : bits;

  if (rest < 1'000) return text + decimal(rest, 0, "ns");
  if (rest < 1'000'000) return text + decimal(rest, 3, "us");
  if (rest < kSecond) return text + decimal(rest, 6, "ms");

  const auto take = [&](std::uint64_t unit, char letter) {
    if (rest >= unit) text += fmt::format("{}{}", rest / unit, letter);
    rest %= unit;
  };
  take(kDay, 'd');
  take(kHour, 'h');
  take(kMinute, 'm');
  return rest == 0 ? text : text + decimal(rest, 9, "s");
}

}  // namespace quintain::reports
