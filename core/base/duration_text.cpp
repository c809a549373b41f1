// Parses and formats durations in exact integer arithmetic: nanoseconds in 128 bits while parsing,
// so that neither fractions nor sums lose a digit or overflow.
#include "core/base/duration_text.h"

#include <absl/numeric/int128.h>
#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace quintain::core {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t nanoseconds;
};

// From the largest to the smallest, the order that a text must have.
constexpr std::array<Unit, 7> kUnits = {{{"d", 86'400'000'000'000},
                                         {"h", 3'600'000'000'000},
                                         {"m", 60'000'000'000},
                                         {"s", 1'000'000'000},
                                         {"ms", 1'000'000},
                                         {"us", 1'000},
                                         {"ns", 1}}};
constexpr std::string_view kUnitNames = "d, h, m, s, ms, us and ns";

std::string_view take_while(std::string_view& text, bool (*wanted)(unsigned char)) {
  const auto end = std::find_if_not(
      text.begin(), text.end(), [wanted](char c) { return wanted(static_cast<unsigned char>(c)); });
  const auto taken = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(taken.size());
  return taken;
}

bool is_digit(unsigned char c) { return absl::ascii_isdigit(c); }
bool is_unit(unsigned char c) { return !absl::ascii_isdigit(c) && c != '.'; }

// The value of the digits, clamped to the largest of 18 digits.
absl::uint128 number_of(std::string_view digits) {
  constexpr std::uint64_t kMax = 999'999'999'999'999'999;
  std::uint64_t number = 0;
  for (const char digit : digits) {
    if (number > kMax / 10) return kMax;
    number = number * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  return number;
}

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMinute = 60 * kSecond;
constexpr std::uint64_t kHour = 60 * kMinute;
constexpr std::uint64_t kDay = 24 * kHour;

// `value` nanoseconds in a unit of 10^digits nanoseconds, without trailing zeros.
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

// The text in double quotes, escaped, and cut if it is long.
std::string quoted(std::string_view text) {
  constexpr std::size_t kMaxBytes = 80;
  const std::string escaped =
      absl::Utf8SafeCEscape(absl::string_view(text.data(), std::min(text.size(), kMaxBytes)));
  return fmt::format("\"{}\"{}", escaped, text.size() > kMaxBytes ? "..." : "");
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text, std::string& error) {
  const auto fail = [&error](std::string why) {
    error = std::move(why);
    return std::nullopt;
  };
  if (text.empty()) return fail("it is empty");
  if (text.front() == '-') return fail("a duration is not negative");

  absl::uint128 total = 0;
  std::size_t first_allowed = 0;  // index into kUnits
  while (!text.empty()) {
    const std::string_view whole = take_while(text, is_digit);
    if (whole.empty()) return fail(quoted(text) + " is not a number with its unit");
    std::string_view fraction;
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      fraction = take_while(text, is_digit);
      if (fraction.empty()) return fail("digits are missing after the point");
    }

    const std::string_view name = take_while(text, is_unit);
    const auto* unit = std::find_if(kUnits.begin(), kUnits.end(),
                                    [name](const Unit& u) { return u.name == name; });
    if (name.empty()) return fail(fmt::format("it lacks a unit; the units are {}", kUnitNames));
    if (unit == kUnits.end()) {
      return fail(fmt::format("there is no unit {}; the units are {}", quoted(name), kUnitNames));
    }
    const auto rank = static_cast<std::size_t>(unit - kUnits.begin());
    if (rank < first_allowed) {
      return fail("units go from the largest to the smallest, each at most once");
    }
    first_allowed = rank + 1;

    while (fraction.ends_with('0')) fraction.remove_suffix(1);
    // A day is 2^16 * 3^3 * 5^11 ns, so a fraction of more than 16 digits is never a whole number
    // of nanoseconds.
    if (fraction.size() > 16) return fail("it is finer than a nanosecond");
    absl::uint128 scale = 1;
    for (std::size_t i = 0; i < fraction.size(); ++i) scale *= 10;
    const absl::uint128 scaled = number_of(fraction) * unit->nanoseconds;
    if (scaled % scale != 0) return fail("it is finer than a nanosecond");
    total += number_of(whole) * unit->nanoseconds + scaled / scale;
  }
  if (total > static_cast<std::uint64_t>(kMaxDuration.count())) {
    return fail("it is longer than 100 years");
  }
  return Duration(static_cast<std::int64_t>(total));
}

std::string format_duration(Duration d) {
  if (d == d.zero()) return "0s";
  std::string text = d < d.zero() ? "-" : "";
  // Negated as unsigned: the negative of the smallest duration is not a Duration.
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

}  // namespace quintain::core
