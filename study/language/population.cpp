// Draws each function's scale and form from streams of its own, so that a larger population starts
// with the same functions.
#include "study/language/traffic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <utility>

#include "core/base/random.h"
#include "sim/random/randomness.h"
#include "study/statistics/reference_distributions.h"

namespace quintain::study {
namespace {

namespace distribution = sim::distribution;

/// The draws for one function: the scale of its distribution in seconds, and its form.
struct Draw {
  double scale;
  double form;
};

core::Duration duration(double seconds) { return sim::to_duration(seconds * 1e9); }

/// Makes the distribution of one function, `factor` times as long as drawn.
struct MakeDistribution {
  Draw draw;
  double factor;

  sim::Distribution operator()(const Population::Lognormal&) const {
    return distribution::Lognormal{.mu = std::log(draw.scale * factor), .sigma = draw.form};
  }
  sim::Distribution operator()(const Population::Pareto&) const {
    return distribution::Pareto{.shape = draw.form, .minimum = duration(draw.scale * factor)};
  }
  sim::Distribution operator()(const Population::Weibull&) const {
    return distribution::Weibull{.shape = draw.form, .scale = duration(draw.scale * factor)};
  }
  sim::Distribution operator()(const Population::Exponential&) const {
    return distribution::Exponential{duration(draw.scale * factor)};
  }
};

/// Draws for one function.
class Drawer {
 public:
  Drawer(std::uint64_t seed, std::uint64_t function) : randomness_(seed), function_(function) {}

  Draw operator()(const Population::Lognormal& kind) { return draw(kind.median, kind.sigma); }
  Draw operator()(const Population::Pareto& kind) { return draw(kind.minimum, kind.shape); }
  Draw operator()(const Population::Weibull& kind) { return draw(kind.scale, kind.shape); }
  Draw operator()(const Population::Exponential& kind) { return draw(kind.mean, {}); }

 private:
  Draw draw(const sim::Distribution& scale, Spread form) {
    core::RandomStream scales("population.scale", function_);
    core::RandomStream forms("population.form", function_);
    // At least a nanosecond: a distribution needs a scale.
    const core::Duration drawn = std::max(core::Duration(1), scale.sample(randomness_, scales));
    return {.scale = static_cast<double>(drawn.count()) / 1e9,
            .form = form.low + (form.high - form.low) * randomness_.uniform(forms)};
  }

  sim::Randomness randomness_;
  std::uint64_t function_;
};

/// Times whose logarithms are a stationary autoregression of order one. All replications get the
/// same ones, as they get the same functions.
std::shared_ptr<const std::vector<sim::FunctionModel::Recorded>> autocorrelated_times(
    const distribution::Lognormal& marginal, double autocorrelation, std::uint64_t seed,
    std::uint64_t function) {
  // Longer than what a function is called in a replication of the usual length.
  constexpr std::size_t kTimes = 8000;
  sim::Randomness randomness(seed);
  core::RandomStream draws("population.autocorrelated", function);
  const auto normal = [&] {
    constexpr double kTiny = 1e-12;
    return statistics::normal_quantile(std::clamp(randomness.uniform(draws), kTiny, 1 - kTiny));
  };
  auto times = std::make_shared<std::vector<sim::FunctionModel::Recorded>>();
  const double fresh = std::sqrt(1 - autocorrelation * autocorrelation);
  double z = normal();
  for (std::size_t i = 0; i < kTimes; ++i) {
    times->push_back({.duration = duration(std::exp(marginal.mu + marginal.sigma * z))});
    z = autocorrelation * z + fresh * normal();
  }
  return times;
}

/// Gives the members of an autocorrelated population their times.
void set_times(const Population& population, std::vector<PopulationMember>& members) {
  const auto* kind = std::get_if<Population::Lognormal>(&population.service);
  if (kind == nullptr || kind->autocorrelation == 0) return;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const double mean = members[i].model.service.mean_seconds();
    const Draw draw = Drawer(population.seed, i)(*kind);
    // The factor to the load has scaled the mean and not the form.
    const distribution::Lognormal marginal = {.mu = std::log(mean) - draw.form * draw.form / 2,
                                              .sigma = draw.form};
    members[i].model.recorded =
        autocorrelated_times(marginal, kind->autocorrelation, population.seed, i);
  }
}

}  // namespace

std::optional<std::vector<PopulationMember>> make_population(
    const Population& population, std::optional<double> mean_service_seconds) {
  std::vector<Draw> draws;
  std::vector<PopulationMember> members;
  double weights = 0;
  for (int i = 0; i < population.functions; ++i) {
    draws.push_back(
        std::visit(Drawer(population.seed, static_cast<std::uint64_t>(i)), population.service));
    PopulationMember& member = members.emplace_back();
    member.model = population.common;
    member.model.task = fmt::format("f{:04}", i + 1);
    member.model.function = "";
    member.popularity = std::pow(i + 1, -population.zipf);
    weights += member.popularity;
  }
  for (PopulationMember& member : members) member.popularity /= weights;

  // The mean of all; nullopt if a distribution would be invalid, such as one without a scale.
  const auto set_distributions = [&](double factor) -> std::optional<double> {
    double mean = 0;
    for (std::size_t i = 0; i < members.size(); ++i) {
      sim::Distribution& service = members[i].model.service;
      service =
          std::visit(MakeDistribution{.draw = draws[i], .factor = factor}, population.service);
      if (!service.problems().empty()) return std::nullopt;
      mean += members[i].popularity * service.mean_seconds();
    }
    return mean;
  };
  const auto mean = set_distributions(1);
  if (!mean) return std::nullopt;
  if (!mean_service_seconds) {
    set_times(population, members);
    return members;
  }
  if (!std::isfinite(*mean) || *mean <= 0) return std::nullopt;
  if (!set_distributions(*mean_service_seconds / *mean)) return std::nullopt;
  set_times(population, members);
  return members;
}

}  // namespace quintain::study
