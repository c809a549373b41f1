// Distributions of random durations, such as service times and times between calls.
#pragma once

#include <chrono>
#include <string>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "sim/random/randomness.h"

namespace quintain::sim {

class Distribution;

/// The parameters of each kind of distribution. Plain data; each converts to a Distribution.
namespace distribution {

/// Always the same value.
struct Constant {
  core::Duration value;
};

/// Uniform between `low` and `high`.
struct Uniform {
  core::Duration low;
  core::Duration high;
};

/// P(X > x) = exp(-x / mean).
struct Exponential {
  core::Duration mean;
};

/// The natural logarithm of the duration in seconds is normal with mean mu and deviation sigma.
struct Lognormal {
  double mu;
  double sigma;
};

/// The lognormal distribution of this mean and squared coefficient of variation (variance /
/// mean^2).
struct LognormalByMean {
  core::Duration mean;
  double scv;
};

/// P(X > x) = exp(-(x / scale)^shape). With a shape below 1, the hazard rate falls, so arrivals
/// come in bursts.
struct Weibull {
  double shape;
  core::Duration scale;
};

/// The gamma distribution with scale mean / shape; its squared coefficient of variation is 1 /
/// shape.
struct Gamma {
  double shape;
  core::Duration mean;
};

/// P(X > x) = (minimum / x)^shape. The mean is infinite up to shape 1, the variance up to shape 2.
struct Pareto {
  double shape;
  core::Duration minimum;
};

/// An exponential distribution whose mean is drawn first.
struct Hyperexponential {
  struct Branch {
    double probability;
    core::Duration mean;
  };
  std::vector<Branch> branches;
};

/// Points of the quantile function from p = 0 to p = 1, with straight lines between them.
struct Empirical {
  struct Point {
    double p;
    core::Duration value;
  };
  std::vector<Point> points;
};

/// One of several distributions, drawn by weight. The weights are probabilities: their sum is 1.
struct Mixture {
  struct Component;
  std::vector<Component> components;
};

}  // namespace distribution

/// The longest sample: 100 years, so that the sum of two fits into a Duration.
inline constexpr core::Duration kMaxSample = std::chrono::hours(24 * 365 * 100);

/// Rounds to whole nanoseconds and clamps to the range from 0 to kMaxSample. Requires: not NaN.
core::Duration to_duration(double nanoseconds);

/// The quantile of the exponential distribution with mean 1. Requires: 0 < p < 1.
double unit_exponential_quantile(double p);

/// A distribution of non-negative durations. Immutable.
///
/// Sampling is by inversion, sample = quantile(u), and takes a fixed number of uniform numbers:
/// one, or two for a hyperexponential distribution or a mixture, where the first selects the
/// branch. So the n-th sample of a stream uses the same numbers for all parameters, and increases
/// with them: runs that differ in a parameter stay synchronised (common random numbers; A. M. Law,
/// Simulation Modeling and Analysis, section 11.2). <random> guarantees neither this nor the same
/// result from every standard library. The last bit of the C library's log, exp and pow may still
/// depend on the processor; after rounding to nanoseconds, about one in 10^7 durations of a second
/// differs.
class Distribution {
 public:
  // Implicit on purpose: parameters can be passed wherever a distribution is expected.
  Distribution(const distribution::Constant& constant);                  // NOLINT
  Distribution(const distribution::Uniform& uniform);                    // NOLINT
  Distribution(const distribution::Exponential& exponential);            // NOLINT
  Distribution(const distribution::Lognormal& lognormal);                // NOLINT
  Distribution(const distribution::LognormalByMean& lognormal);          // NOLINT
  Distribution(const distribution::Weibull& weibull);                    // NOLINT
  Distribution(const distribution::Gamma& gamma);                        // NOLINT
  Distribution(const distribution::Pareto& pareto);                      // NOLINT
  Distribution(const distribution::Hyperexponential& hyperexponential);  // NOLINT
  Distribution(const distribution::Empirical& empirical);                // NOLINT
  Distribution(const distribution::Mixture& mixture);                    // NOLINT

  /// What is wrong with the parameters, and what would be right; empty if they are valid. If there
  /// are problems, no other member may be called.
  const std::vector<std::string>& problems() const { return problems_; }

  /// Draws the next duration from `stream`, in whole nanoseconds, at most kMaxSample.
  core::Duration sample(Randomness& randomness, core::RandomStream& stream) const;

  /// The mean before rounding; infinity if there is none.
  double mean_seconds() const;

  /// The quantile p before rounding. With several branches it is found by bisection, to a relative
  /// error of about 1e-13. Requires: 0 < p < 1.
  double quantile_seconds(double p) const;

 private:
  // The kinds whose quantile function is one formula. All other kinds are mixtures of these.
  using Simple =
      std::variant<distribution::Constant, distribution::Uniform, distribution::Exponential,
                   distribution::Lognormal, distribution::Weibull, distribution::Gamma,
                   distribution::Pareto, distribution::Empirical>;
  struct Branch {
    double probability;
    double up_to;  // the cumulative probability; exactly 1 for the last branch
    Simple simple;
  };

  explicit Distribution(Simple simple);

  void add_branch(double probability, Simple simple);

  double cdf(double nanoseconds) const;

  std::vector<Branch> branches_;
  bool picks_branch_ = false;
  std::vector<std::string> problems_;
};

struct distribution::Mixture::Component {
  double weight;
  Distribution distribution;
};

}  // namespace quintain::sim
