#include "core/task_registry.h"

#include "core/observer.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace quintain::core {

namespace {

// The objects around a task's or a function's texts, including what an estimator keeps of it.
constexpr std::int64_t kTaskBytes = 1024;
constexpr std::int64_t kFunctionBytes = 2048;

// Only above this number of functions are the indices of those that are gone reused: an estimator
// mistakes the new function for the old one until it has seen a few executions.
constexpr eta::FunctionIndex kMinFunctionsToReuse = 65'536;

// The number of tasks that are removed in a row; the rest follows in a turn of its own.
constexpr int kMaxRemovedInARow = 256;

}  // namespace

Task::~Task() { registry_.forget(*this); }

TaskRegistry::TaskRegistry(Environment& environment, MemoryAccount& account, Duration expiry)
    : environment_(environment),
      account_(account),
      expiry_(expiry),
      expiry_timer_(
          environment, [](void* self) { static_cast<TaskRegistry*>(self)->remove_unused(); },
          this) {}

TaskRegistry::~TaskRegistry() { unused_.clear(); }

std::int64_t TaskRegistry::bytes_of(const TaskSpec& spec) {
  // Not SpaceUsedLong(): protobuf computes it by reflection, in a library that is compiled without
  // the sanitizers and sees another layout of a map.
  constexpr std::size_t kEntryBytes = 128;
  std::size_t bytes = 2 * spec.task_id.size() + spec.task_name.size() + spec.description.size() +
                      sizeof(spec.artifact) + spec.artifact.ByteSizeLong() +
                      kEntryBytes * spec.artifact.metadata().size();
  for (const std::string& name : spec.functions) bytes += name.size();
  return kTaskBytes + static_cast<std::int64_t>(bytes);
}

std::int64_t TaskRegistry::bytes_of_function(std::string_view name) {
  return kFunctionBytes + static_cast<std::int64_t>(2 * name.size());
}

Task& TaskRegistry::add(TaskSpec spec, WallTime now) {
  TaskPointer task(new Task(*this, std::move(spec), next_number_++, now));
  task->activity.updated_at = now;
  task->bytes_ = bytes_of(task->spec());
  account_.add(MemoryUse::kTasks, task->bytes_);
  const auto [position, inserted] = tasks_.try_emplace(task->id(), task);
  assert(inserted && "a task id was registered twice");
  return *position->second;
}

// Called by the task's destructor.
void TaskRegistry::forget(Task& task) {
  if (observer_ != nullptr && task.deleted) observer_->on_task_forgotten(task);
  account_.add(MemoryUse::kTasks, -task.bytes_);
  for (const auto& [name, function] : task.functions_) free_functions_.push_back(function->index);
}

Task* TaskRegistry::find(std::string_view task_id) {
  const auto position = tasks_.find(task_id);
  return position == tasks_.end() ? nullptr : position->second.get();
}

void TaskRegistry::remove(Task& task) {
  task.deleted = true;
  set_used(task);
  if (observer_ != nullptr) observer_->on_task_removed(task);
  // The key is copied: erasing the node may destroy the task that holds the id.
  const std::string id = task.id();
  tasks_.erase(id);
}

bool TaskRegistry::offers(const Task& task, std::string_view function_name) {
  const auto& names = task.spec().functions;
  return names.empty() || std::ranges::find(names, function_name) != names.end();
}

Function* TaskRegistry::find_function(Task& task, std::string_view name) {
  const auto position = task.functions_.find(name);
  return position == task.functions_.end() ? nullptr : position->second.get();
}

Function* TaskRegistry::function(Task& task, std::string_view name, int limit) {
  if (Function* const known = find_function(task, name)) return known;
  if (task.functions_.size() >= static_cast<std::size_t>(limit)) return nullptr;
  eta::FunctionIndex index = 0;
  if (next_function_ < kMinFunctionsToReuse || free_functions_.empty()) {
    index = next_function_++;
  } else {
    index = free_functions_.back();
    free_functions_.pop_back();
  }
  const std::int64_t bytes = bytes_of_function(name);
  task.bytes_ += bytes;
  account_.add(MemoryUse::kTasks, bytes);
  auto function = std::make_unique<Function>(
      Function{.task = &task, .name = std::string(name), .index = index});
  return task.functions_.emplace(std::string(name), std::move(function)).first->second.get();
}

void TaskRegistry::set_unused(Task& task) {
  if (!task.temporary || task.deleted) return;
  task.unused_since_ = environment_.now();
  unused_.push_back(task);
  if (!expiry_timer_.armed()) arm_expiry();
}

void TaskRegistry::arm_expiry() {
  if (!unused_.empty()) {
    expiry_timer_.arm(unused_.front().unused_since_ + expiry_, Precedence::kOther);
  }
}

void TaskRegistry::remove_unused() {
  for (int removed = 0; removed < kMaxRemovedInARow && !unused_.empty(); ++removed) {
    if (unused_.front().unused_since_ + expiry_ > environment_.now()) break;
    remove(unused_.front());
  }
  arm_expiry();
}

}  // namespace quintain::core
