// Formulas of the distributions: quantile function, distribution function and mean of each kind,
// and the validation of their parameters.
#include "sim/random/distribution.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/gamma.hpp>
#include <boost/math/distributions/normal.hpp>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

namespace quintain::sim {
namespace {

constexpr double kNanosecondsPerSecond = 1e9;

// Probabilities written as decimal fractions (0.1 three times, 0.7) don't sum to 1 exactly.
constexpr double kSumTolerance = 1e-9;

// Between these shapes the inverse of the incomplete gamma function is accurate. A smaller shape is
// better described by a mixture, a larger one by a constant.
constexpr double kMinGammaShape = 0.01;
constexpr double kMaxGammaShape = 1e6;

// Boost.Math without promotion to long double and without exceptions.
namespace bmp = boost::math::policies;
using Quiet =
    bmp::policy<bmp::promote_double<false>, bmp::domain_error<bmp::ignore_error>,
                bmp::pole_error<bmp::ignore_error>, bmp::overflow_error<bmp::ignore_error>,
                bmp::underflow_error<bmp::ignore_error>, bmp::denorm_error<bmp::ignore_error>,
                bmp::rounding_error<bmp::ignore_error>, bmp::evaluation_error<bmp::ignore_error>>;
using Normal = boost::math::normal_distribution<double, Quiet>;
using BoostGamma = boost::math::gamma_distribution<double, Quiet>;

double ns(core::Duration d) { return static_cast<double>(d.count()); }
double seconds(core::Duration d) { return ns(d) / kNanosecondsPerSecond; }

BoostGamma boost_gamma(const distribution::Gamma& gamma) {
  return BoostGamma(gamma.shape, ns(gamma.mean) / gamma.shape);
}

// The quantile function, distribution function and mean of each simple kind, all in nanoseconds.

double quantile(const distribution::Constant& constant, double) { return ns(constant.value); }
double cdf(const distribution::Constant& constant, double x) {
  return x < ns(constant.value) ? 0 : 1;
}
double mean(const distribution::Constant& constant) { return ns(constant.value); }

double quantile(const distribution::Uniform& uniform, double p) {
  return ns(uniform.low) + p * (ns(uniform.high) - ns(uniform.low));
}
double cdf(const distribution::Uniform& uniform, double x) {
  if (x < ns(uniform.low)) return 0;
  if (x >= ns(uniform.high)) return 1;
  return (x - ns(uniform.low)) / (ns(uniform.high) - ns(uniform.low));
}
double mean(const distribution::Uniform& uniform) {
  return (ns(uniform.low) + ns(uniform.high)) / 2;
}

double quantile(const distribution::Exponential& exponential, double p) {
  return ns(exponential.mean) * unit_exponential_quantile(p);
}
double cdf(const distribution::Exponential& exponential, double x) {
  return -std::expm1(-x / ns(exponential.mean));
}
double mean(const distribution::Exponential& exponential) { return ns(exponential.mean); }

double quantile(const distribution::Lognormal& lognormal, double p) {
  const double z = boost::math::quantile(Normal(), p);
  return std::exp(lognormal.mu + lognormal.sigma * z) * kNanosecondsPerSecond;
}
double cdf(const distribution::Lognormal& lognormal, double x) {
  if (x <= 0) return 0;
  const double z = (std::log(x / kNanosecondsPerSecond) - lognormal.mu) / lognormal.sigma;
  return boost::math::cdf(Normal(), z);
}
double mean(const distribution::Lognormal& lognormal) {
  return std::exp(lognormal.mu + lognormal.sigma * lognormal.sigma / 2) * kNanosecondsPerSecond;
}

double quantile(const distribution::Weibull& weibull, double p) {
  return ns(weibull.scale) * std::pow(unit_exponential_quantile(p), 1 / weibull.shape);
}
double cdf(const distribution::Weibull& weibull, double x) {
  return -std::expm1(-std::pow(x / ns(weibull.scale), weibull.shape));
}
double mean(const distribution::Weibull& weibull) {
  return ns(weibull.scale) * std::tgamma(1 + 1 / weibull.shape);
}

double quantile(const distribution::Gamma& gamma, double p) {
  return boost::math::quantile(boost_gamma(gamma), p);
}
double cdf(const distribution::Gamma& gamma, double x) {
  return boost::math::cdf(boost_gamma(gamma), x);
}
double mean(const distribution::Gamma& gamma) { return ns(gamma.mean); }

double quantile(const distribution::Pareto& pareto, double p) {
  return ns(pareto.minimum) * std::pow(1 - p, -1 / pareto.shape);
}
double cdf(const distribution::Pareto& pareto, double x) {
  return x <= ns(pareto.minimum) ? 0 : 1 - std::pow(ns(pareto.minimum) / x, pareto.shape);
}
double mean(const distribution::Pareto& pareto) {
  if (pareto.shape <= 1) return std::numeric_limits<double>::infinity();
  return ns(pareto.minimum) * pareto.shape / (pareto.shape - 1);
}

double quantile(const distribution::Empirical& empirical, double p) {
  const auto above = std::upper_bound(empirical.points.begin(), empirical.points.end(), p,
                                      [](double x, const auto& point) { return x < point.p; });
  assert(above != empirical.points.begin() && above != empirical.points.end());
  const auto below = above - 1;
  return ns(below->value) +
         (p - below->p) / (above->p - below->p) * (ns(above->value) - ns(below->value));
}
double cdf(const distribution::Empirical& empirical, double x) {
  const auto above =
      std::upper_bound(empirical.points.begin(), empirical.points.end(), x,
                       [](double y, const auto& point) { return y < ns(point.value); });
  if (above == empirical.points.begin()) return 0;
  if (above == empirical.points.end()) return 1;
  const auto below = above - 1;
  return below->p +
         (x - ns(below->value)) / (ns(above->value) - ns(below->value)) * (above->p - below->p);
}
double mean(const distribution::Empirical& empirical) {
  double sum = 0;
  for (std::size_t i = 1; i < empirical.points.size(); ++i) {
    const auto& [p, value] = empirical.points[i];
    const auto& [p_before, value_before] = empirical.points[i - 1];
    sum += (p - p_before) * (ns(value) + ns(value_before)) / 2;
  }
  return sum;
}

// Collects the problems of the parameters of one distribution. Conditions are written so that NaN
// fails.
class Check {
 public:
  Check(std::vector<std::string>& problems, std::string_view distribution)
      : problems_(problems), distribution_(distribution) {}

