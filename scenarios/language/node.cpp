// Reads the settings of nodes.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "core/eta/estimator.h"
#include "core/scheduling.h"
#include "scenarios/language/names.h"
#include "scenarios/language/readers.h"

namespace quintain::scenarios {

using json_input::ObjectReader;
using json_input::Reader;

namespace {

using core::Duration;

constexpr std::size_t kMaxNodes = 1000;

// Each sets a setting if the file has it, and otherwise keeps the default. Bounds are checked by
// core::problems() and not here.
void set(const Reader& value, int& setting) {
  const std::int64_t number = value.integer<std::int64_t>({}, setting);
  if (!std::in_range<int>(number)) return value.error(fmt::format("{} is too large", number));
  setting = static_cast<int>(number);
}
void set(const Reader& value, double& setting) { setting = value.number({}, setting); }
void set(const Reader& value, Duration& setting) { setting = value.duration({}, setting); }

void set_name(const Reader& value, std::span<const std::string_view> names, std::string& setting) {
  if (const auto index = value.index_among(names)) setting = names[*index];
}

// "fifo" is short for {"strategy": "fifo"}.
bool is_short(const Reader& value) { return value.present() && !value.raw().is_object(); }

void read_scheduling(const Reader& value, core::SchedulingConfig& config) {
  const auto names = core::scheduling_strategy_names();
  if (is_short(value)) return set_name(value, names, config.strategy);
  ObjectReader object = value.object();
  set_name(object.optional("strategy"), names, config.strategy);
  set(object.optional("starvation_bound"), config.starvation_bound);
}

void read_eta(const Reader& value, core::eta::EtaConfig& config) {
  const auto names = core::eta::estimator_names();
  if (is_short(value)) return set_name(value, names, config.estimator);
  ObjectReader object = value.object();
  set_name(object.optional("estimator"), names, config.estimator);
  set(object.optional("constant"), config.constant);
  set(object.optional("prior"), config.prior);
}

void read_timeout(const Reader& value, core::TimeoutConfig& config) {
  ObjectReader object = value.object();
  set(object.optional("sync_default"), config.sync_default);
  set(object.optional("async_default"), config.async_default);
  set(object.optional("maximum"), config.maximum);
}

void read_retention(const Reader& value, core::RetentionConfig& config) {
  ObjectReader object = value.object();
  set(object.optional("age"), config.age);
  set(object.optional("count"), config.count);
}

void read_instances(const Reader& value, core::InstanceConfig& config) {
  ObjectReader object = value.object();
  set(object.optional("per_node"), config.per_node);
  set(object.optional("per_task"), config.per_task);
  set(object.optional("idle_expiry"), config.idle_expiry);
}

void read_memory(const Reader& value, core::MemoryConfig& config) {
  ObjectReader object = value.object();
  const auto set_bytes = [&](const char* key, std::int64_t& bytes) {
    bytes = object.optional(key).integer<std::int64_t>({}, bytes);
  };
  set_bytes("total", config.total);
  set_bytes("requests", config.requests);
  set_bytes("records", config.records);
  set_bytes("tasks", config.tasks);
  set_bytes("streams", config.streams);
}

void read_retry(const Reader& value, core::RetryConfig& config) {
  ObjectReader object = value.object();
  set(object.optional("initial"), config.initial);
  set(object.optional("multiplier"), config.multiplier);
  set(object.optional("maximum"), config.maximum);
  set(object.optional("jitter"), config.jitter);
}

std::vector<sim::Slowdown> read_slowdowns(const Reader& slowdowns) {
  return slowdowns.array_of([](const Reader& element) {
    ObjectReader object = element.object();
    sim::Slowdown slowdown{};
    slowdown.from = core::Instant(object.optional("from").duration());
    const Reader until = object.optional("until");
    slowdown.until = until.present() ? core::Instant(until.duration()) : core::Instant::never();
    slowdown.factor = object.required("factor").number({0.001, 1'000'000}, 1);
    if (slowdown.until <= slowdown.from) until.error("a slowdown must end after it starts");
    return slowdown;
  });
}

/// The value at a dotted path ("timeout.maximum"), or its longest prefix that is not an object;
/// absent if the file does not have it.
Reader at_path(Reader node, std::string_view path) {
  while (!path.empty() && node.raw().is_object()) {
    const std::string_view key = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(path.size(), key.size() + 1));
    ObjectReader object = node.object();
    object.accept_any_key();
    node = object.optional(key);
  }
  return node;
}

void report_problems(const core::NodeConfig& config, const Reader& node) {
  for (const std::string& problem : core::problems(config)) {
    const std::size_t colon = problem.find(": ");
    const Reader setting = at_path(node, std::string_view(problem).substr(0, colon));
    if (setting.present()) {
      setting.error(problem.substr(colon + 2));
    } else {
      node.error(problem);  // a default contradicts a setting in the file
    }
  }
}

void read_store(const Reader& store, sim::NodeSpec& spec) {
  if (!store.present()) return;
  ObjectReader object = store.object();
  spec.store_commit = object.optional("commit").duration({}, std::chrono::microseconds(500));
  spec.restart = object.optional("restart").one_of<core::RestartPolicy>(
      {{"fail", core::RestartPolicy::kFail}, {"rerun", core::RestartPolicy::kRerun}},
      core::RestartPolicy::kFail);
}

sim::NodeSpec read_node(const Reader& node, std::string name) {
  sim::NodeSpec spec;
  core::NodeConfig& config = spec.config;
  config.name = std::move(name);
  ObjectReader object = node.object();
  set(object.optional("slots"), config.slots);
  set(object.optional("queue_limit"), config.queue_limit);
  set(object.optional("cancel_grace"), config.cancel_grace);
  read_scheduling(object.optional("scheduling"), config.scheduling);
  read_timeout(object.optional("timeout"), config.timeout);
  read_retention(object.optional("retention"), config.retention);
  read_instances(object.optional("instances"), config.instances);
  read_memory(object.optional("memory"), config.memory);
  read_retry(object.optional("retry"), config.retry);
  read_eta(object.optional("eta"), config.eta);
  set(object.optional("task_limit"), config.task_limit);
  set(object.optional("functions_per_task"), config.functions_per_task);
  set(object.optional("log_lines"), config.log_lines);
  set(object.optional("default_page"), config.default_page);
  set(object.optional("largest_page"), config.largest_page);
  spec.slowdowns = read_slowdowns(object.optional("slowdowns"));
  read_store(object.optional("store"), spec);
  report_problems(config, node);
  return spec;
}

}  // namespace

Nodes read_nodes(ObjectReader& scenario) {
  const Reader one = scenario.optional("node");
  const Reader several = scenario.optional("nodes");
  if (one.present() && several.present()) {
    several.error("'node' is set already; give one or the other");
  }
  Nodes nodes;
  if (several.present() && !one.present()) {
    const auto members = several.members();
    if (several.raw().is_object() && members.empty()) several.error("expected at least one node");
    if (members.size() > kMaxNodes) {
      several.error(fmt::format("{} nodes are too many; at most {}", members.size(), kMaxNodes));
    }
    for (const auto& [name, node] : members) {
      if (nodes.specs.size() == kMaxNodes) break;
      if (nodes.names.add(name, node)) nodes.specs.push_back(read_node(node, name));
    }
  }
  if (nodes.specs.empty()) {
    nodes.specs.push_back(read_node(one, core::NodeConfig().name));
    nodes.names.add(core::NodeConfig().name, one);
  }
  return nodes;
}

}  // namespace quintain::scenarios
