// Converts the counters of the server and of its node to Prometheus metric families, and those to
// text.
#include "server/metrics.h"

#include <absl/strings/numbers.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <system_error>

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

std::string status_name(spearlet::ExecutionStatus status) {
  std::string name = spearlet::ExecutionStatus_Name(status);
  name.erase(0, std::string_view("EXECUTION_STATUS_").size());
  return name;
}

std::string code_name(std::size_t code) {
  return absl::StatusCodeToString(static_cast<absl::StatusCode>(code));
}

}  // namespace

void RpcMetrics::count(Method method, absl::StatusCode code, spearlet::ExecutionStatus outcome,
                       core::Duration took) {
  const auto index = static_cast<std::size_t>(method);
  ++calls_[index][std::min(static_cast<std::size_t>(code), kCodes - 1)]
          [static_cast<std::size_t>(outcome)];
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
      for (std::size_t outcome = 0; outcome < kOutcomes; ++outcome) {
        const std::uint64_t count = calls_[method][code][outcome];
        if (count == 0) continue;
        std::vector<ClientMetric::Label> labels = {{"method", name}, {"code", code_name(code)}};
        const auto status = static_cast<spearlet::ExecutionStatus>(outcome);
        if (outcome != 0) labels.push_back({"outcome", status_name(status)});
        calls.push_back(counter(static_cast<double>(count), std::move(labels)));
      }
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
  families.push_back(family("quintain_rpcs_total",
                            "Answered calls by method, status code and outcome of the execution",
                            MetricType::Counter, std::move(calls)));
  families.push_back(family("quintain_rpc_duration_seconds",
                            "Real time from the arrival of a call to its answer",
                            MetricType::Histogram, std::move(durations)));
}

namespace {

void append_ends(const core::EndStatistics& ends, std::vector<MetricFamily>& families) {
  std::vector<ClientMetric> by_status;
  for (int status = spearlet::EXECUTION_STATUS_COMPLETED;
       status < spearlet::ExecutionStatus_ARRAYSIZE; ++status) {
    by_status.push_back(
        counter(static_cast<double>(ends.by_status[static_cast<std::size_t>(status)]),
                {{"status", status_name(static_cast<spearlet::ExecutionStatus>(status))}}));
  }
  families.push_back(family("quintain_executions_ended_total", "Executions that ended, by status",
                            MetricType::Counter, std::move(by_status)));
  ClientMetric duration;
  std::uint64_t below = 0;
  for (std::size_t bucket = 0; bucket < ends.by_duration.size(); ++bucket) {
    below += static_cast<std::uint64_t>(ends.by_duration[bucket]);
    const bool last = bucket == ends.kBounds.size();
    duration.histogram.bucket.push_back(
        {below, last ? std::numeric_limits<double>::infinity() : ends.kBounds[bucket]});
  }
  duration.histogram.sample_count = below;
  duration.histogram.sample_sum = ends.sum_seconds;
  families.push_back(family("quintain_execution_duration_seconds",
                            "Time from the acceptance of an execution to its end",
                            MetricType::Histogram, {std::move(duration)}));
}

void append_memory(const core::MemoryAccount& memory, std::vector<MetricFamily>& families) {
  std::vector<ClientMetric> used;
  std::vector<ClientMetric> limits;
  for (std::size_t use = 0; use < core::kMemoryUses; ++use) {
    const auto kind = static_cast<core::MemoryUse>(use);
    const std::string name(core::kMemoryUseNames[use]);
    used.push_back(gauge(static_cast<double>(memory.used(kind)), {{"use", name}}));
    limits.push_back(gauge(static_cast<double>(memory.limit(kind)), {{"use", name}}));
  }
  families.push_back(family("quintain_memory_bytes", "Bytes that the node keeps for its clients",
                            MetricType::Gauge, std::move(used)));
  families.push_back(family("quintain_memory_limit_bytes", "The limits of quintain_memory_bytes",
                            MetricType::Gauge, std::move(limits)));
}

}  // namespace

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
    executions.push_back(
        gauge(static_cast<double>(tally.count(value)), {{"status", status_name(value)}}));
  }
  families.push_back(family("quintain_executions", "Stored executions by status", MetricType::Gauge,
                            std::move(executions)));
  append_ends(manager.ends(), families);
  append_memory(manager.memory(), families);
  add_gauge("quintain_tasks", "Tasks that exist",
            static_cast<std::int64_t>(manager.tasks().all().size()));
  add_gauge("quintain_queue_length", "Executions waiting for a slot", manager.queued());
  add_gauge("quintain_busy_slots", "Slots in use", manager.busy_slots());
  add_gauge("quintain_slots", "Slots of the node", node.config().slots);
  add_gauge("quintain_draining", "1 while the server accepts no new work, otherwise 0",
            manager.draining() ? 1 : 0);

  const core::Counters& counters = node.counters();
  add_counter("quintain_accepted_total", "Executions accepted", counters.accepted);
  add_counter("quintain_repeated_total", "Invocations answered from an existing record",
              counters.repeated);
  std::vector<ClientMetric> refused;
  for (std::size_t reason = 0; reason < core::kRefusalReasons; ++reason) {
    refused.push_back(counter(static_cast<double>(counters.refused_by_reason[reason]),
                              {{"reason", std::string(core::kRefusalNames[reason])}}));
  }
  families.push_back(family("quintain_refused_total", "Invocations rejected, by reason",
                            MetricType::Counter, std::move(refused)));
  add_counter("quintain_attempts_total", "Attempts started", counters.attempts);
  add_counter("quintain_cold_starts_total", "Attempts that started cold", counters.cold_starts);
  add_counter("quintain_retries_total", "Attempts after the first one of an execution",
              counters.retries);
  add_counter("quintain_kills_total", "Attempts killed", counters.kills);
  add_counter("quintain_reports_ignored_total", "Reports about attempts that had already ended",
              counters.reports_ignored);
}

