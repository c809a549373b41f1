// InstancePool: which instance an attempt gets, and which one is retired when a limit is reached.
#include "core/instance_pool.h"
#include "core/base/planted_fault.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace quintain::core {

Instance::Instance(InstancePool& pool, Task& task, std::uint64_t number)
    : pool_(pool),
      task_(&task),
      number_(number),
      id_(SharedText(fmt::format("{}-i{}", task.id(), number))),
      idle_expiry_(
          pool.environment_,
          [](void* self) {
            auto& instance = *static_cast<Instance*>(self);
            instance.pool_.retire(instance);
          },
          this) {}

InstancePool::InstancePool(Environment& environment, Runtime& runtime, const InstanceConfig& config)
    : environment_(environment), runtime_(runtime), config_(config) {}

InstancePool::~InstancePool() {
  idle_.clear();
  for (auto& [number, share] : shares_) share.idle.clear();
}

int InstancePool::limit(const Task& task) const {
  const int own = task.spec().instance_limit + (planted("one-instance-too-many") ? 1 : 0);
  return own > 0 ? std::min(own, config_.per_task) : config_.per_task;
}

bool InstancePool::available(const Task& task) const {
  if (task.share != nullptr) {
    if (!task.share->idle.empty()) return true;
    if (task.share->count >= limit(task)) return false;
  }
  return size() < config_.per_node || !idle_.empty();
}

eta::TaskShare InstancePool::share_of(const Task& task) const {
  const bool known = task.share != nullptr;
  return {.task = task.number(),
          .idle = known ? static_cast<int>(task.share->idle.size()) : 0,
          .instances = known ? task.share->count : 0,
          .limit = limit(task)};
}

Instance* InstancePool::acquire(Task& task, bool fresh) {
  if (!available(task)) return nullptr;
  if (task.share == nullptr) task.share = &shares_[task.number()];
  InstanceShare& share = *task.share;
  const bool reuses = !planted("warm-instances-never-reused") || share.count >= limit(task);
  if (!fresh && !share.idle.empty() && reuses) {
    Instance& warm = share.idle.back();
    remove_from_idle(warm);
    return &warm;
  }
  // Counted before another one is retired, so that the share outlives its last instance.
  ++share.count;
  // Retires the task's longest idle instance at the task's limit, the node's at the node's limit.
  if (share.count > limit(task)) {
    retire(share.idle.front());
  } else if (size() >= config_.per_node) {
    retire(idle_.front());
  }
  const std::uint64_t number = next_number_++;
  std::unique_ptr<Instance> instance(new Instance(*this, task, number));
  return instances_.emplace(number, std::move(instance)).first->second.get();
}

void InstancePool::release(Instance& instance) {
  if (!instance.ready_ || instance.task_->deleted) return retire(instance);
  instance.task_->share->idle.push_back(instance);
  idle_.push_back(instance);
  if (!planted("idle-instances-never-expire")) {
    instance.idle_expiry_.arm(environment_.now() + config_.idle_expiry, Precedence::kOther);
  }
}

void InstancePool::discard(Instance& instance) {
  remove_from_idle(instance);
  Task& task = *instance.task_;
  assert(task.share != nullptr && task.share->count > 0);
  if (--task.share->count == 0) {
    task.share = nullptr;
    shares_.erase(task.number());
  }
  instances_.erase(instance.number_);
}

void InstancePool::retire_idle(const Task& task) {
  while (task.share != nullptr && !task.share->idle.empty()) retire(task.share->idle.front());
}

void InstancePool::retire(Instance& instance) {
  runtime_.retire(instance.id());
  discard(instance);
}

void InstancePool::remove_from_idle(Instance& instance) {
  if (!instance.idle_of_node_.is_linked()) return;
  instance.idle_expiry_.disarm();
  auto& of_task = instance.task_->share->idle;
  of_task.erase(of_task.iterator_to(instance));
  idle_.erase(NodeIdle::s_iterator_to(instance));
}

}  // namespace quintain::core
