#include "core/eta/estimator.h"

#include <array>

#include "core/eta/point_estimators.h"

namespace quintain::core::eta {
namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<Estimator> (*make)(const EtaConfig&);
};

constexpr std::array kEstimators = {
    Entry{"constant", [](const EtaConfig& config) { return make_constant(config.constant); }},
    Entry{"ewma", [](const EtaConfig& config) { return make_ewma(config.prior); }},
    Entry{"les", [](const EtaConfig& config) { return make_last_to_enter_service(config.prior); }},
    Entry{"queue-length", [](const EtaConfig& config) { return make_queue_length(config.prior); }},
};

constexpr auto kNames = [] {
  std::array<std::string_view, kEstimators.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kEstimators[i].name;
  return names;
}();

}  // namespace

std::span<const std::string_view> estimator_names() { return kNames; }

std::unique_ptr<Estimator> make_estimator(const EtaConfig& config) {
  for (const Entry& entry : kEstimators) {
    if (entry.name == config.estimator) return entry.make(config);
  }
  return nullptr;
}

}  // namespace quintain::core::eta