  void require(bool holds, std::string_view parameter, const std::string& value,
               const std::string& rule) {
    if (holds) return;
    problems_.push_back(
        fmt::format("{}: {} is {}; it must be {}", distribution_, parameter, value, rule));
  }
  void positive(std::string_view parameter, core::Duration value) {
    require(value > core::Duration::zero(), parameter, text(value), "above 0 s");
  }
  void not_negative(std::string_view parameter, core::Duration value) {
    require(value >= core::Duration::zero(), parameter, text(value), "0 s or more");
  }
  void positive(std::string_view parameter, double value) {
    require(value > 0 && std::isfinite(value), parameter, text(value), "a number above 0");
  }
  void finite(std::string_view parameter, double value) {
    require(std::isfinite(value), parameter, text(value), "a finite number");
  }
  void probability(std::string_view parameter, double value) {
    require(value >= 0 && value <= 1, parameter, text(value), "from 0 to 1");
  }
  void sum_of_probabilities(std::string_view parameters, double sum) {
    // Ten digits hide the rounding errors of adding decimal fractions.
    require(std::abs(sum - 1) <= kSumTolerance, fmt::format("the sum of the {}", parameters),
            fmt::format("{:.10g}", sum), "1");
  }

  static std::string text(double value) { return fmt::format("{}", value); }
  static std::string text(core::Duration value) { return fmt::format("{} s", seconds(value)); }

