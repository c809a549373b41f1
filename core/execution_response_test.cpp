// How executions are described, and written into new and reused messages.
#include "core/execution_response.h"

#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <chrono>

#include "core/testing/test_node.h"

namespace quintain::core {
namespace {

using namespace std::chrono_literals;

ExecutionResponse response(spearlet::ExecutionMode mode, spearlet::ExecutionStatus status) {
  ExecutionResponse response;
  response.request_id = "a";
  response.execution_mode = mode;
  response.execution_status = status;
  return response;
}

spearlet::ExecutionResult to_result(const ExecutionResponse& response) {
  spearlet::ExecutionResult result;
  write_result(response, result);
  return result;
}

spearlet::InvokeFunctionResponse to_invoke_response(const ExecutionResponse& response) {
  spearlet::InvokeFunctionResponse message;
  write_invoke_response(response, message);
  return message;
}

TEST(ExecutionResponse, TimestampsAreExactToTheNanosecond) {
  google::protobuf::Timestamp timestamp;
  set_timestamp(WallTime{1'700'000'000s + 1ns}, &timestamp);
  EXPECT_EQ(timestamp.seconds(), 1'700'000'000);
  EXPECT_EQ(timestamp.nanos(), 1);
  set_timestamp(WallTime{2s - 1ns}, &timestamp);
  EXPECT_EQ(timestamp.seconds(), 1);
  EXPECT_EQ(timestamp.nanos(), 999'999'999);
}

TEST(ExecutionResponse, AResultHasOnlyTheGivenFields) {
  const auto bare = to_result(response(spearlet::EXECUTION_MODE_ASYNC, testing::kPending));
  EXPECT_FALSE(bare.has_result());
  EXPECT_FALSE(bare.has_started_at());
  EXPECT_FALSE(bare.has_completed_at());
  EXPECT_EQ(bare.status(), testing::kPending);

  ExecutionResponse full = response(spearlet::EXECUTION_MODE_ASYNC, testing::kCompleted);
  full.output_data = {.type_url = "t", .value = "v"};
  full.started_at = WallTime{1s};
  full.completed_at = WallTime{2s};
  full.metadata.add("k", "m");
  full.execution_time_ms = 1000;
  full.memory_used_bytes = 7;
  const auto result = to_result(full);
  EXPECT_EQ(result.result().type_url(), "t");
  EXPECT_EQ(result.result().value(), "v");
  EXPECT_EQ(result.started_at().seconds(), 1);
  EXPECT_EQ(result.completed_at().seconds(), 2);
  EXPECT_EQ(result.metrics().at("k"), "m");
  EXPECT_EQ(result.execution_time_ms(), 1000);
  EXPECT_EQ(result.memory_used_bytes(), 7);
}

// Messages are reused for answers to other callers.
TEST(ExecutionResponse, ReplacesAllContentsOfAReusedMessage) {
  ExecutionResponse bare = response(spearlet::EXECUTION_MODE_SYNC, testing::kPending);
  ExecutionResponse full = response(spearlet::EXECUTION_MODE_ASYNC, testing::kCompleted);
  full.task_id = "task";
  full.instance_id = "task-i1";
  full.output_data = {.type_url = "t", .value = "v"};
  full.started_at = WallTime{1s};
  full.completed_at = WallTime{2s};
  full.metadata.add("k", "m");
  full.metadata.add("l", "n");
  full.execution_time_ms = 1000;
  full.memory_used_bytes = 7;
  full.error_code = "E";
  full.error_message = "it broke";
  full.status_endpoint = StatusEndpoint{"a"};
  full.estimated_completion_ms = 5;
  ExecutionResponse other = full;
  other.metadata = {};
  other.metadata.add("k", "another");
  for (const ExecutionResponse& current : {bare, full, other}) {
    const auto fresh = to_invoke_response(current);
    for (const ExecutionResponse& before : {bare, full, other}) {
      auto message = to_invoke_response(before);
      write_invoke_response(current, message);
      EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(message, fresh))
          << message.DebugString();
    }
    // Every field is written, so nothing of an arbitrary earlier message is left.
    spearlet::InvokeFunctionResponse foreign;
    testing::fill(foreign, "secret");
    write_invoke_response(current, foreign);
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(foreign, fresh))
        << foreign.DebugString();
  }
}

TEST(ExecutionResponse, SuccessDependsOnTheMode) {
  for (const auto status : {testing::kPending, testing::kRunning, testing::kCompleted,
                            testing::kFailed, testing::kCancelled, testing::kTimeout}) {
    EXPECT_TRUE(to_invoke_response(response(spearlet::EXECUTION_MODE_ASYNC, status)).success());
    EXPECT_EQ(to_invoke_response(response(spearlet::EXECUTION_MODE_SYNC, status)).success(),
              status == testing::kCompleted);
  }
}

}  // namespace
}  // namespace quintain::core
