// Lanes: equally likely courses that the near future may take, rolled forward side by side.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/eta/quantile_table.h"

namespace quintain::core::eta {

inline constexpr std::size_t kLanes = 64;

/// One number a lane; seconds from now, if nothing else is said.
using Lanes = std::array<float, kLanes>;

/// Gives every execution its draws. Its numbers are stratified: the 64 lanes get one draw from each
/// 64th of the distribution, in an order that is the execution's own, so that a lane's sum of many
/// draws is a fair sample and each distribution is covered evenly (Latin hypercube sampling: M. D.
/// McKay, R. J. Beckman and W. J. Conover, Technometrics 21(2), 1979).
///
/// The draws are keyed by seed, execution and purpose: asked again later, the same execution meets
/// the same fortune, so that estimates change with the state and not by chance.
class LaneDraws {
 public:
  explicit LaneDraws(std::uint64_t seed);

  enum class Purpose : std::uint64_t {
    kService,
    kColdStart,
    kSpeedFactor,
    kRemainder,
    kGap,
    kOvertaker
  };

  /// A sample of the distribution.
  void sample(const QuantileTable& distribution, std::uint64_t ordinal, Purpose purpose,
              Lanes& out) const;

  /// A sample of a distribution that each lane picks at random from `distributions`; `picks` says
  /// which.
  using Picks = std::array<std::uint32_t, kLanes>;
  void sample_among(std::span<const QuantileTable* const> distributions, std::uint64_t ordinal,
                    Purpose purpose, Picks& picks, Lanes& out) const;

  /// A sample of what is left of it after `age` seconds, a lane's distribution being slowed down by
  /// `factor[lane]`; `uniform_factor` promises that all are equal.
  void sample_remaining(const QuantileTable& distribution, float age, const Lanes& factor,
                        bool uniform_factor, std::uint64_t ordinal, Purpose purpose,
                        Lanes& out) const;

  /// A stratified sample of the standard normal distribution.
  void sample_normal(std::uint64_t ordinal, Purpose purpose, Lanes& out) const;

  std::size_t bytes() const { return orders_.capacity() * sizeof(Order); }

 private:
  using Order = std::array<std::uint8_t, kLanes>;
  struct Draw {
    const Order* order;
    std::uint8_t flip;     // the lane's bits are flipped by this before it is looked up
    std::uint32_t offset;  // within each stratum
  };

  Draw draw(std::uint64_t ordinal, Purpose purpose) const;

  std::uint64_t seed_;
  std::vector<Order> orders_;
};

}  // namespace quintain::core::eta
