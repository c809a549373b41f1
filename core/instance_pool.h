// The instances (warm environments) of a node's tasks: cold start, reuse, limits, idle expiry.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "core/base/environment.h"
#include "core/base/shared_text.h"
#include "core/eta/estimator.h"
#include "core/node_config.h"
#include "core/runtime.h"
#include "core/task_registry.h"

namespace quintain::core {

class InstancePool;
struct InstanceShare;

/// An environment in which one task's functions run, one execution at a time.
class Instance {
 public:
  std::uint64_t number() const { return number_; }
  const std::string& id() const { return id_.str(); }
  const SharedText& shared_id() const { return id_; }

  /// An attempt's function has begun in it, so the next one starts warm.
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

/// A task's part of the pool, which the task points to as long as it has any.
struct InstanceShare {
  int count = 0;
  /// Least recently used first.
  boost::intrusive::list<
      Instance, boost::intrusive::member_hook<Instance, Instance::Hook, &Instance::idle_of_task_>>
      idle;
};

/// Hands out instances. Serial context only.
///
/// The most recently used idle instance is reused first, so that under a falling load the others
/// reach their idle expiry.
class InstancePool {
 public:
  InstancePool(Environment& environment, Runtime& runtime, const InstanceConfig& config);
  ~InstancePool();

  InstancePool(const InstancePool&) = delete;
  InstancePool& operator=(const InstancePool&) = delete;

  /// A warm idle instance of the task, or a new one, which is not ready yet; nullptr while the task
  /// or the node has as many as it may have and none of them is idle. `fresh` asks for a new one
  /// even if a warm one is idle.
  Instance* acquire(Task& task, bool fresh);

  /// Whether acquire would succeed.
  bool available(const Task& task) const;

  /// The instance is idle from now on, or, if it never became ready or its task is gone, is given
  /// up.
  void release(Instance& instance);

  /// The instance has ended with the attempt in it.
  void discard(Instance& instance);

  /// Gives up the idle instances of a deleted task.
  void retire_idle(const Task& task);

  int size() const { return static_cast<int>(instances_.size()); }

  /// The task's part of the pool at this moment.
  eta::TaskShare share_of(const Task& task) const;

 private:
  friend class Instance;
  using NodeIdle = boost::intrusive::list<
      Instance, boost::intrusive::member_hook<Instance, Instance::Hook, &Instance::idle_of_node_>>;

  int limit(const Task& task) const;
  void retire(Instance& instance);
  void leave_idle(Instance& instance);

  Environment& environment_;
  Runtime& runtime_;
  InstanceConfig config_;
  std::uint64_t next_number_ = 1;
  // Looked up, never iterated where order could show.
  std::unordered_map<std::uint64_t, std::unique_ptr<Instance>> instances_;
  std::unordered_map<std::uint64_t, InstanceShare> shares_;  // by task number; Task::share is one
  NodeIdle idle_;                                            // least recently used first
};

}  // namespace quintain::core
