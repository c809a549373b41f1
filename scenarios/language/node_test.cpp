#include "scenarios/language/readers.h"

#include <chrono>

#include "scenarios/testing/read_text.h"

namespace quintain::scenarios {
namespace {

using namespace std::chrono_literals;
using core::Instant;

std::vector<sim::NodeSpec> nodes(const std::string& members) {
  return read_good_text(R"({"about": "x", "functions": {"f": {}}, "steps": [], )" + members + "}")
      .nodes;
}

TEST(Nodes, ReadsEverySetting) {
  const sim::NodeSpec spec = nodes(R"("node": {
      "slots": 3, "queue_limit": 100, "cancel_grace": "2s",
      "scheduling": {"strategy": "priority", "starvation_bound": "1m"},
      "timeout": {"sync_default": "20s", "async_default": "30m", "maximum": "2h"},
      "retention": {"age": "1h", "count": 5000},
      "instances": {"per_node": 128, "per_task": 32, "idle_expiry": "5m"},
      "retry": {"initial": "10ms", "multiplier": 3, "maximum": "1s", "jitter": 0.25},
      "eta": {"estimator": "ewma", "constant": "3s", "prior": "2s"},
      "task_limit": 50, "functions_per_task": 40, "log_lines": 30,
      "default_page": 20, "largest_page": 200,
      "slowdowns": [{"from": "1s", "until": "2s", "factor": 2.5}, {"factor": 3}]})")[0];
  const core::NodeConfig& config = spec.config;
  EXPECT_EQ(config.name, "node");
  EXPECT_EQ(config.slots, 3);
  EXPECT_EQ(config.queue_limit, 100);
  EXPECT_EQ(config.cancel_grace, 2s);
  EXPECT_EQ(config.scheduling.strategy, "priority");
  EXPECT_EQ(config.scheduling.starvation_bound, 1min);
  EXPECT_EQ(config.timeout.sync_default, 20s);
  EXPECT_EQ(config.timeout.async_default, 30min);
  EXPECT_EQ(config.timeout.maximum, 2h);
  EXPECT_EQ(config.retention.age, 1h);
  EXPECT_EQ(config.retention.count, 5000);
  EXPECT_EQ(config.instances.per_node, 128);
  EXPECT_EQ(config.instances.per_task, 32);
  EXPECT_EQ(config.instances.idle_expiry, 5min);
  EXPECT_EQ(config.retry.initial, 10ms);
  EXPECT_EQ(config.retry.multiplier, 3);
  EXPECT_EQ(config.retry.maximum, 1s);
  EXPECT_EQ(config.retry.jitter, 0.25);
  EXPECT_EQ(config.eta.estimator, "ewma");
  EXPECT_EQ(config.eta.constant, 3s);
  EXPECT_EQ(config.eta.prior, 2s);
  EXPECT_EQ(config.task_limit, 50);
  EXPECT_EQ(config.functions_per_task, 40);
  EXPECT_EQ(config.log_lines, 30);
  EXPECT_EQ(config.default_page, 20);
  EXPECT_EQ(config.largest_page, 200);
  ASSERT_EQ(spec.slowdowns.size(), 2u);
  EXPECT_EQ(spec.slowdowns[0].from, Instant(1s));
  EXPECT_EQ(spec.slowdowns[0].until, Instant(2s));
  EXPECT_EQ(spec.slowdowns[0].factor, 2.5);
  EXPECT_EQ(spec.slowdowns[1].from, Instant());
  EXPECT_TRUE(spec.slowdowns[1].until.is_never());
}

TEST(Nodes, KeepsDefaultsOfAbsentSettings) {
  const auto all = nodes(R"("node": {"retry": {"jitter": 1}})");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].config.slots, core::NodeConfig().slots);
  EXPECT_EQ(all[0].config.retry.initial, core::RetryConfig().initial);
  EXPECT_EQ(nodes(R"("until": "1s")").size(), 1u);
}

TEST(Nodes, AcceptsTheShortFormOfStrategyAndEstimator) {
  const core::NodeConfig config =
      nodes(R"("node": {"scheduling": "fair-share", "eta": "les"})")[0].config;
  EXPECT_EQ(config.scheduling.strategy, "fair-share");
  EXPECT_EQ(config.eta.estimator, "les");
}

TEST(Nodes, ReadsSeveralNodesWithTheSameFunctions) {
  const auto all = nodes(R"("nodes": {"b": {"slots": 1}, "a": {"slots": 2}})");
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].config.name, "b");
  EXPECT_EQ(all[0].config.slots, 1);
  EXPECT_EQ(all[1].config.name, "a");
  EXPECT_EQ(all[1].config.slots, 2);
  for (const sim::NodeSpec& node : all) {
    ASSERT_EQ(node.functions.size(), 1u);
    EXPECT_EQ(node.functions[0].task, "f");
  }
}

}  // namespace
}  // namespace quintain::scenarios
