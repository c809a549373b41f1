#include "scenarios/runner/perfetto_trace.h"

#include <absl/status/status.h>
#include <fmt/format.h>

#include <string_view>

#include "core/node.h"
#include "spearlet/function.pb.h"

namespace quintain::scenarios {
namespace {

using Arguments = nlohmann::ordered_json;

// "InvokeFunction" for a message of type InvokeFunctionRequest.
std::string method_of(const sim::Event& sent) {
  if (sent.mode == spearlet::EXECUTION_MODE_STREAM) return "StreamFunction";
  std::string name(sent.message->GetDescriptor()->name());
  constexpr std::string_view kSuffix = "Request";
  if (name.ends_with(kSuffix)) name.resize(name.size() - kSuffix.size());
  return name;
}

}  // namespace

std::uint64_t PerfettoTrace::Lanes::take() {
  if (free_.empty()) return ++used_;
  const std::uint64_t lane = *free_.begin();
  free_.erase(free_.begin());
  return lane;
}

PerfettoTrace::PerfettoTrace(sim::World& world, std::ostream& out) : world_(world), out_(out) {
  out_ << R"({"displayTimeUnit": "ms", "traceEvents": [)";
}

PerfettoTrace::~PerfettoTrace() {
  for (const auto& [node, state] : nodes_) {
    for (const auto& [ordinal, execution] : state.executions) name_execution(node, ordinal);
  }
  const auto open = open_;
  for (const auto& [place, count] : open) end_all(place);
  out_ << "\n]}\n";
}

void PerfettoTrace::on_event(const sim::Event& event) {
  using sim::EventKind;
  switch (event.kind) {
    case EventKind::kCallSent:
    case EventKind::kCallAnswered:
    case EventKind::kCallRefused:
    case EventKind::kCallerGone:
    case EventKind::kStreamMessage:
      return on_call_event(event);
    case EventKind::kNetwork:
      return on_network_event(event);
    case EventKind::kDisk:
      return on_disk_event(event);
    case EventKind::kNodeCrashed:
      return on_crash(event.execution.node);
    case EventKind::kNodeStarted:
      return fault(event.execution.node, "starts again");
    case EventKind::kReportIgnored:
      return fault(event.execution.node, "a late report is ignored");
    default:
      return on_execution_event(event);
  }
}

// ---- Executions, slots and instances ------------------------------------------------------------

void PerfettoTrace::on_execution_event(const sim::Event& event) {
  using sim::EventKind;
  Node& node = nodes_[event.execution.node];
  const std::uint64_t ordinal = event.execution.ordinal;
  if (event.kind == EventKind::kAccepted || event.kind == EventKind::kRestored) {
    const bool restored = event.kind == EventKind::kRestored;
    if (restored && event.to >= spearlet::EXECUTION_STATUS_COMPLETED) return;
    node.executions.try_emplace(ordinal);
    ++node.waiting;
    const Track place = track(Group::kExecutions, event.execution.node, ordinal, "");
    Arguments arguments;
    if (!restored) {
      using Milliseconds = std::chrono::duration<double, std::milli>;
      if (!event.deadline.is_never()) {
        arguments["deadline_ms"] = Milliseconds(event.deadline.since_start()).count();
      }
      // Only an ASYNC execution is estimated at its acceptance.
      if (event.eta_p90 > core::Duration(0)) {
        arguments["eta_p50_ms"] = Milliseconds(event.eta_p50).count();
        arguments["eta_p90_ms"] = Milliseconds(event.eta_p90).count();
      }
      arguments["call"] = event.call;
    }
    begin(place, restored ? "execution (restored)" : "execution", std::move(arguments));
    begin(place, "waits");
    return count(event.execution.node);
  }
  const auto found = node.executions.find(ordinal);
  if (found == node.executions.end()) return;
  Execution& execution = found->second;
  const Track place = track(Group::kExecutions, event.execution.node, ordinal, "");
  switch (event.kind) {
    case EventKind::kAttemptDispatched:
      return on_dispatched(event, execution);
    case EventKind::kAttemptRunning:
      return begin(place, "runs");
    case EventKind::kStopRequested:
      return instant(place, "is asked to stop");
    case EventKind::kCancelRequested:
      return instant(place, event.flag ? "cancel by force" : "cancel");
    case EventKind::kRuntimeFault:
      return instant(place,
                     std::string(sim::text_of(static_cast<sim::RuntimeFault>(event.number))));
    case EventKind::kAttemptEnded:
      return end_inner(place);
    case EventKind::kTransition:
      if (event.to == spearlet::EXECUTION_STATUS_RUNNING) return instant(place, "RUNNING");
      return on_ended(event);
    default:
      return;
  }
}

void PerfettoTrace::on_dispatched(const sim::Event& event, Execution& execution) {
  Node& node = nodes_[event.execution.node];
  const Track place = track(Group::kExecutions, event.execution.node, event.execution.ordinal, "");
  end_inner(place);
  begin(place, fmt::format("attempt {}", event.number), {{"cold_start", event.flag}});
  const std::string name = fmt::format("#{}", event.execution.ordinal);
  if (execution.slot == 0) {
    --node.waiting;
    ++node.running;
    execution.waits = false;
    execution.slot = node.slots.take();
    begin(track(Group::kSlots, event.execution.node, execution.slot,
                fmt::format("slot {}", execution.slot)),
          name);
    count(event.execution.node);
  }
  const auto* record = world_.node(event.execution.node).record(event.execution.ordinal);
  if (record == nullptr || !execution.instance.empty()) return;
  execution.instance = record->instance_id.str();
  const auto [number, is_new] =
      node.instances.try_emplace(execution.instance, node.instances.size() + 1);
  begin(track(Group::kInstances, event.execution.node, number->second, execution.instance), name,
        {{"cold_start", event.flag}});
}

// "#3 'b'". A script names its executions after they were accepted.
void PerfettoTrace::name_execution(std::uint32_t node, std::uint64_t ordinal) {
  const sim::ExecutionRef execution{.node = node, .ordinal = ordinal};
  std::string name = fmt::format("#{}", ordinal);
  if (world_.history().is_named(execution)) name += " " + world_.history().name_of(execution);
  track(Group::kExecutions, node, ordinal, name);
}

void PerfettoTrace::on_ended(const sim::Event& event) {
  Node& node = nodes_[event.execution.node];
  const auto found = node.executions.find(event.execution.ordinal);
  const Track place = track(Group::kExecutions, event.execution.node, event.execution.ordinal, "");
  name_execution(event.execution.node, event.execution.ordinal);
  instant(place, std::string(sim::short_name(event.to)));
  end_all(place);
  (found->second.waits ? node.waiting : node.running) -= 1;
  release(event.execution.node, found->second);
  node.executions.erase(found);
  count(event.execution.node);
}

void PerfettoTrace::release(std::uint32_t node, Execution& execution) {
  Node& owner = nodes_[node];
  if (execution.slot != 0) {
    end(track(Group::kSlots, node, execution.slot, ""));
    owner.slots.give_back(execution.slot);
  }
  if (!execution.instance.empty()) {
    end(track(Group::kInstances, node, owner.instances.at(execution.instance), ""));
  }
}

void PerfettoTrace::on_crash(std::uint32_t node) {
  fault(node, "crash");
  Node& crashed = nodes_[node];
  for (auto& [ordinal, execution] : crashed.executions) {
    name_execution(node, ordinal);
    end_all(track(Group::kExecutions, node, ordinal, ""));
    release(node, execution);
  }
  crashed.executions.clear();
  crashed.waiting = crashed.running = 0;
  count(node);
}

void PerfettoTrace::count(std::uint32_t node) {
  const Node& counted = nodes_[node];
  const Track place = track(Group::kExecutions, node, 0, "");
  write({{"name", "load"},
         {"ph", "C"},
         {"ts", now()},
         {"pid", place.group},
         {"args", {{"waiting", counted.waiting}, {"running", counted.running}}}});
}

// ---- Calls, connections and disks ---------------------------------------------------------------

void PerfettoTrace::on_call_event(const sim::Event& event) {
  const std::uint32_t number = event.execution.node;
  Node& node = nodes_[number];
  if (event.kind == sim::EventKind::kCallSent) {
    Call call{.lane = node.callers.take(), .connection = 0, .under_way = false};
    const std::string method = method_of(event);
    begin(track(Group::kCallers, number, call.lane, fmt::format("caller {}", call.lane)), method,
          {{"call", event.call}});
    if (world_.node(number).has_network()) {
      call.connection = node.connections.take();
      call.under_way = true;
      const Track place = track(Group::kConnections, number, call.connection,
                                fmt::format("connection {}", call.connection));
      begin(place, method, {{"call", event.call}});
      begin(place, "request under way");
    }
    node.calls.emplace(event.call, call);
    return;
  }
  const auto found = node.calls.find(event.call);
  if (found == node.calls.end()) return;
  const Call call = found->second;
  const Track place = track(Group::kCallers, number, call.lane, "");
  if (event.kind == sim::EventKind::kCallerGone) return instant(place, "the caller leaves");
  if (event.kind == sim::EventKind::kStreamMessage) return instant(place, "a message arrives");
  Arguments result;
  if (event.kind == sim::EventKind::kCallRefused) {
    result["refused"] = absl::StatusCodeToString(static_cast<absl::StatusCode>(event.number));
  }
  end(place, std::move(result));
  node.callers.give_back(call.lane);
  if (call.connection != 0) {
    end_all(track(Group::kConnections, number, call.connection, ""));
    node.connections.give_back(call.connection);
  }
  node.calls.erase(found);
}

void PerfettoTrace::on_network_event(const sim::Event& event) {
  using sim::NetworkEvent;
  const auto what = static_cast<NetworkEvent>(event.number);
  const std::string text(sim::text_of(what));
  Node& node = nodes_[event.execution.node];
  const auto found = node.calls.find(event.call);
  if (found != node.calls.end() && found->second.connection != 0) {
    Call& call = found->second;
    const Track place = track(Group::kConnections, event.execution.node, call.connection, "");
    const bool travelled =
        what == NetworkEvent::kRequestArrives || what == NetworkEvent::kRequestLost;
    if (travelled && std::exchange(call.under_way, false)) end(place);
    instant(place, text);
  }
  const bool usual = what == NetworkEvent::kRequestArrives || what == NetworkEvent::kAnswerSent ||
                     what == NetworkEvent::kCallerLeft;
  if (usual) return;
  fault(event.execution.node, fmt::format("call {}: {}", event.call, text));
}

void PerfettoTrace::on_disk_event(const sim::Event& event) {
  const Track place = track(Group::kDisk, event.execution.node, 1, "store");
  const auto what = static_cast<sim::DiskEvent>(event.number);
  if (what == sim::DiskEvent::kCommitStarts) return begin(place, "commit");
  end_all(place);
  if (what == sim::DiskEvent::kCommitEnds) return;
  fault(event.execution.node, std::string(sim::text_of(what)));
}

// ---- The document -------------------------------------------------------------------------------

// Names the track, and its group, when it is used for the first time.
PerfettoTrace::Track PerfettoTrace::track(Group group, std::uint32_t node, std::uint64_t number,
                                          const std::string& name) {
  constexpr std::string_view kNames[] = {"faults",  "executions",  "slots", "instances",
                                         "callers", "connections", "disk"};
  const Track place{.group = node * kGroups + static_cast<std::uint64_t>(group) + 1,
                    .number = number};
  const auto name_it = [&](const char* what, const std::string& text) {
    write({{"name", what},
           {"ph", "M"},
           {"pid", place.group},
           {"tid", place.number},
           {"args", {{"name", text}}}});
  };
  if (named_groups_.insert(place.group).second) {
    const std::string& node_name = world_.node(node).config().name;
    name_it("process_name", fmt::format("{} of {}", kNames[static_cast<std::size_t>(group)],
                                        node_name.empty() ? "the node" : node_name));
    write({{"name", "process_sort_index"},
           {"ph", "M"},
           {"pid", place.group},
           {"tid", place.number},
           {"args", {{"sort_index", place.group}}}});
  }
  if (!name.empty() && named_tracks_.insert(place).second) name_it("thread_name", name);
  return place;
}

void PerfettoTrace::begin(Track track, const std::string& name, Arguments arguments) {
  ++open_[track];
  Arguments event = {
      {"name", name}, {"ph", "B"}, {"ts", now()}, {"pid", track.group}, {"tid", track.number}};
  if (!arguments.empty()) event["args"] = std::move(arguments);
  write(event);
}

void PerfettoTrace::end(Track track, Arguments arguments) {
  const auto open = open_.find(track);
  if (open == open_.end() || open->second == 0) return;
  if (--open->second == 0) open_.erase(open);
  Arguments event = {{"ph", "E"}, {"ts", now()}, {"pid", track.group}, {"tid", track.number}};
  if (!arguments.empty()) event["args"] = std::move(arguments);
  write(event);
}

// All but the outermost slice: the execution goes on.
void PerfettoTrace::end_inner(Track track) {
  for (auto open = open_.find(track); open != open_.end() && open->second > 1;) end(track);
}

void PerfettoTrace::end_all(Track track) {
  while (open_.contains(track)) end(track);
}

void PerfettoTrace::instant(Track track, const std::string& name) {
  write({{"name", name},
         {"ph", "i"},
         {"ts", now()},
         {"pid", track.group},
         {"tid", track.number},
         {"s", "t"}});
}

void PerfettoTrace::fault(std::uint32_t node, const std::string& name) {
  instant(track(Group::kFaults, node, 1, "faults"), name);
}

void PerfettoTrace::write(const nlohmann::ordered_json& event) {
  // Names of executions may contain any bytes.
  out_ << (std::exchange(first_, false) ? "\n" : ",\n")
       << event.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

double PerfettoTrace::now() const {
  return static_cast<double>(world_.now().since_start().count()) / 1000;
}

}  // namespace quintain::scenarios