 private:
  std::vector<std::string>& problems_;
  std::string_view distribution_;
};

distribution::Lognormal by_mean(const distribution::LognormalByMean& lognormal) {
  const double variance_of_log = std::log1p(lognormal.scv);
  return {.mu = std::log(seconds(lognormal.mean)) - variance_of_log / 2,
          .sigma = std::sqrt(variance_of_log)};
}

}  // namespace

core::Duration to_duration(double nanoseconds) {
  assert(!std::isnan(nanoseconds));
  if (nanoseconds >= ns(kMaxSample)) return kMaxSample;
  return core::Duration(static_cast<std::int64_t>(std::max(nanoseconds, 0.0) + 0.5));
}

double unit_exponential_quantile(double p) {
  // 1 - p is exact for every number from to_unit_interval, so the slower log1p would not be more
  // exact.
  return -std::log(1 - p);
}

Distribution::Distribution(Simple simple) { add_branch(1, std::move(simple)); }

Distribution::Distribution(const distribution::Constant& constant)
    : Distribution(Simple(constant)) {
  Check(problems_, "constant").not_negative("value", constant.value);
}

Distribution::Distribution(const distribution::Uniform& uniform) : Distribution(Simple(uniform)) {
  Check check(problems_, "uniform");
  check.not_negative("low", uniform.low);
  check.require(uniform.high >= uniform.low, "high", Check::text(uniform.high),
                fmt::format("no less than low ({})", Check::text(uniform.low)));
}

Distribution::Distribution(const distribution::Exponential& exponential)
    : Distribution(Simple(exponential)) {
  Check(problems_, "exponential").positive("mean", exponential.mean);
}

Distribution::Distribution(const distribution::Lognormal& lognormal)
    : Distribution(Simple(lognormal)) {
  Check check(problems_, "lognormal");
  check.finite("mu", lognormal.mu);
  check.positive("sigma", lognormal.sigma);
}

Distribution::Distribution(const distribution::LognormalByMean& lognormal)
    : Distribution(Simple(by_mean(lognormal))) {
  Check check(problems_, "lognormal");
  check.positive("mean", lognormal.mean);
  check.positive("scv", lognormal.scv);
}

Distribution::Distribution(const distribution::Weibull& weibull) : Distribution(Simple(weibull)) {
  Check check(problems_, "weibull");
  check.positive("shape", weibull.shape);
  check.positive("scale", weibull.scale);
}

Distribution::Distribution(const distribution::Gamma& gamma) : Distribution(Simple(gamma)) {
  Check check(problems_, "gamma");
  check.require(gamma.shape >= kMinGammaShape && gamma.shape <= kMaxGammaShape, "shape",
                Check::text(gamma.shape),
                fmt::format("from {} to {:.0f}", kMinGammaShape, kMaxGammaShape));
  check.positive("mean", gamma.mean);
}

Distribution::Distribution(const distribution::Pareto& pareto) : Distribution(Simple(pareto)) {
  Check check(problems_, "pareto");
  check.positive("shape", pareto.shape);
  check.positive("minimum", pareto.minimum);
}

Distribution::Distribution(const distribution::Hyperexponential& hyperexponential)
    : picks_branch_(true) {
  Check check(problems_, "hyperexponential");
  double sum = 0;
  for (std::size_t i = 0; i < hyperexponential.branches.size(); ++i) {
    const auto& [probability, mean] = hyperexponential.branches[i];
    check.probability(fmt::format("branches[{}].probability", i), probability);
    check.positive(fmt::format("branches[{}].mean", i), mean);
    sum += probability;
    add_branch(probability, distribution::Exponential{.mean = mean});
  }
  check.sum_of_probabilities("probabilities", sum);
  if (!branches_.empty()) branches_.back().up_to = 1;
}

Distribution::Distribution(const distribution::Empirical& empirical)
    : Distribution(Simple(empirical)) {
  Check check(problems_, "empirical");
  const auto& points = empirical.points;
  check.require(points.size() >= 2, "the number of points", fmt::format("{}", points.size()),
                "2 or more");
  if (points.empty()) return;
  check.require(points.front().p == 0, "points[0].p", Check::text(points.front().p), "0");
  check.not_negative("points[0].value", points.front().value);
  for (std::size_t i = 1; i < points.size(); ++i) {
    check.require(points[i].p > points[i - 1].p, fmt::format("points[{}].p", i),
                  Check::text(points[i].p),
                  fmt::format("above the one before ({})", points[i - 1].p));
    check.require(
        points[i].value >= points[i - 1].value, fmt::format("points[{}].value", i),
        Check::text(points[i].value),
        fmt::format("no less than the one before ({})", Check::text(points[i - 1].value)));
  }
  check.require(points.back().p == 1, fmt::format("points[{}].p", points.size() - 1),
                Check::text(points.back().p), "1, as it is the last");
}

Distribution::Distribution(const distribution::Mixture& mixture) : picks_branch_(true) {
  Check check(problems_, "mixture");
  double sum = 0;
  for (std::size_t i = 0; i < mixture.components.size(); ++i) {
    const auto& [weight, distribution] = mixture.components[i];
    check.probability(fmt::format("components[{}].weight", i), weight);
    for (const std::string& problem : distribution.problems_) {
      problems_.push_back(fmt::format("mixture: components[{}]: {}", i, problem));
    }
    sum += weight;
    // Flat, so that a mixture of mixtures takes only two uniform numbers.
    for (const Branch& branch : distribution.branches_) {
      add_branch(weight * branch.probability, branch.simple);
    }
  }
  check.sum_of_probabilities("weights", sum);
  if (!branches_.empty()) branches_.back().up_to = 1;
}

void Distribution::add_branch(double probability, Simple simple) {
  // The last branch gets the rounding error of the sum, so it must not have probability 0.
  if (probability == 0) return;
  const double before = branches_.empty() ? 0 : branches_.back().up_to;
  branches_.push_back({probability, before + probability, std::move(simple)});
}

core::Duration Distribution::sample(Randomness& randomness, core::RandomStream& stream) const {
  assert(problems_.empty());
  const Branch* branch = &branches_.front();
  if (picks_branch_) {
    const double u = randomness.uniform(stream);
    while (branch->up_to <= u) ++branch;
  }
  const double u = randomness.uniform(stream);
  return to_duration(
      std::visit([u](const auto& simple) { return quantile(simple, u); }, branch->simple));
}

double Distribution::mean_seconds() const {
  assert(problems_.empty());
  double sum = 0;
  for (const Branch& branch : branches_) {
    sum += branch.probability *
           std::visit([](const auto& simple) { return mean(simple); }, branch.simple);
  }
  return sum / kNanosecondsPerSecond;
}

double Distribution::quantile_seconds(double p) const {
  assert(problems_.empty() && p > 0 && p < 1);
  // The quantile of a mixture is between the smallest and the largest quantile of its branches.
  double low = std::numeric_limits<double>::infinity();
  double high = 0;
  for (const Branch& branch : branches_) {
    const double q =
        std::visit([p](const auto& simple) { return quantile(simple, p); }, branch.simple);
    low = std::min(low, q);
    high = std::max(high, q);
  }
  if (low == high || cdf(low) >= p) return low / kNanosecondsPerSecond;
  // The loop keeps cdf(low) < p <= cdf(high). It ends at 1e-300 at the latest, where doubles lose
  // their precision.
  while (high - low > std::max(1e-13 * high, 1e-300)) {
    const double middle = low + (high - low) / 2;
    (cdf(middle) >= p ? high : low) = middle;
  }
  return high / kNanosecondsPerSecond;
}

double Distribution::cdf(double nanoseconds) const {
  double sum = 0;
  for (const Branch& branch : branches_) {
    sum += branch.probability *
           std::visit([nanoseconds](const auto& simple) { return sim::cdf(simple, nanoseconds); },
                      branch.simple);
  }
  return sum;
}

}  // namespace quintain::sim
