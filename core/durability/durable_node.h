// A node whose promises survive a crash.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <memory>

#include "core/base/environment.h"
#include "core/journal.h"
#include "core/node.h"
#include "core/node_config.h"
#include "core/observer.h"
#include "core/runtime.h"

namespace quintain::core {

class AttemptGate;
class JournalObserver;
class Outbox;

/// What becomes of an execution whose attempt was under way when the node's process ended.
enum class RestartPolicy : std::uint8_t {
  kFail,   // it ends FAILED with NODE_RESTARTED
  kRerun,  // it gets a new attempt if max_retries allows one, and fails otherwise
};

struct DurabilityConfig {
  RestartPolicy restart = RestartPolicy::kFail;
  /// Bytes that may wait to become durable, records and answers together. Calls that would change
  /// something are refused with UNAVAILABLE while there are more.
  std::int64_t pending_bytes = std::int64_t{64} << 20;
};

/// A node with a journal. Three parts stand between it and the world:
///
/// - an observer appends a record for each change of an execution or a task;
/// - the outbox keeps each answer until the records on which it depends are durable;
/// - the gate starts an attempt when the record of the attempt is durable, so that after a crash it
///   is known which functions may have run.
///
/// Serial context only.
class DurableNode {
 public:
  /// Everything that is passed by reference must outlive the node, and so must `observer`, which
  /// may be null.
  DurableNode(Environment& environment, Runtime& runtime, const NodeConfig& config,
              Journal& journal, const DurabilityConfig& durability, Observer* observer = nullptr,
              const eta::EstimatorFactory& estimator = eta::make_estimator);
  /// Answers that still wait are refused with UNAVAILABLE.
  ~DurableNode();

  Node& node() { return *node_; }

  /// The service that clients call, in place of node().service().
  FunctionService& service();

  /// Takes over what the journal has kept. An error names the record that cannot be read. Requires:
  /// it is called once, after the operator's tasks were registered and before the first call.
  absl::Status restore();

  /// Bytes of answers that wait.
  std::int64_t waiting_bytes() const;

 private:
  Journal& journal_;
  DurabilityConfig durability_;
  std::unique_ptr<JournalObserver> changes_;
  std::unique_ptr<AttemptGate> gate_;
  std::unique_ptr<Node> node_;
  std::unique_ptr<Outbox> outbox_;
};

}  // namespace quintain::core
