#include "core/eta/estimator.h"

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
            return make_guarded("best", make_state_calibrated(eta.prior, seed), eta.prior);
          }},
};

constexpr auto kNames = [] {
  std::array<std::string_view, kEstimators.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kEstimators[i].name;
  return names;
}();

}  // namespace

void Estimator::introduce(FunctionIndex, std::string_view, std::string_view) {}
void Estimator::observe_arrival(FunctionIndex, Instant, std::int64_t) {}

std::span<const std::string_view> estimator_names() { return kNames; }

std::unique_ptr<Estimator> make_estimator(const EtaConfig& config, std::uint64_t seed) {
  for (const Entry& entry : kEstimators) {
    if (entry.name == config.estimator) return entry.make(config, seed);
  }
  return nullptr;
}

}  // namespace quintain::core::eta
