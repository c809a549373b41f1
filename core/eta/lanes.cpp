// Stratified draws: which part of a distribution each lane gets, by execution and purpose.
#include "core/eta/lanes.h"

#include <numeric>
#include <utility>

namespace quintain::core::eta {
namespace {

// This many orders, each flipped in kLanes ways, make 4096 that an execution may have; two
// executions in one prediction rarely share one.
constexpr std::size_t kOrders = 128;

// Points of a table in each lane's stratum.
constexpr std::uint32_t kPerStratum = QuantileTable::kPoints / kLanes;

// SplitMix64: G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number
// generators", OOPSLA 2014. Counters in, 64 well mixed bits out.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

// Quantiles of the standard normal distribution at (i + 1/2) / kLanes, for i from kLanes / 2 on.
static_assert(kLanes == 32);
constexpr std::array<float, kLanes / 2> kNormal = {
    0.03917609F, 0.11776987F, 0.19709908F, 0.27769044F, 0.36012989F, 0.44509652F,
    0.53340971F, 0.62609901F, 0.72451438F, 0.83051088F, 0.94678176F, 1.07751557F,
    1.22985876F, 1.41779714F, 1.67593972F, 2.15387469F};

// In (0, 1).
float unit(std::uint32_t bits) { return (static_cast<float>(bits >> 8) + 0.5F) * 0x1p-24F; }

}  // namespace

LaneDraws::LaneDraws(std::uint64_t seed) : seed_(mix(seed)), orders_(kOrders) {
  std::uint64_t state = seed_;
  for (Order& order : orders_) {
    std::iota(order.begin(), order.end(), std::uint8_t{0});
    // Fisher-Yates. 32 random bits times a bound below 33: the bias is below 2^-26.
    for (std::size_t i = kLanes - 1; i > 0; --i) {
      state = mix(state);
      std::swap(order[i], order[((state >> 32) * (i + 1)) >> 32]);
    }
  }
}

LaneDraws::Draw LaneDraws::draw(std::uint64_t ordinal, Purpose purpose) const {
  const std::uint64_t bits = mix(seed_ ^ mix(ordinal * 8 + static_cast<std::uint64_t>(purpose)));
  return {.order = &orders_[bits % kOrders],
          .flip = static_cast<std::uint8_t>(bits >> 8 & (kLanes - 1)),
          .offset = static_cast<std::uint32_t>(bits >> 32)};
}

void LaneDraws::sample(const QuantileTable& distribution, std::uint64_t ordinal, Purpose purpose,
                       Lanes& out) const {
  const Draw draw = this->draw(ordinal, purpose);
  const float* values = distribution.values().data() + draw.offset % kPerStratum;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    out[lane] = values[kPerStratum * (*draw.order)[lane ^ draw.flip]];
  }
}

bool LaneDraws::has_common_place(const QuantileTable& distribution, std::uint64_t ordinal) const {
  if (distribution.common() <= 0) return false;
  return unit(this->draw(ordinal, Purpose::kCommon).offset) < distribution.common();
}

void LaneDraws::sample_common(const QuantileTable& distribution, FunctionIndex function,
                              float passed, std::uint64_t ordinal, Lanes& out) const {
  const Draw draw = this->draw(function, Purpose::kCommon);
  const std::uint32_t offset = this->draw(ordinal, Purpose::kService).offset;
  if (passed > 0) {
    Lanes by_stratum;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled below
    distribution.quantiles_beyond(passed, unit(offset), by_stratum);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      out[lane] = by_stratum[(*draw.order)[lane ^ draw.flip]];
    }
    return;
  }
  const float* values = distribution.values().data() + offset % kPerStratum;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    out[lane] = values[kPerStratum * (*draw.order)[lane ^ draw.flip]];
  }
}

void LaneDraws::sample_partly_beyond(const QuantileTable& distribution, FunctionIndex function,
                                     float passed, float share, std::uint64_t ordinal,
                                     Lanes& out) const {
  const Draw own = this->draw(ordinal, Purpose::kService);
  const Draw draw =
      has_common_place(distribution, ordinal) ? this->draw(function, Purpose::kCommon) : own;
  const float within = unit(own.offset);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const auto stratum = static_cast<float>((*draw.order)[lane ^ draw.flip]);
    const float p = (stratum + within) / static_cast<float>(kLanes);
    out[lane] = distribution.quantile(QuantileTable::partly_beyond(p, passed, share));
  }
}

void LaneDraws::sample_among(std::span<const QuantileTable* const> distributions,
                             std::uint64_t ordinal, Purpose purpose, Picks& picks,
                             Lanes& out) const {
  const Draw draw = this->draw(ordinal, purpose);
  std::uint64_t state = draw.offset;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    state = state * 6364136223846793005 + 1442695040888963407;
    picks[lane] = static_cast<std::uint32_t>(((state >> 32) * distributions.size()) >> 32);
    const QuantileTable& distribution = *distributions[picks[lane]];
    out[lane] =
        distribution
            .values()[kPerStratum * (*draw.order)[lane ^ draw.flip] + draw.offset % kPerStratum];
  }
}

void LaneDraws::sample_remaining(const QuantileTable& distribution, float age, const Lanes& factor,
                                 bool uniform_factor, std::uint64_t ordinal, Purpose purpose,
                                 Lanes& out) const {
  const Draw draw = this->draw(ordinal, purpose);
  const float within = unit(draw.offset);
  const auto rest = [&](float passed, std::size_t stratum, float slower) {
    const float u = (static_cast<float>(stratum) + within) / static_cast<float>(kLanes);
    return slower *
           distribution.left(distribution.quantile(passed + (1 - passed) * u), age / slower);
  };
  if (uniform_factor) {
    // First by stratum, in the table's order; then distributed over the lanes.
    const float passed = distribution.cdf(age / factor[0]);
    Lanes by_stratum;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled below
    distribution.quantiles_beyond(passed, within, by_stratum);
    for (float& time : by_stratum) time = factor[0] * distribution.left(time, age / factor[0]);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      out[lane] = by_stratum[(*draw.order)[lane ^ draw.flip]];
    }
    return;
  }
  float passed = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    // Lanes of one speed factor are adjacent.
    if (lane == 0 || factor[lane] != factor[lane - 1]) {
      passed = distribution.cdf(age / factor[lane]);
    }
    out[lane] = rest(passed, (*draw.order)[lane ^ draw.flip], factor[lane]);
  }
}

void LaneDraws::sample_normal(std::uint64_t ordinal, Purpose purpose, Lanes& out) const {
  const Draw draw = this->draw(ordinal, purpose);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const std::size_t stratum = (*draw.order)[lane ^ draw.flip];
    constexpr std::size_t kHalf = kLanes / 2;
    out[lane] = stratum < kHalf ? -kNormal[kHalf - 1 - stratum] : kNormal[stratum - kHalf];
  }
}

}  // namespace quintain::core::eta
