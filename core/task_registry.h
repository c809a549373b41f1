// The tasks of a node and their functions.
#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/memory.h"
#include "core/base/time.h"
#include "core/eta/estimator.h"
#include "spearlet/function.pb.h"

namespace quintain::core {

class Task;
struct InstanceShare;

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
  Task(TaskSpec spec, std::uint64_t number, WallTime created_at)
      : spec_(std::move(spec)), number_(number), created_at_(created_at) {}

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

 private:
  friend class TaskRegistry;

  TaskSpec spec_;
  std::uint64_t number_;
  WallTime created_at_;
  std::map<std::string, std::unique_ptr<Function>, std::less<>> functions_;
};

using TaskPointer = boost::intrusive_ptr<Task>;

/// All tasks, ordered by id. Serial context only.
class TaskRegistry {
 public:
  /// Adds a task. Requires: no task has its id.
  Task& add(TaskSpec spec, WallTime now);

  /// nullptr if there is no task with this id.
  Task* find(std::string_view task_id);

  /// Removes the task; it stays valid while records refer to it.
  void remove(Task& task);

  /// Whether the function may be called: the task's spec lists no functions, or this one.
  static bool offers(const Task& task, std::string_view function_name);

  /// The function with this name, created if it is new; nullptr if the task has `limit` functions
  /// already.
  Function* function(Task& task, std::string_view name, int limit);

  /// In the order of their ids.
  const std::map<std::string, TaskPointer, std::less<>>& all() const { return tasks_; }

 private:
  std::map<std::string, TaskPointer, std::less<>> tasks_;
  std::uint64_t next_number_ = 1;
  eta::FunctionIndex next_function_ = 0;
};

}  // namespace quintain::core
