// A law of durations as a table of its quantiles.
#pragma once

#include <array>
#include <cstddef>

namespace quintain::core::eta {

/// Quantiles in seconds at the probabilities (i + 1/2) / kPoints, never falling. Between them
/// straight lines; below the first point the line goes to 0, above the last the tail is continued
/// as the power law through the last two points that differ.
class QuantileTable {
 public:
  static constexpr std::size_t kPoints = 256;

  std::array<float, kPoints>& values() { return values_; }
  const std::array<float, kPoints>& values() const { return values_; }

  /// The quantile at `p`, 0 < p < 1.
  float quantile(float p) const;

  /// The probability of at most `seconds`, in [0, 1).
  float cdf(float seconds) const;

  /// The mean over the points, which leaves out what lies in the far tail.
  float mean() const;

  /// All mass at one value.
  void fill(float seconds) { values_.fill(seconds); }

 private:
  // The exponent of the tail: P(X > x) falls with x^-tail_index.
  float tail_index() const;

  std::array<float, kPoints> values_{};
};

}  // namespace quintain::core::eta
