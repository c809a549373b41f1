// Lanes: equally likely courses of the near future, rolled forward side by side.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/eta/estimator.h"
#include "core/eta/quantile_table.h"

namespace quintain::core::eta {

/// With 32 lanes the loss is 0.2 % above that with 64, at half the cost.
inline constexpr std::size_t kLanes = 32;

/// One number for each lane; seconds from now, unless stated otherwise.
using Lanes = std::array<float, kLanes>;

/// Draws the random numbers of every execution. The numbers are stratified: the kLanes lanes get
/// one draw from each of kLanes equal parts of the distribution, in an order that belongs to the
/// execution, so that a lane's sum of many draws is a fair sample and each distribution is covered
/// evenly (Latin hypercube sampling: M. D. McKay, R. J. Beckman and W. J. Conover, Technometrics
/// 21(2), 1979). Immutable.
///
/// The draws are keyed by seed, execution and purpose: the same execution gets the same draws when
/// asked again, so that estimates change with the state and not by chance.
class LaneDraws {
 public:
  explicit LaneDraws(std::uint64_t seed);

  enum class Purpose : std::uint64_t {
    kService,
    kColdStart,
    kSpeedFactor,
    kRemainder,
    kGap,
    kOvertaker,
    kWorkAhead,
    kCommon
  };

  /// A sample of the distribution.
  void sample(const QuantileTable& distribution, std::uint64_t ordinal, Purpose purpose,
              Lanes& out) const;

  /// Whether the execution has its place in its function's distribution in common with others: the
  /// share QuantileTable::common() of them has. The doubt about a function is the same for all its
  /// executions; this way it does not average out over a queue.
  bool has_common_place(const QuantileTable& distribution, std::uint64_t ordinal) const;

  /// A sample of a function's service times for such executions, which take the same strata in the
  /// same lanes; of times beyond the probability `passed`.
  void sample_common(const QuantileTable& distribution, FunctionIndex function, float passed,
                     std::uint64_t ordinal, Lanes& out) const;

  /// A sample of a mixture: with probability `share` of what lies beyond `passed`, else of the
  /// whole distribution.
  void sample_partly_beyond(const QuantileTable& distribution, FunctionIndex function, float passed,
                            float share, std::uint64_t ordinal, Lanes& out) const;

  /// A sample of a distribution that each lane picks at random from `distributions`; returns the
  /// indices in `picks`.
  using Picks = std::array<std::uint32_t, kLanes>;
  void sample_among(std::span<const QuantileTable* const> distributions, std::uint64_t ordinal,
                    Purpose purpose, Picks& picks, Lanes& out) const;

  /// A sample of what is left of it after `age` seconds, a lane's distribution being slowed down by
  /// `factor[lane]`. Requires: if `uniform_factor`, all factors are equal.
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
