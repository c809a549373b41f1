// How much slower, or faster, than usual the whole node is at present.
#pragma once

#include <array>
#include <cstddef>

#include "core/eta/lanes.h"
#include "core/eta/roll_forward.h"

namespace quintain::core::eta {

/// Holds a probability for each pace from 1/8 to 8 times the usual, in quarter octaves, and revises
/// it by every completion: Bayes' rule for a hidden state that jumps now and then (fixed share:
/// M. Herbster and M. K. Warmuth, "Tracking the best expert", Machine Learning 32, 1998).
///
/// This does the work of a two-sided CUSUM on the PIT and more: it is the quickest detector for the
/// jumps that it assumes (A. N. Shiryaev, "On optimum methods in quickest detection problems",
/// 1963), it says by how much, and it knows its own doubt, which goes into the lanes.
class PaceFilter {
 public:
  static constexpr std::size_t kStates = 25;
  using Likelihood = std::array<float, kStates>;

  PaceFilter();

  /// The binary logarithms of the states' paces.
  static constexpr std::array<float, kStates> kLogPaces = [] {
    std::array<float, kStates> paces{};
    for (std::size_t i = 0; i < kStates; ++i) paces[i] = (static_cast<float>(i) - 12) / 4;
    return paces;
  }();

  /// Something came out that is so likely under each pace.
  void observe(const Likelihood& likelihood);

  /// The expected logarithm.
  float mean() const;

  /// The paces of the lanes, by their probabilities.
  Pace pace() const;

  /// The same under further evidence that is not remembered: what is still running.
  Pace pace(const Likelihood& evidence) const;

 private:
  std::array<float, kStates> probability_{};
};

}  // namespace quintain::core::eta
