#include "core/node_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace quintain::core {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(NodeConfig, DefaultsAreValid) { EXPECT_TRUE(problems(NodeConfig{}).empty()); }

TEST(NodeConfig, EveryProblemNamesItsField) {
  struct Case {
    const char* field;
    std::function<void(NodeConfig&)> spoil;
  };
  const std::vector<Case> cases = {
      {"name", [](NodeConfig& c) { c.name = ""; }},
      {"slots", [](NodeConfig& c) { c.slots = 0; }},
      {"queue_limit", [](NodeConfig& c) { c.queue_limit = -1; }},
      {"cancel_grace", [](NodeConfig& c) { c.cancel_grace = -1ns; }},
      {"scheduling.strategy", [](NodeConfig& c) { c.scheduling.strategy = "random"; }},
      {"scheduling.starvation_bound", [](NodeConfig& c) { c.scheduling.starvation_bound = 0ns; }},
      {"timeout.sync_default", [](NodeConfig& c) { c.timeout.sync_default = 0ns; }},
      {"timeout.async_default", [](NodeConfig& c) { c.timeout.async_default = kForever; }},
      {"timeout.maximum", [](NodeConfig& c) { c.timeout.maximum = 0ns; }},
      {"retention.age", [](NodeConfig& c) { c.retention.age = -1ns; }},
      {"retention.count", [](NodeConfig& c) { c.retention.count = 0; }},
      {"instances.per_node", [](NodeConfig& c) { c.instances.per_node = 0; }},
      {"instances.per_task", [](NodeConfig& c) { c.instances.per_task = 0; }},
      {"instances.idle_expiry", [](NodeConfig& c) { c.instances.idle_expiry = -1ns; }},
      {"retry.initial", [](NodeConfig& c) { c.retry.initial = -1ns; }},
      {"retry.maximum", [](NodeConfig& c) { c.retry.maximum = -1ns; }},
      {"retry.multiplier",
       [](NodeConfig& c) { c.retry.multiplier = std::numeric_limits<double>::quiet_NaN(); }},
      {"retry.jitter", [](NodeConfig& c) { c.retry.jitter = 1.5; }},
      {"eta.estimator", [](NodeConfig& c) { c.eta.estimator = "oracle"; }},
      {"eta.constant", [](NodeConfig& c) { c.eta.constant = 0ns; }},
      {"eta.prior", [](NodeConfig& c) { c.eta.prior = 0ns; }},
      {"task_limit", [](NodeConfig& c) { c.task_limit = 0; }},
      {"functions_per_task", [](NodeConfig& c) { c.functions_per_task = 0; }},
      {"log_lines", [](NodeConfig& c) { c.log_lines = -1; }},
      {"default_page", [](NodeConfig& c) { c.default_page = 0; }},
      {"largest_page", [](NodeConfig& c) { c.largest_page = 99; }},
  };
  for (const Case& c : cases) {
    NodeConfig config;
    c.spoil(config);
    EXPECT_THAT(problems(config), ElementsAre(HasSubstr(c.field)));
  }
}

TEST(NodeConfig, AllProblemsAreReported) {
  NodeConfig config;
  config.slots = 0;
  config.retry.jitter = -1;
  config.eta.estimator = "";
  EXPECT_EQ(problems(config).size(), 3U);
}

}  // namespace
}  // namespace quintain::core
