#include "core/eta/lanes.h"

#include <numeric>
#include <utility>

namespace quintain::core::eta {
namespace {

// A table of this many orders, each flipped in 64 ways, leaves 8192 that an execution may have; two
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

// Quantiles of the standard normal distribution at (i + 1/2) / 64, for i from 32 to 63.
constexpr std::array<float, kLanes / 2> kNormal = {
    0.01958429F, 0.05878294F, 0.09807215F, 0.13751340F, 0.17716982F, 0.21710695F, 0.25739353F,
    0.29810241F, 0.33931161F, 0.38110545F, 0.42357608F, 0.46682512F, 0.51096581F, 0.55612559F,
    0.60244945F, 0.65010407F, 0.69928330F, 0.75021538F, 0.80317257F, 0.85848447F, 0.91655667F,
    0.97789754F, 1.04315826F, 1.11319428F, 1.18916435F, 1.27269864F, 1.36620382F, 1.47346758F,
    1.60100866F, 1.76167041F, 1.98742789F, 2.41755902F};

}  // namespace

LaneDraws::LaneDraws(std::uint64_t seed) : seed_(mix(seed)), orders_(kOrders) {
  std::uint64_t state = seed_;
  for (Order& order : orders_) {
    std::iota(order.begin(), order.end(), std::uint8_t{0});
    // Fisher-Yates. 32 random bits times a bound below 65: the bias is below 2^-26.
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
  const float within = (static_cast<float>(draw.offset >> 8) + 0.5F) * 0x1p-24F;
  const auto rest = [&](float passed, std::size_t stratum, float slower) {
    const float u = (static_cast<float>(stratum) + within) / static_cast<float>(kLanes);
    const float whole = distribution.quantile(passed + (1 - passed) * u) * slower;
    return whole > age ? whole - age : 0;
  };
  if (uniform_factor) {
    // First by stratum, in the table's order; then dealt out to the lanes.
    const float passed = distribution.cdf(age / factor[0]);
    Lanes by_stratum;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled below
    distribution.quantiles_beyond(passed, within, by_stratum);
    for (float& whole : by_stratum) {
      const float left = whole * factor[0] - age;
      whole = left > 0 ? left : 0;
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      out[lane] = by_stratum[(*draw.order)[lane ^ draw.flip]];
    }
    return;
  }
  float passed = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    // Lanes of one speed_factor stand side by side.
    if (lane == 0 || factor[lane] != factor[lane - 1])
      passed = distribution.cdf(age / factor[lane]);
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
