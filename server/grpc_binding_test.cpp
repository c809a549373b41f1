// Calls from real gRPC clients.
#include "server/grpc_binding.h"
#include "core/statuses.h"

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <future>
#include <iostream>
#include <string>

#include "details/error_details.pb.h"
#include "server/testing/live_server.h"

namespace quintain::server {
namespace {

using namespace server::testing;
using ::testing::HasSubstr;
using ::testing::SizeIs;

using namespace core::statuses;

class GrpcBindingTest : public ::testing::Test {
 protected:
  // A call of a method that is answered at once.
  template <class Request, class Response>
  grpc::Status call(grpc::Status (spearlet::FunctionService::Stub::*method)(grpc::ClientContext*,
                                                                            const Request&,
                                                                            Response*),
                    const Request& request, Response& response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kTooLong);
    return (live.stub().*method)(&context, request, &response);
  }

  grpc::Status invoke(const spearlet::InvokeFunctionRequest& request) {
    return call(&Stub::InvokeFunction, request, invoked);
  }

  // A call whose request is these bytes.
  grpc::Status call_raw(const std::string& method, const std::string& bytes) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kTooLong);
    const grpc::Slice slice(bytes);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::GenericStub generic(
        grpc::CreateChannel(live.server->addresses().front(), grpc::InsecureChannelCredentials()));
    std::promise<grpc::Status> done;
    generic.UnaryCall(&context, "/spearlet.FunctionService/" + method, {}, &request, &response,
                      [&done](grpc::Status status) { done.set_value(std::move(status)); });
    return done.get_future().get();
  }

  using Stub = spearlet::FunctionService::Stub;
  LiveServer live;
  spearlet::InvokeFunctionResponse invoked;
};

TEST_F(GrpcBindingTest, EveryCallIsAnswered) {
  ASSERT_TRUE(invoke(sync_request({.id = "a", .function = "work-0"})).ok());
  EXPECT_EQ(invoked.result().status(), kCompleted);
  EXPECT_EQ(invoked.result().result().value(), "done");
  ASSERT_TRUE(invoke(async_request({.id = "b", .function = "work-0"})).ok());
  EXPECT_EQ(invoked.result().status(), kPending);
  EXPECT_EQ(invoked.status_endpoint(), "/status/b");
  EXPECT_EQ(live.await_end("b"), kCompleted);

  spearlet::CancelExecutionRequest cancel;
  spearlet::CancelExecutionResponse cancelled;
  cancel.set_execution_id("b");
  ASSERT_TRUE(call(&Stub::CancelExecution, cancel, cancelled).ok());
  EXPECT_EQ(cancelled.final_status(), kCompleted);

  spearlet::ListTasksResponse tasks;
  ASSERT_TRUE(call(&Stub::ListTasks, spearlet::ListTasksRequest(), tasks).ok());
  EXPECT_THAT(tasks.tasks(), SizeIs(1));

  spearlet::GetTaskRequest get_task;
  spearlet::GetTaskResponse task;
  get_task.set_task_id("task");
  ASSERT_TRUE(call(&Stub::GetTask, get_task, task).ok());
  EXPECT_EQ(task.task().execution_count(), 2);

  spearlet::ListExecutionsResponse executions;
  ASSERT_TRUE(call(&Stub::ListExecutions, spearlet::ListExecutionsRequest(), executions).ok());
  EXPECT_THAT(executions.executions(), SizeIs(2));

  spearlet::GetHealthResponse health;
  ASSERT_TRUE(call(&Stub::GetHealth, spearlet::GetHealthRequest(), health).ok());
  EXPECT_EQ(health.status(), "SERVING");

  spearlet::GetStatsResponse stats;
  ASSERT_TRUE(call(&Stub::GetStats, spearlet::GetStatsRequest(), stats).ok());
  EXPECT_EQ(stats.service_stats().total_executions(), 2);

  spearlet::DeleteTaskRequest delete_task;
  spearlet::DeleteTaskResponse deleted;
  delete_task.set_task_id("task");
  ASSERT_TRUE(call(&Stub::DeleteTask, delete_task, deleted).ok());
  EXPECT_TRUE(deleted.deleted());
}

