// What the server counts, in the form in which Prometheus reads it.
#pragma once

#include <absl/status/status.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "core/node.h"

namespace prometheus {
struct MetricFamily;
}

namespace quintain::server {

/// The methods of spearlet.FunctionService.
enum class Method : std::uint8_t {
  kInvokeFunction,
  kGetExecutionStatus,
  kCancelExecution,
  kStreamFunction,
  kListTasks,
  kGetTask,
  kDeleteTask,
  kListExecutions,
  kGetHealth,
  kGetStats,
};
inline constexpr std::size_t kMethods = 10;

/// As the contract spells it.
std::string_view name_of(Method method);

/// Calls by method and code, and how long their answers took. Serial context only.
class RpcMetrics {
 public:
  /// `took`: from the call's arrival to its answer, in real time.
  void count(Method method, absl::StatusCode code, core::Duration took);

  void append_to(std::vector<prometheus::MetricFamily>& families) const;

 private:
  static constexpr std::size_t kCodes = 17;
  // Upper bounds in seconds, from a read in memory to a long sync call. The last bucket has none.
  static constexpr std::array kBounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                         0.01,   0.025,   0.05,   0.1,   0.25,   0.5,
                                         1.0,    2.5,     5.0,    10.0,  30.0,   60.0};

  struct Duration {
    std::array<std::uint64_t, kBounds.size() + 1> buckets{};
    double sum_seconds = 0;
  };

  std::array<std::array<std::uint64_t, kCodes>, kMethods> calls_{};
  std::array<Duration, kMethods> durations_{};
};

/// The state and the counters of a node. Serial context only.
void append_node_metrics(core::Node& node, std::vector<prometheus::MetricFamily>& families);

/// The Prometheus text format, version 0.0.4. Any thread.
std::string to_text(const std::vector<prometheus::MetricFamily>& families);

}  // namespace quintain::server
