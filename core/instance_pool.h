// The pool of instances (warm environments): cold start, reuse, limits, idle expiry.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "core/base/environment.h"
#include "core/base/memory.h"
#include "core/eta/estimator.h"
#include "core/node_config.h"
#include "core/runtime.h"
#include "core/task_registry.h"

namespace quintain::core {

class InstancePool;
struct InstanceShare;

/// An environment in which one task's functions run, one execution at a time. Owned by its pool.
class Instance {
 public:
  std::uint64_t number() const { return number_; }
  const std::string& id() const { return id_.str(); }
  const SharedText& shared_id() const { return id_; }

  /// Whether a function has started in it, so that the next attempt starts warm.
  bool ready() const { return ready_; }
  void mark_ready() { ready_ = true; }

 private:
  friend class InstancePool;
  friend struct InstanceShare;
  using Hook = boost::intrusive::list_member_hook<>;

  Instance(InstancePool& pool, Task& task, std::uint64_t number);

  InstancePool& pool_;
  TaskPointer task_;
  std::uint64_t number_;
  SharedText id_;
  bool ready_ = false;
  Timer idle_expiry_;
  Hook idle_of_task_;
  Hook idle_of_node_;
};

/// A task's part of the pool. Exists, and the task points to it, while the task has an instance.
struct InstanceShare {
  int count = 0;
  /// Least recently used first.
  boost::intrusive::list<
      Instance, boost::intrusive::member_hook<Instance, Instance::Hook, &Instance::idle_of_task_>>
      idle;
};

/// Owns the instances of all tasks. Never exceeds the limits per task and per node. The most
/// recently used idle instance is reused first, so that under a falling load the others reach their
/// idle expiry. Serial context only.
class InstancePool {
 public:
  InstancePool(Environment& environment, Runtime& runtime, const InstanceConfig& config);
  ~InstancePool();

  InstancePool(const InstancePool&) = delete;
  InstancePool& operator=(const InstancePool&) = delete;

  /// A warm idle instance of the task, or a new one, which is not ready yet. `fresh` asks for a new
  /// one even if a warm one is idle. At a limit, the longest idle instance is retired for the new
  /// one; returns nullptr if none is idle.
  Instance* acquire(Task& task, bool fresh);

  /// Whether acquire() would succeed.
  bool available(const Task& task) const;

  /// Makes the instance idle, or retires it if it never became ready or its task was deleted.
  void release(Instance& instance);

  /// Removes an instance that ended with the attempt in it.
  void discard(Instance& instance);

  /// Retires the idle instances of a deleted task.
  void retire_idle(const Task& task);

  int size() const { return static_cast<int>(instances_.size()); }

  /// The task's current part of the pool, for estimators.
  eta::TaskShare share_of(const Task& task) const;

 private:
  friend class Instance;
  using NodeIdle = boost::intrusive::list<
      Instance, boost::intrusive::member_hook<Instance, Instance::Hook, &Instance::idle_of_node_>>;

  int limit(const Task& task) const;
  void retire(Instance& instance);
  void remove_from_idle(Instance& instance);

  Environment& environment_;
  Runtime& runtime_;
  InstanceConfig config_;
  std::uint64_t next_number_ = 1;
  // Never iterated where the order could matter.
  std::unordered_map<std::uint64_t, std::unique_ptr<Instance>> instances_;
  std::unordered_map<std::uint64_t, InstanceShare> shares_;  // by task number; Task::share is one
  NodeIdle idle_;                                            // least recently used first
};

}  // namespace quintain::core
