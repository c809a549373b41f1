#include "core/task_registry.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace quintain::core {

Task& TaskRegistry::add(TaskSpec spec, WallTime now) {
  TaskPointer task(new Task(std::move(spec), next_number_++, now));
  task->activity.updated_at = now;
  const auto [position, inserted] = tasks_.try_emplace(task->id(), task);
  assert(inserted && "a task id was registered twice");
  return *position->second;
}

Task* TaskRegistry::find(std::string_view task_id) {
  const auto position = tasks_.find(task_id);
  return position == tasks_.end() ? nullptr : position->second.get();
}

void TaskRegistry::remove(Task& task) {
  task.deleted = true;
  // The key is copied: erasing the node may destroy the task that holds the id.
  const std::string id = task.id();
  tasks_.erase(id);
}

bool TaskRegistry::offers(const Task& task, std::string_view function_name) {
  const auto& names = task.spec().functions;
  return names.empty() || std::ranges::find(names, function_name) != names.end();
}

Function* TaskRegistry::function(Task& task, std::string_view name, int limit) {
  const auto position = task.functions_.find(name);
  if (position != task.functions_.end()) return position->second.get();
  if (task.functions_.size() >= static_cast<std::size_t>(limit)) return nullptr;
  auto function = std::make_unique<Function>(
      Function{.task = &task, .name = std::string(name), .index = next_function_++});
  return task.functions_.emplace(std::string(name), std::move(function)).first->second.get();
}

}  // namespace quintain::core
