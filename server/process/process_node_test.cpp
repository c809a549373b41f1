// A whole node over real processes, in real time.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/node.h"
#include "core/testing/calls.h"
#include "server/process/process_runtime.h"
#include "server/process/testing/process_fixture.h"
#include "server/real_environment.h"
#include "server/serial_context.h"

namespace quintain::server {
namespace {

using namespace std::chrono_literals;
using core::testing::sync_request;

constexpr auto kTooLong = 60s;

/// A caller that waits outside of the serial context.
template <class Response>
class Waiter final : public core::UnaryCaller<Response> {
 public:
  void deliver(Response&& response) override { promise_.set_value(std::move(response)); }
  void refuse(const absl::Status& status) override {
    ADD_FAILURE() << status;
    promise_.set_value({});
  }

  Response get() {
    auto answered = promise_.get_future();
    if (answered.wait_for(kTooLong) == std::future_status::ready) return answered.get();
    ADD_FAILURE() << "no answer";
    return {};
  }

 private:
  std::promise<Response> promise_;
};

class ProcessNodeTest : public ::testing::Test, protected testing::ProcessHelpers {
 protected:
  void start(std::vector<ProcessFunction> functions, core::NodeConfig config = {}) {
    environment_ = std::make_unique<RealEnvironment>(context_, 1.0, 1);
    runtime_ =
        std::make_unique<ProcessRuntime>(context_.executor(), std::move(functions), folder_.path());
    node_ = std::make_unique<core::Node>(*environment_, *runtime_, config);
    EXPECT_THAT(node_->register_task(core::testing::task_spec("task")), ::testing::IsEmpty());
    context_.start();
  }

  void TearDown() override {
    context_.run([this] {
      node_.reset();
      runtime_.reset();
    });
    context_.stop();
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a zombie";
    EXPECT_TRUE(folder_.empty());
  }

  using Invocation = Waiter<spearlet::InvokeFunctionResponse>;

  Invocation& invoke(spearlet::InvokeFunctionRequest request) {
    invocations_.emplace_back();
    Invocation& waiter = invocations_.back();
    context_.post([this, &waiter, request = std::move(request)]() mutable {
      node_->service().InvokeFunction(std::move(request), {},
                                      core::Answer<spearlet::InvokeFunctionResponse>(waiter));
    });
    return waiter;
  }

  spearlet::GetExecutionStatusResponse status(const std::string& id) {
    Waiter<spearlet::GetExecutionStatusResponse> waiter;
    context_.post([&] {
      spearlet::GetExecutionStatusRequest request;
      request.set_execution_id(id);
      request.set_include_result(true);
      request.set_include_logs(true);
      node_->service().GetExecutionStatus(
          request, core::Answer<spearlet::GetExecutionStatusResponse>(waiter));
    });
    return waiter.get();
  }

  spearlet::CancelExecutionResponse cancel(const std::string& id) {
    Waiter<spearlet::CancelExecutionResponse> waiter;
    context_.post([&] {
      spearlet::CancelExecutionRequest request;
      request.set_execution_id(id);
      node_->service().CancelExecution(request,
                                       core::Answer<spearlet::CancelExecutionResponse>(waiter));
    });
    return waiter.get();
  }

  /// Returns the first line that an execution logs. Polls, because the contract has no event for
  /// it.
  std::string first_line(const std::string& id) {
    const auto deadline = std::chrono::steady_clock::now() + kTooLong;
    while (std::chrono::steady_clock::now() < deadline) {
      const auto response = status(id);
      if (response.logs_size() > 0) return response.logs(0);
    }
    ADD_FAILURE() << "nothing was logged";
    return "0";
  }

