// A test fixture: a node with a fault.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "conformance/faulty/faulty_core.h"
#include "core/node.h"
#include "core/testing/calls.h"
#include "core/testing/fakes.h"

namespace quintain::conformance::testing {

/// A node with a fault and the task "task", in a manual environment with a scripted runtime. The
/// destructor destroys the parts in the order that FaultyCore requires, and checks that every call
/// was answered exactly once.
class FaultyNode {
 public:
  using InvokeCall = core::testing::RecordingCaller<spearlet::InvokeFunctionResponse>;
  using CancelCall = core::testing::RecordingCaller<spearlet::CancelExecutionResponse>;
  using StreamCall = core::testing::RecordingStreamCaller<spearlet::StreamExecutionResult>;

  explicit FaultyNode(const FaultyCore& core, core::NodeConfig config = {})
      : runtime(environment_) {
    if (core.configure != nullptr) core.configure(config);
    core::Runtime* used = &runtime;
    if (core.wrap_runtime) {
      wrapped_ = core.wrap_runtime(runtime, environment_, config);
      used = wrapped_.get();
    }
    node_ = std::make_unique<core::Node>(environment_, *used, config);
    EXPECT_TRUE(node_->register_task(core::testing::task_spec("task")).empty());
    if (core.decorate) decorator_ = core.decorate(node_->service(), environment_, config);
  }
  explicit FaultyNode(std::string_view name, const core::NodeConfig& config = {})
      : FaultyNode(*find_faulty_core(name), config) {}

  ~FaultyNode() {
    node_.reset();
    decorator_.reset();
    for (const auto& call : calls_) EXPECT_EQ(call.answers(), 1) << "answers to one call";
  }

  FaultyNode(const FaultyNode&) = delete;
  FaultyNode& operator=(const FaultyNode&) = delete;

  core::FunctionService& service() { return decorator_ ? *decorator_ : node_->service(); }

  InvokeCall& invoke(spearlet::InvokeFunctionRequest request, core::CallContext context = {}) {
    auto& call = keep<InvokeCall>();
    service().InvokeFunction(std::move(request), context, call.answer());
    return call;
  }
  /// Invokes by a caller that has left before the call arrives.
  InvokeCall& invoke_and_leave(spearlet::InvokeFunctionRequest request) {
    auto& call = keep<InvokeCall>();
    call.leave();
    service().InvokeFunction(std::move(request), {}, call.answer());
    return call;
  }
  StreamCall& stream(spearlet::InvokeFunctionRequest request) {
    auto& call = keep<StreamCall>();
    service().StreamFunction(std::move(request), {}, call.answer());
    return call;
  }
  CancelCall& cancel(const std::string& id) {
    spearlet::CancelExecutionRequest request;
    request.set_execution_id(id);
    auto& call = keep<CancelCall>();
    service().CancelExecution(request, call.answer());
    return call;
  }

  /// The status with result and logs; an empty response if the query was refused.
  spearlet::GetExecutionStatusResponse query(const std::string& id) {
    spearlet::GetExecutionStatusRequest request;
    request.set_execution_id(id);
    request.set_include_result(true);
    request.set_include_logs(true);
    auto& call = keep<core::testing::RecordingCaller<spearlet::GetExecutionStatusResponse>>();
    service().GetExecutionStatus(request, call.answer());
    return call.status().ok() ? call.response() : spearlet::GetExecutionStatusResponse();
  }

  spearlet::ListExecutionsResponse list(int limit = 0, const std::string& start_after = "") {
    spearlet::ListExecutionsRequest request;
    request.set_limit(limit);
    request.set_start_after(start_after);
    auto& call = keep<core::testing::RecordingCaller<spearlet::ListExecutionsResponse>>();
    service().ListExecutions(request, call.answer());
    return call.response();
  }

  /// Makes all callers leave, those with open calls and those that were answered.
  void leave_all() {
    for (const auto& call : calls_) call.caller->leave();
  }

  void run_for(core::Duration d) { environment_.run_for(d); }
  void settle() { environment_.settle(); }
  core::Instant now() const { return environment_.now(); }

 private:
  struct Call {
    std::unique_ptr<core::Caller> caller;
    std::function<int()> answers;
  };

  template <class CallerType>
  CallerType& keep() {
    auto call = std::make_unique<CallerType>();
    CallerType& kept = *call;
    calls_.push_back({std::move(call), [&kept] { return kept.answers(); }});
    return kept;
  }

  core::testing::ManualEnvironment environment_;

 public:
  core::testing::ScriptedRuntime runtime;

 private:
  std::unique_ptr<core::Runtime> wrapped_;
  std::vector<Call> calls_;
  std::unique_ptr<core::FunctionService> decorator_;
  std::unique_ptr<core::Node> node_;
};

}  // namespace quintain::conformance::testing
