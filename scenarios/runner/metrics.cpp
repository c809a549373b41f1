// Computes metrics from the events of a run, and from the facts about their executions before each
// event.
#include "scenarios/runner/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace quintain::scenarios {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
constexpr double kNanosecondsPerMillisecond = 1e6;

double ratio(double part, double whole) { return whole > 0 ? part / whole : kUndefined; }

// The nearest-rank quantile: the smallest sample that is not exceeded by the share p of all
// samples.
double quantile(const std::vector<std::int64_t>& sorted, double p) {
  if (sorted.empty()) return kUndefined;
  const double rank = std::ceil(p * static_cast<double>(sorted.size()));
  const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
  return static_cast<double>(sorted[std::min(index, sorted.size() - 1)]);
}

double mean(const std::vector<std::int64_t>& samples) {
  double sum = 0;
  for (const std::int64_t sample : samples) sum += static_cast<double>(sample);
  return ratio(sum, static_cast<double>(samples.size()));
}

bool is_invocation(const sim::Event& event) {
  return sim::message_as<spearlet::InvokeFunctionRequest>(event) != nullptr;
}

}  // namespace

Metrics::Metrics(const sim::World& world, const sim::Ledger& ledger, core::Instant warm_up)
    : ledger_(ledger), warm_up_(warm_up) {
  for (std::size_t node = 0; node < world.nodes(); ++node)
    slots_ += world.node(node).config().slots;
}

void Metrics::on_event(const sim::Event& event) {
  advance(event.at);
  const bool counts = event.at >= warm_up_;
  const sim::ExecutionFacts* facts =
      event.execution.ordinal == 0 ? nullptr : ledger_.find(event.execution);
  const bool counted = facts != nullptr && facts->accepted_at >= warm_up_;
  switch (event.kind) {
    case sim::EventKind::kCallSent:
      if (is_invocation(event)) {
        invocations_.insert(event.call);
        counts_.calls += counts;
      }
      break;
    case sim::EventKind::kCallAnswered:
      invocations_.erase(event.call);
      break;
    case sim::EventKind::kCallRefused:
      if (invocations_.erase(event.call) > 0) counts_.refused += counts;
      break;
    case sim::EventKind::kAccepted:
      counts_.accepted += counts;
      ++queued_;
      max_records_ = std::max(max_records_, ++records_);
      break;
    case sim::EventKind::kAttemptDispatched:
      counts_.attempts += counted;
      counts_.retries += counted && event.number > 1;
      counts_.cold_starts += counted && event.flag;
      if (facts == nullptr || facts->holds_slot) break;
      --queued_;
      max_held_ = std::max(max_held_, ++held_);
      if (counted) wait_.push_back((event.at - facts->accepted_at).count());
      break;
    case sim::EventKind::kAttemptEnded:
      counts_.kills += counted && event.flag;
      break;
    case sim::EventKind::kSlotReleased:
      --held_;
      break;
    case sim::EventKind::kReportIgnored:
      counts_.reports_ignored += counts;
      break;
    case sim::EventKind::kRecordDropped:
      --records_;
      break;
    case sim::EventKind::kNodeCrashed:
      ledger_.for_each([&](sim::ExecutionRef execution, const sim::ExecutionFacts& lost) {
        if (execution.node != event.execution.node) return;
        --records_;
        if (lost.holds_slot) {
          --held_;
        } else if (!lost.ended()) {
          --queued_;
        }
      });
      break;
    case sim::EventKind::kRestored:
      max_records_ = std::max(max_records_, ++records_);
      queued_ += event.restored->live != nullptr ? 1 : 0;
      break;
    case sim::EventKind::kTransition:
      if (facts == nullptr || event.to == spearlet::EXECUTION_STATUS_RUNNING) break;
      if (facts->dispatched_at.is_never()) --queued_;
      if (counted) on_terminal(event, *facts);
      break;
    default:
      break;
  }
}

void Metrics::on_terminal(const sim::Event& event, const sim::ExecutionFacts& facts) {
  ++ended_;
  ++counts_.ended[static_cast<std::size_t>(event.to)];
  const bool got_slot = !facts.dispatched_at.is_never();
  waited_ += !got_slot || facts.dispatched_at > facts.accepted_at;
  const bool by_itself = event.to == spearlet::EXECUTION_STATUS_COMPLETED ||
                         event.to == spearlet::EXECUTION_STATUS_FAILED;
  if (!by_itself || !got_slot) return;
  const core::Duration response = event.at - facts.accepted_at;
  service_.push_back((event.at - facts.dispatched_at).count());
  response_.push_back(response.count());
  if (facts.mode != spearlet::EXECUTION_MODE_ASYNC) return;
  ++predicted_;
  within_p50_ += response <= facts.eta_p50;
  within_p90_ += response <= facts.eta_p90;
  const auto error = static_cast<double>((facts.eta_p50 - response).count());
  error_ += error;
  absolute_error_ += std::abs(error);
}

