// The tasks of a node and their functions.
#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/environment.h"
#include "core/base/memory.h"
#include "core/base/time.h"
#include "core/eta/estimator.h"
#include "core/memory_account.h"
#include "spearlet/function.pb.h"

namespace quintain::core {

class Observer;
class Restoration;
class Task;
class TaskRegistry;
struct InstanceShare;

/// The bases by which a task lists its executions: their records, and those that have not ended.
struct RecordOfTask : boost::intrusive::list_base_hook<> {};
struct LiveOfTask : boost::intrusive::list_base_hook<> {};

/// A function name within a task. Owned by the task.
struct Function {
  Task* task;
  std::string name;
  eta::FunctionIndex index;
  /// The type of its last result; most functions always return the same type.
  SharedText returned_type{};
};

/// The description of a task.
struct TaskSpec {
  std::string task_id;
  std::string task_name;
  std::string description;
  spearlet::ArtifactSpec artifact;
  /// The functions that may be called; if empty, any function.
  std::vector<std::string> functions;
  /// The maximum number of instances; 0 means the node's limit.
  int instance_limit = 0;
};

/// A task. Records of executions share ownership, so that a deleted task stays valid while a record
/// refers to it. Serial context only.
class Task : public boost::intrusive_ref_counter<Task, boost::thread_unsafe_counter> {
 public:
  Task(TaskRegistry& registry, TaskSpec spec, std::uint64_t number, WallTime created_at)
      : registry_(registry), spec_(std::move(spec)), number_(number), created_at_(created_at) {}
  ~Task();

  const TaskSpec& spec() const { return spec_; }
  const std::string& id() const { return spec_.task_id; }
  /// The position in the order of registration, from 1; not reused.
  std::uint64_t number() const { return number_; }
  WallTime created_at() const { return created_at_; }

  /// Maintained by the tracker.
  struct Activity {
    std::int64_t active = 0;   // PENDING or RUNNING
    std::int64_t records = 0;  // all records, active ones included
    spearlet::ExecutionStatus last_status = spearlet::EXECUTION_STATUS_UNSPECIFIED;
    WallTime updated_at;
  };
  Activity activity;

  /// Maintained by the tracker and the manager, in the order of acceptance.
  boost::intrusive::list<RecordOfTask, boost::intrusive::constant_time_size<false>> records;
  boost::intrusive::list<LiveOfTask, boost::intrusive::constant_time_size<false>> live;

  /// Maintained by the code that lists executions with their tasks: the listing in which the task
  /// is, and its position there.
  struct Listing {
    std::uint64_t number = 0;
    std::uint32_t place = 0;
  };
  mutable Listing listing;

  /// Maintained by the pool: the task's instances; nullptr if it has none.
  InstanceShare* share = nullptr;

  /// Whether the task was deleted and takes no new work.
  bool deleted = false;

  /// Whether an invocation created the task, so that it is removed when it is not used any more.
  bool temporary = false;

 private:
  friend class Restoration;
  friend class TaskRegistry;

  TaskRegistry& registry_;
  TaskSpec spec_;
  std::uint64_t number_;
  WallTime created_at_;
  std::map<std::string, std::unique_ptr<Function>, std::less<>> functions_;
  std::int64_t bytes_ = 0;  // in the account

  // In the list of unused tasks, since this instant.
  boost::intrusive::list_member_hook<> unused_;
  Instant unused_since_;
};

using TaskPointer = boost::intrusive_ptr<Task>;

/// All tasks, ordered by id. Counts the bytes of tasks and of names of functions as long as a task
/// exists, which is until no record refers to it. Serial context only.
class TaskRegistry {
 public:
  /// Temporary tasks are removed when they have been unused for `expiry`. `account` must outlive
  /// the tasks, and the registry must too.
  TaskRegistry(Environment& environment, MemoryAccount& account, Duration expiry);
  ~TaskRegistry();

  TaskRegistry(const TaskRegistry&) = delete;
  TaskRegistry& operator=(const TaskRegistry&) = delete;

  /// The bytes by which add() and function() increase the account.
  static std::int64_t bytes_of(const TaskSpec& spec);
  static std::int64_t bytes_of_function(std::string_view name);

  /// `observer`, which may be null, is notified of removed tasks.
  void set_observer(Observer* observer) { observer_ = observer; }

  /// Adds a task. Requires: no task has its id.
  Task& add(TaskSpec spec, WallTime now);

  /// nullptr if there is no task with this id.
  Task* find(std::string_view task_id);

  /// Removes the task; it stays valid while records refer to it.
  void remove(Task& task);

  /// Called when the task has no record any more, and when it has one again.
  void set_unused(Task& task);
  void set_used(Task& task) {
    if (task.unused_.is_linked()) unused_.erase(unused_.iterator_to(task));
  }

  /// Whether the function may be called: the task's spec lists no functions, or this one.
  static bool offers(const Task& task, std::string_view function_name);

  /// The task's function with this name; nullptr if it was never called.
  Function* find_function(Task& task, std::string_view name);

  /// The function with this name, created if it is new; nullptr if the task has `limit` functions
  /// already.
  Function* function(Task& task, std::string_view name, int limit);

  /// In the order of their ids.
  const std::map<std::string, TaskPointer, std::less<>>& all() const { return tasks_; }

 private:
  friend class Restoration;
  friend class Task;

  void forget(Task& task);
  void remove_unused();
  void arm_expiry();

  Environment& environment_;
  MemoryAccount& account_;
  Duration expiry_;
  Observer* observer_ = nullptr;
  std::uint64_t next_number_ = 1;
  eta::FunctionIndex next_function_ = 0;
  // Indices of functions whose task is gone. They are reused only once there are many, so that what
  // an estimator keeps for each function stays bounded.
  std::vector<eta::FunctionIndex> free_functions_;
  // Least recently used first.
  boost::intrusive::list<Task, boost::intrusive::member_hook<
                                   Task, boost::intrusive::list_member_hook<>, &Task::unused_>>
      unused_;
  Timer expiry_timer_;
  std::map<std::string, TaskPointer, std::less<>> tasks_;
};

}  // namespace quintain::core
