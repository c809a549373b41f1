// The cost of a call in the serial context, without gRPC: the part that all calls of a server
// share.
#include "server/serial_context.h"

#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "core/node.h"
#include "core/testing/calls.h"
#include "core/testing/immediate_runtime.h"
#include "server/metrics.h"
#include "server/real_environment.h"

namespace quintain::server {
namespace {

// A node in a serial context, with functions that end at once.
class Served {
 public:
  Served() {
    context_.start();
    context_.run([this] {
      runtime_ = std::make_unique<core::testing::ImmediateRuntime>(environment_);
      node_ = std::make_unique<core::Node>(environment_, *runtime_, core::NodeConfig());
      node_->register_task(core::testing::task_spec("work"));
    });
  }
  ~Served() {
    context_.run([this] {
      node_.reset();
      runtime_.reset();
    });
    context_.stop();
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  template <class Function>
  void post(Function&& function) {
    context_.post(std::forward<Function>(function));
  }
  core::FunctionService& service() { return node_->service(); }

 private:
  SerialContext context_;
  RealEnvironment environment_{context_, 1.0, 1};
  std::unique_ptr<core::Runtime> runtime_;
  std::unique_ptr<core::Node> node_;
};

template <class Response>
struct Caller final : core::UnaryCaller<Response> {
  void deliver(Response&& its_response) override {
    this->renew();
    response = std::move(its_response);
    answers.fetch_add(1, std::memory_order_release);
  }
  void refuse(const absl::Status&) override { std::abort(); }
  Response response;
  std::atomic<std::int64_t> answers = 0;

  // If the context's own thread is serving the clock, the answer arrives a moment later.
  void await(std::int64_t count) const {
    while (answers.load(std::memory_order_acquire) < count) std::this_thread::yield();
  }
};

void invoke(benchmark::State& state, const spearlet::InvokeFunctionRequest& request) {
  Served served;
  Caller<spearlet::InvokeFunctionResponse> caller;
  std::int64_t asked = 0;
  for (auto _ : state) {
    served.post([&] {
      served.service().InvokeFunction(spearlet::InvokeFunctionRequest(request), {},
                                      core::Answer<spearlet::InvokeFunctionResponse>(caller));
    });
    caller.await(++asked);
  }
  if (caller.response.execution_id().empty()) state.SkipWithError("calls have failed");
}

void InvokeAsync(benchmark::State& state) {
  invoke(state, core::testing::async_request({.task = "work"}));
}
BENCHMARK(InvokeAsync);

void InvokeSync(benchmark::State& state) {
  invoke(state, core::testing::sync_request({.task = "work"}));
}
BENCHMARK(InvokeSync);

void GetStatus(benchmark::State& state) {
  Served served;
  Caller<spearlet::InvokeFunctionResponse> invocation;
  served.post([&] {
    served.service().InvokeFunction(core::testing::sync_request({.id = "a", .task = "work"}), {},
                                    core::Answer<spearlet::InvokeFunctionResponse>(invocation));
  });
  spearlet::GetExecutionStatusRequest request;
  request.set_execution_id("a");
  request.set_include_result(true);
  Caller<spearlet::GetExecutionStatusResponse> caller;
  std::int64_t asked = 0;
  for (auto _ : state) {
    served.post([&] {
      served.service().GetExecutionStatus(
          request, core::Answer<spearlet::GetExecutionStatusResponse>(caller));
    });
    caller.await(++asked);
  }
  if (!caller.response.found()) state.SkipWithError("calls have failed");
}
BENCHMARK(GetStatus);

// Posting alone, by several threads at once.
void Post(benchmark::State& state) {
  static SerialContext context;
  static std::int64_t turns = 0;
  if (state.thread_index() == 0 && turns == 0) context.start();
  for (auto _ : state) context.post([] { ++turns; });
  if (state.thread_index() == 0) context.run([] { benchmark::DoNotOptimize(turns); });
}
BENCHMARK(Post)->Threads(1)->Threads(2)->UseRealTime();

}  // namespace
}  // namespace quintain::server
