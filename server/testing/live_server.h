// A server on loopback with a scripted runtime, and helpers for calls to it.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "core/testing/calls.h"
#include "core/testing/fakes.h"
#include "server/server.h"
#include "spearlet/function.grpc.pb.h"

namespace quintain::server::testing {

using core::testing::Ask;
using core::testing::async_request;
using core::testing::stream_request;
using core::testing::sync_request;
using namespace std::chrono_literals;

/// The timeout that turns a hang into a failure.
inline constexpr auto kTooLong = std::chrono::seconds(30);

/// Returns the behaviour of a function by its name: "work-N" takes N ms and obeys a request to
/// stop, "stubborn" runs forever and does not obey, "fail" fails at once; any other function runs
/// until the test finishes it or it is asked to stop.
inline core::testing::Plan plan_of(std::string_view function) {
  core::testing::Plan plan;
  plan.obey = 0ms;
  if (function.starts_with("work-")) {
    int milliseconds = 0;
    std::from_chars(function.data() + 5, function.data() + function.size(), milliseconds);
    plan.run = std::chrono::milliseconds(milliseconds);
    plan.outcome = core::testing::completed();
  } else if (function == "stubborn") {
    plan.obey.reset();
  } else if (function == "fail") {
    plan.run = 0ms;
    plan.outcome = core::testing::failed();
  }
  return plan;
}

/// A server with one task, "task", which has every function name. Thread-safe, except `runtime`.
class LiveServer {
 public:
  using Adjust = std::function<void(ServerOptions&)>;

  explicit LiveServer(const Adjust& adjust = [](ServerOptions&) {}) {
    ServerOptions options;
    options.listen = {"127.0.0.1:0"};
    options.http = "127.0.0.1:0";
    options.tasks = {core::testing::task_spec("task")};
    options.runtime = [this](core::Environment& environment, boost::asio::any_io_executor) {
      auto made = std::make_unique<core::testing::ScriptedRuntime>(environment);
      runtime = made.get();
      runtime->plan = [this](const core::AttemptSpec& attempt) {
        const std::lock_guard lock(mutex_);
        started_.insert(std::string(attempt.execution_id));
        changed_.notify_all();
        return plan_of(attempt.function_name);
      };
      return made;
    };
    adjust(options);
    auto started = Server::start(std::move(options));
    if (!started.ok()) {
      ADD_FAILURE() << started.status();
      std::abort();
    }
    server = *std::move(started);
    stub_ = connect();
  }

  spearlet::FunctionService::Stub& stub() { return *stub_; }
  const std::string& address() const { return server->addresses().front(); }

  /// Returns a stub with a connection of its own.
  std::unique_ptr<spearlet::FunctionService::Stub> connect() const {
    return spearlet::FunctionService::NewStub(channel());
  }
  std::shared_ptr<grpc::Channel> channel() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(address(), grpc::InsecureChannelCredentials(), arguments);
  }

  /// Runs `function` in the serial context and returns its result.
  template <class Function>
  auto run(Function function) {
    std::packaged_task<std::invoke_result_t<Function>()> task(std::move(function));
    auto result = task.get_future();
    boost::asio::post(server->executor(), std::move(task));
    return result.get();
  }

  /// Waits until an attempt of the execution has started.
  void await_start(const std::string& execution_id) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, kTooLong, [&] { return started_.contains(execution_id); }))
        << execution_id << " was never started";
  }

  spearlet::GetExecutionStatusResponse look_up(const std::string& execution_id) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kTooLong);
    spearlet::GetExecutionStatusRequest request;
    request.set_execution_id(execution_id);
    request.set_include_result(true);
    spearlet::GetExecutionStatusResponse response;
    const grpc::Status status = stub_->GetExecutionStatus(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  /// Polls until the execution has ended and returns its final status.
  spearlet::ExecutionStatus await_end(const std::string& execution_id) {
    const auto deadline = std::chrono::steady_clock::now() + kTooLong;
    while (std::chrono::steady_clock::now() < deadline) {
      const auto status = look_up(execution_id).result().status();
      if (status > spearlet::EXECUTION_STATUS_RUNNING) return status;
    }
    ADD_FAILURE() << execution_id << " did not end";
    return spearlet::EXECUTION_STATUS_UNSPECIFIED;
  }

  /// Serial context only.
  core::testing::ScriptedRuntime* runtime = nullptr;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> started_;

 public:
  // Declared after the members that its runtime uses, so destroyed before them.
  std::unique_ptr<Server> server;

 private:
  std::unique_ptr<spearlet::FunctionService::Stub> stub_;
};

/// A pending unary call, which can be cancelled or waited for.
template <class Response>
class PendingCall {
 public:
  ~PendingCall() { wait(); }

  grpc::ClientContext context;
  Response response;

  /// Waits for the end of the call and returns its status.
  const grpc::Status& wait() {
    if (done_.valid()) status_ = done_.get();
    return status_;
  }

  void start(std::function<grpc::Status()> call) { done_ = std::async(std::launch::async, call); }

 private:
  std::future<grpc::Status> done_;
  grpc::Status status_;
};

class PendingInvoke : public PendingCall<spearlet::InvokeFunctionResponse> {
 public:
  PendingInvoke(spearlet::FunctionService::Stub& stub, spearlet::InvokeFunctionRequest request,
                std::chrono::milliseconds deadline = kTooLong) {
    context.set_deadline(std::chrono::system_clock::now() + deadline);
    start([this, &stub, request = std::move(request)] {
      return stub.InvokeFunction(&context, request, &response);
    });
  }
};

}  // namespace quintain::server::testing
