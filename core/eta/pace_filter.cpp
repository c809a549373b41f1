#include "core/eta/pace_filter.h"

#include "core/eta/log_scale.h"

namespace quintain::core::eta {
namespace {

// Jumps are expected once in so many completions; half of them lead to the usual pace.
constexpr float kJump = 1.0F / 1000;
constexpr float kToUsual = 0.5F;

constexpr std::size_t kUsual = (PaceFilter::kStates - 1) / 2;
constexpr float kToOther = (1 - kToUsual) / (PaceFilter::kStates - 1);

}  // namespace

PaceFilter::PaceFilter() { probability_[kUsual] = 1; }

void PaceFilter::observe(const Likelihood& likelihood) {
  float sum = 0;
  for (std::size_t state = 0; state < kStates; ++state) {
    const float arrives = kJump * (state == kUsual ? kToUsual : kToOther);
    probability_[state] = (probability_[state] * (1 - kJump) + arrives) * likelihood[state];
    sum += probability_[state];
  }
  for (float& probability : probability_) probability /= sum;
}

float PaceFilter::mean() const {
  float mean = 0;
  for (std::size_t state = 0; state < kStates; ++state) {
    mean += probability_[state] * log_pace(state);
  }
  return mean;
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
    const float factor = exp2_of(log_pace(state));
    const bool last = state + 1 == kStates;
    for (; lane < kLanes && (last || (static_cast<float>(lane) + 0.5F) / kLanes < below); ++lane) {
      pace.factor[lane] = factor;
      if (lane > 0 && pace.factor[lane - 1] != factor) pace.uniform = false;
    }
  }
  return pace;
}

Pace PaceFilter::pace() const {
  Likelihood none{};
  none.fill(1);
  return pace(none);
}

}  // namespace quintain::core::eta
