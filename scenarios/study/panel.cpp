#include "scenarios/study/panel.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace quintain::scenarios {
namespace {

using core::eta::Forecast;

bool cold_in_sight(const core::eta::Subject& subject, const core::eta::NodeState& node) {
  const core::eta::Backlog& backlog = node.backlog();
  const auto own =
      std::ranges::find(backlog.waiting, subject.ordinal, &core::eta::Waiting::ordinal);
  if (own == backlog.waiting.end()) return false;
  if (own->fresh) return true;
  const core::eta::TaskShare& share = backlog.shares[own->share];
  const bool starts_now = node.busy < node.slots && node.queued == 0;
  return starts_now ? share.idle == 0 : share.instances == 0;
}

}  // namespace

Panel::Panel(std::vector<std::unique_ptr<core::eta::Estimator>> panellists, PanelLog& log,
             Stopwatch stopwatch)
    : panellists_(std::move(panellists)), log_(log), stopwatch_(std::move(stopwatch)) {
  assert(!panellists_.empty());
  for (const auto& panellist : panellists_) log_.names.emplace_back(panellist->name());
  log_.forecasts.resize(panellists_.size());
  if (stopwatch_) log_.costs.resize(panellists_.size());
}

Panel::~Panel() {
  for (const auto& panellist : panellists_) log_.bytes.push_back(panellist->bytes());
}

Forecast Panel::predict(const core::eta::Subject& subject, const core::eta::NodeState& node) {
  if (subject.ordinal <= last_ordinal_) return panellists_.front()->predict(subject, node);
  last_ordinal_ = subject.ordinal;
  PanelRecord record{.ordinal = subject.ordinal,
                     .function = subject.function,
                     .accepted_at = subject.accepted_at,
                     .depth = node.queued,
                     .ends_before = ends_};
  for (std::size_t i = 0; i < panellists_.size(); ++i) {
    log_.forecasts[i].push_back(ask(i, subject, node));
    check(log_.forecasts[i].back(), i, subject.ordinal);
  }
  record.cold_in_sight = cold_in_sight(subject, node);
  log_.records.push_back(record);
  return log_.forecasts.front().back();
}

void Panel::check(const Forecast& forecast, std::size_t panellist, std::uint64_t ordinal) {
  if (std::ranges::is_sorted(forecast.quantiles) || !log_.fault.empty()) return;
  log_.fault = fmt::format("'{}' stated quantiles that fall, of execution {}",
                           log_.names[panellist], ordinal);
}

Forecast Panel::ask(std::size_t panellist, const core::eta::Subject& subject,
                    const core::eta::NodeState& node) {
  core::eta::Estimator& estimator = *panellists_[panellist];
  if (!stopwatch_) return estimator.predict(subject, node);
  const std::int64_t began = stopwatch_();
  const Forecast forecast = estimator.predict(subject, node);
  const std::int64_t ended = stopwatch_();
  log_.costs[panellist].push_back({.nanoseconds = ended - began, .depth = node.queued});
  return forecast;
}

void Panel::introduce(core::eta::FunctionIndex function, std::string_view task_id,
                      std::string_view name) {
  log_.functions = std::max<std::size_t>(log_.functions, function + 1);
  for (const auto& panellist : panellists_) panellist->introduce(function, task_id, name);
}

void Panel::observe_arrival(core::eta::FunctionIndex function, core::Instant now,
                            std::int64_t rank) {
  for (const auto& panellist : panellists_) panellist->observe_arrival(function, now, rank);
}

void Panel::observe_dispatch(core::eta::FunctionIndex function, core::Instant now,
                             core::Duration waited) {
  for (const auto& panellist : panellists_) panellist->observe_dispatch(function, now, waited);
}

void Panel::observe_end(const core::eta::Observation& observation) {
  ++ends_;
  const auto record =
      std::ranges::lower_bound(log_.records, observation.ordinal, {}, &PanelRecord::ordinal);
  if (record != log_.records.end() && record->ordinal == observation.ordinal) {
    record->ended_at = observation.ended_at;
    record->dispatched_at = observation.dispatched_at;
    record->deadline = observation.deadline;
    record->status = observation.status;
  }
  for (const auto& panellist : panellists_) panellist->observe_end(observation);
}

std::size_t Panel::bytes() const {
  std::size_t bytes = 0;
  for (const auto& panellist : panellists_) bytes += panellist->bytes();
  return bytes;
}

}  // namespace quintain::scenarios
