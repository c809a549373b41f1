// What studies say of calls beyond what scenarios can: populations of functions, and mixed traffic.
#pragma once

#include <optional>
#include <vector>

#include "reports/json_input/reader.h"
#include "sim/mixed_load.h"
#include "study/comparison/population.h"

namespace quintain::study {

/// Reads the object "population".
Population read_population(const json_input::Reader& population);

/// The traffic of a workload, before it is known whose it is.
struct Traffic {
  sim::ArrivalSpec arrivals;
  /// The mean share of the slots that the services keep busy; none: services are as they are.
  std::optional<double> load;
  std::vector<sim::MixedLoad::Priority> priorities;
  std::optional<sim::MixedLoad::Cancels> cancels;
  int retries = 0;
  /// Of all calls, or as multiples of the called function's mean service time.
  std::optional<sim::Distribution> timeout;
  std::optional<Spread> timeout_factor;
};

/// Reads the object "traffic".
Traffic read_traffic(const json_input::Reader& traffic);

/// Mean arrivals per second; nothing if the process has no such rate.
std::optional<double> mean_rate(const sim::ArrivalSpec& arrivals);

}  // namespace quintain::study
