// How much slower, or faster, than usual the whole node is at present.
#pragma once

#include <array>
#include <cstddef>

#include "core/eta/lanes.h"
#include "core/eta/roll_forward.h"

namespace quintain::core::eta {

/// Holds a probability for each speed_factor from 1/8 to 8 times the usual, in quarter octaves, and
/// revises it by every completion: Bayes' rule for a hidden state that jumps now and then (fixed
/// share: M. Herbster and M. K. Warmuth, "Tracking the best expert", Machine Learning 32, 1998).
///
/// This does the work of a two-sided CUSUM on the PIT and more: it is the quickest detector for the
/// jumps that it assumes (A. N. Shiryaev, "On optimum methods in quickest detection problems",
/// 1963), it says by how much, and it knows its own doubt, which goes into the lanes.
class SpeedFilter {
 public:
  static constexpr std::size_t kStates = 25;
  using Likelihood = std::array<float, kStates>;

  SpeedFilter();

  /// The binary logarithms of the states' speed_factors.
  static constexpr std::array<float, kStates> kLogPaces = [] {
    std::array<float, kStates> speed_factors{};
    for (std::size_t i = 0; i < kStates; ++i) speed_factors[i] = (static_cast<float>(i) - 12) / 4;
    return speed_factors;
  }();

  /// Something came out that is so likely under each speed_factor.
  void observe(const Likelihood& likelihood);

  /// The expected logarithm.
  float mean() const;

  /// The speed_factors of the lanes, by their probabilities.
  SpeedFactor speed_factor() const;

  /// The same under further evidence that is not remembered: what is still running.
  SpeedFactor speed_factor(const Likelihood& evidence) const;

 private:
  std::array<float, kStates> probability_{};
};

}  // namespace quintain::core::eta
