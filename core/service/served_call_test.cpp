// Calls on a transport that the test plays, served by a real node in virtual time.
#include "core/service/served_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/service/call_load.h"
#include "core/service/stream_call.h"
#include "core/service/unary_call.h"
#include "core/testing/test_node.h"

namespace quintain::core::service {
namespace {

using namespace core::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class TextBytes final : public RequestBytes {
 public:
  explicit TextBytes(std::string bytes) : bytes_(std::move(bytes)) {}
  std::size_t size() const override { return bytes_.size(); }
  std::optional<std::string_view> contiguous() override { return bytes_; }
  bool parse_into(google::protobuf::MessageLite& message) override {
    return message.ParseFromString(bytes_);
  }

 private:
  const std::string bytes_;
};

// Records what the call makes of it.
template <class Transport>
class FakeTransport : public Transport {
 public:
  absl::Status admit() override { return admission; }
  void on_end(const CallEnd& its_end) override {
    EXPECT_FALSE(end) << "a call that ends twice";
    end = its_end;
  }
  void finish(const absl::Status& status) override {
    EXPECT_FALSE(finished) << "a call that is answered twice";
    finished = status;
  }
  void reset() override { ++resets; }

  virtual ~FakeTransport() = default;

  absl::Status admission;
  std::optional<CallEnd> end;
  std::optional<absl::Status> finished;
  int resets = 0;
};

class FakeUnaryTransport final : public FakeTransport<UnaryTransport> {
 public:
  void reply(const google::protobuf::MessageLite& response) override {
    EXPECT_FALSE(reply_bytes) << "a call that is answered twice";
    reply_bytes = response.SerializeAsString();
  }
  std::optional<std::string> reply_bytes;
};

class FakeStreamTransport final : public FakeTransport<StreamTransport> {
 public:
  void write(const google::protobuf::MessageLite& message) override {
    EXPECT_FALSE(finished);
    written.push_back(message.SerializeAsString());
  }
  std::vector<std::string> written;
};

using Load = CallLoad<PlainCounter, NoMutex>;
using Invoke = UnaryCall<spearlet::InvokeFunctionRequest, spearlet::InvokeFunctionResponse,
                         &FunctionService::InvokeFunction, NoMutex>;
using List = UnaryCall<spearlet::ListExecutionsRequest, spearlet::ListExecutionsResponse,
                       &FunctionService::ListExecutions, NoMutex>;

class ServedCallTest : public ::testing::Test {
 protected:
  // The node answers what is open, so calls outlive it.
  void TearDown() override {
    node.node.reset();
    calls.clear();
    streams.clear();
    EXPECT_TRUE(!load || (load->open_calls() == 0 && load->unsent_bytes() == 0));
  }

  // A call that is on its way through the layer.
  template <class Call, class Transport>
  struct OnTheWay {
    Transport transport;
    std::optional<Load::Place> place;
    std::optional<Call> call;

    absl::StatusCode code() const {
      return transport.finished ? transport.finished->code() : absl::StatusCode::kUnknown;
    }
  };

  void open(const CallLimits& limits = {}) {
    load.emplace(limits.open_calls);
    port.emplace(node.environment, *load, limits);
    port->open(node.service());
  }

  Arrival arrival(std::optional<Load::Place>& place) {
    place.emplace(*load, load->is_crowded() ? "peer" : "");
    return {.at = node.now(),
            .deadline = deadline,
            .metadata_bytes = metadata_bytes,
            .open_calls = place->open_calls(),
            .calls_of_peer = place->calls_of_peer()};
  }

  OnTheWay<Invoke, FakeUnaryTransport>& invoke(std::string bytes) {
    auto& made = calls.emplace_back();
    made.call.emplace(*port, made.transport, arrival(made.place));
    TextBytes text(std::move(bytes));
    made.call->decode(pool, text);
    made.call->start();
    return made;
  }
  OnTheWay<Invoke, FakeUnaryTransport>& invoke(const spearlet::InvokeFunctionRequest& request) {
    return invoke(request.SerializeAsString());
  }

