#include "sim/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/testing/calls.h"
#include "sim/script.h"
#include "sim/world.h"

namespace quintain::sim {
namespace {

using namespace std::chrono_literals;
using core::Instant;
using core::testing::async_request;
using core::testing::stream_request;
using core::testing::sync_request;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// A script for a node of one slot behind a network. Its task "task" takes 100 ms.
class Play {
 public:
  explicit Play(const NetworkSpec& network, int chunks = 0, int stream_buffer_bytes = 1 << 20) {
    NodeSpec spec;
    spec.config.slots = 1;
    spec.config.stream_buffer_bytes = stream_buffer_bytes;
    FunctionModel function;
    function.task = "task";
    function.service = distribution::Constant{100ms};
    function.result = "done";
    function.chunks = chunks;
    spec.functions.push_back(function);
    spec.network = network;
    world.add_node(spec);
  }

  template <class Action>
  Step& add(std::string name, core::Duration at, Action action) {
    Step& step = steps_.emplace_back();
    step.name = std::move(name);
    step.at = Instant(at);
    step.action = std::move(action);
    return step;
  }

  void run() {
    script_ = std::make_unique<Script>(world, steps_);
    world.kernel().run_until(Instant(1h));
    EXPECT_EQ(world.open_calls(), 0);
  }

  const CallRecord& call(const std::string& name) const { return script_->calls().at(name); }
  std::size_t count(EventKind kind) const {
    std::size_t found = 0;
    for (const Event& event : world.history().events()) found += event.kind == kind ? 1 : 0;
    return found;
  }

  World world{/*seed=*/1};

