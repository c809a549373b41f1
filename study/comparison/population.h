// A population of functions, drawn from distributions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sim/function_model.h"
#include "sim/random/distribution.h"

namespace quintain::study {

/// A number that is drawn for each function, uniform between two bounds.
struct Spread {
  double low = 0;
  double high = 0;
};

/// Many functions that are alike but not the same. Which there are is decided by the population's
/// own seed: the replications of a study meet the same functions.
struct Population {
  /// The service times' distributions; the distribution of each function is of the same kind.
  struct Lognormal {
    sim::Distribution median;
    Spread sigma;
  };
  struct Pareto {
    sim::Distribution minimum;
    Spread shape;
  };
  struct Weibull {
    sim::Distribution scale;
    Spread shape;
  };
  struct Exponential {
    sim::Distribution mean;
  };

  int functions = 50;
  std::uint64_t seed = 1;
  std::variant<Lognormal, Pareto, Weibull, Exponential> service;
  /// Calls of the function of rank r are proportional to r^-zipf.
  double zipf = 1;
  /// What the functions have in common: cold start, failures, how they take a stop. Its service
  /// time, task and function name are not looked at.
  sim::FunctionModel common{};
};

struct PopulationMember {
  /// A task of its own, which answers to any function name.
  sim::FunctionModel model;
  /// Share of the calls; the sum over all is 1.
  double popularity = 0;
};

/// The members, the most popular first. `mean_service_seconds`: if given, all service times are
/// stretched by one factor so that this is the mean over the calls. Nothing if that can't be,
/// because a service time has no finite mean.
std::optional<std::vector<PopulationMember>> make_population(
    const Population& population, std::optional<double> mean_service_seconds);

}  // namespace quintain::study
