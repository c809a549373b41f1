// The speed of the whole node at present, compared with its usual speed.
#pragma once

#include <array>
#include <cstddef>

#include "core/eta/lanes.h"
#include "core/eta/roll_forward.h"

namespace quintain::core::eta {

/// Holds a probability for each speed factor from 1/8 to 8 times the usual, in quarter octaves, and
/// revises it at every completion: Bayes' rule for a hidden state that jumps now and then (fixed
/// share: M. Herbster and M. K. Warmuth, "Tracking the best expert", Machine Learning 32, 1998).
/// Serial context only.
///
/// This does more than a two-sided CUSUM on the PIT: it is the quickest detector for the jumps that
/// it assumes (A. N. Shiryaev, "On optimum methods in quickest detection problems", 1963), it
/// estimates their size, and it knows its own doubt, which goes into the lanes.
class SpeedFilter {
 public:
  static constexpr std::size_t kStates = 25;
  using Likelihood = std::array<float, kStates>;

  SpeedFilter();

  /// The binary logarithms of the states' speed factors.
  static constexpr std::array<float, kStates> kLogFactors = [] {
    std::array<float, kStates> factors{};
    for (std::size_t i = 0; i < kStates; ++i) factors[i] = (static_cast<float>(i) - 12) / 4;
    return factors;
  }();

  /// An execution ended after a time that has this likelihood under each speed factor.
  void observe(const Likelihood& likelihood);

  /// The expected logarithm of the speed factor.
  float mean() const;

  /// The lanes' speed factors, distributed as the states' probabilities.
  SpeedFactor speed_factor() const;

  /// The same under further evidence that is not remembered: executions that are still running.
  SpeedFactor speed_factor(const Likelihood& evidence) const;

 private:
  std::array<float, kStates> probability_{};
};

/// Decides whether the speed filter's shift is used. Serial context only.
///
/// The shift must prove itself prequentially (A. P. Dawid, "Present position and potential
/// developments: the prequential approach", J. R. Statist. Soc. A 147, 1984): the logarithmic score
/// of forecasts with it is compared with that of forecasts without it over recent completions. It
/// is off until it has won clearly, and off again once it has lost as clearly. Where times are
/// autocorrelated the filter mistakes a few slow executions for a slow node; therefore the shift of
/// kLag completions ago is judged, which is about the age at which a shift is used.
class SpeedFilterJudge {
 public:
  /// `log_density_ratio(shift)`: the binary logarithm of how much likelier the next completion's
  /// time was with this shift than with none.
  template <class LogDensityRatio>
  void observe(float shift_now, const LogDensityRatio& log_density_ratio) {
    float& slot = shifts_[next_];
    next_ = (next_ + 1) % kLag;
    const float shift = slot;
    slot = shift_now;
    const bool differs = (shift > kMinShift || shift < -kMinShift) && believable(shift);
    add(differs || trusted_ ? log_density_ratio(believable(shift) ? shift : 0) : 0);
  }

  /// Whether the filter has proven itself; its present shift may be unbelievable even so.
  bool trusted() const { return trusted_; }

  /// Whether a shift is to be used.
  bool trusts(float shift) const { return trusted_ && believable(shift); }

 private:
  // A node that is more than four times as slow has stopped rather than slowed down: how long that
  // lasts is not known from how slow it is.
  static constexpr float kMaxShift = 2;
  static bool believable(float shift) { return shift < kMaxShift && shift > -kMaxShift; }

  static constexpr std::size_t kLag = 16;
  static constexpr float kMinShift = 0.02F;

  void add(float gain);

  std::array<float, kLag> shifts_{};  // of the last completions, as a ring
  std::size_t next_ = 0;
  float gain_ = 0;  // bits, fading
  bool trusted_ = false;
};

}  // namespace quintain::core::eta
