// Budgets: lengths of a request's parts, memory, tasks, slow readers, draining with linger, and
// work in several turns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/testing/test_node.h"
#include "details/error_details.pb.h"

namespace quintain::core {
namespace {

using namespace testing;
using ::testing::Contains;
using ::testing::HasSubstr;

NodeConfig small_memory(std::int64_t total) {
  NodeConfig config;
  config.slots = 1;
  config.memory.total = total;
  return config;
}

// The detail of a refusal.
template <class Detail>
Detail detail(const absl::Status& status) {
  Detail found;
  const auto payload =
      status.GetPayload("type.googleapis.com/google.rpc." + Detail::descriptor()->name());
  EXPECT_TRUE(payload && found.ParseFromString(std::string(*payload))) << status;
  return found;
}

spearlet::InvokeFunctionRequest with_parameter(std::string id, std::size_t bytes) {
  auto request = async_request({.id = std::move(id)});
  request.add_parameters()->mutable_value()->set_value(std::string(bytes, 'x'));
  return request;
}

TEST(Budget, LongTextsAreRefusedWithTheirFields) {
  TestNode node;
  const std::string text(5000, 'x');
  const auto refused = [&](const std::string& field, auto change) {
    auto request = sync_request();
    change(request);
    const auto& call = node.invoke(request);
    EXPECT_EQ(call.code(), absl::StatusCode::kInvalidArgument) << field;
    const auto bad = detail<details::BadRequest>(call.status());
    EXPECT_THAT(bad.field_violations(0).field(), HasSubstr(field));
  };
  refused("task_id", [&](auto& request) { request.set_task_id(text); });
  refused("task_name", [&](auto& request) { request.set_task_name(text); });
  refused("task_description", [&](auto& request) { request.set_task_description(text); });
  refused("function_name", [&](auto& request) { request.set_function_name(text); });
  refused("execution_id", [&](auto& request) { request.set_execution_id(text); });
  refused("context.user_id", [&](auto& request) { request.mutable_context()->set_user_id(text); });
  refused("context.headers",
          [&](auto& request) { (*request.mutable_context()->mutable_headers())[text] = ""; });
  refused("invocation_metadata", [&](auto& request) {
    for (int i = 0; i < 200; ++i) {
      (*request.mutable_invocation_metadata())[std::to_string(i)] = "";
    }
  });
  refused("artifact_spec.location",
          [&](auto& request) { request.mutable_artifact_spec()->set_location(text); });
  refused("parameters.name", [&](auto& request) { request.add_parameters()->set_name(text); });
  refused("parameters", [&](auto& request) {
    for (int i = 0; i < 2000; ++i) request.add_parameters();
  });
  EXPECT_EQ(node.counters().refused(RefusalReason::kInvalid), 11);
}

TEST(Budget, ALongReasonOfACancelIsRefused) {
  TestNode node;
  node.async({.id = "a"});
  EXPECT_EQ(node.cancel("a", true, std::string(5000, 'x')).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Budget, QueuedRequestsAreLimitedInBytes) {
  TestNode node(small_memory(4 << 20));
  int accepted = 0;
  const absl::Status* refused = nullptr;
  for (int i = 0; i < 100 && refused == nullptr; ++i) {
    const auto& call = node.invoke(with_parameter("e" + std::to_string(i), 100'000));
    call.status().ok() ? void(++accepted) : void(refused = &call.status());
  }
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(accepted, 20);  // half of the total
  EXPECT_EQ(refused->code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(detail<details::ErrorInfo>(*refused).reason(), "MEMORY");
  EXPECT_EQ(detail<details::ErrorInfo>(*refused).metadata().at("limit"), "memory.requests");
  EXPECT_EQ(detail<details::RetryInfo>(*refused).retry_delay().seconds(), 1);  // eta.prior
  EXPECT_EQ(node.counters().refused(RefusalReason::kMemory), 1);
  // What has ended makes room.
  node.cancel("e1");
  EXPECT_TRUE(node.invoke(with_parameter("late", 100'000)).status().ok());
}

TEST(Budget, RecordsBeyondTheirBytesAreDroppedStartingWithTheFirstFinished) {
  TestNode node(small_memory(4 << 20));
  for (int i = 0; i < 100; ++i) {
    const std::string id = "e" + std::to_string(i);
    node.sync({.id = id});
    Outcome outcome = completed();
    outcome.payload.value = std::string(100'000, 'x');
    node.runtime.begin(id);
    node.runtime.finish(id, std::move(outcome));
  }
  EXPECT_FALSE(node.found("e0"));
  EXPECT_TRUE(node.found("e99"));
  const MemoryAccount& memory = node.node->manager().memory();
  EXPECT_LE(memory.used(MemoryUse::kRecords), 2 << 20);
  EXPECT_EQ(memory.used(MemoryUse::kRequests), 0);
}

TEST(Budget, MemoryIsGivenBackWithRecordsAndTasks) {
  TestNode node;
  const MemoryAccount& memory = node.node->manager().memory();
  const std::int64_t before = memory.total();
  auto request = with_parameter("a", 1000);
  request.set_task_id("new");
  request.set_create_if_not_exists(true);
  node.invoke(request);
  node.runtime.log("a", "a line");
  EXPECT_GT(memory.used(MemoryUse::kRequests), 1000);
  EXPECT_GT(memory.used(MemoryUse::kTasks), 0);
  node.cancel("a", true);
  EXPECT_EQ(memory.used(MemoryUse::kRequests), 0);
  spearlet::DeleteTaskRequest deletion;
  deletion.set_task_id("new");
  deletion.set_cleanup_executions(true);
  EXPECT_EQ(node.ask(&FunctionService::DeleteTask, deletion)->cleaned_executions(), 1);
  EXPECT_EQ(memory.total(), before);
}

TEST(Budget, LogLinesAreLimitedInBytes) {
  NodeConfig config;
  config.log_bytes = 1000;
  TestNode node(config);
  node.async({.id = "a"});
  for (int i = 0; i < 100; ++i) node.runtime.log("a", std::string(100, 'x'));
  node.runtime.log("a", "last");
  const auto answer = node.look_up("a");
  EXPECT_LE(answer.logs_size(), 10);
  EXPECT_THAT(answer.logs(), Contains("last"));
  EXPECT_THAT(answer.message(), HasSubstr("earlier log lines are left out"));
}

TEST(Budget, ALargeResultFailsItsExecution) {
  NodeConfig config;
  config.answer_bytes = 100'000;
  TestNode node(config);
  const auto& call = node.sync({.id = "a"});
  Outcome outcome = completed();
  outcome.payload.value = std::string(100'000, 'x');
  node.runtime.begin("a");
  node.runtime.finish("a", std::move(outcome));
  EXPECT_EQ(call->result().status(), kFailed);
  EXPECT_EQ(call->result().error_code(), "RESULT_TOO_LARGE");
}

TEST(Budget, APageEndsBeforeItIsLargerThanAnAnswer) {
  NodeConfig config;
  config.answer_bytes = 64 << 10;
  TestNode node(config);
  for (int i = 0; i < 200; ++i) node.async({.function = std::string(250, 'f')});
  spearlet::ListExecutionsRequest request;
  request.set_limit(1000);
  int listed = 0;
  int pages = 0;
  for (bool more = true; more; ++pages) {
    const auto page = node.list(request);
    EXPECT_LE(page.ByteSizeLong(), 64U << 10);
    listed += page.executions_size();
    more = page.has_more();
    request.set_start_after(page.next_start_after());
  }
  EXPECT_EQ(listed, 200);
  EXPECT_GT(pages, 1);
}

TEST(Budget, TasksHaveALimitAndALifetime) {
  NodeConfig config;
  config.task_limit = 2;
  config.task_expiry = 1h;
  config.retention.age = 1h;
  TestNode node(config);
  const auto call_new = [&](const std::string& task) -> const TestNode::InvokeCall& {
    auto request = async_request({.id = task});
    request.set_task_id(task);
    request.set_create_if_not_exists(true);
    return node.invoke(request);
  };
  EXPECT_TRUE(call_new("first").status().ok());
  const auto& refused = call_new("second");
  EXPECT_EQ(detail<details::ErrorInfo>(refused.status()).reason(), "TASK_LIMIT");
  EXPECT_EQ(node.counters().refused(RefusalReason::kTaskLimit), 1);
  node.runtime.finish("first");
  node.run_for(2h - 1ns);  // its record is kept for the first of these hours
  EXPECT_FALSE(call_new("third").status().ok());
  node.run_for(1ns);
  EXPECT_TRUE(call_new("fourth").status().ok());
  // A task that an operator registered stays.
  EXPECT_NE(node.node->manager().tasks().find("task"), nullptr);
}

TEST(Budget, ALargeTaskIsDeletedInSeveralTurns) {
  NodeConfig config;
  config.slots = 2;
  TestNode node(config);
  for (int i = 0; i < 3000; ++i) node.async({.id = "e" + std::to_string(i)});
  spearlet::DeleteTaskRequest request;
  request.set_task_id("task");
  request.set_force(true);
  request.set_cleanup_executions(true);
  RecordingCaller<spearlet::DeleteTaskResponse> call;
  node.service().DeleteTask(request, call.answer());
  EXPECT_FALSE(call.answered());
  EXPECT_EQ(node.async({.id = "x"}).code(), absl::StatusCode::kNotFound);
  node.settle();
  ASSERT_TRUE(call.answered());
  EXPECT_EQ(call->cleaned_executions(), 3000);
  EXPECT_EQ(node.runtime.started(), 2U);  // none of them got the slots of the others
  EXPECT_EQ(node.node->manager().tracker().tally().total(), 0);
}

TEST(Budget, AnUnansweredDeletionIsRefusedWhenTheNodeEnds) {
  RecordingCaller<spearlet::DeleteTaskResponse> call;
  TestNode node;
  for (int i = 0; i < 3000; ++i) node.async();
  spearlet::DeleteTaskRequest request;
  request.set_task_id("task");
  request.set_force(true);
  node.service().DeleteTask(request, call.answer());
  node.node.reset();
  EXPECT_EQ(call.code(), absl::StatusCode::kUnavailable);
}

TEST(Budget, DroppedRecordsBehindALongExecutionAreForgotten) {
  NodeConfig config;
  config.slots = 2;
  config.retention.count = 10;
  TestNode node(config);
  node.async({.id = "long"});
  for (int i = 0; i < 1000; ++i) {
    const std::string id = "e" + std::to_string(i);
    node.async({.id = id});
    node.runtime.finish(id);
  }
  const auto page = node.list();
  ASSERT_EQ(page.executions_size(), 11);
  EXPECT_EQ(page.executions(0).execution_id(), "long");
  EXPECT_EQ(page.executions(10).execution_id(), "e999");
  node.runtime.finish("long");
  EXPECT_EQ(node.list().executions_size(), 10);
}

// ---- Streams ----

// A caller that reads when the test says so.
class SlowReader final : public StreamCaller<spearlet::StreamExecutionResult> {
 public:
  void write(spearlet::StreamExecutionResult&& message) override {
    unsent_ += message.chunk_data().value().size();
    last = std::move(message);
  }
  std::size_t unsent_bytes() const override { return unsent_; }
  void finish(const absl::Status& status) override { end = status; }

  void read_all() {
    unsent_ = 0;
    made_room();
  }

  spearlet::StreamExecutionResult last;
  std::optional<absl::Status> end;

 private:
  std::size_t unsent_ = 0;
};

class StreamBudget : public ::testing::Test {
 protected:
  static NodeConfig config() {
    NodeConfig config;
    config.stream_buffer_bytes = 1000;
    return config;
  }

  void stream() {
    node.service().StreamFunction(stream_request({.id = "s"}), {},
                                  StreamAnswer<spearlet::StreamExecutionResult>(reader));
  }

  SlowReader reader;
  TestNode node{config()};
};

TEST_F(StreamBudget, AFunctionIsHeldBackUntilItsReaderHasCaughtUp) {
  stream();
  node.runtime.chunk("s", std::string(400, 'x'));
  EXPECT_EQ(node.runtime.count("hold"), 0);
  node.runtime.chunk("s", std::string(400, 'x'));
  EXPECT_EQ(node.runtime.count("hold s"), 1);
  EXPECT_EQ(node.node->manager().memory().used(MemoryUse::kStreams), 800);
  reader.read_all();
  EXPECT_EQ(node.runtime.count("resume s"), 1);
  EXPECT_EQ(node.node->manager().memory().used(MemoryUse::kStreams), 0);
  node.runtime.finish("s");
  EXPECT_EQ(node.status("s"), kCompleted);
}

TEST_F(StreamBudget, ASlowReaderIsNotAVanishedOne) {
  stream();
  for (int i = 0; i < 3; ++i) node.runtime.chunk("s", std::string(400, 'x'));
  EXPECT_EQ(node.look_up("s").result().error_code(), "SLOW_READER");
  EXPECT_EQ(node.status("s"), kFailed);
  EXPECT_EQ(node.node->manager().memory().used(MemoryUse::kStreams), 0);
}

TEST_F(StreamBudget, ATimeoutSaysThatTheReaderWasWaitedFor) {
  stream();
  node.runtime.chunk("s", std::string(800, 'x'));
  node.run_for(30s);
  EXPECT_EQ(node.status("s"), kTimeout);
  EXPECT_THAT(node.look_up("s").result().error_message(), HasSubstr("waited for its reader"));
}

// ---- Draining ----

TEST(Drain, LingersUntilEndsAreRead) {
  NodeConfig config;
  config.drain_linger = 2s;
  TestNode node(config);
  node.async({.id = "a"});
  bool drained = false;
  node.node->drain([&] { drained = true; });
  node.run_for(10s);
  node.runtime.finish("a");
  EXPECT_FALSE(drained);
  EXPECT_EQ(node.status("a"), kCompleted);
  EXPECT_TRUE(drained);
}

TEST(Drain, LingersForALimitedTime) {
  NodeConfig config;
  config.drain_linger = 2s;
  TestNode node(config);
  node.async({.id = "a"});
  bool drained = false;
  node.node->drain([&] { drained = true; });
  node.runtime.finish("a");
  node.run_for(2s - 1ns);
  EXPECT_FALSE(drained);
  node.run_for(1ns);
  EXPECT_TRUE(drained);
}

TEST(Drain, DoesNotLingerForAnswersThatWereGiven) {
  NodeConfig config;
  config.drain_linger = 2s;
  TestNode node(config);
  node.sync({.id = "a"});
  bool drained = false;
  node.node->drain([&] { drained = true; });
  node.runtime.finish("a");
  EXPECT_TRUE(drained);
}

TEST(Drain, CancellingAllStartsNothing) {
  NodeConfig config;
  config.slots = 2;
  TestNode node(config);
  for (int i = 0; i < 3000; ++i) node.async();
  bool drained = false;
  node.node->drain([&] { drained = true; });
  node.node->manager().cancel_all("the end");
  node.settle();
  EXPECT_TRUE(drained);
  EXPECT_EQ(node.runtime.started(), 2U);
}

// ---- Fair share and forecasts ----

TEST(FairShare, ATaskIsNotChargedForWhatNeverRan) {
  NodeConfig config;
  config.slots = 1;
  config.scheduling.strategy = "fair-share";
  TestNode node(config);
  node.add_task(task_spec("other"));
  node.async({.id = "running"});
  for (const char* id : {"gone-1", "gone-2", "later"}) node.async({.id = id});
  node.async({.id = "other", .task = "other"});
  auto second = async_request({.id = "other-2"});
  second.set_task_id("other");
  node.cancel("gone-1");
  node.cancel("gone-2");
  node.runtime.finish("running");
  // The next ones are one of each task. `later` would be the last one if its task still paid.
  const std::string first = node.runtime.knows("later") ? "later" : "other";
  node.invoke(second);
  node.runtime.finish(first);
  EXPECT_TRUE(node.runtime.knows("later"));
  EXPECT_FALSE(node.runtime.knows("other-2"));
}

TEST(Forecasts, ARepeatedIdGetsTheForecastOfItsAcceptance) {
  NodeConfig config;
  config.slots = 1;
  TestNode node(config);
  node.async({.id = "first"});
  const auto request = async_request({.id = "a"});
  const auto accepted = node.invoke(request).response();
  node.run_for(1min);
  const auto again = node.invoke(request).response();
  EXPECT_EQ(again.estimated_completion_ms(), accepted.estimated_completion_ms());
  EXPECT_EQ(again.result().metrics().at("eta_p90_ms"),
            accepted.result().metrics().at("eta_p90_ms"));
  EXPECT_EQ(again.result().metrics().count("eta_p50_ms"), 0U);
}

}  // namespace
}  // namespace quintain::core
