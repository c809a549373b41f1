// Takes a node's state over from its journal.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/durability/durable_node.h"
#include "core/durability/journal_observer.h"
#include "core/execution_manager.h"
#include "core/journal.h"
#include "store/records.pb.h"

namespace quintain::core {

/// Rebuilds what a manager kept when its process ended. Executions that have ended are the same to
/// every caller; the others wait again, in the order of acceptance and until their deadlines, or
/// end as the restart policy says. Used once, before the manager has any execution.
class Restoration {
 public:
  Restoration(TaskExecutionManager& manager, JournalObserver& changes, RestartPolicy policy)
      : manager_(manager), changes_(changes), policy_(policy) {}

  absl::Status run(Journal& journal);

 private:
  absl::Status read(const JournalRecord& record);
  void restore_task(std::uint64_t key, store::Task&& record);
  absl::Status restore_execution(std::uint64_t ordinal, store::Execution&& record);
  absl::StatusOr<AsyncExecution*> add_record(std::uint64_t ordinal, const store::Execution& record);
  void restore_end(AsyncExecution& execution, store::Execution::End&& end);
  absl::Status restore_waiting(AsyncExecution& execution, const store::Execution::Pending& pending);
  void continue_execution(AsyncExecution& execution);
  void retain_ended();

  Instant instant_of(WallTime time) const;

  TaskExecutionManager& manager_;
  JournalObserver& changes_;
  RestartPolicy policy_;

  std::map<std::uint64_t, store::Task> tasks_;
  std::map<std::uint64_t, store::Execution> executions_;
  std::map<std::uint64_t, store::Attempt> attempts_;
  std::uint64_t last_ordinal_ = 0;

  std::map<std::uint64_t, TaskPointer> restored_tasks_;  // by key
  std::vector<AsyncExecution*> ended_;
  std::vector<std::uint64_t> waiting_;
};

}  // namespace quintain::core
