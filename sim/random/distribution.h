// Distributions of random durations: how long a function runs, how long until the next call.
#pragma once

#include <chrono>
#include <string>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "sim/random/randomness.h"

namespace quintain::sim {

class Distribution;

/// The distributions, as a scenario or a test writes them down. Each turns into a Distribution.
namespace distribution {

/// Always the same.
struct Constant {
  core::Duration value;
};

struct Uniform {
  core::Duration low;
  core::Duration high;
};

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

/// P(X > x) = exp(-(x / scale)^shape). A shape below 1 makes for bursts: a long wait tends to go
/// on.
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

/// Given by points of its quantile function from p = 0 to p = 1, straight lines between them.
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

/// No sample is longer: 100 years, so that a sum of two still fits a Duration.
inline constexpr core::Duration kLongestSample = std::chrono::hours(24 * 365 * 100);

/// So many nanoseconds, rounded to whole ones and held between 0 and kLongestSample.
core::Duration to_duration(double nanoseconds);

/// The quantile of the exponential distribution with mean 1, for 0 < p < 1.
double unit_exponential_quantile(double p);

/// A distribution of non-negative durations.
///
/// Sampling is by inversion, sample = quantile(u), and takes a fixed number of uniform numbers:
/// one, or two for a hyperexponential distribution or a mixture, where the first picks the branch.
/// So the n-th sample of a stream uses the same numbers under whatever parameters, and grows with
/// them: runs that differ in a parameter stay synchronised (common random numbers; A. M.
/// Distribution, Simulation Modeling and Analysis, section 11.2). <random> promises neither this
/// nor the same result from every standard library. What remains of the platform is the last bit of
/// the C library's log, exp and pow, which may depend on the processor; rounding to nanoseconds
/// hides all but about one in 10^7 differences for durations of a second.
class Distribution {
 public:
  // Implicit on purpose: a distribution can be written wherever a distribution is wanted.
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

  /// What is wrong with the parameters, each with what would be right; empty if nothing is. As long
  /// as something is, nothing else may be asked of the distribution.
  const std::vector<std::string>& problems() const { return problems_; }

  /// The next duration of this distribution from `stream`, in whole nanoseconds, at most
  /// kLongestSample.
  core::Duration sample(Randomness& randomness, core::RandomStream& stream) const;

  /// The distribution's mean before rounding; infinity if it has none.
  double mean_seconds() const;

  /// The shortest duration that a sample stays within with probability p, 0 < p < 1, before
  /// rounding. With several branches by bisection, to a relative error of about 1e-13.
  double quantile_seconds(double p) const;

 private:
  // The distributions whose quantile function is one formula. All others are mixtures of them.
  using Simple =
      std::variant<distribution::Constant, distribution::Uniform, distribution::Exponential,
                   distribution::Lognormal, distribution::Weibull, distribution::Gamma,
                   distribution::Pareto, distribution::Empirical>;
  struct Branch {
    double probability;
    double up_to;  // the sum of the probabilities to here; exactly 1 for the last
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
