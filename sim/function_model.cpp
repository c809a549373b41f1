#include "sim/function_model.h"

#include <algorithm>

namespace quintain::sim {

std::vector<core::TaskSpec> tasks_of(const std::vector<FunctionModel>& models) {
  std::vector<core::TaskSpec> tasks;
  for (const FunctionModel& model : models) {
    const auto same = [&](const core::TaskSpec& task) { return task.task_id == model.task; };
    if (std::any_of(tasks.begin(), tasks.end(), same)) continue;
    core::TaskSpec& task = tasks.emplace_back();
    task.task_id = model.task;
    task.instance_limit = model.instance_limit;
  }
  return tasks;
}

}  // namespace quintain::sim
