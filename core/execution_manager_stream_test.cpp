// Streams: chunks, final messages, cancels and errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/execution_manager.h"
#include "core/testing/test_node.h"

namespace quintain::core::testing {
namespace {

// The messages as text: a chunk as its value, the final one as "!" and its status.
std::string text_of(const TestNode::StreamCall& call) {
  std::string text;
  for (const auto& message : call.messages) {
    if (message.is_final()) {
      text += "!" + std::to_string(message.status());
    } else {
      EXPECT_EQ(message.status(), kRunning);
      text += message.chunk_data().value();
    }
  }
  return text;
}

TEST(StreamClause, Stream1And2SendsChunksInOrderThenOneFinalMessage) {
  TestNode node;
  auto& call = node.stream({.id = "a"});
  node.settle();
  for (const char* chunk : {"x", "y", "z"}) node.runtime.chunk("a", chunk);
  EXPECT_EQ(text_of(call), "xyz");
  EXPECT_FALSE(call.answered());
  node.runtime.finish("a", completed("sum"));
  EXPECT_EQ(text_of(call), "xyz!3");
  EXPECT_TRUE(call.status().ok());
  EXPECT_EQ(call.messages.back().chunk_data().value(), "sum");
  for (const auto& message : call.messages) EXPECT_EQ(message.execution_id(), "a");
  EXPECT_EQ(node.status("a"), kCompleted);
}

TEST(StreamClause, Stream1SendsOnlyTheFinalMessageWithoutChunks) {
  TestNode node;
  auto& call = node.stream({.id = "a"});
  node.settle();
  node.runtime.finish("a", Outcome{});
  EXPECT_EQ(text_of(call), "!3");
  EXPECT_FALSE(call.messages.back().has_chunk_data());
}

TEST(StreamClause, Stream3TheClientsCancelEndsTheStream) {
  TestNode node;
  auto& call = node.stream({.id = "a"});
  node.settle();
  node.runtime.chunk("a", "x");
  call.leave();
  EXPECT_EQ(node.runtime.calls.back(), "stop a");
  node.runtime.chunk("a", "y");
  node.run_for(5s);
  EXPECT_EQ(node.status("a"), kCancelled);
  EXPECT_EQ(text_of(call), "x");
  EXPECT_EQ(call.answers(), 1);
}

TEST(StreamClause, Stream4AnErrorIsReportedOnce) {
  TestNode node;
  auto& fails = node.stream({.id = "a"});
  auto& late = node.stream({.id = "b", .timeout_ms = 10});
  auto& cancelled = node.stream({.id = "c"});
  node.settle();
  node.runtime.chunk("a", "x");
  node.runtime.finish("a", failed("E1", "it broke"));
  node.cancel("c", true, "not wanted");
  node.run_for(10ms);
  EXPECT_EQ(text_of(fails), "x!4");
  EXPECT_EQ(fails.messages.back().error_message(), "it broke");
  EXPECT_EQ(text_of(late), "!6");
  EXPECT_EQ(text_of(cancelled), "!5");
  EXPECT_EQ(cancelled.messages.back().error_message(), "not wanted");
  for (const auto* call : {&fails, &late, &cancelled}) EXPECT_TRUE(call->status().ok());
}

TEST(StreamClause, RejectionIsAStatusWithoutAMessage) {
  TestNode node;
  EXPECT_EQ(node.stream({.task = "nowhere"}).code(), absl::StatusCode::kNotFound);
  auto& sync_mode = node.stream(sync_request());
  EXPECT_EQ(sync_mode.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(sync_mode.messages.empty());
}

TEST(StreamClause, DropsChunksOfOtherModesAndOfEndedAttempts) {
  TestNode node;
  node.async({.id = "a"});
  auto& call = node.stream({.id = "b"});
  node.settle();
  node.runtime.chunk("a", "x");
  node.runtime.finish("a");
  EXPECT_EQ(node.look_up("a").result().result().value(), "done");
  node.runtime.finish("b");
  node.runtime.chunk("b", "late");
  EXPECT_EQ(text_of(call), "!3");
}

}  // namespace
}  // namespace quintain::core::testing