TEST_F(GrpcBindingTest, ReturnsTheStatusOfTheCore) {
  const grpc::Status unknown = invoke(sync_request({.task = "nope"}));
  EXPECT_EQ(unknown.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(unknown.error_message(), "no task 'nope'");
  spearlet::InvokeFunctionRequest no_mode = sync_request();
  no_mode.clear_execution_mode();
  EXPECT_EQ(invoke(no_mode).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  ASSERT_TRUE(invoke(async_request({.id = "a", .function = "wait"})).ok());
  EXPECT_EQ(invoke(async_request({.id = "a", .function = "other"})).error_code(),
            grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(GrpcBindingTest, AFailedFunctionIsAnOkAnswer) {
  ASSERT_TRUE(invoke(sync_request({.function = "fail"})).ok());
  EXPECT_EQ(invoked.result().status(), kFailed);
  EXPECT_EQ(invoked.result().error_code(), "BROKEN");
}

TEST_F(GrpcBindingTest, ASyncCallWaitsForTheEnd) {
  PendingInvoke call(live.stub(), sync_request({.id = "a", .function = "wait"}));
  live.await_start("a");
  EXPECT_EQ(live.look_up("a").result().status(), kRunning);
  live.run([this] { live.runtime->finish("a"); });
  ASSERT_TRUE(call.wait().ok());
  EXPECT_EQ(call.response.result().status(), kCompleted);
}

TEST_F(GrpcBindingTest, CancellingASyncCallCancelsTheExecution) {
  PendingInvoke call(live.stub(), sync_request({.id = "a", .function = "wait"}));
  live.await_start("a");
  call.context.TryCancel();
  EXPECT_EQ(call.wait().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(live.await_end("a"), kCancelled);
}

// Not a test: the next test runs it in a separate process and kills that.
TEST(VanishingClient, DISABLED_Waits) {
  const auto stub = spearlet::FunctionService::NewStub(
      grpc::CreateChannel(std::getenv("QUINTAIN_ADDRESS"), grpc::InsecureChannelCredentials()));
  PendingInvoke(*stub, sync_request({.id = "a", .function = "wait"})).wait();
}

TEST_F(GrpcBindingTest, TheDeathOfASyncCallerCancelsTheExecution) {
  const std::string variable = "QUINTAIN_ADDRESS=" + live.address();
  const char* const environment[] = {variable.c_str(), nullptr};
  const pid_t client = fork();
  if (client == 0) {
    execle("/proc/self/exe", "client", "--gtest_filter=VanishingClient.*",
           "--gtest_also_run_disabled_tests", nullptr, environment);
    _exit(1);
  }
  live.await_start("a");
  kill(client, SIGKILL);
  waitpid(client, nullptr, 0);
  EXPECT_EQ(live.await_end("a"), kCancelled);
}

TEST_F(GrpcBindingTest, CancellingAnAnsweredAsyncCallDoesNothing) {
  grpc::ClientContext context;
  ASSERT_TRUE(
      live.stub()
          .InvokeFunction(&context, async_request({.id = "a", .function = "wait"}), &invoked)
          .ok());
  context.TryCancel();
  live.await_start("a");
  EXPECT_EQ(live.look_up("a").result().status(), kRunning);
  live.run([this] { live.runtime->finish("a"); });
  EXPECT_EQ(live.await_end("a"), kCompleted);
}

// The result is a timeout, not a cancellation, although all three timers fire at about the same
// time.
TEST_F(GrpcBindingTest, ASyncCallPastItsDeadlineTimesOut) {
  for (int i = 0; i < 20; ++i) {
    const std::string id = "a" + std::to_string(i);
    PendingInvoke call(live.stub(), sync_request({.id = id, .function = "wait"}), 40ms);
    // The answer may arrive just in time.
    if (call.wait().ok()) {
      EXPECT_EQ(call.response.result().status(), kTimeout);
    } else {
      EXPECT_EQ(call.wait().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
    }
    EXPECT_EQ(live.await_end(id), kTimeout);
  }
}

TEST_F(GrpcBindingTest, ATimeoutInTheRequestIsReturnedAsTheResult) {
  ASSERT_TRUE(invoke(sync_request({.id = "a", .function = "wait", .timeout_ms = 30})).ok());
  EXPECT_EQ(invoked.result().status(), kTimeout);
  EXPECT_FALSE(invoked.success());
}

TEST_F(GrpcBindingTest, AnUnrepresentableDeadlineIsIgnored) {
  PendingInvoke call(live.stub(), sync_request({.id = "a", .function = "work-0"}),
                     std::chrono::hours(24 * 365 * 200));
  ASSERT_TRUE(call.wait().ok());
  EXPECT_EQ(call.response.result().status(), kCompleted);
}

TEST_F(GrpcBindingTest, AStreamDeliversChunksAsTheyAppear) {
  grpc::ClientContext context;
  auto reader = live.stub().StreamFunction(&context, stream_request({.id = "a"}));
  live.await_start("a");
  spearlet::StreamExecutionResult message;
  for (const std::string text : {"one", "two", "three"}) {
    live.run([&] { live.runtime->chunk("a", text); });
    ASSERT_TRUE(reader->Read(&message));
    EXPECT_EQ(message.chunk_data().value(), text);
    EXPECT_FALSE(message.is_final());
  }
  live.run([this] { live.runtime->finish("a"); });
  ASSERT_TRUE(reader->Read(&message));
  EXPECT_TRUE(message.is_final());
  EXPECT_EQ(message.status(), kCompleted);
  EXPECT_FALSE(reader->Read(&message));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(GrpcBindingTest, RejectsAStreamLikeAUnaryCall) {
  grpc::ClientContext context;
  auto reader = live.stub().StreamFunction(&context, stream_request({.task = "nope"}));
  spearlet::StreamExecutionResult message;
  EXPECT_FALSE(reader->Read(&message));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(GrpcBindingTest, CancellingAStreamCancelsTheExecution) {
  grpc::ClientContext context;
  auto reader = live.stub().StreamFunction(&context, stream_request({.id = "a"}));
  live.await_start("a");
  live.run([this] { live.runtime->chunk("a", "one"); });
  spearlet::StreamExecutionResult message;
  ASSERT_TRUE(reader->Read(&message));
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(live.await_end("a"), kCancelled);
}

TEST(SlowReaderTest, EndsTheExecutionWithTheTrueReason) {
  LiveServer live([](ServerOptions& options) { options.limits.stream_buffer_bytes = 1 << 20; });
  grpc::ClientContext context;
  const auto stub = live.connect();
  auto reader = stub->StreamFunction(&context, stream_request({.id = "a"}));
  live.await_start("a");
  // Far more than the connection and the buffer can hold, while the client does not read.
  live.run([&] {
    for (int i = 0; i < 64; ++i) live.runtime->chunk("a", std::string(256 << 10, 'x'));
  });
  EXPECT_EQ(live.await_end("a"), kFailed);
  // When the client finally reads, it receives what was written before, and then the reason.
  spearlet::StreamExecutionResult message;
  int messages = 0;
  while (reader->Read(&message)) ++messages;
  EXPECT_LT(messages, 64);
  EXPECT_TRUE(message.is_final());
  EXPECT_THAT(message.error_message(), HasSubstr("wait for the reader"));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(GrpcBindingTest, ATextThatIsNotUtf8IsRefusedWithItsField) {
  // The field session_id of context, written by hand: a client's library would refuse it.
  auto request = sync_request({.id = "a"});
  request.mutable_context()->set_session_id("good");
  std::string bytes = request.SerializeAsString();
  bytes.replace(bytes.find("good"), 4, "\xff\xfe\xff\xfe");
  const grpc::Status status = call_raw("InvokeFunction", bytes);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("context.session_id: is not UTF-8"));
}

TEST_F(GrpcBindingTest, ManySmallPartsAreRefusedBeforeTheyAreParsed) {
  std::string bytes;
  for (int i = 0; i < 30'000; ++i) bytes += std::string("\x42\x00", 2);  // empty parameters
  const grpc::Status status = call_raw("InvokeFunction", bytes);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("parts"));
}

TEST_F(GrpcBindingTest, RefusalsHaveDetails) {
  const grpc::Status status = invoke(sync_request({.task = "nope"}));
  details::Status all;
  ASSERT_TRUE(all.ParseFromString(status.error_details()));
  EXPECT_EQ(all.code(), grpc::StatusCode::NOT_FOUND);
  details::ErrorInfo info;
  ASSERT_EQ(all.details_size(), 1);
  EXPECT_EQ(all.details(0).type_url(), "type.googleapis.com/google.rpc.ErrorInfo");
  ASSERT_TRUE(info.ParseFromString(all.details(0).value()));
  EXPECT_EQ(info.reason(), "UNKNOWN_TASK");
}

TEST(PublicUrlTest, StandsBeforeTheStatusEndpoint) {
  LiveServer live([](ServerOptions& options) { options.public_url = "https://node.example/q"; });
  PendingInvoke call(live.stub(), async_request({.id = "a"}));
  EXPECT_TRUE(call.wait().ok());
  EXPECT_EQ(call.response.status_endpoint(), "https://node.example/q/status/a");
}

// What only tests of the live server reach is gRPC's adapter; the life of a call is in
// core/service/, which the simulation runs too.
TEST(GrpcAdapter, IsThin) {
  constexpr int kMaxLines = 400;
  std::ifstream source(QUINTAIN_SOURCE_DIR "/server/grpc_binding.cpp");
  ASSERT_TRUE(source);
  int lines = 0;
  for (std::string line; std::getline(source, line);) ++lines;
  std::cout << "server/grpc_binding.cpp has " << lines << " lines\n";
  EXPECT_LT(lines, kMaxLines);
}

}  // namespace
}  // namespace quintain::server
