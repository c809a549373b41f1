#include "study/predictions/predicted.h"

#include <algorithm>

#include "study/statistics/strata.h"

namespace quintain::study {

void stratify(std::vector<PredictedExecution>& executions) {
  if (executions.empty()) return;
  std::uint32_t functions = 0;
  for (const auto& execution : executions) functions = std::max(functions, execution.function + 1);
  std::vector<double> calls(functions);
  for (const auto& execution : executions) ++calls[execution.function];

  std::vector<double> depths;
  std::vector<double> popularities;
  for (const auto& execution : executions) {
    depths.push_back(static_cast<double>(execution.depth));
    popularities.push_back(calls[execution.function]);
  }
  const statistics::Strata by_depth(std::move(depths), 5);
  const statistics::Strata by_popularity(std::move(popularities), 3);
  for (auto& execution : executions) {
    execution.depth_quintile =
        1 + static_cast<int>(by_depth.of(static_cast<double>(execution.depth)));
    execution.popularity_tercile =
        3 -
        static_cast<int>(by_popularity.count() - 1 - by_popularity.of(calls[execution.function]));
  }
}

}  // namespace quintain::study
