// A node: the execution core with everything it is made of.
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

/// One node agent's core, put together from its configuration. The simulator, the server, the
/// conformance suite and the benchmarks all build this. Serial context only.
class Node {
 public:
  /// `environment`, `runtime` and `observer` (which may be null) must outlive the node. The
  /// configuration must have no problems(). Calls that are unanswered when the node is destroyed
  /// are refused with UNAVAILABLE.
  Node(Environment& environment, Runtime& runtime, const NodeConfig& config,
       Observer* observer = nullptr, const eta::EstimatorFactory& estimator = eta::make_estimator);
  ~Node();

  /// What callers call.
  FunctionService& service() { return *service_; }

  /// Makes a task known, as an operator does. What is wrong with it, or nothing.
  std::vector<std::string> register_task(TaskSpec spec);

  /// Refuses new work from now on; calls `drained` once nothing waits or runs any more.
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