void append_transport_metrics(const TransportState& state, std::vector<MetricFamily>& families) {
  families.push_back(family("quintain_open_rpcs", "Calls that are not finished", MetricType::Gauge,
                            {gauge(static_cast<double>(state.open_calls))}));
  families.push_back(family("quintain_unsent_bytes", "Bytes of answers that wait for their readers",
                            MetricType::Gauge, {gauge(static_cast<double>(state.unsent_bytes))}));
  families.push_back(family("quintain_context_held_total",
                            "Times that one function held the serial context for 100 ms or more",
                            MetricType::Counter,
                            {counter(static_cast<double>(state.context_held))}));
}

std::int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t total = 0;
  std::int64_t resident = 0;
  statm >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

void append_process_metrics(std::vector<MetricFamily>& families) {
  const auto add = [&](const char* name, const char* help, MetricType type, double value) {
    const bool counts = type == MetricType::Counter;
    families.push_back(family(name, help, type, {counts ? counter(value) : gauge(value)}));
  };
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  add("process_cpu_seconds_total", "Processor time of this process", MetricType::Counter,
      seconds(usage.ru_utime) + seconds(usage.ru_stime));
  add("process_resident_memory_bytes", "Resident memory of this process", MetricType::Gauge,
      static_cast<double>(resident_bytes()));
  std::ifstream statm("/proc/self/statm");
  double pages = 0;
  statm >> pages;
  add("process_virtual_memory_bytes", "Virtual memory of this process", MetricType::Gauge,
      pages * static_cast<double>(sysconf(_SC_PAGESIZE)));
  std::error_code error;
  const std::filesystem::directory_iterator descriptors("/proc/self/fd", error);
  if (!error) {
    add("process_open_fds", "Open descriptors of this process", MetricType::Gauge,
        static_cast<double>(std::distance(descriptors, std::filesystem::directory_iterator())));
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    add("process_max_fds", "The limit of open descriptors", MetricType::Gauge,
        static_cast<double>(limit.rlim_cur));
  }
  // Field 22 of stat, after the name in parentheses: the start in clock ticks since the boot.
  std::ifstream stat("/proc/self/stat");
  std::string line;
  std::getline(stat, line);
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  std::ifstream uptime("/proc/uptime");
  double since_boot = 0;
  uptime >> since_boot;
  double ticks = 0;
  if (absl::SimpleAtod(field, &ticks)) {
    const double now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    add("process_start_time_seconds", "The start of this process, since the epoch",
        MetricType::Gauge, now - since_boot + ticks / static_cast<double>(sysconf(_SC_CLK_TCK)));
  }
}

std::string to_text(const std::vector<MetricFamily>& families) {
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace quintain::server
