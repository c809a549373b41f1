// A distribution of durations as a table of its quantiles.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace quintain::core::eta {

/// Quantiles in seconds at the probabilities (i + 1/2) / kPoints, never falling; the last one is
/// the mean of the topmost 1/kPoints instead, so that a sum of many draws is unbiased. Straight
/// lines between them; below the first point the line falls to 0, above the last the tail continues
/// as a power distribution as steep as the top 1/32 is.
class QuantileTable {
 public:
  static constexpr std::size_t kPoints = 256;

  const std::array<float, kPoints>& values() const { return values_; }

  /// The quantile at `p`. Requires: 0 < p < 1.
  float quantile(float p) const {
    const float position = p * static_cast<float>(kPoints) - 0.5F;
    if (!(position > 0 && position < static_cast<float>(kPoints - 1))) {
      return quantile_at_the_edge(p);
    }
    const auto below = static_cast<std::uint32_t>(static_cast<std::int32_t>(position));
    const float part = position - static_cast<float>(static_cast<std::int32_t>(below));
    return values_[below] + part * (values_[below + 1] - values_[below]);
  }

  /// Quantiles of what lies beyond the probability `passed`, one from each of out.size() strata;
  /// `within`, from 0 to 1, is the position in the stratum.
  void quantiles_beyond(float passed, float within, std::span<float> out) const;

  /// The probability of at most `seconds`, in [0, 1).
  float cdf(float seconds) const;

  /// The expectation and that of the square.
  float mean() const { return mean_; }
  float mean_square() const { return mean_square_; }

  /// The share of the function's executions that take their place in the distribution in common:
  /// see LaneDraws::has_common_place().
  float common() const { return common_; }

  /// The probability at which the distribution has the quantile that a mixture has at `p`: with
  /// probability `share` a time lies beyond the probability `passed`, else anywhere. Requires:
  /// passed < 1 and share < 1.
  static float partly_beyond(float p, float passed, float share) {
    const float below = (1 - share) * passed;
    if (p <= below) return p / (1 - share);
    return passed + (p - below) / (1 - below) * (1 - passed);
  }

  /// The longest time that is believed.
  float bound() const { return bound_; }

  /// What is left of a time of which `age` has passed and which was forecast to be `whole`. What
  /// has outlived the bound may take as long again.
  float left(float whole, float age) const {
    const float longest = bound_ > 2 * age ? bound_ : 2 * age;
    whole = whole < longest ? whole : longest;
    return whole > age ? whole - age : 0;
  }

  /// The probabilities at which a distribution's quantiles are needed to make a table: those of the
  /// points but for the last, then kTopPoints within the topmost cell, each at the middle of half
  /// of what is left.
  static constexpr std::size_t kTopPoints = 8;
  static constexpr std::size_t kWanted = kPoints - 1 + kTopPoints;
  static double wanted(std::size_t index);

  /// Takes the distribution's quantiles at these probabilities. `bound`: the longest time that is
  /// believed. `common`: see common().
  void assign(const std::array<float, kWanted>& quantiles,
              float bound = std::numeric_limits<float>::max(), float common = 0);

 private:
  float quantile_at_the_edge(float p) const;

  // The exponent of the tail: P(X > x) falls with x^-tail_index.
  float tail_index() const;

  std::array<float, kPoints> values_{};
  float mean_ = 0;
  float mean_square_ = 0;
  float bound_ = std::numeric_limits<float>::max();
  float common_ = 0;
};

}  // namespace quintain::core::eta
