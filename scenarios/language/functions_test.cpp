#include "scenarios/language/readers.h"

#include <chrono>

#include "scenarios/testing/read_text.h"

namespace quintain::scenarios {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

std::vector<sim::FunctionModel> functions(const std::string& text) {
  return read_good_text(R"({"about": "x", "steps": [], "functions": )" + text + "}")
      .nodes[0]
      .functions;
}

TEST(Functions, ReadsEveryProperty) {
  const auto models = functions(R"({
      "work": {"service": "1s", "cold_start": "2s", "on_stop": {"obeys_after": "3s"},
               "fates": ["fails", "hangs", "start-fails", "completes"],
               "error_code": "BROKEN", "error_message": "it broke", "result": "done",
               "logs": ["first", "second"], "memory_bytes": 1048576, "chunks": 3,
               "instance_limit": 4, "reports_late": "10ms", "reports_twice": true,
               "reports_out_of_order": true, "dies_idle_after": "1s"},
      "bad": {"returns_garbage": true}, "big": {"result_bytes": 5000000},
      "other": {"task": "tools", "function": "echo", "echo": true,
                "failure_probability": 0.5, "hang_probability": 0.25}})");
  ASSERT_EQ(models.size(), 4u);
  const sim::FunctionModel& work = models[0];
  EXPECT_EQ(work.task, "work");
  EXPECT_EQ(work.function, "");
  EXPECT_EQ(work.service.mean_seconds(), 1);
  EXPECT_EQ(work.cold_start.mean_seconds(), 2);
  ASSERT_TRUE(work.obeys_stop_after);
  EXPECT_EQ(work.obeys_stop_after->mean_seconds(), 3);
  EXPECT_THAT(work.outcomes,
              ElementsAre(sim::PlannedOutcome::kFails, sim::PlannedOutcome::kHangs,
                          sim::PlannedOutcome::kStartFails, sim::PlannedOutcome::kCompletes));
  EXPECT_EQ(work.error_code, "BROKEN");
  EXPECT_EQ(work.error_message, "it broke");
  EXPECT_EQ(work.result, "done");
  EXPECT_FALSE(work.echo);
  EXPECT_THAT(work.logs, ElementsAre("first", "second"));
  EXPECT_EQ(work.memory_bytes, 1'048'576);
  EXPECT_EQ(work.chunks, 3);
  EXPECT_EQ(work.instance_limit, 4);
  EXPECT_EQ(work.reports_late, core::Duration(10ms));
  EXPECT_TRUE(work.reports_twice);
  EXPECT_TRUE(work.reports_out_of_order);
  EXPECT_EQ(work.dies_idle_after, core::Duration(1s));

  EXPECT_TRUE(models[1].returns_garbage);
  EXPECT_EQ(models[2].result_bytes, 5'000'000);

  const sim::FunctionModel& other = models[3];
  EXPECT_EQ(other.task, "tools");
  EXPECT_EQ(other.function, "echo");
  EXPECT_TRUE(other.echo);
  EXPECT_EQ(other.failure_probability, 0.5);
  EXPECT_EQ(other.hang_probability, 0.25);
}

TEST(Functions, KeepsDefaultsOfAbsentProperties) {
  const sim::FunctionModel model = functions(R"({"f": {}})")[0];
  const sim::FunctionModel standard;
  EXPECT_EQ(model.service.mean_seconds(), standard.service.mean_seconds());
  EXPECT_EQ(model.cold_start.mean_seconds(), standard.cold_start.mean_seconds());
  EXPECT_EQ(model.obeys_stop_after->mean_seconds(), standard.obeys_stop_after->mean_seconds());
  EXPECT_EQ(model.error_code, standard.error_code);
  EXPECT_EQ(model.error_message, standard.error_message);
  EXPECT_FALSE(model.reports_late);
}

TEST(Functions, ObeysOrIgnoresAStop) {
  EXPECT_EQ(functions(R"({"f": {"on_stop": "obeys"}})")[0].obeys_stop_after->mean_seconds(), 0);
  EXPECT_FALSE(functions(R"({"f": {"on_stop": "ignores"}})")[0].obeys_stop_after);
}

TEST(Functions, TheInstanceLimitBelongsToTheTask) {
  const auto models = functions(R"({"a": {"task": "t", "function": "a"},
                                    "b": {"task": "t", "function": "b", "instance_limit": 2}})");
  EXPECT_EQ(models[0].instance_limit, 2);
  EXPECT_EQ(models[1].instance_limit, 2);
}

}  // namespace
}  // namespace quintain::scenarios
