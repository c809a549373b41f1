// Turns what was read of a trace into functions and loads: one of each for each function.
#include "scenarios/runner/trace_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "sim/workload/azure_trace.h"
#include "sim/workload/call_log.h"

namespace quintain::scenarios {
namespace {

using Errors = std::vector<std::string>;

core::Duration scaled(core::Duration duration, double factor) {
  return factor == 1 ? duration : sim::to_duration(static_cast<double>(duration.count()) * factor);
}

sim::Load new_load(const TraceReplay& replay, const std::string& function) {
  sim::Load load;
  load.name = function;
  load.node = replay.node;
  load.request.set_invocation_type(spearlet::INVOCATION_TYPE_EXISTING_TASK);
  load.request.set_task_id(function);
  load.request.set_function_name(function);
  load.request.set_execution_mode(replay.mode);
  return load;
}

/// The only file of the folder that can be a log of calls.
std::optional<std::filesystem::path> only_log_of(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> logs;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    for (const char* const suffix : {".csv", ".txt", ".tsv", ".swf"}) {
      if (name.ends_with(suffix) || name.ends_with(std::string(suffix) + ".gz")) {
        logs.push_back(entry.path());
        break;
      }
    }
  }
  return logs.size() == 1 ? std::optional(logs.front()) : std::nullopt;
}

bool is_trace(const std::filesystem::path& path) {
  return sim::find_azure_trace(path).has_value() || only_log_of(path).has_value();
}

/// The end of the window in the trace's own time.
core::Duration end_of(const TraceReplay& replay) {
  return replay.length == core::kForever ? core::kForever : replay.from + replay.length;
}

std::variant<ReplayedTrace, Errors> load_azure(const std::filesystem::path& path,
                                               const TraceReplay& replay, bool strict,
                                               sim::NodeSpec& node, std::vector<sim::Load>& loads) {
  auto read = sim::read_azure_trace(path, strict);
  if (auto* errors = std::get_if<Errors>(&read)) return std::move(*errors);
  auto& trace = std::get<sim::AzureTrace>(read);
  constexpr core::Duration kMinute = std::chrono::minutes(1);
  const auto first = static_cast<std::size_t>(replay.from / kMinute);
  const core::Duration until = end_of(replay);
  for (sim::AzureTrace::Function& function : trace.functions) {
    const auto& all = function.invocations.counts;
    const std::size_t end =
        until == core::kForever
            ? all.size()
            : std::min(all.size(),
                       static_cast<std::size_t>((until + kMinute - core::Duration(1)) / kMinute));
    sim::arrivals::PerMinute invocations = std::move(function.invocations);
    if (first > 0 || end < invocations.counts.size()) {
      const auto begin = invocations.counts.begin();
      invocations.counts =
          std::vector<std::uint32_t>(begin + static_cast<std::ptrdiff_t>(std::min(first, end)),
                                     begin + static_cast<std::ptrdiff_t>(end));
    }
    invocations.slot = scaled(kMinute, replay.time_scale);
    sim::FunctionModel model;
    model.task = function.name;
    model.service = std::move(function.service_time);
    node.functions.push_back(std::move(model));
    sim::Load load = new_load(replay, function.name);
    load.arrivals = sim::ArrivalSpec(std::move(invocations));
    loads.push_back(std::move(load));
  }
  return ReplayedTrace{.digest = trace.digest,
                       .left_out = std::move(trace.left_out),
                       .notes = std::move(trace.notes)};
}

/// The distribution of recorded durations. Each has the same probability.
sim::Distribution distribution_of(const std::vector<sim::FunctionModel::Recorded>& calls) {
  std::vector<core::Duration> durations;
  for (const auto& call : calls) durations.push_back(call.duration);
  std::ranges::sort(durations);
  if (durations.front() == durations.back()) {
    return sim::distribution::Constant{durations.front()};
  }
  constexpr std::size_t kMaxPoints = 1000;
  const std::size_t points = std::min(kMaxPoints, durations.size());
  sim::distribution::Empirical empirical;
  for (std::size_t i = 0; i < points; ++i) {
    const std::size_t place = i * (durations.size() - 1) / (points - 1);
    empirical.points.push_back(
        {.p = static_cast<double>(i) / static_cast<double>(points - 1), .value = durations[place]});
  }
  return empirical;
}

std::variant<ReplayedTrace, Errors> load_calls(const std::filesystem::path& path,
                                               const TraceReplay& replay, bool strict,
                                               sim::NodeSpec& node, std::vector<sim::Load>& loads) {
  auto read = sim::read_call_log(path, strict);
  if (auto* errors = std::get_if<Errors>(&read)) return std::move(*errors);
  auto& log = std::get<sim::CallLog>(read);
  struct OfFunction {
    std::vector<core::Instant> times;
    std::vector<sim::FunctionModel::Recorded> calls;
  };
  std::vector<OfFunction> functions(log.functions.size());
  const core::Duration until = end_of(replay);
  for (const sim::CallLog::Call& call : log.calls) {
    if (call.arrival < replay.from || call.arrival >= until) continue;
    OfFunction& function = functions[call.function];
    function.times.push_back(core::Instant() +
                             scaled(call.arrival - replay.from, replay.time_scale));
    function.calls.push_back({.duration = call.duration, .failed = call.failed});
  }
  bool any = false;
  for (std::size_t i = 0; i < functions.size(); ++i) {
    if (functions[i].times.empty()) continue;
    any = true;
    sim::FunctionModel model;
    model.task = log.functions[i];
    model.service = distribution_of(functions[i].calls);
    model.recorded = std::make_shared<const std::vector<sim::FunctionModel::Recorded>>(
        std::move(functions[i].calls));
    node.functions.push_back(std::move(model));
    sim::Load load = new_load(replay, log.functions[i]);
    load.arrivals =
        sim::ArrivalSpec(sim::arrivals::AtTimes{.times = std::move(functions[i].times)});
    loads.push_back(std::move(load));
  }
  if (!any) return Errors{fmt::format("{}: there are no calls within the window", path.string())};
  return ReplayedTrace{.digest = log.digest,
                       .has_single_calls = true,
                       .left_out = std::move(log.left_out),
                       .notes = std::move(log.notes)};
}

}  // namespace

std::filesystem::path path_of_trace(const TraceReplay& replay, const std::string& trace_dir) {
  const std::filesystem::path below = std::filesystem::path(trace_dir) / replay.folder;
  std::error_code error;
  return !std::filesystem::exists(below, error) && is_trace(trace_dir)
             ? std::filesystem::path(trace_dir)
             : below;
}

std::variant<ReplayedTrace, std::vector<std::string>> load_trace(const std::filesystem::path& path,
                                                                 const TraceReplay& replay,
                                                                 bool strict, sim::NodeSpec& node,
                                                                 std::vector<sim::Load>& loads) {
  if (replay.slots > 0) node.config.slots = replay.slots;
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error)) {
    return load_calls(path, replay, strict, node, loads);
  }
  if (!sim::find_azure_trace(path)) {
    if (const auto log = only_log_of(path)) return load_calls(*log, replay, strict, node, loads);
  }
  return load_azure(path, replay, strict, node, loads);
}

}  // namespace quintain::scenarios