  OnTheWay<StreamCall, FakeStreamTransport>& stream(const Ask& ask) {
    auto& made = streams.emplace_back();
    made.call.emplace(*port, made.transport, arrival(made.place));
    TextBytes text(stream_request(ask).SerializeAsString());
    made.call->decode(text);
    made.call->start();
    return made;
  }

  // The code of a call whose answer may be large.
  absl::StatusCode list() {
    FakeUnaryTransport transport;
    std::optional<Load::Place> place;
    List call(*port, transport, arrival(place));
    List::Pool lists;
    TextBytes text("");
    call.decode(lists, text);
    call.start();
    return transport.finished ? transport.finished->code() : absl::StatusCode::kOk;
  }

  static NodeConfig config() {
    NodeConfig config;
    config.stream_buffer_bytes = 10'000;
    return config;
  }

  TestNode node{config()};
  Instant deadline = Instant::never();
  std::size_t metadata_bytes = 0;
  std::optional<Load> load;
  std::optional<ServicePort> port;
  Invoke::Pool pool{[](spearlet::InvokeFunctionRequest& request) {
    request.set_execution_id("recycled");
    request.mutable_context()->set_timeout_ms(1);
  }};
  std::deque<OnTheWay<Invoke, FakeUnaryTransport>> calls;
  std::deque<OnTheWay<StreamCall, FakeStreamTransport>> streams;
};

TEST_F(ServedCallTest, ACallIsDecodedServedAndAnswered) {
  open();
  auto& made = invoke(sync_request({.id = "a"}));
  EXPECT_FALSE(made.transport.end);
  node.runtime.finish("a");
  ASSERT_TRUE(made.transport.reply_bytes);
  spearlet::InvokeFunctionResponse response;
  ASSERT_TRUE(response.ParseFromString(*made.transport.reply_bytes));
  EXPECT_EQ(response.execution_id(), "a");
  EXPECT_TRUE(made.transport.end->admitted);
  EXPECT_FALSE(made.transport.end->left);
  EXPECT_EQ(made.transport.end->outcome, kCompleted);
}

TEST_F(ServedCallTest, AClosedPortRefuses) {
  open();
  port->close();
  EXPECT_EQ(invoke(sync_request()).code(), absl::StatusCode::kUnavailable);
}

TEST_F(ServedCallTest, TheTransportDecidesWhoIsAdmitted) {
  open();
  FakeUnaryTransport transport;
  transport.admission = absl::PermissionDeniedError("no");
  Invoke call(*port, transport, Arrival{});
  TextBytes text(sync_request().SerializeAsString());
  call.decode(pool, text);
  call.start();
  EXPECT_EQ(transport.finished->code(), absl::StatusCode::kPermissionDenied);
  EXPECT_FALSE(transport.end->admitted);
  EXPECT_EQ(node.counters().accepted, 0);
}

TEST_F(ServedCallTest, TooMuchMetadataIsRefused) {
  open({.metadata_bytes = 100});
  metadata_bytes = 100;
  EXPECT_FALSE(invoke(async_request({.id = "a"})).transport.finished);
  metadata_bytes = 101;
  EXPECT_EQ(invoke(async_request()).code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(ServedCallTest, MalformedBytesAreRefusedWithTheField) {
  open();
  auto request = sync_request();
  request.mutable_context()->set_session_id("good");
  std::string bytes = request.SerializeAsString();
  bytes.replace(bytes.find("good"), 4, "\xff\xfe\xff\xfe");
  auto& made = invoke(bytes);
  EXPECT_EQ(made.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(made.transport.finished->message()), HasSubstr("context.session_id"));
  EXPECT_EQ(invoke(std::string("\x0a\xff")).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ServedCallTest, ACrowdOfOnePeerIsRefusedBeyondItsShare) {
  open({.open_calls = 20});
  for (int i = 0; i < 27; ++i) EXPECT_FALSE(invoke(sync_request()).transport.finished) << i;
  EXPECT_EQ(invoke(sync_request()).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(load->open_calls(), 28);
}

TEST_F(ServedCallTest, ALargeAnswerIsRefusedAndItsExecutionKeepsItsOutcome) {
  open({.answer_bytes = 1000});
  auto& made = invoke(sync_request({.id = "a"}));
  node.runtime.finish("a", completed(std::string(2000, 'x')));
  EXPECT_EQ(made.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(node.status("a"), kCompleted);
}

TEST_F(ServedCallTest, WhileManyBytesWaitLargeAnswersAreRefused) {
  open({.unsent_bytes = 100'000});
  invoke(sync_request({.id = "a"}));
  node.runtime.finish("a", completed(std::string(50'000, 'x')));
  EXPECT_GT(load->unsent_bytes(), 50'000);
  EXPECT_EQ(list(), absl::StatusCode::kResourceExhausted);
  auto& large = invoke(sync_request({.id = "b"}));
  node.runtime.finish("b", completed(std::string(50'000, 'x')));
  EXPECT_EQ(large.code(), absl::StatusCode::kResourceExhausted);
  auto& small = invoke(sync_request({.id = "c"}));
  node.runtime.finish("c", completed("done"));
  EXPECT_TRUE(small.transport.reply_bytes);
  calls.clear();
  EXPECT_EQ(load->unsent_bytes(), 0);
  EXPECT_EQ(list(), absl::StatusCode::kOk);
}

TEST_F(ServedCallTest, AnAnswerThatIsNotSentInTimeIsResetOnce) {
  open({.send_time = 10s});
  auto& made = invoke(sync_request({.id = "a"}));
  node.runtime.finish("a", completed(std::string(100'000, 'x')));
  EXPECT_TRUE(made.call->watches());
  node.run_for(9s);
  EXPECT_EQ(made.transport.resets, 0);
  node.run_for(1min);
  EXPECT_EQ(made.transport.resets, 1);
  auto& sent = invoke(sync_request({.id = "b"}));
  node.runtime.finish("b", completed(std::string(100'000, 'x')));
  sent.call->sent();
  node.run_for(1min);
  EXPECT_EQ(sent.transport.resets, 0);
}

// ---- Deadlines ----------------------------------------------------------------------------------

TEST_F(ServedCallTest, AfterItsDeadlineACallGetsNoResult) {
  open();
  deadline = node.now() + 1s;
  auto& made = invoke(sync_request({.id = "a"}));
  node.run_for(1s);
  EXPECT_EQ(made.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(made.transport.end->outcome, kTimeout);
  EXPECT_EQ(node.status("a"), kTimeout);
}

TEST_F(ServedCallTest, ADepartureNearTheDeadlineIsTheDeadline) {
  open();
  node.runtime.plan = [](const AttemptSpec&) { return Plan{.obey = 0ms}; };
  deadline = node.now() + 1s;
  auto& made = invoke(sync_request({.id = "a"}));
  node.run_for(900ms);
  made.call->on_gone();
  node.run_for(99ms);
  EXPECT_EQ(node.status("a"), kRunning);
  node.run_for(1ms);
  EXPECT_EQ(node.status("a"), kTimeout);
  EXPECT_EQ(made.code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(ServedCallTest, AnEarlierDepartureCancels) {
  open();
  node.runtime.plan = [](const AttemptSpec&) { return Plan{.obey = 0ms}; };
  deadline = node.now() + 1s;
  auto& made = invoke(sync_request({.id = "a"}));
  node.run_for(850ms);
  made.call->on_gone();
  node.settle();
  EXPECT_EQ(node.status("a"), kCancelled);
  EXPECT_TRUE(made.call->answered());
  made.call->on_gone();
}

// ---- Reused requests ----------------------------------------------------------------------------

TEST_F(ServedCallTest, ARequestIsReusedAsSoonAsTheServiceHasReturned) {
  open();
  spearlet::InvokeFunctionRequest* used = nullptr;
  {
    auto lease = pool.lease(10);
    used = lease.get();
  }
  auto& first = invoke(sync_request({.id = "a", .timeout_ms = 5000}));
  EXPECT_EQ(pool.lease(10).get(), used);
  auto& second = invoke(sync_request({.id = "b"}));
  node.run_for(2s);
  EXPECT_FALSE(first.transport.reply_bytes) << "it has the timeout of the memory's next user";
  EXPECT_EQ(node.status("b"), kRunning) << "it has the timeout of the memory's last user";
  node.runtime.finish("b");
  EXPECT_TRUE(second.transport.reply_bytes);
  node.run_for(3s);
  EXPECT_EQ(node.status("a"), kTimeout);
  EXPECT_FALSE(node.found("recycled"));
}

// ---- Streams ------------------------------------------------------------------------------------

spearlet::StreamExecutionResult message_in(const std::string& bytes) {
  spearlet::StreamExecutionResult message;
  EXPECT_TRUE(message.ParseFromString(bytes));
  return message;
}

TEST_F(ServedCallTest, AStreamWritesOneMessageAtATimeAndEndsAfterTheLast) {
  open();
  auto& made = stream({.id = "a"});
  for (const char* text : {"1", "2", "3"}) node.runtime.chunk("a", text);
  node.runtime.finish("a");
  EXPECT_THAT(made.transport.written, SizeIs(1));
  EXPECT_TRUE(made.transport.end) << "the core has ended it";
  EXPECT_FALSE(made.transport.finished) << "but messages wait";
  for (std::size_t i = 1; i < 4; ++i) {
    made.call->written(true);
    EXPECT_THAT(made.transport.written, SizeIs(i + 1));
  }
  made.call->written(true);
  EXPECT_EQ(made.code(), absl::StatusCode::kOk);
  std::vector<std::string> chunks;
  for (const std::string& bytes : made.transport.written) {
    chunks.push_back(message_in(bytes).chunk_data().value());
  }
  EXPECT_THAT(chunks, ElementsAre("1", "2", "3", "done"));
  EXPECT_TRUE(message_in(made.transport.written.back()).is_final());
  EXPECT_EQ(load->unsent_bytes(), 0);
  made.call->sent();
}

TEST_F(ServedCallTest, AReaderThatStaysBehindEndsItsExecution) {
  open();
  auto& made = stream({.id = "a"});
  for (int i = 0; i < 20; ++i) node.runtime.chunk("a", std::string(1000, 'x'));
  EXPECT_EQ(node.status("a"), kFailed);
  while (!made.transport.finished) made.call->written(true);
  EXPECT_THAT(message_in(made.transport.written.back()).error_message(),
              HasSubstr("wait for the reader"));
  made.call->sent();
}

TEST_F(ServedCallTest, WhatWaitsForAReaderThatHasGoneIsDropped) {
  open();
  auto& made = stream({.id = "a"});
  for (const char* text : {"1", "2", "3"}) node.runtime.chunk("a", text);
  made.call->on_gone();
  made.call->written(false);
  EXPECT_EQ(load->unsent_bytes(), 0);
  node.runtime.finish("a", stopped());
  EXPECT_EQ(node.status("a"), kCancelled);
  EXPECT_THAT(made.transport.written, SizeIs(1));
  EXPECT_TRUE(made.transport.finished);
}

TEST_F(ServedCallTest, AMessageThatIsTooLargeEndsTheStream) {
  open({.answer_bytes = 1000});
  auto& made = stream({.id = "a"});
  node.runtime.chunk("a", "small");
  node.runtime.chunk("a", std::string(2000, 'x'));
  EXPECT_FALSE(made.transport.finished) << "not from within the call of the core";
  node.settle();
  made.call->written(true);
  node.runtime.finish("a", stopped());
  EXPECT_EQ(made.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(made.transport.written, SizeIs(1));
  EXPECT_EQ(node.status("a"), kCancelled);
}

TEST_F(ServedCallTest, AStreamThatMakesNoProgressAtItsEndIsReset) {
  open({.send_time = 10s});
  auto& made = stream({.id = "a"});
  node.runtime.chunk("a", "1");
  node.runtime.finish("a");
  node.run_for(9s);
  made.call->written(true);
  node.run_for(9s);
  EXPECT_EQ(made.transport.resets, 0) << "there was progress";
  node.run_for(2s);
  EXPECT_EQ(made.transport.resets, 1);
  made.call->written(false);
  EXPECT_TRUE(made.transport.finished);
}

}  // namespace
}  // namespace quintain::core::service
