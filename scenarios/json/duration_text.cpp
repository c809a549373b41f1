#include "scenarios/json/duration_text.h"

#include <absl/numeric/int128.h>
#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <utility>

#include "scenarios/json/wording.h"

namespace quintain::scenarios {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t nanoseconds;
};

// From the largest to the smallest, as they must stand in a text.
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

/// The number that the digits say, or the largest that 18 digits can say if they say more.
absl::uint128 number_of(std::string_view digits) {
  constexpr std::uint64_t kMost = 999'999'999'999'999'999;
  std::uint64_t number = 0;
  for (const char digit : digits) {
    if (number > kMost / 10) return kMost;
    number = number * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  return number;
}

}  // namespace

std::optional<core::Duration> parse_duration(std::string_view text, std::string& error) {
  const auto refuse = [&error](std::string why) {
    error = std::move(why);
    return std::nullopt;
  };
  if (text.empty()) return refuse("it is empty");
  if (text.front() == '-') return refuse("a duration is not negative");

  absl::uint128 total = 0;
  std::size_t first_allowed = 0;  // in kUnits
  while (!text.empty()) {
    const std::string_view whole = take_while(text, is_digit);
    if (whole.empty()) return refuse(shown_text(text) + " is not a number with its unit");
    std::string_view fraction;
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      fraction = take_while(text, is_digit);
      if (fraction.empty()) return refuse("digits are missing after the point");
    }

    const std::string_view name = take_while(text, is_unit);
    const auto* unit = std::find_if(kUnits.begin(), kUnits.end(),
                                    [name](const Unit& u) { return u.name == name; });
    if (name.empty()) return refuse(fmt::format("it lacks a unit; the units are {}", kUnitNames));
    if (unit == kUnits.end()) {
      return refuse(
          fmt::format("there is no unit {}; the units are {}", shown_text(name), kUnitNames));
    }
    const auto rank = static_cast<std::size_t>(unit - kUnits.begin());
    if (rank < first_allowed) {
      return refuse("units go from the largest to the smallest, each at most once");
    }
    first_allowed = rank + 1;

    while (fraction.ends_with('0')) fraction.remove_suffix(1);
    // A day is 2^16 * 3^3 * 5^11 ns, so no fraction of more than 16 digits is a whole number of
    // them.
    if (fraction.size() > 16) return refuse("it is finer than a nanosecond");
    absl::uint128 scale = 1;
    for (std::size_t i = 0; i < fraction.size(); ++i) scale *= 10;
    const absl::uint128 scaled = number_of(fraction) * unit->nanoseconds;
    if (scaled % scale != 0) return refuse("it is finer than a nanosecond");
    total += number_of(whole) * unit->nanoseconds + scaled / scale;
  }
  if (total > static_cast<std::uint64_t>(kLongestDuration.count())) {
    return refuse("it is longer than 100 years");
  }
  return core::Duration(static_cast<std::int64_t>(total));
}

std::string format_duration(core::Duration duration) {
  assert(duration >= core::Duration::zero());
  auto rest = static_cast<std::uint64_t>(duration.count());
  std::string text;
  for (const Unit& unit : kUnits) {
    if (rest >= unit.nanoseconds) text += fmt::format("{}{}", rest / unit.nanoseconds, unit.name);
    rest %= unit.nanoseconds;
  }
  return text.empty() ? "0s" : text;
}

}  // namespace quintain::scenarios
