#include "core/eta/quantile_table.h"

#include <algorithm>

#include "core/eta/log_scale.h"

namespace quintain::core::eta {
namespace {

constexpr auto kCount = static_cast<float>(QuantileTable::kPoints);

// What lies above the last point, and the spread over which its slope is measured: the top 1/32.
constexpr float kTopMass = 0.5F / kCount;
constexpr std::size_t kTailSpan = QuantileTable::kPoints / 32;
constexpr float kTailSpanMass = (static_cast<float>(kTailSpan) + 0.5F) / kCount;

}  // namespace

float QuantileTable::tail_index() const {
  const float top = values_[kPoints - 1];
  const float base = values_[kPoints - 1 - kTailSpan];
  // A law without spread has no tail: any steep one will do.
  constexpr float kSteepest = 100;
  if (base <= 0 || top <= base * 1.0001F) return kSteepest;
  return std::clamp(log2_of(kTailSpanMass / kTopMass) / log2_of(top / base), 0.5F, kSteepest);
}

float QuantileTable::quantile(float p) const {
  const float position = p * kCount - 0.5F;
  if (position <= 0) return values_[0] * (2 * p * kCount);
  if (position >= kCount - 1) {
    const float rest = std::max(1 - p, 1e-7F);
    return values_[kPoints - 1] * exp2_of(log2_of(kTopMass / rest) / tail_index());
  }
  const auto below = static_cast<std::size_t>(position);
  const float part = position - static_cast<float>(below);
  return values_[below] + part * (values_[below + 1] - values_[below]);
}

float QuantileTable::cdf(float seconds) const {
  if (seconds <= 0) return 0;
  const float top = values_[kPoints - 1];
  if (seconds >= top) {
    const float rest = kTopMass * exp2_of(-tail_index() * log2_of(seconds / std::max(top, 1e-30F)));
    return std::min(1 - rest, 1 - 1e-7F);
  }
  const auto above = std::upper_bound(values_.begin(), values_.end(), seconds);
  const auto index = static_cast<std::size_t>(above - values_.begin());
  if (index == 0) return 0.5F / kCount * (seconds / values_[0]);
  const float low = values_[index - 1];
  const float part = (seconds - low) / (values_[index] - low);
  return (static_cast<float>(index) - 0.5F + part) / kCount;
}

float QuantileTable::mean() const {
  float sum = 0;
  for (const float value : values_) sum += value;
  return sum / kCount;
}

}  // namespace quintain::core::eta
