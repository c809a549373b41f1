// Scripted callers: calls at exact times, and their answers.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "sim/history.h"
#include "sim/world.h"
#include "spearlet/function.pb.h"

namespace quintain::sim {

/// Opens a stream.
struct StreamStep {
  spearlet::InvokeFunctionRequest request;
};

/// The caller of an earlier call stops waiting for it.
struct LeaveStep {
  std::string call;
};

/// The node accepts no new work from now on.
struct DrainStep {};

/// An event of an earlier step, which a step can wait for.
enum class StepEvent : std::uint8_t {
  kSent,           // the call is made
  kAccepted,       // its execution is accepted
  kDispatched,     // its execution gets a slot
  kStarted,        // its function starts, in the first attempt
  kStopRequested,  // its function is asked to stop
  kEnded,          // its execution reaches a final status
  kAnswered,       // the call is answered or refused
  kLeft,           // its caller goes away
};

/// A time relative to an event of another step.
struct Anchor {
  std::string step;
  StepEvent event = StepEvent::kSent;
  core::Duration plus{0};
};

/// The machine of the node loses its power. Requires: the node has a journal.
struct CrashStep {};

/// The node starts again after a crash.
struct RestartStep {};

/// One action of a caller or of the operator of a node. Plain data.
struct Step {
  /// When the step runs; with an anchor, the earliest time at which it can.
  core::Instant at;
  /// The step runs this long after the first such event, and never if there is none.
  std::optional<Anchor> after{};
  /// Unique in the script. Expectations and later steps refer to the step by it.
  std::string name;
  std::size_t node = 0;
  std::variant<spearlet::InvokeFunctionRequest, StreamStep, spearlet::GetExecutionStatusRequest,
               spearlet::CancelExecutionRequest, spearlet::ListTasksRequest,
               spearlet::GetTaskRequest, spearlet::DeleteTaskRequest,
               spearlet::ListExecutionsRequest, spearlet::GetHealthRequest,
               spearlet::GetStatsRequest, LeaveStep, DrainStep, CrashStep, RestartStep>
      action;
  /// Status and cancel: the earlier call whose execution the request is about; empty: the request
  /// names an id.
  std::string execution;
  /// Lists: the earlier list whose next page is requested; empty: none.
  std::string page_after;
  /// How long the caller waits before it goes away.
  core::Duration deadline = core::kForever;
};

/// The result of a step that was a call. Plain data.
struct CallRecord {
  /// The request as it was sent, with references resolved.
  std::shared_ptr<const google::protobuf::Message> request;
  core::Instant sent_at;
  /// The time of the answer, if it came while the caller waited.
  std::optional<core::Instant> answered_at;
  /// When the caller went away without an answer.
  std::optional<core::Instant> gone_at;
  absl::Status status;
  std::shared_ptr<const google::protobuf::Message> response;
  struct StreamMessage {
    core::Instant at;
    spearlet::StreamExecutionResult message;
  };
  std::vector<StreamMessage> stream;
  /// The execution that the call created or named.
  std::optional<ExecutionRef> execution;
  std::string execution_id;
};

/// Plays a script. Steps of one instant run in the order given, but cancels and departures run
/// before the rest (core::Precedence). A step that waits for an event of this instant runs after
/// the event. Serial context only.
class Script final : private HistoryListener {
 public:
  /// Schedules the steps in `world`. Requires: names are unique, references name steps, and a step
  /// is anchored only to one before it; the world records its history if a step is anchored.
  Script(World& world, std::vector<Step> steps);
  /// Closes the world, because its callers cease to exist.
  ~Script();

  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  /// Whether every step has run. Answers may be outstanding.
  bool finished() const;

  /// What the steps wait for that have not run because an event has not happened, for messages.
  std::vector<std::string> missing_events() const;

  /// The calls by step name. Steps that were not calls or have not run yet are missing.
  const std::map<std::string, CallRecord>& calls() const { return calls_; }

 private:
  class StepRunner;
  template <class Request>
  class UnaryCall;
  class StreamCall;
  class Command;

  std::unique_ptr<StepRunner> make_runner(const Step& step);

  void on_event(const Event& event) override;
  // The runner's call is about this execution.
  void associate(StepRunner& runner, ExecutionRef execution);
  void happened(const StepRunner& runner, StepEvent event);

  World& world_;
  std::vector<Step> steps_;
  std::map<std::string, CallRecord> calls_;
  std::vector<std::unique_ptr<StepRunner>> runners_;
  std::map<std::string, StepRunner*> by_name_;
  std::size_t steps_run_ = 0;
  bool listens_ = false;  // to the events of the world

  // Only with anchored steps: the steps that wait, by the step and the event for which they wait;
  // and for each execution of a call its events so far, and the calls that are about it.
  struct Story {
    std::set<StepEvent> events;
    std::vector<StepRunner*> runners;
  };
  std::map<std::pair<std::string, StepEvent>, std::vector<StepRunner*>> waiting_;
  std::map<ExecutionRef, Story> stories_;
  std::map<std::uint64_t, StepRunner*> invocations_;  // by call
};

/// The name of the event in scenario files: "sent", "stop-requested".
std::string_view name_of(StepEvent event);

}  // namespace quintain::sim
