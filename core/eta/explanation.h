// What an estimate consisted of, for a person who wonders about it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/eta/estimator.h"

namespace quintain::core::eta {

/// What an estimate of an execution that had just been accepted consisted of.
struct Explanation {
  /// An estimator that took part or could have.
  struct Part {
    std::string estimator;
    /// Of the estimate; the weights of all parts add up to 1.
    double weight = 0;
    /// The sum of its recent losses, in seconds, on executions that waited if this one does, else
    /// on those that started at once; larger is worse.
    double recent_losses = 0;
    Forecast forecast;
  };
  /// The waiting executions of one function, the target among them.
  struct Work {
    FunctionIndex function = 0;
    std::int64_t waiting = 0;
    /// The mean of its learned service times, in seconds.
    double mean_service = 0;
    /// Of its learned cold starts.
    double mean_cold_start = 0;
  };

  std::vector<Part> parts;
  std::vector<Work> work;
  /// The ratio of present service times to usual ones.
  double speed_factor = 1;
  /// Whether the forecast was recalibrated from past forecast errors.
  bool recalibrated = false;
};

/// An estimator that can tell what its estimates consist of. Serial context only.
class Explains {
 public:
  virtual ~Explains() = default;

  /// Adds to the explanation what predict() does with the question. Changes no later forecast.
  virtual void explain(const Target& target, const NodeState& node, Explanation& explanation) = 0;
};

/// Adds what `estimator` can tell, if anything.
inline void explain(Estimator& estimator, const Target& target, const NodeState& node,
                    Explanation& explanation) {
  if (auto* explains = dynamic_cast<Explains*>(&estimator)) {
    explains->explain(target, node, explanation);
  }
}

}  // namespace quintain::core::eta
