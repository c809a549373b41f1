// The tasks of a node and the functions that callers name in them.
#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/shared_text.h"
#include "core/base/time.h"
#include "core/eta/estimator.h"
#include "spearlet/function.pb.h"

namespace quintain::core {

class Task;
struct InstanceShare;

/// A function name within a task.
struct Function {
  Task* task;
  std::string name;
  eta::FunctionIndex index;
  /// The type of what it returned last; most functions always return the same.
  SharedText returned_type{};
};

/// What a task is made of.
struct TaskSpec {
  std::string task_id;
  std::string task_name;
  std::string description;
  spearlet::ArtifactSpec artifact;
  /// The functions that may be called; empty: any.
  std::vector<std::string> functions;
  /// Instances that the task may have at once; 0: the node's limit.
  int instance_limit = 0;
};

/// A task. Records of executions hold it, so that one that was deleted can still be named.
class Task : public boost::intrusive_ref_counter<Task, boost::thread_unsafe_counter> {
 public:
  Task(TaskSpec spec, std::uint64_t number, WallTime created_at)
      : spec_(std::move(spec)), number_(number), created_at_(created_at) {}

  const TaskSpec& spec() const { return spec_; }
  const std::string& id() const { return spec_.task_id; }
  /// Its place in the order of registration, from 1; not reused.
  std::uint64_t number() const { return number_; }
  WallTime created_at() const { return created_at_; }

  /// Kept by the tracker.
  struct Activity {
    std::int64_t active = 0;   // PENDING or RUNNING
    std::int64_t records = 0;  // on record, active ones included
    spearlet::ExecutionStatus last_status = spearlet::EXECUTION_STATUS_UNSPECIFIED;
    WallTime updated_at;
  };
  Activity activity;

  /// Kept by whoever lists executions with their tasks: in which listing the task stands, and
  /// where.
  struct Listing {
    std::uint64_t number = 0;
    std::uint32_t place = 0;
  };
  mutable Listing listing;

  /// Kept by the pool: the task's instances, nullptr if it has none.
  InstanceShare* share = nullptr;

  /// No new work for it: it was deleted.
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
  /// Adds a task. Its id must not be taken.
  Task& add(TaskSpec spec, WallTime now);

  /// nullptr if there is none of that id.
  Task* find(std::string_view task_id);

  /// Takes the task out; it lives on while records name it.
  void remove(Task& task);

  /// Whether the task may be called so: its spec lists no functions or this one.
  static bool offers(const Task& task, std::string_view function_name);

  /// The function of that name, made known if it was not; nullptr if the task has as many names as
  /// it may have.
  Function* function(Task& task, std::string_view name, int limit);

  /// In the order of their ids.
  const std::map<std::string, TaskPointer, std::less<>>& all() const { return tasks_; }

 private:
  std::map<std::string, TaskPointer, std::less<>> tasks_;
  std::uint64_t next_number_ = 1;
  eta::FunctionIndex next_function_ = 0;
};

}  // namespace quintain::core
