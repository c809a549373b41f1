#include "core/eta/estimator.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/eta/factories.h"

namespace quintain::core::eta {
namespace {

std::unique_ptr<Estimator> make_state_calibrated(Duration prior, std::uint64_t seed) {
  return make_recalibrated("state+calibrated", make_state_with_change(prior, seed));
}

struct Entry {
  std::string_view name;
  std::unique_ptr<Estimator> (*make)(const EtaConfig& config, std::uint64_t seed);
};

constexpr std::array kEstimators = {
    Entry{"constant",
          [](const EtaConfig& eta, std::uint64_t) { return make_constant(eta.constant); }},
    Entry{"ewma", [](const EtaConfig& eta, std::uint64_t) { return make_ewma(eta.prior); }},
    Entry{"les", [](const EtaConfig& eta,
                    std::uint64_t) { return make_last_to_enter_service(eta.prior); }},
    Entry{"queue-length",
          [](const EtaConfig& eta, std::uint64_t) { return make_queue_length(eta.prior); }},
    Entry{"queued-work",
          [](const EtaConfig& eta, std::uint64_t) { return make_queued_work(eta.prior); }},
    Entry{"window-quantile",
          [](const EtaConfig& eta, std::uint64_t) { return make_window_quantile(eta.prior); }},
    Entry{"queue-length+conformal",
          [](const EtaConfig& eta, std::uint64_t) {
            return make_conformal(make_queue_length(eta.prior));
          }},
    Entry{"state",
          [](const EtaConfig& eta, std::uint64_t seed) { return make_state(eta.prior, seed); }},
    Entry{"state+change",
          [](const EtaConfig& eta, std::uint64_t seed) {
            return make_state_with_change(eta.prior, seed);
          }},
    Entry{"state+calibrated",
          [](const EtaConfig& eta, std::uint64_t seed) {
            return make_state_calibrated(eta.prior, seed);
          }},
    Entry{"best",
          [](const EtaConfig& eta, std::uint64_t seed) {
            return make_mixture("best", make_state_calibrated(eta.prior, seed), eta.prior);
          }},
};

struct Added {
  std::string name;
  EstimatorFactory make;
};

// Changes only before main() starts.
std::vector<Added>& added() {
  static std::vector<Added> estimators;
  return estimators;
}

}  // namespace

void Estimator::introduce(FunctionIndex, std::string_view, std::string_view) {}
void Estimator::observe_arrival(FunctionIndex, Instant, std::int64_t) {}

std::span<const std::string_view> estimator_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const Entry& entry : kEstimators) all.push_back(entry.name);
    for (const Added& entry : added()) all.push_back(entry.name);
    return all;
  }();
  return names;
}

RegisterEstimator::RegisterEstimator(std::string name, EstimatorFactory make) {
  assert(std::ranges::find(kEstimators, name, &Entry::name) == kEstimators.end());
  assert(std::ranges::find(added(), name, &Added::name) == added().end());
  added().push_back({std::move(name), std::move(make)});
}

std::unique_ptr<Estimator> make_estimator(const EtaConfig& config, std::uint64_t seed) {
  for (const Entry& entry : kEstimators) {
    if (entry.name == config.estimator) return entry.make(config, seed);
  }
  for (const Added& entry : added()) {
    if (entry.name == config.estimator) return entry.make(config, seed);
  }
  return nullptr;
}

}  // namespace quintain::core::eta
