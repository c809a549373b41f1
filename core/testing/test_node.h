// A node with a fake environment and runtime, and short ways to call it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/node.h"
#include "core/statuses.h"
#include "core/testing/calls.h"
#include "core/testing/fakes.h"
#include "spearlet/function.pb.h"

namespace quintain::core::testing {

using namespace std::chrono_literals;

using namespace core::statuses;

/// A node with one task, "task", that accepts any function name. The destructor checks that every
/// call was answered exactly once.
class TestNode {
 public:
  using InvokeCall = RecordingCaller<spearlet::InvokeFunctionResponse>;
  using CancelCall = RecordingCaller<spearlet::CancelExecutionResponse>;
  using StreamCall = RecordingStreamCaller<spearlet::StreamExecutionResult>;

  explicit TestNode(const NodeConfig& config = {}, Observer* observer = nullptr,
                    std::uint64_t seed = 1,
                    const eta::EstimatorFactory& estimator = eta::make_estimator)
      : environment(seed), runtime(environment) {
    node = std::make_unique<Node>(environment, runtime, config, observer, estimator);
    add_task(task_spec("task"));
  }

  ~TestNode() {
    node.reset();  // refuses unanswered calls
    for (const auto& call : calls_) EXPECT_EQ(call.answers(), 1) << "answers to one call";
  }

  TestNode(const TestNode&) = delete;
  TestNode& operator=(const TestNode&) = delete;

  void add_task(TaskSpec spec) { ASSERT_EQ(node->register_task(std::move(spec)).size(), 0U); }

  InvokeCall& invoke(spearlet::InvokeFunctionRequest request, CallContext context = {}) {
    auto& call = keep<InvokeCall>();
    service().InvokeFunction(std::move(request), context, call.answer());
    return call;
  }
  InvokeCall& sync(const Ask& ask = {}, CallContext context = {}) {
    return invoke(sync_request(ask), context);
  }
  InvokeCall& async(const Ask& ask = {}, CallContext context = {}) {
    return invoke(async_request(ask), context);
  }
  StreamCall& stream(spearlet::InvokeFunctionRequest request, CallContext context = {}) {
    auto& call = keep<StreamCall>();
    service().StreamFunction(std::move(request), context, call.answer());
    return call;
  }
  StreamCall& stream(const Ask& ask = {}, CallContext context = {}) {
    return stream(stream_request(ask), context);
  }

  CancelCall& cancel(std::string id, bool force = false, std::string reason = "") {
    spearlet::CancelExecutionRequest request;
    request.set_execution_id(std::move(id));
    request.set_force(force);
    request.set_reason(std::move(reason));
    auto& call = keep<CancelCall>();
    service().CancelExecution(request, call.answer());
    return call;
  }

  /// The answer to a status query, with result and logs.
  spearlet::GetExecutionStatusResponse look_up(std::string id) {
    spearlet::GetExecutionStatusRequest request;
    request.set_execution_id(std::move(id));
    request.set_include_result(true);
    request.set_include_logs(true);
    return ask(&FunctionService::GetExecutionStatus, request).response();
  }

  /// UNSPECIFIED if it is not found.
  spearlet::ExecutionStatus status(std::string id) {
    return look_up(std::move(id)).result().status();
  }
  bool found(std::string id) { return look_up(std::move(id)).found(); }

  /// The live part for a record that the test created itself.
  std::unique_ptr<LiveExecution> live(AsyncExecution& record) {
    auto live =
        std::make_unique<LiveExecution>(node->manager(), environment, [](void*) {}, [](void*) {});
    live->record = &record;
    return live;
  }

  /// Makes a call that is answered at once.
  template <class Request, class Response>
  RecordingCaller<Response>& ask(void (FunctionService::*method)(const Request&, Answer<Response>),
                                 const Request& request) {
    auto& call = keep<RecordingCaller<Response>>();
    (service().*method)(request, call.answer());
    EXPECT_TRUE(call.answered());
    return call;
  }

  spearlet::ListExecutionsResponse list(const spearlet::ListExecutionsRequest& request = {}) {
    return ask(&FunctionService::ListExecutions, request).response();
  }

  /// A caller for a call that the test makes itself.
  template <class CallerType>
  CallerType& keep() {
    auto call = std::make_unique<CallerType>();
    CallerType& kept = *call;
    calls_.push_back({std::move(call), [&kept] { return kept.answers(); }});
    return kept;
  }

  /// A call of the test: its caller, and the number of its answers.
  struct Call {
    std::unique_ptr<Caller> caller;
    std::function<int()> answers;
  };
  /// All calls so far, in order.
  const std::vector<Call>& calls() const { return calls_; }

  FunctionService& service() { return node->service(); }
  const Counters& counters() const { return node->counters(); }
  int busy() const { return node->manager().busy_slots(); }
  std::int64_t queued() const { return node->manager().queued(); }

  // Time.
  void run_for(Duration d) { environment.run_for(d); }
  void settle() { environment.settle(); }
  Instant now() const { return environment.now(); }

  ManualEnvironment environment;
  ScriptedRuntime runtime;
  std::unique_ptr<Node> node;

 private:
  std::vector<Call> calls_;
};

}  // namespace quintain::core::testing
