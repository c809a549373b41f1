#include "scenarios/runner/lanes.h"

#include <fmt/format.h>

#include <utility>

#include "core/node.h"
#include "core/transitions.h"

namespace quintain::scenarios {

void LaneRecorder::on_event(const sim::Event& event) {
  using sim::EventKind;
  const std::uint32_t node = event.execution.node;
  switch (event.kind) {
    case EventKind::kAccepted:
      return on_accepted(event);
    case EventKind::kNodeCrashed:
      return on_crash(node);
    case EventKind::kNodeStarted:
      return add_fault(node_name(node) + " starts again");
    case EventKind::kReportIgnored:
      return add_fault("a late report of the runtime is ignored");
    case EventKind::kNetwork:
      return on_network_event(event);
    case EventKind::kDisk: {
      const auto what = static_cast<sim::DiskEvent>(event.number);
      if (what == sim::DiskEvent::kCommitStarts || what == sim::DiskEvent::kCommitEnds) return;
      return add_fault(fmt::format("the disk of {}: {}", node_name(node), sim::text_of(what)));
    }
    default:
      break;
  }
  if (open_.empty() || !open_.contains(event.execution)) return;
  on_execution_event(event, timeline_.lanes[lanes_.at(event.execution)]);
}

void LaneRecorder::on_accepted(const sim::Event& event) {
  if (timeline_.lanes.size() == kMaxLanes) {
    ++timeline_.omitted_lanes;
    return;
  }
  lanes_.emplace(event.execution, timeline_.lanes.size());
  open_.insert(event.execution);
  reports::Lane& lane = timeline_.lanes.emplace_back();
  lane.accepted = event.at.since_start();
  if (!event.deadline.is_never()) lane.deadline = event.deadline.since_start();
  // Only an ASYNC execution is estimated at its acceptance.
  if (event.eta_p90 > core::Duration(0)) {
    lane.eta_p50 = lane.accepted + event.eta_p50;
    lane.eta_p90 = lane.accepted + event.eta_p90;
  }
  const auto* record = world_.node(event.execution.node).record(event.execution.ordinal);
  if (record == nullptr) return;
  // A function without a name of its own is all that its task offers.
  lane.function = record->function != nullptr ? record->function->name : "";
  if (lane.function.empty()) lane.function = record->task->id();
}

void LaneRecorder::on_execution_event(const sim::Event& event, reports::Lane& lane) {
  using sim::EventKind;
  const std::chrono::nanoseconds now = event.at.since_start();
  const auto mark = [&](std::string text) { lane.marks.push_back({now, std::move(text)}); };
  switch (event.kind) {
    case EventKind::kAttemptDispatched:
      lane.attempts.push_back({.start = now, .cold_start = event.flag});
      return;
    case EventKind::kAttemptRunning:
      if (!lane.attempts.empty()) lane.attempts.back().running = now;
      return;
    case EventKind::kAttemptEnded:
      if (!lane.attempts.empty()) lane.attempts.back().end = now;
      if (lane.ended) open_.erase(event.execution);
      return;
    case EventKind::kStopRequested:
      return mark("the function is asked to stop");
    case EventKind::kCancelRequested:
      return mark(event.flag ? "cancel by force" : "cancel");
    case EventKind::kRestored:
      return mark("restored from the store");
    case EventKind::kRuntimeFault:
      return mark(std::string(sim::text_of(static_cast<sim::RuntimeFault>(event.number))));
    case EventKind::kTransition:
      if (!core::is_terminal(event.to)) return;
      lane.ended = now;
      lane.outcome = sim::short_name(event.to);
      // The last attempt may end later than the execution.
      if (lane.attempts.empty() || lane.attempts.back().end) open_.erase(event.execution);
      return;
    default:
      return;
  }
}

void LaneRecorder::on_network_event(const sim::Event& event) {
  using sim::NetworkEvent;
  const auto what = static_cast<NetworkEvent>(event.number);
  const bool usual = what == NetworkEvent::kRequestArrives || what == NetworkEvent::kAnswerSent ||
                     what == NetworkEvent::kCallerLeft;
  if (!usual) add_fault(fmt::format("call {}: {}", event.call, sim::text_of(what)));
}

// The attempts end with the node; a store keeps what the executions were.
void LaneRecorder::on_crash(std::uint32_t node) {
  add_fault(node_name(node) + " crashes");
  const std::chrono::nanoseconds now = world_.now().since_start();
  for (const sim::ExecutionRef& execution : open_) {
    reports::Lane& lane = timeline_.lanes[lanes_.at(execution)];
    if (execution.node != node || lane.attempts.empty()) continue;
    if (!lane.attempts.back().end) lane.attempts.back().end = now;
  }
}

void LaneRecorder::add_fault(std::string text) {
  if (timeline_.faults.size() == kMaxFaults) {
    ++timeline_.omitted_faults;
    return;
  }
  timeline_.faults.push_back({world_.now().since_start(), std::move(text)});
}

std::string LaneRecorder::node_name(std::uint32_t node) const {
  const std::string& name = world_.node(node).config().name;
  return name.empty() || name == "node" ? "the node" : name;
}

reports::Timeline LaneRecorder::timeline() const {
  reports::Timeline named = timeline_;
  for (const auto& [execution, index] : lanes_) {
    std::string& name = named.lanes[index].name;
    if (world_.nodes() > 1) name = node_name(execution.node) + " ";
    name += fmt::format("#{}", execution.ordinal);
    if (world_.history().is_named(execution)) name += " " + world_.history().name_of(execution);
  }
  return named;
}

}  // namespace quintain::scenarios
