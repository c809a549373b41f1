// Scripted callers: calls at exact times, and their answers.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
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

/// One action of a caller or of the operator of a node. Plain data.
struct Step {
  core::Instant at;
  /// Unique in the script. Expectations and later steps refer to the step by it.
  std::string name;
  std::size_t node = 0;
  std::variant<spearlet::InvokeFunctionRequest, StreamStep, spearlet::GetExecutionStatusRequest,
               spearlet::CancelExecutionRequest, spearlet::ListTasksRequest,
               spearlet::GetTaskRequest, spearlet::DeleteTaskRequest,
               spearlet::ListExecutionsRequest, spearlet::GetHealthRequest,
               spearlet::GetStatsRequest, LeaveStep, DrainStep>
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
/// before the rest (core::Precedence). Serial context only.
class Script {
 public:
  /// Schedules the steps in `world`. Requires: names are unique, and references name steps.
  Script(World& world, std::vector<Step> steps);
  /// Closes the world, because its callers cease to exist.
  ~Script();

  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  /// Whether every step has run. Answers may be outstanding.
  bool finished() const;

  /// The calls by step name. Steps that were not calls or have not run yet are missing.
  const std::map<std::string, CallRecord>& calls() const { return calls_; }

 private:
  class StepRunner;
  template <class Request>
  class UnaryCall;
  class StreamCall;
  class Command;

  std::unique_ptr<StepRunner> make_runner(const Step& step);

  World& world_;
  std::vector<Step> steps_;
  std::map<std::string, CallRecord> calls_;
  std::vector<std::unique_ptr<StepRunner>> runners_;
  std::map<std::string, StepRunner*> by_name_;
  std::size_t steps_run_ = 0;
};

}  // namespace quintain::sim
