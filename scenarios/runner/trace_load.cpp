#include "scenarios/runner/trace_load.h"

#include <utility>

namespace quintain::scenarios {

void add_trace(const sim::AzureTrace& trace, const TraceReplay& replay,
               std::vector<sim::FunctionModel>& functions, std::vector<sim::Load>& loads) {
  for (const sim::AzureTrace::Function& function : trace.functions) {
    sim::FunctionModel model;
    model.task = function.name;
    model.service = function.service_time;
    functions.push_back(std::move(model));

    sim::Load load;
    load.name = function.name;
    load.node = replay.node;
    load.request.set_invocation_type(spearlet::INVOCATION_TYPE_EXISTING_TASK);
    load.request.set_task_id(function.name);
    load.request.set_function_name(function.name);
    load.request.set_execution_mode(replay.mode);
    sim::arrivals::PerMinute invocations = function.invocations;
    const auto minutes = static_cast<std::size_t>(replay.minutes);
    if (replay.minutes > 0 && invocations.counts.size() > minutes) {
      invocations.counts.resize(minutes);
    }
    load.arrivals = sim::ArrivalSpec(std::move(invocations));
    loads.push_back(std::move(load));
  }
}

}  // namespace quintain::scenarios
