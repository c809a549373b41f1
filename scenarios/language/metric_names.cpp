// The table of metrics. docs/scenarios.md has a copy, which a test compares.
#include <algorithm>
#include <array>

#include "scenarios/language/scenario.h"

namespace quintain::scenarios {
namespace {

constexpr bool kCount = true;
constexpr bool kMeasure = false;

constexpr auto kMetrics = std::to_array<MetricName>({
    {"count.calls", "", kCount, "invocations that callers made"},
    {"count.accepted", "", kCount, "executions that the nodes accepted"},
    {"count.refused", "", kCount, "invocations that were refused"},
    {"count.COMPLETED", "", kCount, "executions that ended COMPLETED"},
    {"count.FAILED", "", kCount, "executions that ended FAILED"},
    {"count.CANCELLED", "", kCount, "executions that ended CANCELLED"},
    {"count.TIMEOUT", "", kCount, "executions that ended TIMEOUT"},
    {"share.COMPLETED", "share", kMeasure, "of the executions that ended: COMPLETED"},
    {"share.FAILED", "share", kMeasure, "of the executions that ended: FAILED"},
    {"share.CANCELLED", "share", kMeasure, "of the executions that ended: CANCELLED"},
    {"share.TIMEOUT", "share", kMeasure, "of the executions that ended: TIMEOUT"},
    {"share.refused", "share", kMeasure, "of the invocations: refused"},
    {"share.waited", "share", kMeasure,
     "of the executions that ended: waited for a slot, or never got one"},
    {"wait_ms.mean", "ms", kMeasure, "from acceptance to the slot: mean"},
    {"wait_ms.p50", "ms", kMeasure, "from acceptance to the slot: median"},
    {"wait_ms.p90", "ms", kMeasure, "from acceptance to the slot: 90th percentile"},
    {"wait_ms.p95", "ms", kMeasure, "from acceptance to the slot: 95th percentile"},
    {"wait_ms.p99", "ms", kMeasure, "from acceptance to the slot: 99th percentile"},
    {"wait_ms.max", "ms", kMeasure, "from acceptance to the slot: longest"},
    {"service_ms.mean", "ms", kMeasure, "from the slot to the end, if COMPLETED or FAILED: mean"},
    {"service_ms.p50", "ms", kMeasure, "from the slot to the end, if COMPLETED or FAILED: median"},
    {"service_ms.p90", "ms", kMeasure,
     "from the slot to the end, if COMPLETED or FAILED: 90th percentile"},
    {"service_ms.p95", "ms", kMeasure,
     "from the slot to the end, if COMPLETED or FAILED: 95th percentile"},
    {"service_ms.p99", "ms", kMeasure,
     "from the slot to the end, if COMPLETED or FAILED: 99th percentile"},
    {"service_ms.max", "ms", kMeasure, "from the slot to the end, if COMPLETED or FAILED: longest"},
    {"response_ms.mean", "ms", kMeasure,
     "from acceptance to the end, if COMPLETED or FAILED: mean"},
    {"response_ms.p50", "ms", kMeasure,
     "from acceptance to the end, if COMPLETED or FAILED: median"},
    {"response_ms.p90", "ms", kMeasure,
     "from acceptance to the end, if COMPLETED or FAILED: 90th percentile"},
    {"response_ms.p95", "ms", kMeasure,
     "from acceptance to the end, if COMPLETED or FAILED: 95th percentile"},
    {"response_ms.p99", "ms", kMeasure,
     "from acceptance to the end, if COMPLETED or FAILED: 99th percentile"},
    {"response_ms.max", "ms", kMeasure,
     "from acceptance to the end, if COMPLETED or FAILED: longest"},
    {"eta.coverage.p50", "share", kMeasure,
     "of the ASYNC executions that COMPLETED or FAILED: within the predicted p50"},
    {"eta.coverage.p90", "share", kMeasure,
     "of the ASYNC executions that COMPLETED or FAILED: within the predicted p90"},
    {"eta.mean_error_ms", "ms", kMeasure,
     "the predicted p50 minus the time taken: mean; above 0: ended sooner than predicted"},
    {"eta.mean_absolute_error_ms", "ms", kMeasure,
     "the predicted p50 minus the time taken: mean of the absolute values"},
    {"attempts", "", kCount, "attempts started"},
    {"retries", "", kCount, "attempts after an execution's first"},
    {"cold_starts", "", kCount, "attempts started in a new instance"},
    {"kills", "", kCount, "attempts killed"},
    {"reports_ignored", "", kCount,
     "reports of the runtime that arrived too late and were ignored"},
    {"utilisation", "share", kMeasure, "of the slots' time: in use"},
    {"slots.peak", "", kCount, "most slots in use at once, all nodes together"},
    {"queue.peak", "", kCount, "most executions waiting at once, all nodes together"},
    {"queue.mean", "", kMeasure, "executions waiting, mean over time"},
    {"records.peak", "", kCount, "most executions on record at once, all nodes together"},
    {"virtual_seconds", "s", kMeasure, "virtual time from the start to the end of the run"},
});

}  // namespace

std::span<const MetricName> metric_names() { return kMetrics; }

bool known_metric(std::string_view name) {
  return std::any_of(kMetrics.begin(), kMetrics.end(),
                     [name](const MetricName& metric) { return metric.name == name; });
}

}  // namespace quintain::scenarios
