// The state machine of executions, from the invocation to the terminal status.
#pragma once

#include <array>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
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
#include "core/memory_account.h"
#include "core/node_config.h"
#include "core/observer.h"
#include "core/refusal.h"
#include "core/runtime.h"
#include "core/task_registry.h"

namespace quintain::core {

/// Monotone counts of what the node has done since its start.
struct Counters {
  std::int64_t accepted = 0;
  std::int64_t repeated = 0;  // answered from an existing record
  std::array<std::int64_t, kRefusalReasons> refused_by_reason{};
  std::int64_t attempts = 0;
  std::int64_t cold_starts = 0;
  std::int64_t retries = 0;
  std::int64_t kills = 0;
  std::int64_t reports_ignored = 0;

  std::int64_t refused(RefusalReason reason) const {
    return refused_by_reason[static_cast<std::size_t>(reason)];
  }
};

/// Executions that have ended: their number by status, and how long they took from acceptance.
struct EndStatistics {
  /// Upper bounds of the buckets in seconds; one more bucket without a bound follows.
  static constexpr std::array kBounds = {0.001, 0.0025, 0.005, 0.01,  0.025, 0.05,
                                         0.1,   0.25,   0.5,   1.0,   2.5,   5.0,
                                         10.0,  30.0,   60.0,  300.0, 900.0, 3600.0};

  std::array<std::int64_t, spearlet::ExecutionStatus_ARRAYSIZE> by_status{};
  std::array<std::int64_t, kBounds.size() + 1> by_duration{};
  double sum_seconds = 0;

  void add(spearlet::ExecutionStatus status, Duration took);
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

  /// Removes the task, ends its live executions and, if `request` asks for it, drops its records. A
  /// large task is deleted in several turns at the same instant; the answer follows the last one.
  void delete_task(Task& task, const spearlet::DeleteTaskRequest& request,
                   Answer<spearlet::DeleteTaskResponse> answer);

  /// Cancels every live execution by force, in several turns if there are many. Requires:
  /// draining().
  void cancel_all(std::string_view reason);

  /// Refuses new work from now on. Calls `drained` once no execution is live and the linger is
  /// over: the callers of ASYNC executions that ended since now have read their results, or the
  /// time for it is over. Further calls only replace `drained`.
  void drain(std::function<void()> drained);
  bool draining() const { return draining_; }

  /// Called when a status answer has shown the execution's end.
  void note_read(AsyncExecution& execution) {
    if (!draining_) return;
    tracker_.set_read(execution);
    notify_if_drained();
  }

  AsyncExecutionTracker& tracker() { return tracker_; }
  TaskRegistry& tasks() { return tasks_; }
  const Counters& counters() const { return counters_; }
  const EndStatistics& ends() const { return ends_; }
  const MemoryAccount& memory() const { return memory_; }
  const eta::Estimator& estimator() const { return *estimator_; }
  ResourceUsage usage() const { return runtime_.usage(); }

  /// Counts the refusal of an invocation because the node's store can't be written, and returns its
  /// status.
  absl::Status refused_by_store(std::string_view why) {
    return refused(RefusalReason::kStore, why);
  }

  int busy_slots() const { return busy_; }
  std::int64_t queued() const { return queue_.size(); }

 private:
  friend class Restoration;

  // Admission.
  absl::StatusOr<Function*> find_function(const Invocation& invocation,
                                          const spearlet::InvokeFunctionRequest& request);
  absl::StatusOr<Task*> add_task(const spearlet::InvokeFunctionRequest& request);
  absl::StatusOr<AsyncExecution*> admit(const Invocation& invocation,
                                        spearlet::InvokeFunctionRequest& request,
                                        const CallContext& call);
  template <class AnswerType>
  void cancel_when_gone(AnswerType& answer, const AsyncExecution& execution);
  absl::Status refused(RefusalReason reason, std::string_view message,
                       std::optional<ReachedLimit> limit = {},
                       std::optional<Duration> retry_after = {});
  absl::Status check_memory(MemoryUse use, std::int64_t bytes);
  Duration expected_wait() const;
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
  void on_reader_caught_up(std::uint64_t ordinal);
  void account_for_stream(LiveExecution& live);
  void notify_if_drained();

  // Work in several turns.
  struct Deletion {
    TaskPointer task;
    bool cleanup;
    std::string reason;
    std::int64_t cleaned;
    std::optional<Answer<spearlet::DeleteTaskResponse>> answer;  // none: nobody asked
  };
  void continue_deletions();
  // The answers to many callers that waited for the same execution. They get copies of one message,
  // because its record may be dropped meanwhile.
  struct LateAnswers {
    spearlet::InvokeFunctionResponse message;
    std::vector<Answer<spearlet::InvokeFunctionResponse>> answers;
    std::size_t next = 0;
  };
  void send_late_answers();
  bool continue_deletion(Deletion& deletion, std::int64_t& work);

  void send_accepted(const AsyncExecution& execution,
                     Answer<spearlet::InvokeFunctionResponse> answer);
  void send(const ExecutionResponse& response, Answer<spearlet::InvokeFunctionResponse> answer);

  eta::Estimate predict(const AsyncExecution& execution);
  void fill_backlog(const AsyncExecution& execution);

  Environment& environment_;
  Runtime& runtime_;
  NodeConfig config_;
  Observer* observer_;
  int slots_;  // at most the number of instances that the node may have

  MemoryAccount memory_;
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
  Timer linger_;
  bool lingered_ = false;
  std::deque<Deletion> deletions_;
  Timer next_deletions_;
  std::deque<LateAnswers> late_answers_;
  Timer next_late_answers_;
  bool cancelling_all_ = false;
  Counters counters_;
  EndStatistics ends_;
};

}  // namespace quintain::core
