// Bayes' rule over the speed factors, their distribution over the lanes, and the judge.
#include "core/eta/speed_filter.h"

#include <algorithm>

#include "core/eta/log_scale.h"

namespace quintain::core::eta {
namespace {

constexpr std::size_t kUsual = (SpeedFilter::kStates - 1) / 2;

// One jump is expected in 10,000 completions; half of the jumps lead back to the usual speed, the
// others to near speed factors rather than far ones. Vigilance has its price while nothing changes,
// most of all far down a queue, where a doubt about the speed applies to every execution in front:
// against one in 1000, the loss over a stationary run is 1 % less, and a doubling is noticed some 6
// completions later.
constexpr float kJump = 1.0F / 10'000;

constexpr std::array<float, SpeedFilter::kStates> kArrivals = [] {
  constexpr float kNearer = 0.8F;  // the probability per quarter octave of distance
  std::array<float, SpeedFilter::kStates> arrivals{};
  float sum = 0;
  float weight = 1;
  for (std::size_t distance = 1; distance <= kUsual; ++distance) {
    arrivals[kUsual - distance] = arrivals[kUsual + distance] = weight;
    sum += 2 * weight;
    weight *= kNearer;
  }
  for (float& arrival : arrivals) arrival *= kJump / 2 / sum;
  arrivals[kUsual] = kJump / 2;
  return arrivals;
}();

}  // namespace

SpeedFilter::SpeedFilter() { probability_[kUsual] = 1; }

void SpeedFilter::observe(const Likelihood& likelihood) {
  float sum = 0;
  for (std::size_t state = 0; state < kStates; ++state) {
    probability_[state] =
        (probability_[state] * (1 - kJump) + kArrivals[state]) * likelihood[state];
    sum += probability_[state];
  }
  for (float& probability : probability_) probability /= sum;
}

float SpeedFilter::mean() const {
  float mean = 0;
  for (std::size_t state = 0; state < kStates; ++state) {
    mean += probability_[state] * kLogFactors[state];
  }
  return mean;
}

SpeedFactor SpeedFilter::speed_factor() const {
  // The doubt is too small to reach a lane.
  if (probability_[kUsual] > 1 - 0.5F / kLanes) return SpeedFactor::of(1);
  Likelihood none{};
  none.fill(1);
  return speed_factor(none);
}

SpeedFactor SpeedFilter::speed_factor(const Likelihood& evidence) const {
  float sum = 0;
  for (std::size_t state = 0; state < kStates; ++state) {
    sum += probability_[state] * evidence[state];
  }
  SpeedFactor speed_factor{.factor = {}, .uniform = true};
  std::size_t lane = 0;
  float below = 0;
  for (std::size_t state = 0; state < kStates; ++state) {
    below += probability_[state] * evidence[state] / sum;
    const float factor = state == kUsual ? 1 : exp2_of(kLogFactors[state]);
    const bool last = state + 1 == kStates;
    for (; lane < kLanes && (last || (static_cast<float>(lane) + 0.5F) / kLanes < below); ++lane) {
      speed_factor.factor[lane] = factor;
      if (lane > 0 && speed_factor.factor[lane - 1] != factor) speed_factor.uniform = false;
    }
  }
  return speed_factor;
}

void SpeedFilterJudge::add(float gain) {
  constexpr float kMemory = 100;
  constexpr float kMaxGain = 2;  // of one completion
  constexpr float kTrust = 12;
  gain_ = gain_ * (1 - 1 / kMemory) + std::clamp(gain, -kMaxGain, kMaxGain);
  // Bounded on both sides, so that either verdict can be reversed soon.
  gain_ = std::clamp(gain_, -2 * kTrust, 5 * kTrust);
  if (gain_ > kTrust) trusted_ = true;
  if (gain_ < -kTrust) trusted_ = false;
}

}  // namespace quintain::core::eta
