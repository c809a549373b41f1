// The state machine of executions, from the invocation to the terminal status.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/environment.h"
#include "core/eta/estimator.h"
#include "core/eta/service_times.h"
#include "core/execution.h"
#include "core/execution_queue.h"
#include "core/execution_response.h"
#include "core/execution_tracker.h"
#include "core/function_service.h"
#include "core/instance_pool.h"
#include "core/invocation.h"
#include "core/node_config.h"
#include "core/observer.h"
#include "core/runtime.h"
#include "core/task_registry.h"

namespace quintain::core {

/// Monotone counts of what the node has done since its start.
struct Counters {
  std::int64_t accepted = 0;
  std::int64_t repeated = 0;  // answered from an existing record
  std::int64_t refused_invalid = 0;
  std::int64_t refused_unknown_task = 0;
  std::int64_t refused_queue_full = 0;
  std::int64_t refused_draining = 0;
  std::int64_t refused_other = 0;
  std::int64_t attempts = 0;
  std::int64_t cold_starts = 0;
  std::int64_t retries = 0;
  std::int64_t kills = 0;
  std::int64_t reports_ignored = 0;
};

/// Admits executions, dispatches them to slots, and handles attempts, retries, cancels, timeouts
/// and answers. Serial context only.
///
/// Invariants: at most config.slots executions have a slot; every call is answered exactly once. An
/// answer is sent before the next execution is dispatched, so an ASYNC caller always sees PENDING
/// first.
class TaskExecutionManager final : private AttemptListener {
 public:
  /// `observer` may be null. Requires: problems(config) is empty.
  TaskExecutionManager(Environment& environment, Runtime& runtime, const NodeConfig& config,
                       Observer* observer,
                       const eta::EstimatorFactory& estimator = eta::make_estimator);
  ~TaskExecutionManager();

  TaskExecutionManager(const TaskExecutionManager&) = delete;
  TaskExecutionManager& operator=(const TaskExecutionManager&) = delete;

  /// InvokeFunction: accepts the request and branches on its mode, or refuses it.
  void submit_execution(spearlet::InvokeFunctionRequest&& request, const CallContext& call,
                        Answer<spearlet::InvokeFunctionResponse> answer);

  /// StreamFunction: accepts the request and streams, or refuses it.
  void submit_stream(spearlet::InvokeFunctionRequest&& request, const CallContext& call,
                     StreamAnswer<spearlet::StreamExecutionResult> answer);

  /// Ends a live execution: at once while it is PENDING or if `force`, otherwise by asking the
  /// function to stop within the cancel grace. Answered when the execution has ended; success means
  /// that it ended CANCELLED.
  void cancel(const spearlet::CancelExecutionRequest& request,
              Answer<spearlet::CancelExecutionResponse> answer);

  /// Adds the current prediction of a live execution's end to the description's metadata.
  void add_estimate(const AsyncExecution& execution, ExecutionResponse& response);

  /// Cancels every live execution of the task by force.
  void cancel_all(const Task& task, std::string_view reason);

  /// Retires the task's idle instances.
  void retire_instances(const Task& task) { pool_.retire_idle(task); }

  /// Refuses new work from now on, and calls `drained` as soon as no execution is live.
  void drain(std::function<void()> drained);
  bool draining() const { return draining_; }

  AsyncExecutionTracker& tracker() { return tracker_; }
  TaskRegistry& tasks() { return tasks_; }
  const Counters& counters() const { return counters_; }
  const eta::Estimator& estimator() const { return *estimator_; }
  ResourceUsage usage() const { return runtime_.usage(); }

  int busy_slots() const { return busy_; }
  std::int64_t queued() const { return queue_.size(); }

