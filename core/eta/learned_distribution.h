// What has been learnt of how long one function takes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/eta/quantile_table.h"

namespace quintain::core::eta {

/// The shape that the distributions of a node's functions have in common: the distribution of the
/// standardised logarithm of a time. It begins as the normal distribution (so times are lognormal)
/// and turns, with what is seen, into whatever it is. Times in binary logarithms throughout.
class CommonShape {
 public:
  CommonShape();

  /// A time came out at `z` standard deviations from its function's mean.
  void observe(float z);

  float cdf(float z) const;
  float density(float z) const;
  /// For 0 < p < 1.
  float quantile(float p) const;

  /// Grows when the shape has changed enough to matter.
  std::uint32_t version() const { return version_; }

 private:
  static constexpr int kBins = 128;
  static constexpr float kWidth = 0.125F;
  static constexpr float kLowest = -kBins * kWidth / 2;

  void rebuild();

  std::array<float, kBins> mass_{};
  std::array<float, kBins + 1> cdf_{};
  float increment_ = 1;  // of the next observation: grows, instead of the old ones shrinking
  int since_rebuilt_ = 0;
  std::uint32_t version_ = 0;
};

/// What the node's functions have in common, and so what is assumed of a function that has hardly
/// been seen.
struct CommonPrior {
  /// Of the functions' own means: where they lie and how far apart. Binary logarithms of seconds.
  float mean = 0;
  float between = 9;
  /// Variance within a function.
  float within = 1;
};

/// One function's distribution, from what was seen of it and, as long as that is little, of the
/// others.
///
/// The base distribution has the common shape; its mean and variance are the posterior ones of the
/// normal model with the conjugate (normal-inverse-gamma) prior that the node's functions make, and
/// its spread is the predictive one, Student's (A. Gelman et al., Bayesian Data Analysis,
/// section 3.3). The function's own histogram, on a logarithmic scale, takes over as it fills. Old
/// observations fade: each new one shrinks their weight by 1 / kMemory.
class LearnedDistribution {
 public:
  LearnedDistribution() = default;

  struct Base {
    float mean;
    float deviation;
    float freedom;  // degrees of it, of Student's distribution
  };

  /// Where a time stands, in deviations of the base distribution, as the common shape counts them.
  static float standardise(const Base& base, float log_time);

  Base base(const CommonPrior& prior) const;

  /// `log_time`: the binary logarithm of the time in seconds.
  void observe(float log_time);

  /// The distribution has changed: keep of the past no more than `weight` observations are worth.
  void forget(float weight);

  /// As of now, or as of a short while ago: it is made anew when the function was seen again so
  /// often that it matters.
  const QuantileTable& table(const CommonPrior& prior, const CommonShape& shape);

  float weight() const { return weight_; }
  float mean() const { return mean_; }

  std::size_t bytes() const;

  static constexpr float kMemory = 500;

 private:
  // 16 octaves, an eighth of one a bin. The window moves so that it has the longest times seen;
  // what is shorter than all of it counts in the first bin.
  static constexpr int kBins = 128;
  static constexpr float kPerOctave = 8;

  void make_room(float log_time);
  float longest_believed() const;
  void build(const CommonPrior& prior, const CommonShape& shape);

  float weight_ = 0;
  float mean_ = 0;
  float squares_ = 0;  // of deviations from the mean, weighted
  float lowest_ = 0;   // the first bin's lower edge
  std::unique_ptr<std::array<float, kBins>> mass_;
  float increment_ = 1;
  std::unique_ptr<QuantileTable> table_;
  float news_ = 0;  // observations since the table was made
  std::uint32_t shape_version_ = 0;
};

}  // namespace quintain::core::eta
