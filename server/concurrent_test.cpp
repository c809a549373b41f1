// Many clients at once. Also runs under the thread sanitizer; see tsan.supp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <array>
#include <atomic>
#include <future>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "core/node.h"
#include "server/real_environment.h"
#include "server/serial_context.h"
#include "server/testing/live_server.h"

namespace quintain::server {
namespace {

using namespace server::testing;

constexpr int kClients = 6;
constexpr int kCallsPerClient = 150;

// What one client did, and the answers that it received.
struct ClientTally {
  int accepted = 0;
  int refused = 0;
  int streams = 0;
  std::vector<std::string> ids;
  // Sync calls that were not cancelled, by the status in the answer.
  std::array<int, spearlet::ExecutionStatus_ARRAYSIZE> sync_ended{};
};

// A client's calls, in a mix that is the same in every run.
class Client {
 public:
  Client(LiveServer& live, int number)
      : live_(live),
        stub_(live.connect()),
        name_(std::to_string(number)),
        random_(static_cast<unsigned>(number)) {}

  void run() {
    for (int i = 0; i < kCallsPerClient; ++i) {
      const std::string id = name_ + "-" + std::to_string(i);
      switch (random_() % 6) {
        case 0:
          sync(id);
          break;
        case 1:
          sync_and_cancel(id);
          break;
        case 2:
          async(id);
          break;
        case 3:
          async(id);
          cancel(id);
          break;
        case 4:
          stream(id);
          break;
        default:
          query();
      }
    }
  }

  ClientTally tally;

 private:
  static void limit(grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + kTooLong);
  }

  // A request: usually short, sometimes endless with a timeout, sometimes failing.
  Ask ask(const std::string& id) {
    static const std::array<std::string, 4> kFunctions = {"work-0", "work-2", "fail", "wait"};
    return {.id = id, .function = kFunctions[random_() % 4], .timeout_ms = 20};
  }

  void accept(const std::string& id) {
    ++tally.accepted;
    tally.ids.push_back(id);
  }

  void sync(const std::string& id) {
    grpc::ClientContext context;
    limit(context);
    spearlet::InvokeFunctionResponse response;
    const auto status = stub_->InvokeFunction(&context, sync_request(ask(id)), &response);
    if (!status.ok()) return refuse(status);
    accept(id);
    EXPECT_EQ(response.execution_id(), id);
    ++tally.sync_ended[static_cast<std::size_t>(response.result().status())];
  }

  void sync_and_cancel(const std::string& id) {
    PendingInvoke call(*stub_, sync_request({.id = id, .function = "wait"}));
    // Before, while or after the server receives the call.
    if (random_() % 2 == 0) live_.look_up(id);
    call.context.TryCancel();
    if (call.wait().error_code() != grpc::StatusCode::CANCELLED) refuse(call.wait());
  }

  void async(const std::string& id) {
    grpc::ClientContext context;
    limit(context);
    spearlet::InvokeFunctionResponse response;
    const auto status = stub_->InvokeFunction(&context, async_request(ask(id)), &response);
    if (!status.ok()) return refuse(status);
    accept(id);
    EXPECT_EQ(response.result().status(), spearlet::EXECUTION_STATUS_PENDING);
    EXPECT_TRUE(live_.look_up(id).found());
  }

  void cancel(const std::string& id) {
    grpc::ClientContext context;
    limit(context);
    spearlet::CancelExecutionRequest request;
    request.set_execution_id(id);
    spearlet::CancelExecutionResponse response;
    EXPECT_TRUE(stub_->CancelExecution(&context, request, &response).ok());
    EXPECT_EQ(response.success(), response.final_status() == spearlet::EXECUTION_STATUS_CANCELLED &&
                                      response.message() == "cancelled");
  }

  void stream(const std::string& id) {
    grpc::ClientContext context;
    limit(context);
    const auto reader = stub_->StreamFunction(&context, stream_request(ask(id)));
    spearlet::StreamExecutionResult message;
    int finals = 0;
    while (reader->Read(&message)) finals += message.is_final() ? 1 : 0;
    const auto status = reader->Finish();
    if (!status.ok()) return refuse(status);
    accept(id);
    ++tally.streams;
    EXPECT_EQ(finals, 1);
  }

  void query() {
    grpc::ClientContext context;
    limit(context);
    spearlet::ListExecutionsResponse response;
    EXPECT_TRUE(stub_->ListExecutions(&context, spearlet::ListExecutionsRequest(), &response).ok());
    httplib::Client http("http://" + live_.server->http_address());
    const auto metrics = http.Get(random_() % 2 == 0 ? "/metrics" : "/status/" + name_ + "-0");
    EXPECT_TRUE(metrics) << "no answer over HTTP";
  }

  void refuse(const grpc::Status& status) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
    ++tally.refused;
  }

