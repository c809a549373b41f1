// Populations of functions and mixed traffic: the parts of a workload that only studies have.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "reports/json_input/reader.h"
#include "sim/function_model.h"
#include "sim/load.h"
#include "sim/random/distribution.h"

namespace quintain::study {

// ---- Populations (population.cpp) ---------------------------------------------------------------

/// A number that is drawn for each function, uniform between two bounds.
struct Spread {
  double low = 0;
  double high = 0;
};

/// Many functions that are similar but not equal. The population's own seed determines the
/// functions, so that all replications of a study have the same ones.
struct Population {
  /// The kinds of service time distributions; all functions have the same kind.
  struct Lognormal {
    sim::Distribution median;
    Spread sigma;
    /// Of the logarithms of a function's times, from one call to the next; 0: independent.
    double autocorrelation = 0;
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
  /// The calls of the function of rank r are proportional to r^-zipf.
  double zipf = 1;
  /// What the functions have in common: cold start, failures, reaction to a stop. Its service time,
  /// task and function name are ignored.
  sim::FunctionModel common{};
};

struct PopulationMember {
  /// A task of its own that accepts any function name.
  sim::FunctionModel model;
  /// The share of the calls; the sum over all members is 1.
  double popularity = 0;
};

/// The members, the most popular first. If `mean_service_seconds` is given, all service times are
/// scaled by one factor so that this is their mean over the calls; nullopt if a service time has no
/// finite mean.
std::optional<std::vector<PopulationMember>> make_population(
    const Population& population, std::optional<double> mean_service_seconds);

/// Reads the object "population".
Population read_population(const json_input::Reader& population);

// ---- Traffic (traffic.cpp) ----------------------------------------------------------------------

/// The traffic of a workload, without the functions that it calls.
struct Traffic {
  sim::ArrivalSpec arrivals;
  /// The mean share of busy slots, to which services are scaled; nullopt: services are not scaled.
  std::optional<double> load;
  std::vector<sim::MixedLoad::Priority> priorities;
  std::optional<sim::MixedLoad::Cancels> cancels;
  int retries = 0;
  /// The timeout of all calls, or its factor to the called function's mean service time.
  std::optional<sim::Distribution> timeout;
  std::optional<Spread> timeout_factor;
};

/// Reads the object "traffic".
Traffic read_traffic(const json_input::Reader& traffic);

/// The mean number of arrivals per second; nullopt if the process has no such rate.
std::optional<double> mean_rate(const sim::ArrivalSpec& arrivals);

}  // namespace quintain::study
