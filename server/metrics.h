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

/// Counts answered calls by method, status code and outcome of the execution, and keeps a histogram
/// of their durations by method. Serial context only.
class RpcMetrics {
 public:
  /// Counts one answered call. `outcome`: the status of the execution in the answer to an
  /// invocation, otherwise UNSPECIFIED. `took`: real time from the arrival of the call to its
  /// answer.
  void count(Method method, absl::StatusCode code, spearlet::ExecutionStatus outcome,
             core::Duration took);

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

  static constexpr std::size_t kOutcomes = spearlet::ExecutionStatus_ARRAYSIZE;

  std::array<std::array<std::array<std::uint64_t, kOutcomes>, kCodes>, kMethods> calls_{};
  std::array<Duration, kMethods> durations_{};
};

/// Appends the state and the counters of `node`. Serial context only.
void append_node_metrics(core::Node& node, std::vector<prometheus::MetricFamily>& families);

/// The state of the transport, for metrics.
struct TransportState {
  std::int64_t open_calls = 0;
  std::int64_t unsent_bytes = 0;
  /// Turns that held the serial context for 100 ms or more.
  std::int64_t context_held = 0;
};
void append_transport_metrics(const TransportState& state,
                              std::vector<prometheus::MetricFamily>& families);

/// Appends the standard metrics of this process: process_cpu_seconds_total and so on. Reads files
/// in /proc. Thread-safe.
void append_process_metrics(std::vector<prometheus::MetricFamily>& families);

/// The resident memory of this process in bytes; 0 if it cannot be read. Thread-safe.
std::int64_t resident_bytes();

/// Returns `families` in the Prometheus text format, version 0.0.4. Thread-safe.
std::string to_text(const std::vector<prometheus::MetricFamily>& families);

}  // namespace quintain::server
