// The estimator that knows the truth: the yardstick of all others.
#pragma once

#include <cstdint>
#include <memory>

#include "core/eta/estimator.h"
#include "sim/world.h"

namespace quintain::study {

/// Knows the distributions by which the node's functions take their time and the speed_factor at
/// this moment, sees the same state as any estimator and rolls it forward by the same means and the
/// same draws. What it does not know is what nobody can: the draws themselves, who will come, when
/// the speed_factor will change. So the ratio of an estimator's loss to the oracle's is the price
/// of having to learn.
///
/// `max_retries`: what callers ask for, where functions fail. Functions whose outcomes are scripted
/// are taken for ones that complete.
std::unique_ptr<core::eta::Estimator> make_oracle(const sim::NodeSpec& node, int max_retries,
                                                  std::uint64_t seed);

inline constexpr std::string_view kOracleName = "oracle";

}  // namespace quintain::study
