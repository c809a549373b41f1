// What the calls to a node tell of its executions, and the states in which each of them can be.
#pragma once

#include <array>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/model/contract_model.h"
#include "core/statuses.h"

namespace quintain::conformance::model {

using core::Duration;
using core::Instant;
using spearlet::ExecutionStatus;
using Invoke = spearlet::InvokeFunctionRequest;

inline constexpr auto kAbsent = spearlet::EXECUTION_STATUS_UNSPECIFIED;
using namespace core::statuses;

/// "RUNNING"; "absent" for an execution without a record.
std::string_view name_of(ExecutionStatus status);

/// The states in which an execution can be; kAbsent: it has no record.
class States {
 public:
  States(std::initializer_list<ExecutionStatus> states) {
    for (const ExecutionStatus state : states) add(state);
  }
  static States any() {
    return {kAbsent, kPending, kRunning, kCompleted, kFailed, kCancelled, kTimeout};
  }
  void add(ExecutionStatus state) { bits_ |= 1U << state; }
  bool contain(ExecutionStatus state) const {
    return ExecutionStatus_IsValid(state) && (bits_ >> state & 1U) != 0;
  }
  bool are_only(ExecutionStatus state) const { return bits_ == 1U << state; }
  /// "PENDING or RUNNING".
  std::string text() const;

 private:
  unsigned bits_ = 0;
};

/// What one answer shows of an execution. Members that it does not show are nullptr or unset.
struct Sighting {
  const RecordedCall* call = nullptr;
  Instant told;
  ExecutionStatus status = kAbsent;
  std::optional<Instant> started{};
  std::optional<Instant> completed{};
  std::int64_t time_ms = 0;
  const std::string* error = nullptr;
  const std::string* code = nullptr;
  // nullptr: there is none, if `shows_payload`.
  const google::protobuf::Any* payload = nullptr;
  bool shows_payload = false;
  bool shows_times = false;
};

/// A request that may end an execution as CANCELLED.
struct Cause {
  const RecordedCall* call;
  Instant from;
  std::optional<std::string> reason;  // of a CancelExecution
  bool force = false;
};

/// What is known of the executions with one id, mostly one.
struct Execution {
  std::vector<const RecordedCall*> creators;  // calls that may have created it
  std::vector<Cause> causes;
  std::vector<Sighting> sightings;
  // There may have been one after another with this id: nothing is known of them.
  bool several = false;
  const RecordedCall* creator = nullptr;  // the first that was accepted, else the first
  Instant born_earliest = Instant::never();
  Instant born_latest = Instant::never();  // never(): perhaps not at all
  Instant deadline_earliest = Instant::never();
  Instant deadline_latest = Instant::never();
  const Sighting* end = nullptr;  // the first that shows a final status
  std::optional<Instant> started;
  std::optional<Instant> completed;

  // Whether `creator` is the one that has created it, or has the same request as that one.
  bool has_known_request() const {
    return !several && creator != nullptr && (creators.size() == 1 || !born_latest.is_never());
  }
  const Invoke& request() const { return creator->request_as<Invoke>(); }
};

/// The id that the caller has chosen; empty: none.
std::string requested_id(const Invoke& request);
bool is_new_task(const Invoke& request);
/// The task of an invocation, if it can be known; "" otherwise.
std::string task_of(const RecordedCall& invocation);
bool is_invocation(const RecordedCall& call);
/// Whether `call` had ended when `later` was sent.
bool before(const RecordedCall& call, const RecordedCall& later);

/// Whether a function returns more than an answer may have, which fails its execution.
bool returns_too_much(const FunctionBehaviour& behaviour);

/// What callers asked for and were told. Answers are judged against it, and it against nothing.
class KnownExecutions {
 public:
  KnownExecutions(std::span<const RecordedCall> calls, const ModelledNode& node);

 protected:
  struct Timeout {
    Instant earliest;
    Instant latest;
  };
  /// An invocation that has certainly created an execution or met an existing one.
  bool accepted(const RecordedCall& call) const;
  /// When an execution ends as TIMEOUT that this call created at `accepted` at the latest.
  Timeout deadline_of(const RecordedCall& call, Instant accepted) const;
  bool is_certainly_born(const Execution& execution, const RecordedCall& call) const;
  /// The specification of what a call that is handled between `call.sent` and `until` may find.
  States states_of(const Execution& execution, const RecordedCall& call, Instant until) const;
  static bool concerns(const RecordedCall& deletion, const Execution& execution);

  const std::span<const RecordedCall> calls_;
  const ModelledNode& node_;
  const Policies& policies_;
  std::map<std::string, Execution> executions_;
  std::vector<const RecordedCall*> invocations_;
  // Invocations without an id that may have created executions which nobody has named.
  std::vector<const RecordedCall*> anonymous_;
  std::vector<const RecordedCall*> deletions_;
  Instant last_;  // when the last call was sent or ended

 private:
  void see(const std::string& id, const RecordedCall& call, const spearlet::ExecutionResult& result,
           bool shows_payload);
  void see(const RecordedCall& call, const spearlet::ExecutionInfo& info);
  void learn(const RecordedCall& call);
  void learn_invocation(const RecordedCall& call);
  /// When a call was accepted at the latest; never(): perhaps not at all.
  Instant accepted_by(const RecordedCall& call) const;
  bool leaves_at_its_deadline(const RecordedCall& call) const;
  void settle(Execution& execution);
  /// Whether its record may have been dropped by this time.
  bool may_be_forgotten(const Execution& execution, Instant at) const;
  bool must_be_absent(const Execution& execution, const RecordedCall& call) const;
  /// The final states that its requests, its function and the time allow until `at`.
  States ends_of(const Execution& execution, Instant at) const;
  /// Whether a cancel must have ended it when the call was sent.
  bool is_cancel_over(const Execution& execution, const RecordedCall& call) const;
};

}  // namespace quintain::conformance::model
