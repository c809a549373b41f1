// Forwards each call to every estimator, and keeps the log.
#include "study/comparison/estimator_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace quintain::study {
namespace {

using core::eta::Forecast;

bool cold_in_sight(const core::eta::Target& target, const core::eta::NodeState& node) {
  const core::eta::Backlog& backlog = node.backlog();
  const auto own =
      std::ranges::find(backlog.waiting, target.ordinal, &core::eta::WaitingExecution::ordinal);
  if (own == backlog.waiting.end()) return false;
  if (own->fresh) return true;
  const core::eta::TaskShare& share = backlog.shares[own->share];
  const bool starts_now = node.busy < node.slots && node.queued == 0;
  return starts_now ? share.idle == 0 : share.instances == 0;
}

}  // namespace

EstimatorComparison::EstimatorComparison(
    std::vector<std::unique_ptr<core::eta::Estimator>> estimators, ComparisonLog& log,
    Stopwatch stopwatch)
    : estimators_(std::move(estimators)), log_(log), stopwatch_(std::move(stopwatch)) {
  assert(!estimators_.empty());
  for (const auto& estimator : estimators_) log_.names.emplace_back(estimator->name());
  log_.forecasts.resize(estimators_.size());
  if (stopwatch_) log_.costs.resize(estimators_.size());
}

EstimatorComparison::~EstimatorComparison() {
  for (const auto& estimator : estimators_) log_.bytes.push_back(estimator->bytes());
}

Forecast EstimatorComparison::predict(const core::eta::Target& target,
                                      const core::eta::NodeState& node) {
  if (target.ordinal <= last_ordinal_) return estimators_.front()->predict(target, node);
  last_ordinal_ = target.ordinal;
  ComparisonRecord record{.ordinal = target.ordinal,
                          .function = target.function,
                          .accepted_at = target.accepted_at,
                          .depth = node.queued,
                          .ends_before = ends_};
  for (std::size_t i = 0; i < estimators_.size(); ++i) {
    log_.forecasts[i].push_back(ask(i, target, node));
    check(log_.forecasts[i].back(), i, target.ordinal);
  }
  if (log_.explain == log_.records.size()) {
    ExplainedExecution& explained = log_.explained.emplace();
    explained.now = node.now;
    explained.slots = node.slots;
    explained.busy = node.busy;
    explained.queued = node.queued;
    explained.running = node.backlog().running;
    core::eta::explain(*estimators_.front(), target, node, explained.explanation);
  }
  record.cold_in_sight = cold_in_sight(target, node);
  log_.records.push_back(record);
  return log_.forecasts.front().back();
}

void EstimatorComparison::check(const Forecast& forecast, std::size_t estimator,
                                std::uint64_t ordinal) {
  if (std::ranges::is_sorted(forecast.quantiles) || !log_.fault.empty()) return;
  log_.fault = fmt::format("'{}' returned falling quantiles for execution {}",
                           log_.names[estimator], ordinal);
}

Forecast EstimatorComparison::ask(std::size_t estimator, const core::eta::Target& target,
                                  const core::eta::NodeState& node) {
  core::eta::Estimator& asked = *estimators_[estimator];
  if (!stopwatch_) return asked.predict(target, node);
  const std::int64_t start = stopwatch_();
  const Forecast forecast = asked.predict(target, node);
  log_.costs[estimator].push_back({.nanoseconds = stopwatch_() - start, .depth = node.queued});
  return forecast;
}

void EstimatorComparison::introduce(core::eta::FunctionIndex function, std::string_view task_id,
                                    std::string_view name) {
  log_.functions = std::max<std::size_t>(log_.functions, function + 1);
  log_.function_names.resize(log_.functions);
  log_.function_names[function] =
      name.empty() ? std::string(task_id) : fmt::format("{}/{}", task_id, name);
  for (const auto& estimator : estimators_) estimator->introduce(function, task_id, name);
}

void EstimatorComparison::observe_arrival(core::eta::FunctionIndex function, core::Instant now,
                                          std::int64_t rank) {
  for (const auto& estimator : estimators_) estimator->observe_arrival(function, now, rank);
}

void EstimatorComparison::observe_dispatch(core::eta::FunctionIndex function, core::Instant now,
                                           core::Duration waited) {
  for (const auto& estimator : estimators_) estimator->observe_dispatch(function, now, waited);
}

void EstimatorComparison::observe_end(const core::eta::Observation& observation) {
  ++ends_;
  const auto record =
      std::ranges::lower_bound(log_.records, observation.ordinal, {}, &ComparisonRecord::ordinal);
  if (record != log_.records.end() && record->ordinal == observation.ordinal) {
    record->ended_at = observation.ended_at;
    record->dispatched_at = observation.dispatched_at;
    record->deadline = observation.deadline;
    record->status = observation.status;
  }
  for (const auto& estimator : estimators_) estimator->observe_end(observation);
}

std::size_t EstimatorComparison::bytes() const {
  std::size_t bytes = 0;
  for (const auto& estimator : estimators_) bytes += estimator->bytes();
  return bytes;
}

}  // namespace quintain::study
