#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/testing/calls.h"
#include "sim/testing/scene.h"

namespace quintain::sim::testing {
namespace {

using core::testing::async_request;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kBytes = "request-bytes-within-limit";

// Sends and accepts a request with some bytes.
void accept(Scene& scene, std::uint64_t ordinal, std::size_t bytes) {
  auto request = async_request();
  request.set_task_id(std::string(bytes, 't'));
  const std::uint64_t call = scene.world.open_call(0, request);
  scene.world.record({.kind = EventKind::kAccepted,
                      .to = kPending,
                      .execution = Scene::ref(ordinal),
                      .call = call,
                      .deadline = scene.world.now() + 1h,
                      .mode = spearlet::EXECUTION_MODE_ASYNC});
}

TEST(RequestBytesWithinLimit, CountsTheRequestsOfLiveExecutions) {
  NodeSpec spec = Scene::default_spec();
  spec.config.memory.requests = 10'000;
  Scene scene(spec);
  accept(scene, 1, 4000);
  accept(scene, 2, 4000);
  EXPECT_THAT(scene.violations_of(kBytes), IsEmpty());
  scene.starts(1);
  scene.ends(1);
  accept(scene, 3, 4000);
  EXPECT_THAT(scene.violations_of(kBytes), IsEmpty());
  accept(scene, 4, 4000);
  EXPECT_THAT(scene.violations_of(kBytes), SizeIs(1));
}

TEST(RecordBytesWithinLimit, CountsFinishedRecordsAndLogLines) {
  NodeSpec spec = Scene::default_spec();
  FunctionModel& model = spec.functions.emplace_back();
  model.task = "task";
  spec.config.memory.records = 100'000;
  Scene scene(spec);
  auto request = async_request();
  request.set_task_id("task");
  core::FunctionService& service = scene.world.node(0).service();
  const auto violations = [&] { return scene.violations_of("record-bytes-within-limit"); };
  // As if the node kept 100,000 bytes more than it does.
  const core::MemoryAccount& account = scene.world.node(0).node().manager().memory();
  const_cast<core::MemoryAccount&>(account).add(core::MemoryUse::kRecords, 100'000);
  std::vector<core::testing::RecordingCaller<spearlet::InvokeFunctionResponse>> callers(2);
  service.InvokeFunction(spearlet::InvokeFunctionRequest(request), {}, callers[0].answer());
  scene.at(1s);
  scene.at(2s);
  EXPECT_THAT(violations(), IsEmpty()) << "one record may stay";
  const_cast<core::MemoryAccount&>(account).add(core::MemoryUse::kRecords, -100'000);
  service.InvokeFunction(spearlet::InvokeFunctionRequest(request), {}, callers[1].answer());
  scene.at(3s);
  EXPECT_THAT(violations(), IsEmpty());
  const_cast<core::MemoryAccount&>(account).add(core::MemoryUse::kRecords, 100'000);
  scene.dropped(99);
  scene.at(4s);
  scene.dropped(99);
  EXPECT_THAT(violations(), Contains(::testing::StartsWith("2 finished records")));
}

TEST(MemoryAsAccounted, IsARecountOfWhatTheNodeKeeps) {
  NodeSpec spec = Scene::default_spec();
  FunctionModel& model = spec.functions.emplace_back();
  model.task = "task";
  model.result = "some result";
  Scene scene(spec);
  core::testing::RecordingCaller<spearlet::InvokeFunctionResponse> ended;
  core::testing::RecordingCaller<spearlet::InvokeFunctionResponse> waiting;
  auto request = async_request({.id = "a"});
  request.set_task_id("task");
  core::FunctionService& service = scene.world.node(0).service();
  service.InvokeFunction(spearlet::InvokeFunctionRequest(request), {}, ended.answer());
  scene.world.kernel().run_until(core::Instant(1s));
  request.set_execution_id("b");
  service.InvokeFunction(std::move(request), {}, waiting.answer());
  scene.finish();
  EXPECT_THAT(scene.violations_of("memory-as-accounted"), IsEmpty());

  // An account that says more than is kept.
  const auto& account = scene.world.node(0).node().manager().memory();
  EXPECT_GT(account.used(core::MemoryUse::kRequests), 0);
  const_cast<core::MemoryAccount&>(account).add(core::MemoryUse::kRequests, 7);
  scene.finish();
  EXPECT_THAT(scene.violations_of("memory-as-accounted"),
              ElementsAre(::testing::StartsWith("requests: ")));
  const_cast<core::MemoryAccount&>(account).add(core::MemoryUse::kRequests, -7);
  scene.world.close();
}

}  // namespace
}  // namespace quintain::sim::testing
