#include "core/node.h"

#include <fmt/format.h>

#include <utility>

#include "core/node_service.h"

namespace quintain::core {

Node::Node(Environment& environment, Runtime& runtime, const NodeConfig& config, Observer* observer,
           const eta::EstimatorFactory& estimator)
    : environment_(environment),
      config_(config),
      manager_(environment, runtime, config, observer, estimator),
      service_(std::make_unique<NodeService>(environment, config_, manager_)) {}

Node::~Node() = default;

std::vector<std::string> Node::register_task(TaskSpec spec) {
  if (spec.task_id.empty()) return {"a task needs an id"};
  if (manager_.tasks().find(spec.task_id) != nullptr) {
    return {fmt::format("task '{}' is registered already", spec.task_id)};
  }
  if (spec.task_name.empty()) spec.task_name = spec.task_id;
  manager_.tasks().add(std::move(spec), environment_.wall_now());
  return {};
}

}  // namespace quintain::core
