#include "study/comparison/controls.h"

#include <cstddef>

#include "study/comparison/scoring.h"

namespace quintain::study {
namespace {

constexpr double kBias = 1.25;
constexpr std::string_view kPrefix = "control-";

}  // namespace

std::vector<Forecasts> make_controls(std::span<const double> levels,
                                     std::span<const PredictedExecution> executions,
                                     const Forecasts& oracle) {
  Forecasts biased = oracle;
  biased.estimator = "control-biased";
  for (double& point : biased.points) point *= kBias;
  for (double& quantile : biased.quantiles) quantile *= kBias;

  Forecasts narrow = oracle;
  narrow.estimator = "control-narrow";
  Forecasts peeking = oracle;
  peeking.estimator = "control-peeking";
  const auto halve = [](double& value, double towards) { value = (value + towards) / 2; };
  for (std::size_t i = 0; i < executions.size(); ++i) {
    const double median = quantile_at(levels, oracle.of(i, levels.size()), 0.5);
    const double actual = executions[i].elapsed;
    halve(peeking.points[i], actual);
    for (std::size_t k = 0; k < levels.size(); ++k) {
      halve(narrow.quantiles[i * levels.size() + k], median);
      halve(peeking.quantiles[i * levels.size() + k], actual);
    }
  }
  return {biased, narrow, peeking};
}

bool is_control(std::string_view estimator) { return estimator.starts_with(kPrefix); }

}  // namespace quintain::study
