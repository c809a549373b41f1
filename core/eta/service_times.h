// Mean times for which functions occupy a slot.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/time.h"
#include "core/eta/estimator.h"

namespace quintain::core::eta {

/// A mean that follows slow change: the plain average of the first observations, from then on an
/// exponentially weighted one in which an observation counts 1/kMemory.
class MovingMean {
 public:
  void add(double value) {
    if (count_ < kMemory) ++count_;
    mean_ += (value - mean_) / count_;
  }

  bool known() const { return count_ > 0; }
  double value() const { return mean_; }

 private:
  static constexpr int kMemory = 100;

  int count_ = 0;
  double mean_ = 0;
};

/// The mean time for which executions of each function hold a slot, cold start and retries
/// included. A function that has not been seen has the node's mean; before anything was seen, a
/// prior. Serial context only.
class ServiceTimes {
 public:
  explicit ServiceTimes(Duration prior);

  /// Learns only from executions that ended by themselves: one that was cut short would make its
  /// function look faster than it is.
  void observe(const Observation& observation);

  Duration mean(FunctionIndex function) const;
  Duration node_mean() const;

  bool knows(FunctionIndex function) const {
    return function < functions_.size() && functions_[function].known();
  }
  std::size_t bytes() const { return functions_.capacity() * sizeof(MovingMean); }

 private:
  double prior_;
  MovingMean node_;
  std::vector<MovingMean> functions_;
};

}  // namespace quintain::core::eta