  LiveServer& live_;
  std::unique_ptr<spearlet::FunctionService::Stub> stub_;
  std::string name_;
  std::minstd_rand random_;
};

TEST(ConcurrentTest, AnswersEveryCallOnceAndTheTalliesAgree) {
  LiveServer live([](ServerOptions& options) {
    options.node.slots = 4;
    options.node.queue_limit = 3;
  });
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(std::make_unique<Client>(live, i + 1));
  std::vector<std::thread> threads;
  for (const auto& client : clients) threads.emplace_back([&client] { client->run(); });
  for (std::thread& thread : threads) thread.join();

  // All executions end, and the record of every accepted one exists.
  std::array<int, spearlet::ExecutionStatus_ARRAYSIZE> sync_ended{};
  int accepted = 0;
  for (const auto& client : clients) {
    for (const std::string& id : client->tally.ids) live.await_end(id);
    accepted += client->tally.accepted;
    for (std::size_t i = 0; i < sync_ended.size(); ++i) {
      sync_ended[i] += client->tally.sync_ended[i];
    }
  }
  EXPECT_GT(accepted, kClients * kCallsPerClient / 10);
  EXPECT_GT(sync_ended[spearlet::EXECUTION_STATUS_COMPLETED], 0);
  EXPECT_GT(sync_ended[spearlet::EXECUTION_STATUS_TIMEOUT], 0);

  // Executions whose callers left may have been accepted or not, but must have ended as well.
  live.server->drain();
  grpc::ClientContext context;
  spearlet::GetStatsRequest request;
  request.set_include_execution_stats(true);
  spearlet::GetStatsResponse stats;
  ASSERT_TRUE(live.stub().GetStats(&context, request, &stats).ok());
  EXPECT_GE(stats.service_stats().total_executions(), accepted);
  EXPECT_TRUE(live.server->wait());
}

TEST(ConcurrentTest, AnswersEveryCallDuringAShutdownUnderLoad) {
  for (int round = 0; round < 5; ++round) {
    LiveServer live;
    std::atomic<int> unanswered = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < kClients; ++i) {
      threads.emplace_back([&, stub = live.connect()] {
        for (;;) {
          grpc::ClientContext context;
          context.set_deadline(std::chrono::system_clock::now() + kTooLong);
          spearlet::InvokeFunctionResponse response;
          const auto status =
              stub->InvokeFunction(&context, sync_request({.function = "work-1"}), &response);
          if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) ++unanswered;
          if (!status.ok()) return;
        }
      });
    }
    live.run([] {});
    round % 2 == 0 ? live.server->stop() : live.server->drain();
    live.server->wait();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(unanswered, 0);
  }
}

// A node in a serial context without gRPC. The thread sanitizer can see everything here, so this
// test needs no suppressions.
TEST(HandOverConcurrentTest, ANodeServesManyThreadsThroughItsContext) {
  struct Caller final : core::UnaryCaller<spearlet::InvokeFunctionResponse> {
    void deliver(spearlet::InvokeFunctionResponse&& response) override {
      // The waiting thread destroys the caller as soon as it has the answer.
      auto promise = std::move(answer);
      promise.set_value(std::move(response));
    }
    void refuse(const absl::Status& status) override { ADD_FAILURE() << status; }
    std::promise<spearlet::InvokeFunctionResponse> answer;
  };
  SerialContext context;
  RealEnvironment environment(context, 1.0, 1);
  context.start();
  std::optional<core::testing::ScriptedRuntime> runtime;
  std::optional<core::Node> node;
  context.run([&] {
    runtime.emplace(environment);
    runtime->plan = [](const core::AttemptSpec& attempt) { return plan_of(attempt.function_name); };
    node.emplace(environment, *runtime, core::NodeConfig());
    EXPECT_TRUE(node->register_task(core::testing::task_spec("task")).empty());
  });
  std::vector<std::thread> threads;
  for (int number = 0; number < kClients; ++number) {
    threads.emplace_back([&, number] {
      for (int i = 0; i < kCallsPerClient; ++i) {
        const std::string id = std::to_string(number) + "-" + std::to_string(i);
        auto request = sync_request({.id = id, .function = i % 8 == 0 ? "work-1" : "work-0"});
        Caller caller;
        auto answer = caller.answer.get_future();
        context.post([&, request = std::move(request)]() mutable {
          node->service().InvokeFunction(std::move(request), {},
                                         core::Answer<spearlet::InvokeFunctionResponse>(caller));
        });
        EXPECT_EQ(answer.get().execution_id(), id);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  context.run([&] {
    EXPECT_EQ(node->counters().accepted, kClients * kCallsPerClient);
    node.reset();
    runtime.reset();
  });
}

}  // namespace
}  // namespace quintain::server