 private:
  std::vector<Step> steps_;
  std::unique_ptr<Script> script_;
};

NetworkSpec with_latency(core::Duration latency) {
  NetworkSpec spec;
  spec.latency = distribution::Constant{latency};
  return spec;
}

TEST(Network, RequestsAndAnswersTakeALatencyEach) {
  Play play(with_latency(10ms));
  play.add("a", 1s, sync_request());
  play.add("refused", 1s, async_request({.task = "missing"}));
  play.run();
  EXPECT_EQ(play.call("a").answered_at, Instant(1120ms));
  EXPECT_EQ(play.call("a").execution, (ExecutionRef{.node = 0, .ordinal = 1}));
  EXPECT_EQ(play.call("refused").answered_at, Instant(1020ms));
  EXPECT_EQ(play.call("refused").status.code(), absl::StatusCode::kNotFound);
}

TEST(Network, ARepeatedIdIsFoundInTheAnswer) {
  Play play(with_latency(10ms));
  play.add("a", 1s, async_request({.id = "x"}));
  play.add("b", 2s, async_request({.id = "x"}));
  play.run();
  EXPECT_EQ(play.call("b").execution, play.call("a").execution);
}

TEST(Network, ALostMessageIsNoticed) {
  NetworkSpec spec = with_latency(10ms);
  spec.loss = 1;
  spec.noticed_after = 3s;
  Play play(spec);
  play.add("a", 1s, sync_request());
  play.run();
  EXPECT_EQ(play.call("a").answered_at, Instant(4s));
  EXPECT_EQ(play.call("a").status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(play.count(EventKind::kAccepted), 0U) << "the request did not arrive";
}

TEST(Network, ALostAnswerLeavesTheExecution) {
  NetworkSpec spec = with_latency(10ms);
  spec.partitions = {{.from = Instant(1050ms), .until = Instant(2s)}};
  spec.noticed_after = 3s;
  Play play(spec);
  play.add("a", 1s, sync_request());
  play.add("read", 2s, spearlet::GetExecutionStatusRequest()).execution = "a";
  play.run();
  EXPECT_EQ(play.call("a").answered_at, Instant(4110ms));
  EXPECT_EQ(play.call("a").status.code(), absl::StatusCode::kUnavailable);
  const auto* read =
      dynamic_cast<const spearlet::GetExecutionStatusResponse*>(play.call("read").response.get());
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->result().status(), spearlet::EXECUTION_STATUS_COMPLETED);
}

TEST(Network, ADuplicateIsAnotherRequestWithoutACaller) {
  NetworkSpec spec = with_latency(10ms);
  spec.duplicates = 1;
  Play play(spec);
  play.add("a", 1s, sync_request());
  play.add("b", 2s, sync_request({.id = "x"}));
  play.run();
  EXPECT_EQ(play.count(EventKind::kAccepted), 3U) << "two for a, which has no id, one for b";
  EXPECT_EQ(play.count(EventKind::kCallAnswered), 2U);
}

TEST(Network, AResetIsADepartureForTheNode) {
  NetworkSpec spec = with_latency(10ms);
  spec.resets = 1;
  spec.reset_after = distribution::Constant{50ms};
  Play play(spec);
  play.add("a", 1s, sync_request());
  play.run();
  EXPECT_EQ(play.call("a").answered_at, Instant(1050ms));
  EXPECT_EQ(play.call("a").status.message(), "the connection was reset");
  const auto* execution =
      play.world.node(0).node().manager().tracker().find(play.call("a").execution_id);
  ASSERT_NE(execution, nullptr);
  EXPECT_EQ(execution->status(), spearlet::EXECUTION_STATUS_CANCELLED);
  EXPECT_EQ(execution->completed_at, Instant(1060ms));
}

TEST(Network, ACallerThatLeavesBeforeTheRequestArrivesIsGone) {
  Play play(with_latency(10ms));
  play.add("a", 1s, sync_request());
  play.add("leave", 1s + 1ms, LeaveStep{"a"});
  play.run();
  const auto* execution =
      play.world.node(0).node().manager().tracker().find(play.call("a").execution_id);
  ASSERT_NE(execution, nullptr);
  EXPECT_EQ(execution->completed_at, Instant(1011ms));
}

TEST(Network, MessagesOfAStreamKeepTheirOrder) {
  NetworkSpec spec;
  spec.latency = distribution::Uniform{.low = 0ms, .high = 500ms};
  Play play(spec, /*chunks=*/50);
  play.add("s", 1s, StreamStep{stream_request()});
  play.run();
  const CallRecord& call = play.call("s");
  ASSERT_THAT(call.stream, SizeIs(51));
  for (std::size_t i = 1; i < call.stream.size(); ++i) {
    EXPECT_LE(call.stream[i - 1].at, call.stream[i].at);
    EXPECT_FALSE(call.stream[i - 1].message.is_final());
  }
  EXPECT_TRUE(call.stream.back().message.is_final());
}

TEST(Network, ASlowReaderGetsEverythingLater) {
  NetworkSpec spec;
  spec.reader_bytes_per_second = 100;
  Play play(spec, /*chunks=*/3);
  play.add("s", 1s, StreamStep{stream_request()});
  play.run();
  const CallRecord& call = play.call("s");
  ASSERT_THAT(call.stream, SizeIs(4));
  std::size_t bytes = 0;
  for (const auto& piece : call.stream) bytes += piece.message.ByteSizeLong();
  EXPECT_GE(call.answered_at, Instant(1s + std::chrono::milliseconds(10 * bytes)));
}

// ---- The node's end, which is that of the server ------------------------------------------------

TEST(Network, CallsWithTooMuchMetadataAreRefused) {
  NetworkSpec spec = with_latency(10ms);
  spec.metadata_bytes = 9000;
  Play play(spec);
  play.add("a", 1s, sync_request());
  play.run();
  EXPECT_EQ(play.call("a").status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(play.count(EventKind::kAccepted), 0U);
}

TEST(Network, AReaderThatStaysBehindEndsItsStream) {
  NetworkSpec spec;
  spec.reader_bytes_per_second = 10;
  Play play(spec, /*chunks=*/50, /*stream_buffer_bytes=*/300);
  play.add("s", 1s, StreamStep{stream_request({.id = "s"})});
  play.run();
  const CallRecord& call = play.call("s");
  ASSERT_FALSE(call.stream.empty());
  EXPECT_LT(call.stream.size(), 50U);
  EXPECT_TRUE(call.stream.back().message.is_final());
  EXPECT_THAT(call.stream.back().message.error_message(), HasSubstr("wait for the reader"));
}

TEST(Network, AReaderThatLeavesWhileMessagesWaitIsGone) {
  NetworkSpec spec = with_latency(10ms);
  spec.reader_bytes_per_second = 10;
  Play play(spec, /*chunks=*/9);
  play.add("s", 1s, StreamStep{stream_request({.id = "s"})});
  play.add("leave", 1s + 50ms, LeaveStep{"s"});
  play.run();
  const auto* execution =
      play.world.node(0).node().manager().tracker().find(play.call("s").execution_id);
  ASSERT_NE(execution, nullptr);
  EXPECT_EQ(execution->status(), spearlet::EXECUTION_STATUS_CANCELLED);
  EXPECT_EQ(execution->completed_at, Instant(1060ms));
}

TEST(Network, AStalledReaderIsResetAndWhatItHeldIsReleased) {
  NetworkSpec spec = with_latency(10ms);
  spec.reader_bytes_per_second = 1;
  spec.limits.send_time = 5s;
  spec.limits.unsent_bytes = 1;
  Play play(spec);
  play.add("s", 1s, StreamStep{stream_request()});
  play.add("list", 2s, spearlet::ListExecutionsRequest());
  play.add("later", 10s, spearlet::GetExecutionStatusRequest()).execution = "s";
  play.run();
  EXPECT_EQ(play.call("s").status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(play.call("s").answered_at, Instant(6120ms)) << "110 ms, 5 s, and a latency";
  EXPECT_EQ(play.call("list").status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(play.call("later").status.ok());
}

// ---- Recycled messages --------------------------------------------------------------------------

TEST(Poison, ChangesEveryValue) {
  auto request = async_request({.id = "x"});
  request.mutable_context()->set_timeout_ms(5);
  (*request.mutable_invocation_metadata())["k"] = "v";
  request.set_force_new_instance(true);
  poison(request);
  EXPECT_EQ(request.execution_id(), "recycled");
  EXPECT_EQ(request.context().timeout_ms(), -77);
  EXPECT_FALSE(request.force_new_instance());
  EXPECT_FALSE(request.invocation_metadata().contains("k"));
}

}  // namespace
}  // namespace quintain::sim
