#include "core/eta/learned_distributions.h"

#include <algorithm>
#include <chrono>

#include "core/eta/log_scale.h"

namespace quintain::core::eta {
namespace {

// What is assumed of a node's functions before they are seen, and how many observations that is
// worth: medians some 3 octaves about the prior, times within an octave of the median.
constexpr float kPriorFunctions = 2;
constexpr float kPriorBetween = 9;
constexpr float kPriorWithin = 1;
constexpr float kPriorWithinWeight = 4;
constexpr float kMinBetween = 0.05F;
constexpr float kMinWithin = 1e-5F;

constexpr float kWithinMemory = 5000;

// The common shape learns from functions whose own distribution is known this well.
constexpr float kKnownWell = 20;

// A share of times that follow no distribution, anywhere within 16 deviations.
constexpr float kStray = 0.01F;

}  // namespace

float log_time(Duration time) {
  const float seconds = std::chrono::duration<float>(time).count();
  return log2_of(std::max(seconds, 1e-6F));
}

LearnedDistributions::LearnedDistributions(Duration prior) : prior_median_(log_time(prior)) {
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
}

LearnedDistribution& LearnedDistributions::distribution(FunctionIndex function) {
  if (function >= distributions_.size()) distributions_.resize(function + 1);
  return distributions_[function];
}

LearnedDistribution::Base LearnedDistributions::base(FunctionIndex function) const {
  static const LearnedDistribution kUnseen;
  return (function < distributions_.size() ? distributions_[function] : kUnseen).base(prior_);
}

float LearnedDistributions::standardise(FunctionIndex function, float log_time) const {
  return LearnedDistribution::standardise(base(function), log_time);
}

void LearnedDistributions::likelihoods(FunctionIndex function, float log_time,
                                       std::span<const float> shifts, std::span<float> out) const {
  const LearnedDistribution::Base base = this->base(function);
  for (std::size_t i = 0; i < shifts.size(); ++i) {
    const float z = LearnedDistribution::standardise(base, log_time - shifts[i]);
    out[i] = (1 - kStray) * shape_.density(z) + kStray / 16;
  }
}

void LearnedDistributions::observe(FunctionIndex function, float log_time) {
  LearnedDistribution& distribution = this->distribution(function);
  const float before = distribution.mean();
  const float weight = distribution.weight();
  if (weight >= kKnownWell) shape_.observe(standardise(function, log_time));
  distribution.observe(log_time);
  const float after = distribution.mean();
  if (weight > 0) {
    // The expected square of a miss by the mean of n is (n + 1) / n variances.
    const float off = log_time - before;
    constexpr float kKeep = 1 - 1 / kWithinMemory;
    within_ = within_ * kKeep + off * off * weight / (weight + 1);
    within_weight_ = within_weight_ * kKeep + 1;
    means_ += after - before;
    mean_squares_ += after * after - before * before;
  } else {
    seen_ += 1;
    means_ += after;
    mean_squares_ += after * after;
  }
  renew_prior();
}

void LearnedDistributions::forget(FunctionIndex function, float weight) {
  distribution(function).forget(weight);
}

const QuantileTable& LearnedDistributions::table(FunctionIndex function) {
  return distribution(function).table(prior_, shape_);
}

std::size_t LearnedDistributions::bytes() const {
  std::size_t bytes =
      (distributions_.capacity() - distributions_.size()) * sizeof(LearnedDistribution);
  for (const LearnedDistribution& distribution : distributions_) bytes += distribution.bytes();
  return bytes;
}

}  // namespace quintain::core::eta
