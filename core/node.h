// A node: the execution core with all its parts.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/environment.h"
#include "core/execution_manager.h"
#include "core/function_service.h"
#include "core/node_config.h"
#include "core/observer.h"
#include "core/runtime.h"
#include "core/task_registry.h"

namespace quintain::core {

/// The core of one node agent, built from its configuration. The simulator, the server, the
/// conformance suite and the benchmarks all use it. Serial context only.
class Node {
 public:
  /// `environment`, `runtime` and `observer`, which may be null, must outlive the node. Requires:
  /// problems(config) is empty. The destructor refuses all unanswered calls with UNAVAILABLE.
  Node(Environment& environment, Runtime& runtime, const NodeConfig& config,
       Observer* observer = nullptr, const eta::EstimatorFactory& estimator = eta::make_estimator);
  ~Node();

  /// The service that clients call.
  FunctionService& service() { return *service_; }

  /// Registers a task, as an operator does. Returns the errors; empty if it was registered.
  std::vector<std::string> register_task(TaskSpec spec);

  /// Refuses new work from now on, and calls `drained` as soon as no execution is live.
  void drain(std::function<void()> drained = [] {}) { manager_.drain(std::move(drained)); }

  const NodeConfig& config() const { return config_; }
  const Counters& counters() const { return manager_.counters(); }
  TaskExecutionManager& manager() { return manager_; }

 private:
  Environment& environment_;
  NodeConfig config_;
  TaskExecutionManager manager_;
  std::unique_ptr<FunctionService> service_;
};

}  // namespace quintain::core
