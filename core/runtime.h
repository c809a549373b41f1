// The seam between the core and whatever really runs functions: processes, or a model of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "spearlet/function.pb.h"

namespace quintain::core {

/// Names one attempt of one execution. Opaque; not reused while its node lives.
enum class AttemptId : std::uint64_t {};

/// A typed value as google.protobuf.Any holds it. Empty if both parts are.
struct Payload {
  std::string type_url{};
  std::string value{};

  bool empty() const { return type_url.empty() && value.empty(); }
};

/// What is to be run. The views and the request stay valid until the attempt has finished or was
/// killed.
struct AttemptSpec {
  AttemptId id;
  /// The execution's place in the node's order of acceptance, from 1.
  std::uint64_t ordinal;
  /// 1 for the first attempt, 2 for the first retry.
  int number;
  std::string_view execution_id;
  std::string_view task_id;
  std::string_view function_name;
  /// Attempts with the same instance id share one warm environment, one after the other.
  std::string_view instance_id;
  /// The instance does not exist yet: the runtime makes it ready before the function begins.
  bool cold_start;
  const spearlet::InvokeFunctionRequest& request;
};

/// How an attempt ended by itself.
struct Outcome {
  enum class Kind : std::uint8_t {
    kCompleted,  // the function ended well; `payload` is what it returned
    kFailed,     // it ended badly, or could not be started
    kStopped,    // it gave way to stop()
  };

  Kind kind = Kind::kCompleted;
  Payload payload{};
  /// Only for kFailed; the core fills in a general code if it is empty.
  std::string error_code{};
  std::string error_message{};
  std::int64_t memory_used_bytes = 0;
};

/// Hears what becomes of attempts. Called in the serial context.
///
/// A report about an attempt that has finished, was killed or never was is ignored and counted: a
/// runtime that reports late or twice can't hurt the core.
class AttemptListener {
 public:
  virtual void on_started(AttemptId attempt) = 0;
  // The instance is ready and the function begins. Comes at most once, before any chunk or log
  // line.

  virtual void on_chunk(AttemptId attempt, Payload chunk) = 0;
  virtual void on_log(AttemptId attempt, std::string line) = 0;

  virtual void on_finished(AttemptId attempt, Outcome&& outcome) = 0;
  // Without on_started before it: the start did not succeed. The listener takes what it wants from
  // the outcome and may leave other texts there, whose memory can serve the next outcome.

 protected:
  ~AttemptListener() = default;
};

/// What running functions use of the machine at this moment.
struct ResourceUsage {
  double cpu_percent = 0;
  double memory_percent = 0;
  std::int64_t memory_bytes = 0;
};

class Runtime {
 public:
  virtual ~Runtime() = default;

  virtual void start(const AttemptSpec& attempt, AttemptListener& listener) = 0;
  // Never blocks and never calls the listener before it returns. A start that can't succeed is
  // reported by on_finished. The listener outlives the attempt.

  virtual void stop(AttemptId attempt) = 0;
  // Asks the function to end. It may obey (on_finished with kStopped), finish in its own way, or
  // ignore it.

  virtual void kill(AttemptId attempt) = 0;
  // Ends the attempt and its instance at once. No report is owed any more.

  virtual void retire(std::string_view instance_id) = 0;
  // The idle instance will not be used again; its environment may be torn down.

  virtual ResourceUsage usage() const = 0;
};

}  // namespace quintain::core
