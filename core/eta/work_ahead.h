// The work of a long queue: the sum of many service times.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/eta/estimator.h"

namespace quintain::core::eta {

/// Corrects the sum of the learned distributions' means, which forecasts the work of a long queue.
///
/// An error of a function's mean is the same for all its executions in the queue, so that it does
/// not average out: far down a queue it is most of the loss. Several estimates of the means
/// therefore compete. They are frozen while the next executions end (16, or 128 for long queues),
/// and what counts is the error of the sum of these times (their prequential score). The forecast
/// is the weighted mean of the estimates. What its past errors exceed the chance of independent
/// times by is a doubt that all executions of the queue share. Serial context only.
class WorkAhead {
 public:
  /// Shorter queues are not corrected.
  static constexpr std::size_t kFew = 8;

  /// An execution ended after `time` seconds (at the usual speed). `mean` and `variance` are those
  /// of the learned distribution before this observation.
  void observe(FunctionIndex function, float time, float mean, float variance);

 private:
  static constexpr std::size_t kEstimates = 6;
  static constexpr std::size_t kHorizons = 2;
  using Means = std::array<float, kEstimates>;

 public:
  /// A factor whose binary logarithm is normally distributed, common to all executions of a queue.
  struct Correction {
    float log_factor = 0;
    float deviation = 0;

    bool none() const { return log_factor == 0 && deviation == 0; }
  };

  /// The waiting executions in front of a target. Requires: the WorkAhead does not change.
  class Sum {
   public:
    explicit Sum(const WorkAhead& work) : work_(work) {}

    /// Adds `count` executions; `mean` is that of the function's learned distribution.
    void add(FunctionIndex function, float mean, float count);

    /// Adds this many executions that are like those that were added one by one.
    void add_similar(float count);

    /// What is to be done to the sum. None if it is right as far as is known.
    Correction correction() const;

   private:
    const WorkAhead& work_;
    float count_ = 0;
    Means means_{};
  };

  std::size_t bytes() const { return functions_.capacity() * sizeof(Function); }

 private:
  /// Means over all of a function's times, and with a slow, a medium and a fast memory.
  struct Function {
    float seen = 0;
    float all = 0;
    float slow = 0;
    float recent = 0;
    float fast = 0;
    // By horizon, the number of the block in which the estimates were frozen.
    std::array<std::uint32_t, kHorizons> block{};
    std::array<Means, kHorizons> frozen{};
  };
  /// A block of executions that end one after the other, and what past blocks have shown.
  struct Horizon {
    std::uint32_t block = 1;
    int count = 0;
    Means forecast{};
    float actual = 0;
    float variance = 0;
    // Fading sums over the blocks: log scores, and the squares of relative errors as they were and
    // as chance explains them.
    Means scores{};
    float blocks = 0;
    float error = 0;
    float explained = 0;
  };

  Means means(FunctionIndex function, float mean) const;
  static Means weights(const Horizon& horizon, bool is_long);
  static void close(Horizon& horizon, bool is_long);

  std::vector<Function> functions_;
  std::array<Horizon, kHorizons> horizons_{};
  // Over the functions that were seen: their number, and the sum of their means.
  float known_ = 0;
  float sum_of_means_ = 0;
};

}  // namespace quintain::core::eta
