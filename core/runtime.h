// The interface between the core and what runs functions: processes, or a model of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "spearlet/function.pb.h"

namespace quintain::core {

/// Identifies one attempt of one execution. Opaque; unique within its node.
enum class AttemptId : std::uint64_t {};

/// A typed value, as in google.protobuf.Any. Empty if both parts are.
struct Payload {
  std::string type_url{};
  std::string value{};

  bool empty() const { return type_url.empty() && value.empty(); }
};

/// The attempt to run. The views and the request stay valid until the attempt has finished or was
/// killed.
struct AttemptSpec {
  AttemptId id;
  /// The execution's position in the node's order of acceptance, from 1.
  std::uint64_t ordinal;
  /// 1 for the first attempt, 2 for the first retry.
  int number;
  std::string_view execution_id;
  std::string_view task_id;
  std::string_view function_name;
  /// Attempts with the same instance id share one warm environment, one after the other.
  std::string_view instance_id;
  /// Whether the instance does not exist yet and the runtime must create it before the function
  /// starts.
  bool cold_start;
  const spearlet::InvokeFunctionRequest& request;
};

/// How an attempt ended by itself.
struct Outcome {
  enum class Kind : std::uint8_t {
    kCompleted,  // the function returned `payload`
    kFailed,     // the function failed or could not be started
    kStopped,    // the function ended because of stop()
  };

  Kind kind = Kind::kCompleted;
  Payload payload{};
  /// Only for kFailed. The core replaces an empty code with a general one.
  std::string error_code{};
  std::string error_message{};
  std::int64_t memory_used_bytes = 0;
};

/// Receives the runtime's reports about attempts, in the serial context.
///
/// A report about an attempt that has finished, was killed or never existed is ignored and counted:
/// late or repeated reports can't harm the core.
class AttemptListener {
 public:
  /// The instance is ready and the function starts. Called at most once, before any chunk or log
  /// line.
  virtual void on_started(AttemptId attempt) = 0;

  virtual void on_chunk(AttemptId attempt, Payload chunk) = 0;
  virtual void on_log(AttemptId attempt, std::string line) = 0;

  /// The attempt ended; if on_started() was not called before, the start failed. The listener may
  /// exchange the outcome's strings for others, whose memory can be reused for the next outcome.
  virtual void on_finished(AttemptId attempt, Outcome&& outcome) = 0;

 protected:
  ~AttemptListener() = default;
};

/// The current resource usage of running functions.
struct ResourceUsage {
  double cpu_percent = 0;
  double memory_percent = 0;
  std::int64_t memory_bytes = 0;
};

/// Runs attempts. Called in the serial context; no call blocks.
class Runtime {
 public:
  virtual ~Runtime() = default;

  /// Starts an attempt. Does not call the listener before it returns; a failed start is reported by
  /// on_finished(). The listener outlives the attempt.
  virtual void start(const AttemptSpec& attempt, AttemptListener& listener) = 0;

  /// Asks the function to end. It may obey (on_finished() with kStopped), finish in its own way, or
  /// ignore the request.
  virtual void stop(AttemptId attempt) = 0;

  /// Holds back the function's output, if the runtime can, until resume_output(): its reader is
  /// slow. A chunk that is on its way may still be reported.
  virtual void hold_output(AttemptId /*attempt*/) {}
  virtual void resume_output(AttemptId /*attempt*/) {}

  /// Ends the attempt and its instance at once. No report is needed afterwards.
  virtual void kill(AttemptId attempt) = 0;

  /// The idle instance will not be used again; its environment may be torn down.
  virtual void retire(std::string_view instance_id) = 0;

  virtual ResourceUsage usage() const = 0;
};

}  // namespace quintain::core
