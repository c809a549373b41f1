// Lengths of time as people write them.
#pragma once

#include <chrono>
#include <string>

namespace quintain::reports {

/// The duration, exact and short: "0s", "1ns", "1.5ms", "2.5s", "1m0.5s", "1h30m", "30d". Below a
/// second one unit with a fraction; from a minute up a sum of days, hours, minutes and seconds.
std::string human_duration(std::chrono::nanoseconds d);

}  // namespace quintain::reports