  testing::TemporaryFolder folder_;
  SerialContext context_;
  std::unique_ptr<RealEnvironment> environment_;
  std::unique_ptr<ProcessRuntime> runtime_;
  std::unique_ptr<core::Node> node_;
  std::deque<Invocation> invocations_;
};

TEST_F(ProcessNodeTest, ATimeoutKills) {
  start({script("f", "trap '' TERM; sleep 1000 & echo $! >&2; wait; sleep 1000")});
  const auto response = invoke(sync_request({.id = "a", .function = "f", .timeout_ms = 500})).get();
  EXPECT_EQ(response.result().status(), spearlet::EXECUTION_STATUS_TIMEOUT);
  EXPECT_TRUE(ends(std::stoi(first_line("a"))));
}

TEST_F(ProcessNodeTest, ACancelStops) {
  start({script("f", "echo ready >&2; sleep 1000")});
  Invocation& call = invoke(sync_request({.id = "a", .function = "f"}));
  first_line("a");
  const auto cancelled = cancel("a");
  EXPECT_TRUE(cancelled.success());
  EXPECT_EQ(cancelled.final_status(), spearlet::EXECUTION_STATUS_CANCELLED);
  EXPECT_EQ(call.get().result().status(), spearlet::EXECUTION_STATUS_CANCELLED);
}

TEST_F(ProcessNodeTest, AnIgnoredCancelKillsAfterTheGracePeriod) {
  core::NodeConfig config;
  config.cancel_grace = 100ms;
  start({script("f", "trap '' TERM; echo $$ >&2; sleep 1000")}, config);
  Invocation& call = invoke(sync_request({.id = "a", .function = "f"}));
  const pid_t leader = std::stoi(first_line("a"));
  const auto asked = std::chrono::steady_clock::now();
  EXPECT_TRUE(cancel("a").success());
  EXPECT_GE(std::chrono::steady_clock::now() - asked, 100ms);
  EXPECT_EQ(call.get().result().status(), spearlet::EXECUTION_STATUS_CANCELLED);
  EXPECT_TRUE(ends(leader));
}

TEST_F(ProcessNodeTest, ARetryIsANewProcess) {
  start({script("f", "[ $QUINTAIN_ATTEMPT = 2 ] || exit 1")});
  const auto response = invoke(sync_request({.id = "a", .function = "f", .retries = 1})).get();
  EXPECT_EQ(response.result().status(), spearlet::EXECUTION_STATUS_COMPLETED);
}

TEST_F(ProcessNodeTest, AThousandRunsHaveCorrectRecords) {
  constexpr int kRuns = 1000;
  ProcessFunction missing = script("missing", "");
  missing.command = {"/no/such/program"};
  start({script("works", "printf $QUINTAIN_EXECUTION_ID"), script("fails", "exit 3"), missing,
         script("hangs", "sleep 1000")});
  struct Kind {
    const char* function;
    spearlet::ExecutionStatus status;
    const char* error_code;
  };
  static constexpr Kind kKinds[] = {
      {"works", spearlet::EXECUTION_STATUS_COMPLETED, ""},
      {"fails", spearlet::EXECUTION_STATUS_FAILED, "EXIT_3"},
      {"works", spearlet::EXECUTION_STATUS_COMPLETED, ""},
      {"missing", spearlet::EXECUTION_STATUS_FAILED, "START_FAILED"},
      {"works", spearlet::EXECUTION_STATUS_COMPLETED, ""},
  };
  const auto kind = [](int i) { return kKinds[static_cast<std::size_t>(i) % std::size(kKinds)]; };
  // The hanging ones occupy some slots until they time out beside the others.
  for (int i = 0; i < 4; ++i) {
    invoke(sync_request(
        {.id = "h" + std::to_string(i), .function = "hangs", .timeout_ms = 100 * (i + 1)}));
  }
  for (int i = 0; i < kRuns; ++i) {
    invoke(sync_request({.id = "e" + std::to_string(i), .function = kind(i).function}));
  }
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(invocations_[static_cast<std::size_t>(i)].get().result().status(),
              spearlet::EXECUTION_STATUS_TIMEOUT);
  }
  for (int i = 0; i < kRuns; ++i) {
    const std::string id = "e" + std::to_string(i);
    const auto response = invocations_[static_cast<std::size_t>(i + 4)].get();
    EXPECT_EQ(response.execution_id(), id);
    EXPECT_EQ(response.result().status(), kind(i).status) << id;
    EXPECT_EQ(response.result().error_code(), kind(i).error_code) << id;
    google::protobuf::StringValue text;
    if (response.success() && response.result().result().UnpackTo(&text)) {
      EXPECT_EQ(text.value(), id);
    }
    const auto record = status(id);
    EXPECT_TRUE(record.found());
    EXPECT_EQ(record.result().status(), kind(i).status) << id;
  }
}

}  // namespace
}  // namespace quintain::server