void Metrics::Integrals::advance(core::Instant now, core::Instant warm_up, int held,
                                 std::int64_t queued) {
  const core::Instant from = std::max(last, warm_up);
  if (now > from) {
    const auto passed = static_cast<double>((now - from).count());
    held_slots += passed * held;
    queue += passed * static_cast<double>(queued);
  }
  last = std::max(last, now);
}

void Metrics::advance(core::Instant now) {
  // The queue is measured when an instant is over, because an execution that gets a slot at once
  // does not wait.
  if (now > integrals_.last) max_queued_ = std::max(max_queued_, queued_);
  integrals_.advance(now, warm_up_, held_, queued_);
}

std::map<std::string, double, std::less<>> Metrics::values(const sim::World& world) const {
  Integrals integrals = integrals_;
  integrals.advance(world.now(), warm_up_, held_, queued_);
  std::map<std::string, double, std::less<>> values;
  const auto count = [&](std::string_view name, std::int64_t counted) {
    values.emplace(name, static_cast<double>(counted));
  };
  count("count.calls", counts_.calls);
  count("count.accepted", counts_.accepted);
  count("count.refused", counts_.refused);
  count("count.COMPLETED", counts_.ended[spearlet::EXECUTION_STATUS_COMPLETED]);
  count("count.FAILED", counts_.ended[spearlet::EXECUTION_STATUS_FAILED]);
  count("count.CANCELLED", counts_.ended[spearlet::EXECUTION_STATUS_CANCELLED]);
  count("count.TIMEOUT", counts_.ended[spearlet::EXECUTION_STATUS_TIMEOUT]);
  count("attempts", counts_.attempts);
  count("retries", counts_.retries);
  count("cold_starts", counts_.cold_starts);
  count("kills", counts_.kills);
  count("reports_ignored", counts_.reports_ignored);
  const auto ended = static_cast<double>(ended_);
  for (const std::string_view status : {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT"}) {
    values[fmt::format("share.{}", status)] = ratio(values[fmt::format("count.{}", status)], ended);
  }
  values["share.refused"] = ratio(values["count.refused"], values["count.calls"]);
  values["share.waited"] = ratio(static_cast<double>(waited_), ended);

  const auto add_times = [&](std::string_view name, std::vector<std::int64_t> samples) {
    std::ranges::sort(samples);
    const auto put = [&](std::string_view statistic, double nanoseconds) {
      values[fmt::format("{}.{}", name, statistic)] = nanoseconds / kNanosecondsPerMillisecond;
    };
    put("mean", mean(samples));
    put("p50", quantile(samples, 0.5));
    put("p90", quantile(samples, 0.9));
    put("p95", quantile(samples, 0.95));
    put("p99", quantile(samples, 0.99));
    put("max", quantile(samples, 1));
  };
  add_times("wait_ms", wait_);
  add_times("service_ms", service_);
  add_times("response_ms", response_);

  const auto predicted = static_cast<double>(predicted_);
  values["eta.coverage.p50"] = ratio(static_cast<double>(within_p50_), predicted);
  values["eta.coverage.p90"] = ratio(static_cast<double>(within_p90_), predicted);
  values["eta.mean_error_ms"] = ratio(error_, predicted) / kNanosecondsPerMillisecond;
  values["eta.mean_absolute_error_ms"] =
      ratio(absolute_error_, predicted) / kNanosecondsPerMillisecond;

  const core::Duration span =
      world.now() > warm_up_ ? world.now() - warm_up_ : core::Duration::zero();
  const auto measured = static_cast<double>(span.count());
  values["utilisation"] = ratio(integrals.held_slots, measured * slots_);
  values["queue.mean"] = ratio(integrals.queue, measured);
  values["queue.peak"] = static_cast<double>(std::max(max_queued_, queued_));
  values["slots.peak"] = static_cast<double>(max_held_);
  values["records.peak"] = static_cast<double>(max_records_);
  values["virtual_seconds"] = static_cast<double>(world.now().since_start().count()) / 1e9;
  return values;
}

}  // namespace quintain::scenarios
