// The server's counters and gauges in the Prometheus text format.
#pragma once

#include <absl/status/status.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "core/method.h"
#include "core/node.h"

namespace prometheus {
struct MetricFamily;
}

namespace quintain::server {

using core::kMethods;
using core::Method;

/// Counts answered calls by method and status code, and keeps a histogram of their durations by
/// method. Serial context only.
class RpcMetrics {
 public:
  /// Counts one answered call. `took`: real time from the arrival of the call to its answer.
  void count(Method method, absl::StatusCode code, core::Duration took);

  /// Appends quintain_rpcs_total and quintain_rpc_duration_seconds.
  void append_to(std::vector<prometheus::MetricFamily>& families) const;

 private:
  static constexpr std::size_t kCodes = 17;
  // Upper bounds of the buckets in seconds: from a lookup in memory to a long sync call. One more
  // bucket without a bound follows.
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

/// Appends the state and the counters of `node`. Serial context only.
void append_node_metrics(core::Node& node, std::vector<prometheus::MetricFamily>& families);

/// Returns `families` in the Prometheus text format, version 0.0.4. Thread-safe.
std::string to_text(const std::vector<prometheus::MetricFamily>& families);

}  // namespace quintain::server
