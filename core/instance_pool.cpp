#include "core/instance_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace quintain::core {

Instance::Instance(InstancePool& pool, Task& task, std::uint64_t number)
    : pool_(pool),
      task_(&task),
      number_(number),
      id_(fmt::format("{}-i{}", task.id(), number)),
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
  const int own = task.spec().instance_limit;
  return own > 0 ? std::min(own, config_.per_task) : config_.per_task;
}

bool InstancePool::available(const Task& task) const {
  const auto share = shares_.find(task.number());
  if (share != shares_.end()) {
    if (!share->second.idle.empty()) return true;
    if (share->second.count >= limit(task)) return false;
  }
  return size() < config_.per_node || !idle_.empty();
}

eta::TaskShare InstancePool::share_of(const Task& task) const {
  const auto share = shares_.find(task.number());
  const bool known = share != shares_.end();
  return {.task = task.number(),
          .idle = known ? static_cast<int>(share->second.idle.size()) : 0,
          .instances = known ? share->second.count : 0,
          .limit = limit(task)};
}

Instance* InstancePool::acquire(Task& task, bool fresh) {
  if (!available(task)) return nullptr;
  Share& share = shares_[task.number()];
  if (!fresh && !share.idle.empty()) {
    Instance& warm = share.idle.back();
    leave_idle(warm);
    return &warm;
  }
  // Room is made where the limit binds: the task's own longest idle, or the node's.
  if (share.count >= limit(task)) {
    retire(share.idle.front());
  } else if (size() >= config_.per_node) {
    retire(idle_.front());
  }
  const std::uint64_t number = next_number_++;
  std::unique_ptr<Instance> instance(new Instance(*this, task, number));
  ++shares_[task.number()].count;
  return instances_.emplace(number, std::move(instance)).first->second.get();
}

void InstancePool::release(Instance& instance) {
  if (!instance.ready_ || instance.task_->deleted) return retire(instance);
  shares_[instance.task_->number()].idle.push_back(instance);
  idle_.push_back(instance);
  instance.idle_expiry_.arm(environment_.now() + config_.idle_expiry, Precedence::kOther);
}

void InstancePool::discard(Instance& instance) {
  leave_idle(instance);
  const auto share = shares_.find(instance.task_->number());
  assert(share != shares_.end() && share->second.count > 0);
  if (--share->second.count == 0) shares_.erase(share);
  instances_.erase(instance.number_);
}

void InstancePool::retire_idle(const Task& task) {
  for (auto share = shares_.find(task.number());
       share != shares_.end() && !share->second.idle.empty(); share = shares_.find(task.number())) {
    retire(share->second.idle.front());
  }
}

void InstancePool::retire(Instance& instance) {
  runtime_.retire(instance.id_);
  discard(instance);
}

void InstancePool::leave_idle(Instance& instance) {
  if (!instance.idle_of_node_.is_linked()) return;
  instance.idle_expiry_.disarm();
  TaskIdle& of_task = shares_[instance.task_->number()].idle;
  of_task.erase(TaskIdle::s_iterator_to(instance));
  idle_.erase(NodeIdle::s_iterator_to(instance));
}

}  // namespace quintain::core
