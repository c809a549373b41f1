// Scripted callers: calls at exact times, and what came of them.
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

/// The node takes no new work from now on.
struct DrainStep {};

/// One thing that a caller, or the node's operator, does.
struct Step {
  core::Instant at;
  /// How expectations and later steps refer to it.
  std::string name;
  std::size_t node = 0;
  std::variant<spearlet::InvokeFunctionRequest, StreamStep, spearlet::GetExecutionStatusRequest,
               spearlet::CancelExecutionRequest, spearlet::ListTasksRequest,
               spearlet::GetTaskRequest, spearlet::DeleteTaskRequest,
               spearlet::ListExecutionsRequest, spearlet::GetHealthRequest,
               spearlet::GetStatsRequest, LeaveStep, DrainStep>
      action;
  /// Status and cancel: the earlier call whose execution is meant, if the request names no id.
  std::string execution;
  /// Lists: the earlier list whose next page is meant.
  std::string page_after;
  /// How long the caller waits; then it goes away.
  core::Duration deadline = core::kForever;
};

/// What came of a step that was a call.
struct CallRecord {
  /// What the call's request came to be, ids filled in.
  std::shared_ptr<const google::protobuf::Message> request;
  core::Instant sent_at;
  /// When the answer came, if one came while the caller waited.
  std::optional<core::Instant> answered_at;
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

/// Plays a script. At one instant steps run in the order given, cancels and departures before the
/// rest (core::Precedence).
class Script {
 public:
  /// Schedules the steps in `world`. Names must be unique, references to names of steps.
  Script(World& world, std::vector<Step> steps);
  /// Closes the world: its callers cease to exist.
  ~Script();

  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  /// Every step has been made. Answers may be outstanding.
  bool finished() const;

  /// By step name; steps that were not calls or have not been made are missing.
  const std::map<std::string, CallRecord>& calls() const { return calls_; }

 private:
  // A step on its way: waits for its instant, makes the call, takes the answer.
  class Player;
  template <class Request>
  class UnaryPlayer;
  class StreamPlayer;
  class OrderPlayer;

  std::unique_ptr<Player> make_player(const Step& step);

  World& world_;
  std::vector<Step> steps_;
  std::map<std::string, CallRecord> calls_;
  std::vector<std::unique_ptr<Player>> players_;
  std::map<std::string, Player*> by_name_;
  std::size_t made_ = 0;
};

}  // namespace quintain::sim
