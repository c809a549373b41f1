// The names of what is measured about a run.
#pragma once

#include <span>
#include <string_view>

namespace quintain::scenarios {

struct MetricName {
  std::string_view name;
  /// "ms", "s", "share" (from 0 to 1), or "" for a number of things.
  std::string_view unit;
  /// Always a whole number.
  bool is_count;
  std::string_view meaning;
};

/// Every metric, in the order in which reports and documents list them.
std::span<const MetricName> metric_names();

bool known_metric(std::string_view name);

}  // namespace quintain::scenarios
