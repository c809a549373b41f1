// Converts the counters of the server and of its node to Prometheus metric families, and those to
// text.
#include "server/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <chrono>
#include <limits>

namespace quintain::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

ClientMetric metric(std::vector<ClientMetric::Label> labels) {
  ClientMetric metric;
  metric.label = std::move(labels);
  return metric;
}

ClientMetric counter(double value, std::vector<ClientMetric::Label> labels = {}) {
  ClientMetric counted = metric(std::move(labels));
  counted.counter.value = value;
  return counted;
}

ClientMetric gauge(double value, std::vector<ClientMetric::Label> labels = {}) {
  ClientMetric measured = metric(std::move(labels));
  measured.gauge.value = value;
  return measured;
}

MetricFamily family(std::string name, std::string help, MetricType type,
                    std::vector<ClientMetric> metrics) {
  return {std::move(name), std::move(help), type, std::move(metrics)};
}

std::string code_name(std::size_t code) {
  return absl::StatusCodeToString(static_cast<absl::StatusCode>(code));
}

}  // namespace

void RpcMetrics::count(Method method, absl::StatusCode code, core::Duration took) {
  const auto index = static_cast<std::size_t>(method);
  ++calls_[index][std::min(static_cast<std::size_t>(code), kCodes - 1)];
  const double seconds = std::chrono::duration<double>(took).count();
  const auto bucket = std::ranges::lower_bound(kBounds, seconds) - kBounds.begin();
  ++durations_[index].buckets[static_cast<std::size_t>(bucket)];
  durations_[index].sum_seconds += seconds;
}

void RpcMetrics::append_to(std::vector<MetricFamily>& families) const {
  std::vector<ClientMetric> calls;
  std::vector<ClientMetric> durations;
  for (std::size_t method = 0; method < kMethods; ++method) {
    const std::string name(core::kMethodNames[method]);
    for (std::size_t code = 0; code < kCodes; ++code) {
      if (calls_[method][code] == 0) continue;
      calls.push_back(counter(static_cast<double>(calls_[method][code]),
                              {{"method", name}, {"code", code_name(code)}}));
    }
    ClientMetric duration = metric({{"method", name}});
    std::uint64_t below = 0;
    for (std::size_t bucket = 0; bucket <= kBounds.size(); ++bucket) {
      below += durations_[method].buckets[bucket];
      const bool last = bucket == kBounds.size();
      duration.histogram.bucket.push_back(
          {below, last ? std::numeric_limits<double>::infinity() : kBounds[bucket]});
    }
    if (below == 0) continue;
    duration.histogram.sample_count = below;
    duration.histogram.sample_sum = durations_[method].sum_seconds;
    durations.push_back(std::move(duration));
  }
  families.push_back(family("quintain_rpcs_total", "Answered calls by method and status code",
                            MetricType::Counter, std::move(calls)));
  families.push_back(family("quintain_rpc_duration_seconds",
                            "Real time from the arrival of a call to its answer",
                            MetricType::Histogram, std::move(durations)));
}

void append_node_metrics(core::Node& node, std::vector<MetricFamily>& families) {
  const auto add_counter = [&](const char* name, const char* help, std::int64_t value) {
    families.push_back(
        family(name, help, MetricType::Counter, {counter(static_cast<double>(value))}));
  };
  const auto add_gauge = [&](const char* name, const char* help, std::int64_t value) {
    families.push_back(family(name, help, MetricType::Gauge, {gauge(static_cast<double>(value))}));
  };
  core::TaskExecutionManager& manager = node.manager();

  std::vector<ClientMetric> executions;
  const auto& tally = manager.tracker().tally();
  for (int status = 1; status < spearlet::ExecutionStatus_ARRAYSIZE; ++status) {
    const auto value = static_cast<spearlet::ExecutionStatus>(status);
    std::string name = spearlet::ExecutionStatus_Name(value);
    name.erase(0, std::string_view("EXECUTION_STATUS_").size());
    executions.push_back(
        gauge(static_cast<double>(tally.count(value)), {{"status", std::move(name)}}));
  }
  families.push_back(family("quintain_executions", "Stored executions by status", MetricType::Gauge,
                            std::move(executions)));
  add_gauge("quintain_queue_length", "Executions waiting for a slot", manager.queued());
  add_gauge("quintain_busy_slots", "Slots in use", manager.busy_slots());
  add_gauge("quintain_slots", "Slots of the node", node.config().slots);
  add_gauge("quintain_draining", "1 while the server accepts no new work, otherwise 0",
            manager.draining() ? 1 : 0);

  const core::Counters& counters = node.counters();
  add_counter("quintain_accepted_total", "Executions accepted", counters.accepted);
  add_counter("quintain_repeated_total", "Invocations answered from an existing record",
              counters.repeated);
  const auto rejected = [](std::string reason, std::int64_t value) {
    return counter(static_cast<double>(value), {{"reason", std::move(reason)}});
  };
  families.push_back(family("quintain_refused_total", "Invocations rejected, by reason",
                            MetricType::Counter,
                            {rejected("invalid", counters.refused_invalid),
                             rejected("unknown_task", counters.refused_unknown_task),
                             rejected("queue_full", counters.refused_queue_full),
                             rejected("draining", counters.refused_draining),
                             rejected("other", counters.refused_other)}));
  add_counter("quintain_attempts_total", "Attempts started", counters.attempts);
  add_counter("quintain_cold_starts_total", "Attempts that started cold", counters.cold_starts);
  add_counter("quintain_retries_total", "Attempts after the first one of an execution",
              counters.retries);
  add_counter("quintain_kills_total", "Attempts killed", counters.kills);
  add_counter("quintain_reports_ignored_total", "Reports about attempts that had already ended",
              counters.reports_ignored);
}

std::string to_text(const std::vector<MetricFamily>& families) {
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace quintain::server
