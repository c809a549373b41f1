#include "reports/duration.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>

#include <cstdint>
#include <limits>
#include <map>

namespace quintain::reports {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

TEST(HumanDuration, IsShort) {
  EXPECT_EQ(human_duration(0ns), "0s");
  EXPECT_EQ(human_duration(1ns), "1ns");
  EXPECT_EQ(human_duration(1us), "1us");
  EXPECT_EQ(human_duration(999'999ns), "999.999us");
  EXPECT_EQ(human_duration(1ms), "1ms");
  EXPECT_EQ(human_duration(150ms), "150ms");
  EXPECT_EQ(human_duration(1'500us), "1.5ms");
  EXPECT_EQ(human_duration(1s), "1s");
  EXPECT_EQ(human_duration(2'500ms), "2.5s");
  EXPECT_EQ(human_duration(1s + 1ns), "1.000000001s");
  EXPECT_EQ(human_duration(60s), "1m");
  EXPECT_EQ(human_duration(60'500ms), "1m0.5s");
  EXPECT_EQ(human_duration(90min), "1h30m");
  EXPECT_EQ(human_duration(30 * 24h), "30d");
  EXPECT_EQ(human_duration(36h + 10s), "1d12h10s");
  EXPECT_EQ(human_duration(-2'500ms), "-2.5s");
  EXPECT_EQ(human_duration(nanoseconds::min()), "-106751d23h47m16.854775808s");
}

/// Reads the sum that human_duration() writes.
std::uint64_t parse(std::string text) {
  static const std::map<std::string, std::uint64_t> kUnits = {{"ns", 1},
                                                              {"us", 1'000},
                                                              {"ms", 1'000'000},
                                                              {"s", 1'000'000'000},
                                                              {"m", 60'000'000'000},
                                                              {"h", 3'600'000'000'000},
                                                              {"d", 86'400'000'000'000}};
  std::uint64_t sum = 0;
  while (!text.empty()) {
    const std::size_t unit = text.find_first_not_of("0123456789.");
    const std::size_t end = std::min(text.find_first_of("0123456789", unit), text.size());
    const std::uint64_t scale = kUnits.at(text.substr(unit, end - unit));
    const std::string number = text.substr(0, unit);
    const std::size_t point = std::min(number.find('.'), number.size());
    sum += std::stoull(number.substr(0, point)) * scale;
    std::uint64_t place = scale;
    for (std::size_t i = point + 1; i < number.size(); ++i) {
      place /= 10;
      sum += static_cast<std::uint64_t>(number[i] - '0') * place;
    }
    text.erase(0, end);
  }
  return sum;
}

TEST(HumanDuration, LosesNothing) {
  EXPECT_TRUE(rc::check([] {
    // Shifted, so that every magnitude is tried.
    const auto bits = *rc::gen::arbitrary<std::uint64_t>() * 0x9e3779b97f4a7c15u;
    const auto ns = (bits >> 1) >> *rc::gen::inRange(0, 63);
    const auto text = human_duration(nanoseconds(static_cast<std::int64_t>(ns)));
    RC_ASSERT(parse(text) == ns);
  }));
}

}  // namespace
}  // namespace quintain::reports