 private:
  // Admission.
  absl::StatusOr<Function*> find_function(const Invocation& invocation,
                                          const spearlet::InvokeFunctionRequest& request);
  absl::StatusOr<AsyncExecution*> admit(const Invocation& invocation,
                                        spearlet::InvokeFunctionRequest& request,
                                        const CallContext& call);
  template <class AnswerType>
  void cancel_when_gone(AnswerType& answer, const AsyncExecution& execution);
  void refuse(Answer<spearlet::InvokeFunctionResponse> answer, const absl::Status& status);
  void count_refusal(const absl::Status& status);
  std::unique_ptr<LiveExecution> new_live(AsyncExecution& execution);
  Duration timeout_of(const Invocation& invocation, const CallContext& call) const;
  std::string new_id(char prefix);
  void repeat(AsyncExecution& execution, const spearlet::InvokeFunctionRequest& request,
              Answer<spearlet::InvokeFunctionResponse> answer);

  // The branches of submit_execution.
  void execute_sync(AsyncExecution& execution, Answer<spearlet::InvokeFunctionResponse> answer);
  void execute_async(AsyncExecution& execution, Answer<spearlet::InvokeFunctionResponse> answer);
  void wait_for_end(AsyncExecution& execution, Answer<spearlet::InvokeFunctionResponse> answer);

  // Attempts.
  void dispatch();
  void start_attempt(AsyncExecution& execution);
  void set_running(AsyncExecution& execution);
  bool retry(AsyncExecution& execution);
  Duration retry_pause(int attempts);

  void on_started(AttemptId attempt) override;
  void on_chunk(AttemptId attempt, Payload chunk) override;
  void on_log(AttemptId attempt, std::string line) override;
  void on_finished(AttemptId attempt, Outcome&& outcome) override;
  AsyncExecution* execution_of_report(AttemptId attempt);

  // Ends.
  void request_cancel(AsyncExecution& execution, std::string_view reason, bool force);
  void finish_cancelled(AsyncExecution& execution);
  void finish_with_error(AsyncExecution& execution, spearlet::ExecutionStatus status,
                         std::string_view code, std::string message);
  void finish(AsyncExecution& execution, spearlet::ExecutionStatus status);
  void end_attempt(const AsyncExecution& execution, LiveExecution& live);
  void observe_end(const AsyncExecution& execution, const LiveExecution& live);
  void send_answers(AsyncExecution& execution, LiveExecution& live);
  void on_deadline(AsyncExecution& execution);
  void on_pause_over(AsyncExecution& execution);
  void on_caller_gone(std::uint64_t ordinal);
  void notify_if_drained();

  void send(const ExecutionResponse& response, Answer<spearlet::InvokeFunctionResponse> answer);

  eta::Estimate predict(const AsyncExecution& execution);
  void fill_backlog(const AsyncExecution& execution);

  Environment& environment_;
  Runtime& runtime_;
  NodeConfig config_;
  Observer* observer_;
  int slots_;  // at most the number of instances that the node may have

  TaskRegistry tasks_;
  InstancePool pool_;
  eta::ServiceTimes service_times_;
  RandomStream estimator_seed_{"core.eta"};
  std::unique_ptr<eta::Estimator> estimator_;
  eta::FunctionIndex introduced_ = 0;  // functions that the estimator knows
  eta::Backlog backlog_;
  std::uint64_t listings_ = 0;
  AsyncExecutionTracker tracker_;
  ExecutionQueue queue_;
  std::vector<std::unique_ptr<LiveExecution>> spare_;  // for reuse
  boost::intrusive::list<LiveExecution, boost::intrusive::member_hook<
                                            LiveExecution, boost::intrusive::list_member_hook<>,
                                            &LiveExecution::by_dispatch>>
      holders_;  // executions that have a slot
  // Reused for all answers of the same shape, so that writing one allocates nothing. A caller may
  // move from them.
  spearlet::InvokeFunctionResponse accepted_answer_;
  spearlet::InvokeFunctionResponse final_answer_;

  RandomStream ids_{"core.ids"};
  RandomStream jitter_{"core.retry-jitter"};

  int busy_ = 0;
  bool draining_ = false;
  std::function<void()> drained_;
  Counters counters_;
};

}  // namespace quintain::core
