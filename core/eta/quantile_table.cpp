// Interpolation in a table of quantiles, its tails, and the construction of tables.
#include "core/eta/quantile_table.h"

#include <algorithm>

#include "core/eta/log_scale.h"

namespace quintain::core::eta {
namespace {

constexpr auto kCount = static_cast<float>(QuantileTable::kPoints);

// What lies above the last point, the mean of the topmost cell (if its tail is exponential: 1/e of
// the cell), and the spread over which its slope is measured: the top 1/32.
constexpr float kTopMass = 0.368F / kCount;
constexpr std::size_t kTailSpan = QuantileTable::kPoints / 32;
constexpr float kTailSpanMass = (static_cast<float>(kTailSpan) + 0.5F) / kCount;

}  // namespace

float QuantileTable::tail_index() const {
  const float top = values_[kPoints - 1];
  const float base = values_[kPoints - 1 - kTailSpan];
  // A distribution without spread has no tail: any steep one will do.
  constexpr float kSteepest = 100;
  if (base <= 0 || top <= base * 1.0001F) return kSteepest;
  return std::clamp(log2_of(kTailSpanMass / kTopMass) / log2_of(top / base), 0.5F, kSteepest);
}

float QuantileTable::quantile_at_the_edge(float p) const {
  if (p * kCount <= 0.5F) return values_.front() * (2 * p * kCount);
  const float rest = std::max(1 - p, 1e-7F);
  return values_.back() * exp2_of(log2_of(std::max(kTopMass / rest, 1.0F)) / tail_index());
}

void QuantileTable::quantiles_beyond(float passed, float within, std::span<float> out) const {
  const float stratum = (1 - passed) / static_cast<float>(out.size());
  const float first = passed + within * stratum;
  const auto strata = static_cast<std::int32_t>(out.size());
  // No branch within the table; its edges are handled afterwards.
  for (std::int32_t i = 0; i < strata; ++i) {
    float position = (first + static_cast<float>(i) * stratum) * kCount - 0.5F;
    position = position > 0 ? position : 0;
    position = position < kCount - 1.5F ? position : kCount - 1.5F;
    const auto below = static_cast<std::int32_t>(position);
    const float part = position - static_cast<float>(below);
    const float low = values_[static_cast<std::uint32_t>(below)];
    out[static_cast<std::size_t>(i)] =
        low + part * (values_[static_cast<std::uint32_t>(below) + 1] - low);
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    const float p = first + static_cast<float>(i) * stratum;
    if (p * kCount > 0.5F) break;
    out[i] = quantile(p);
  }
  for (std::size_t i = out.size(); i-- > 0;) {
    const float p = first + static_cast<float>(i) * stratum;
    if (p * kCount < kCount - 1) break;
    out[i] = quantile(p);
  }
}

float QuantileTable::cdf(float seconds) const {
  if (seconds <= 0) return 0;
  const float top = values_[kPoints - 1];
  if (seconds >= top) {
    const float rest = kTopMass * exp2_of(-tail_index() * log2_of(seconds / std::max(top, 1e-30F)));
    return std::min(1 - rest, 1 - 1e-7F);
  }
  // The number of points up to it, by bisection without branches, which would be unpredictable.
  std::size_t index = 0;
  for (std::size_t step = kPoints / 2; step > 0; step /= 2) {
    index += values_[index + step - 1] <= seconds ? step : 0;
  }
  if (index == 0) return 0.5F / kCount * (seconds / values_[0]);
  const float low = values_[index - 1];
  const float part = (seconds - low) / (values_[index] - low);
  return (static_cast<float>(index) - 0.5F + part) / kCount;
}

double QuantileTable::wanted(std::size_t index) {
  constexpr auto kCells = static_cast<double>(kPoints);
  if (index < kPoints - 1) return (static_cast<double>(index) + 0.5) / kCells;
  // The part of the cell's mass that lies above: 3/4, 3/8, 3/16 ...
  double above = 0.75;
  for (std::size_t i = kPoints - 1; i < index; ++i) above /= 2;
  return 1 - above / kCells;
}

void QuantileTable::assign(const std::array<float, kWanted>& quantiles, float bound, float common) {
  bound_ = bound;
  common_ = common;
  // Some 30,000 years: a time that never ends. The squares of longer times would overflow.
  constexpr float kMax = 1e12F;
  for (std::size_t i = 0; i + 1 < kPoints; ++i) values_[i] = std::min(quantiles[i], kMax);
  float top = 0;
  float top_square = 0;
  float weight = 1;
  for (std::size_t i = kPoints - 1; i < kWanted; ++i) {
    const bool last = i + 1 == kWanted;  // has all that is left
    if (!last) weight /= 2;
    const float quantile = std::min(quantiles[i], kMax);
    top += weight * quantile;
    top_square += weight * quantile * quantile;
  }
  values_.back() = top;
  // Rounding must not make the table fall where two ways of computing it meet.
  float sum = 0;
  float squares = 0;
  for (std::size_t i = 0; i < kPoints; ++i) {
    if (i > 0) values_[i] = std::max(values_[i], values_[i - 1]);
    sum += values_[i];
    squares += i + 1 < kPoints ? values_[i] * values_[i] : top_square;
  }
  mean_ = sum / kCount;
  mean_square_ = squares / kCount;
}

}  // namespace quintain::core::eta
