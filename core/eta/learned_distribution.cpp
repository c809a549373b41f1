#include "core/eta/learned_distribution.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/eta/log_scale.h"

namespace quintain::core::eta {
namespace {

// Beyond this an observation's weight is near what a float can add up.
constexpr float kLargestIncrement = 1e6F;

// The common shape is worth this many observations of the normal distribution to begin with, and
// forgets at this rate.
constexpr float kNormalWeight = 200;
constexpr float kShapeMemory = 5000;
// After so many observations it is reckoned anew, first; then after twice as many, and so on.
constexpr int kRebuildShapeAfter = 64;
constexpr int kRebuildShapeAtLeastAfter = 1024;

// The prior of a function's variance counts as much as this many observations, and its own
// histogram weighs as much as the base distribution after this many.
constexpr float kVarianceWeight = 6;
constexpr float kHistogramWeight = 50;

// No distribution is known more exactly than to 0.3 %.
constexpr float kMinVariance = 0.004F * 0.004F;

// With so many degrees of freedom, Student's distribution is as good as normal.
constexpr float kAsGoodAsNormal = 150;

// Student's quantile is near z (1 + (z^2 + 1) / (4 nu)) for the normal quantile z (the first term
// of its Cornish-Fisher expansion). This is its inverse, by one Newton step from a good start.
float unstudent(float t, float freedom) {
  if (freedom > kAsGoodAsNormal) return t;
  const float a = 1 / (4 * freedom);
  float z = t / (1 + a * (t * t + 1) / (1 + 2 * a * t * t));
  z -= (z * (1 + a * (z * z + 1)) - t) / (1 + a * (3 * z * z + 1));
  return z;
}

float student(float z, float freedom) {
  return freedom > kAsGoodAsNormal ? z : z * (1 + (z * z + 1) / (4 * freedom));
}

}  // namespace

// ---- The common shape ---------------------------------------------------------------------------

CommonShape::CommonShape() {
  // The normal density over each bin, by ratios of neighbours, which need no more than two
  // constants: phi(z + h) / phi(z) = exp(-h^2 / 2) exp(-h)^z.
  float density = 1;
  float sum = 0;
  for (int i = kBins / 2; i < kBins; ++i) {
    const float z = (static_cast<float>(i - kBins / 2) + 0.5F) * kWidth;
    density = exp2_of(-0.5F * z * z * 1.44269504F);
    mass_[static_cast<std::size_t>(i)] = density;
    mass_[static_cast<std::size_t>(kBins - 1 - i)] = density;
    sum += 2 * density;
  }
  for (float& mass : mass_) mass *= kNormalWeight / sum;
  rebuild();
}

void CommonShape::observe(float z) {
  const float position = std::clamp((z - kLowest) / kWidth, 0.0F, kBins - 1.0F);
  mass_[static_cast<std::size_t>(position)] += increment_;
  increment_ *= 1 + 1 / kShapeMemory;
  if (increment_ > kLargestIncrement) {
    for (float& mass : mass_) mass /= increment_;
    increment_ = 1;
  }
  if (++since_rebuilt_ >=
      std::min(kRebuildShapeAfter << std::min(version_, 4U), kRebuildShapeAtLeastAfter)) {
    rebuild();
  }
}

void CommonShape::rebuild() {
  since_rebuilt_ = 0;
  ++version_;
  float sum = 0;
  for (const float mass : mass_) sum += mass;
  cdf_[0] = 0;
  float below = 0;
  for (std::size_t i = 0; i < mass_.size(); ++i) {
    below += mass_[i];
    cdf_[i + 1] = below / sum;
  }
}

float CommonShape::cdf(float z) const {
  const float position = (z - kLowest) / kWidth;
  if (position <= 0) return 0;
  if (position >= kBins) return 1;
  const auto bin = static_cast<std::size_t>(position);
  return cdf_[bin] + (position - static_cast<float>(bin)) * (cdf_[bin + 1] - cdf_[bin]);
}

float CommonShape::density(float z) const {
  const float position = (z - kLowest) / kWidth;
  if (position < 0 || position >= kBins) return 0;
  const auto bin = static_cast<std::size_t>(position);
  return (cdf_[bin + 1] - cdf_[bin]) / kWidth;
}

float CommonShape::quantile(float p) const {
  const auto above = std::upper_bound(cdf_.begin() + 1, cdf_.end() - 1, p);
  const auto bin = static_cast<std::size_t>(above - cdf_.begin()) - 1;
  const float mass = cdf_[bin + 1] - cdf_[bin];
  const float part = mass > 0 ? std::clamp((p - cdf_[bin]) / mass, 0.0F, 1.0F) : 0.5F;
  return kLowest + (static_cast<float>(bin) + part) * kWidth;
}

// ---- One function -------------------------------------------------------------------------------

float LearnedDistribution::standardise(const Base& base, float log_time) {
  return unstudent((log_time - base.mean) / base.deviation, base.freedom);
}

LearnedDistribution::Base LearnedDistribution::base(const CommonPrior& prior) const {
  const float prior_weight = prior.within / prior.between;
  const float weight = prior_weight + weight_;
  const float freedom = kVarianceWeight + weight_;
  const float off = mean_ - prior.mean;
  const float sum =
      kVarianceWeight * prior.within + squares_ + prior_weight * weight_ / weight * off * off;
  const float variance = std::max(sum / freedom, kMinVariance);
  return {.mean = (prior_weight * prior.mean + weight_ * mean_) / weight,
          .deviation = std::sqrt(variance * (1 + 1 / weight)),
          .freedom = freedom};
}

void LearnedDistribution::observe(float log_time) {
  if (mass_ == nullptr) {
    mass_ = std::make_unique<std::array<float, kBins>>();
    mass_->fill(0);
    lowest_ = std::floor(log_time * kPerOctave) / kPerOctave - kBins / (2 * kPerOctave);
  }
  make_room(log_time);
  const float position = std::clamp((log_time - lowest_) * kPerOctave, 0.0F, kBins - 1.0F);
  (*mass_)[static_cast<std::size_t>(position)] += increment_;
  increment_ *= 1 + 1 / kMemory;
  if (increment_ > kLargestIncrement) {
    for (float& mass : *mass_) mass /= increment_;
    increment_ = 1;
  }
  // West's update of a weighted mean and sum of squares (CACM 22(9), 1979), old weights fading.
  constexpr float kKeep = 1 - 1 / kMemory;
  const float faded = weight_ * kKeep;
  weight_ = faded + 1;
  const float off = log_time - mean_;
  mean_ += off / weight_;
  squares_ = squares_ * kKeep + off * off * faded / weight_;
  news_ += 1;
}

// The first time may have been an odd one, far from all others: then the bins move towards those,
// unless that pushes more off the other end than has come beyond this one.
void LearnedDistribution::make_room(float log_time) {
  constexpr int kMargin = 8;  // bins beyond it
  auto& mass = *mass_;
  const float position = std::floor((log_time - lowest_) * kPerOctave);
  const bool low = position < 0;
  if (!low && position < kBins) return;
  const float off = low ? -position : position - (kBins - 1);
  const int shift = static_cast<int>(std::min(off, 1e4F)) + kMargin;
  const int pushed = std::min(shift, kBins);
  float pushed_off = 0;
  for (int i = 0; i < pushed; ++i) {
    pushed_off += mass[static_cast<std::size_t>(low ? kBins - 1 - i : i)];
  }
  const float beyond = mass[low ? 0 : kBins - 1] + increment_;
  if (pushed_off > beyond) return;
  std::array<float, kBins> moved{};
  for (int i = 0; i < kBins; ++i) {
    const int to = std::clamp(low ? i + shift : i - shift, 0, kBins - 1);
    moved[static_cast<std::size_t>(to)] += mass[static_cast<std::size_t>(i)];
  }
  mass = moved;
  lowest_ += static_cast<float>(low ? -shift : shift) / kPerOctave;
}

void LearnedDistribution::forget(float weight) {
  if (weight_ <= weight) return;
  const float keep = weight / weight_;
  weight_ = weight;
  squares_ *= keep;
  for (float& mass : *mass_) mass *= keep;
  news_ = kMemory;
}

const QuantileTable& LearnedDistribution::table(const CommonPrior& prior,
                                                const CommonShape& shape) {
  // Until a 16th is new, the old table differs by less than what chance does to it.
  const bool stale = table_ == nullptr || news_ * 16 > weight_ ||
                     (weight_ < kHistogramWeight && shape_version_ != shape.version());
  if (stale) build(prior, shape);
  return *table_;
}

// Where a function has several modes, or its times are spread over many octaves, the base
// distribution's tail reaches for days. What goes beyond twice the longest time seen is believed
// only as long as little has been seen.
float LearnedDistribution::longest_believed() const {
  if (mass_ == nullptr) return std::numeric_limits<float>::max();
  std::size_t empty = 0;
  while (empty + 1 < kBins && (*mass_)[kBins - 1 - empty] == 0) ++empty;
  const float longest = lowest_ + static_cast<float>(kBins - empty) / kPerOctave;
  return longest + 1 + 16 / (1 + weight_);
}

// Both distributions' distribution functions, mixed at the edges of the bins, then turned round:
// quantiles where the table wants them. Within a bin the quantile function is a straight line.
void LearnedDistribution::build(const CommonPrior& prior, const CommonShape& shape) {
  static const auto kWanted = [] {
    std::array<float, QuantileTable::kWanted> wanted;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      wanted[i] = static_cast<float>(QuantileTable::wanted(i));
    }
    return wanted;
  }();
  if (table_ == nullptr) table_ = std::make_unique<QuantileTable>();
  news_ = 0;
  shape_version_ = shape.version();
  const Base distribution = base(prior);
  std::array<float, QuantileTable::kWanted> quantiles;
  const float longest = longest_believed();
  const auto base_quantile = [&](float p) {
    const float log_time = distribution.mean + distribution.deviation *
                                                   student(shape.quantile(p), distribution.freedom);
    return exp2_of(std::min(log_time, longest));
  };
  if (mass_ == nullptr) {
    for (std::size_t i = 0; i < kWanted.size(); ++i) quantiles[i] = base_quantile(kWanted[i]);
    return table_->assign(quantiles);
  }
  const float own = weight_ / (weight_ + kHistogramWeight);
  float sum = 0;
  for (const float mass : *mass_) sum += mass;
  const auto base_cdf = [&](float log_time) {
    return shape.cdf(standardise(distribution, log_time));
  };
  std::size_t next = 0;
  float below = (1 - own) * base_cdf(lowest_);
  // Below the first bin there is only the base distribution.
  for (; next < kWanted.size() && kWanted[next] < below; ++next) {
    quantiles[next] = base_quantile(kWanted[next] / (1 - own));
  }
  static constexpr float kStep = 1.09050773F;  // 2^(1/8)
  float edge = exp2_of(lowest_);
  float histogram = 0;
  for (int bin = 0; bin < kBins && next < kWanted.size(); ++bin) {
    histogram += (*mass_)[static_cast<std::size_t>(bin)] / sum;
    const float up_to =
        own * histogram + (1 - own) * base_cdf(lowest_ + static_cast<float>(bin + 1) / kPerOctave);
    for (; next < kWanted.size() && kWanted[next] < up_to; ++next) {
      quantiles[next] = edge * (1 + (kStep - 1) * (kWanted[next] - below) / (up_to - below));
    }
    below = std::max(below, up_to);
    edge *= kStep;
  }
  for (; next < kWanted.size(); ++next) {
    const float p = std::min(1 - (1 - kWanted[next]) / (1 - own), 1 - 1e-6F);
    quantiles[next] = std::max(edge, base_quantile(p));
  }
  table_->assign(quantiles);
}

std::size_t LearnedDistribution::bytes() const {
  return sizeof(*this) + (mass_ ? sizeof(*mass_) : 0) + (table_ ? sizeof(*table_) : 0);
}

}  // namespace quintain::core::eta
