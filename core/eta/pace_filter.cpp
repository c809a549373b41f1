#include "core/eta/pace_filter.h"

#include "core/eta/log_scale.h"

namespace quintain::core::eta {
namespace {

constexpr std::size_t kUsual = (PaceFilter::kStates - 1) / 2;

// Jumps are expected once in so many completions; half of them lead back to the usual pace, the
// others to near paces rather than far ones. Vigilance has its price while nothing changes, most of
// all far down a queue, where a pace that is doubted is doubted of everybody in front: against once
// in 1000, the loss over a stationary run is 1 % less, and a doubling is noticed some 6 completions
// later.
constexpr float kJump = 1.0F / 10'000;

constexpr std::array<float, PaceFilter::kStates> kArrivals = [] {
  constexpr float kNearer = 0.8F;  // a quarter octave farther is so much less likely
  std::array<float, PaceFilter::kStates> arrivals{};
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

PaceFilter::PaceFilter() { probability_[kUsual] = 1; }

void PaceFilter::observe(const Likelihood& likelihood) {
  float sum = 0;
  for (std::size_t state = 0; state < kStates; ++state) {
    probability_[state] =
        (probability_[state] * (1 - kJump) + kArrivals[state]) * likelihood[state];
    sum += probability_[state];
  }
  for (float& probability : probability_) probability /= sum;
}

float PaceFilter::mean() const {
  float mean = 0;
  for (std::size_t state = 0; state < kStates; ++state) {
    mean += probability_[state] * kLogPaces[state];
  }
  return mean;
}

Pace PaceFilter::pace() const {
  // No doubt that would reach a lane.
  if (probability_[kUsual] > 1 - 0.5F / kLanes) return Pace::of(1);
  Likelihood none{};
  none.fill(1);
  return pace(none);
}

Pace PaceFilter::pace(const Likelihood& evidence) const {
  float sum = 0;
  for (std::size_t state = 0; state < kStates; ++state) {
    sum += probability_[state] * evidence[state];
  }
  Pace pace{.factor = {}, .uniform = true};
  std::size_t lane = 0;
  float below = 0;
  for (std::size_t state = 0; state < kStates; ++state) {
    below += probability_[state] * evidence[state] / sum;
    const float factor = state == kUsual ? 1 : exp2_of(kLogPaces[state]);
    const bool last = state + 1 == kStates;
    for (; lane < kLanes && (last || (static_cast<float>(lane) + 0.5F) / kLanes < below); ++lane) {
      pace.factor[lane] = factor;
      if (lane > 0 && pace.factor[lane - 1] != factor) pace.uniform = false;
    }
  }
  return pace;
}

}  // namespace quintain::core::eta
