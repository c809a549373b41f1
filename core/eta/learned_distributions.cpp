// The distributions of a node's functions, and what is assumed of a function from the others.
#include "core/eta/learned_distributions.h"

#include <algorithm>
#include <cmath>

#include "core/eta/log_scale.h"

namespace quintain::core::eta {
namespace {

// What is assumed of a node's functions before they are seen, and the number of observations that
// it is worth: medians some 3 octaves about the prior, times within an octave of the median.
constexpr float kPriorFunctions = 2;
constexpr float kPriorBetween = 9;
constexpr float kPriorWithin = 1;
constexpr float kPriorWithinWeight = 4;
constexpr float kMinBetween = 0.05F;
constexpr float kMinWithin = 1e-5F;

// The same of the functions' variances: 2 / 6 is the variance of their natural logarithms. A
// function's variance is known from this weight on; one that is less than 7 % squared says little
// about others.
constexpr float kPriorVarying = 3;
constexpr float kOctave = 0.69314718F;
constexpr float kPriorScatter = 2 / 6.0F / (kOctave * kOctave);
constexpr float kMinWithinWeight = 1.5F;
constexpr float kMaxWithinWeight = 12;
constexpr float kVarianceKnown = 4;
// From here on it changes little, and the sums keep what they have.
constexpr float kVarianceSettled = 100;
constexpr float kLeastVariance = 0.01F;

constexpr float kWithinMemory = 5000;
constexpr float kWeightsMemory = 500;
constexpr float kNodePairsMemory = 3000;

// Before anything is seen, the longest time is assumed to be this many octaves above the prior
// median.
constexpr float kPriorOctaves = 1;

// The common shape learns from functions whose own distribution is known this well.
constexpr float kKnownWell = 20;

// A share of times that follow no distribution, anywhere within 16 deviations.
constexpr float kStrayTime = 0.01F;

}  // namespace

LearnedDistributions::LearnedDistributions(Duration prior)
    : prior_median_(MeasuredTime::of(prior).log) {
  prior_.longest = prior_median_ + kPriorOctaves;
  renew_prior();
}

void LearnedDistributions::renew_prior() {
  prior_.mean = (prior_median_ + means_) / (1 + seen_);
  const float spread = mean_squares_ - 2 * prior_.mean * means_ + seen_ * prior_.mean * prior_.mean;
  prior_.between =
      std::max((kPriorFunctions * kPriorBetween + spread) / (kPriorFunctions + seen_), kMinBetween);
  prior_.within = std::max(
      (kPriorWithin * kPriorWithinWeight + within_) / (kPriorWithinWeight + within_weight_),
      kMinWithin);
  // Variances have about an inverse gamma distribution with n degrees of freedom, where 2 / n is
  // the variance of their natural logarithms.
  const float mean =
      (kPriorVarying * log2_of(prior_.within) + log_variances_) / (kPriorVarying + varying_);
  const float squares =
      log_variance_squares_ - 2 * mean * log_variances_ + varying_ * mean * mean - chance_;
  const float scatter =
      (kPriorVarying * kPriorScatter + std::max(squares, 0.0F)) / (kPriorVarying + varying_);
  prior_.within_weight =
      std::clamp(2 / (kOctave * kOctave * scatter), kMinWithinWeight, kMaxWithinWeight);
  // The mean of their logarithms lies some 1.1 / n above the logarithm of their scale.
  prior_.typical_within = exp2_of(mean - 1.1F / kOctave / prior_.within_weight);
}

void LearnedDistributions::count_variance(const LearnedDistribution& distribution, float sign) {
  const float weight = distribution.weight();
  if (weight < kVarianceKnown) return;
  const float log_variance = log2_of(std::max(distribution.variance(), kLeastVariance));
  varying_ += sign;
  log_variances_ += sign * log_variance;
  log_variance_squares_ += sign * log_variance * log_variance;
  chance_ += sign * 2 / (weight - 1) / (kOctave * kOctave);
}

LearnedDistribution& LearnedDistributions::distribution(FunctionIndex function) {
  if (function >= distributions_.size()) distributions_.resize(function + 1);
  return distributions_[function];
}

const LearnedDistribution& LearnedDistributions::known(FunctionIndex function) const {
  static const LearnedDistribution kUnseen;
  return function < distributions_.size() ? distributions_[function] : kUnseen;
}

float LearnedDistributions::standardise(FunctionIndex function, float log_time) const {
  return LearnedDistribution::standardise(known(function).base(prior_), log_time);
}

float LearnedDistributions::density(FunctionIndex function, float log_time) const {
  return known(function).density(log_time, prior_, shape_);
}

void LearnedDistributions::likelihoods(FunctionIndex function, float log_time,
                                       std::span<const float> shifts, std::span<float> out) const {
  const LearnedDistribution::Base base = known(function).base(prior_);
  for (std::size_t i = 0; i < shifts.size(); ++i) {
    const float z = LearnedDistribution::standardise(base, log_time - shifts[i]);
    out[i] = (1 - kStrayTime) * shape_.density(z) + kStrayTime / 16;
  }
}

void LearnedDistributions::observe(FunctionIndex function, const MeasuredTime& time,
                                   const std::optional<Flight>& flight) {
  LearnedDistribution& distribution = this->distribution(function);
  if (flight) {
    if (const auto pair = distribution.compare(time.log, *flight)) {
      prior_.in_flight.add(pair->a, pair->b, kNodePairsMemory);
    }
  }
  const float before = distribution.mean();
  const float weight = distribution.weight();
  if (weight >= kKnownWell) shape_.observe(standardise(function, time.log));
  const bool settles = distribution.weight() + 1 > kVarianceSettled;
  if (!settles) count_variance(distribution, -1);
  distribution.observe(time, prior_, shape_);
  if (!settles) count_variance(distribution, 1);
  prior_.longest = seen_ > 0 ? std::max(prior_.longest, time.log) : time.log;
  const float after = distribution.mean();
  if (weight > 0) {
    // The expected square of a miss by the mean of n is (n + 1) / n variances.
    const float off = time.log - before;
    constexpr float kKeep = 1 - 1 / kWithinMemory;
    within_ = within_ * kKeep + off * off * weight / (weight + 1);
    within_weight_ = within_weight_ * kKeep + 1;
    means_ += after - before;
    mean_squares_ += after * after - before * before;
    const ModelWeights& weights = distribution.weights(prior_);
    for (std::size_t i = 0; i < kModels; ++i) {
      prior_.weights[i] += (weights[i] - prior_.weights[i]) / kWeightsMemory;
    }
  } else {
    seen_ += 1;
    means_ += after;
    mean_squares_ += after * after;
  }
  renew_prior();
  distribution.renew_tables(prior_, shape_);
}

const QuantileTable& LearnedDistributions::table(FunctionIndex function) {
  return distribution(function).table(prior_, shape_);
}

const QuantileTable& LearnedDistributions::long_run_table(FunctionIndex function) {
  return distribution(function).long_run_table(prior_, shape_);
}

std::size_t LearnedDistributions::bytes() const {
  std::size_t bytes =
      (distributions_.capacity() - distributions_.size()) * sizeof(LearnedDistribution);
  for (const LearnedDistribution& distribution : distributions_) bytes += distribution.bytes();
  return bytes;
}

}  // namespace quintain::core::eta
