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

constexpr std::array<std::string_view, kMethods> kNames = {
    "InvokeFunction", "GetExecutionStatus", "CancelExecution", "StreamFunction", "ListTasks",
    "GetTask",        "DeleteTask",         "ListExecutions",  "GetHealth",      "GetStats"};

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

std::string_view name_of(Method method) { return kNames[static_cast<std::size_t>(method)]; }

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
    const std::string name(kNames[method]);
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
                            "From a call's arrival to its answer, in real time",
                            MetricType::Histogram, std::move(durations)));
}

void append_node_metrics(core::Node& node, std::vector<MetricFamily>& families) {
  const auto count = [&](const char* name, const char* help, std::int64_t value) {
    families.push_back(
        family(name, help, MetricType::Counter, {counter(static_cast<double>(value))}));
  };
  const auto level = [&](const char* name, const char* help, std::int64_t value) {
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
  families.push_back(family("quintain_executions", "Executions on record by status",
                            MetricType::Gauge, std::move(executions)));
  level("quintain_queue_length", "Executions that wait for a slot", manager.queued());
  level("quintain_busy_slots", "Slots in use", manager.busy_slots());
  level("quintain_slots", "Slots that there are", node.config().slots);
  level("quintain_draining", "1 while the server takes no new work", manager.draining() ? 1 : 0);

  const core::Counters& counters = node.counters();
  count("quintain_accepted_total", "Executions accepted", counters.accepted);
  count("quintain_repeated_total", "Invocations answered from an existing record",
        counters.repeated);
  const auto refused = [](std::string reason, std::int64_t value) {
    return counter(static_cast<double>(value), {{"reason", std::move(reason)}});
  };
  families.push_back(family(
      "quintain_refused_total", "Invocations refused by reason", MetricType::Counter,
      {refused("invalid", counters.refused_invalid),
       refused("unknown_task", counters.refused_unknown_task),
       refused("queue_full", counters.refused_queue_full),
       refused("draining", counters.refused_draining), refused("other", counters.refused_other)}));
  count("quintain_attempts_total", "Attempts begun", counters.attempts);
  count("quintain_cold_starts_total", "Attempts that began with a cold start",
        counters.cold_starts);
  count("quintain_retries_total", "Attempts after the first of their execution", counters.retries);
  count("quintain_kills_total", "Attempts ended by force", counters.kills);
  count("quintain_reports_ignored_total", "Reports about attempts that were over",
        counters.reports_ignored);
}

std::string to_text(const std::vector<MetricFamily>& families) {
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace quintain::server
