// What a call costs on a node that is full. `call_costs RECORDS` fills a node with this many
// records and a tenth as many tasks and waiting executions, then makes each call of the contract 20
// times, each in a function of its own: call_InvokeFunction and so on.
// reports/benchmarks/call_costs.py counts the instructions of these functions, for two sizes of the
// node.
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "core/node.h"
#include "core/testing/immediate_runtime.h"
#include "sim/kernel.h"

namespace quintain::sim {
namespace {

using namespace std::chrono_literals;

constexpr int kCalls = 20;

// Counts answers. A call may be refused: a streaming one has to wait, for example.
template <class Response>
class Caller final : public core::UnaryCaller<Response> {
 public:
  void deliver(Response&& /*response*/) override { ++answers_; }
  void refuse(const absl::Status& status) override {
    fmt::print(stderr, "call_costs: {}\n", std::string(status.message()));
    std::exit(1);
  }
  core::Answer<Response> answer() { return core::Answer<Response>(*this); }

 private:
  int answers_ = 0;
};

class StreamCaller final : public core::StreamCaller<spearlet::StreamExecutionResult> {
 public:
  void write(spearlet::StreamExecutionResult&& /*message*/) override {}
  void finish(const absl::Status& /*status*/) override {}
};

class FullNode {
 public:
  explicit FullNode(int records) : records_(records), environment_(kernel_, 1, 0) {
    for (int i = 0; i < tasks(); ++i) {
      core::TaskSpec task;
      task.task_id = task_name(i);
      node_.register_task(std::move(task));
    }
    for (int i = 0; i < records_; ++i) {
      invoke("quick", "r" + std::to_string(i), i % tasks());
      settle();
    }
    for (int i = 0; i < tasks(); ++i) invoke("slow", "q" + std::to_string(i), i);
    settle();
  }

  core::FunctionService& service() { return node_.service(); }
  int tasks() const { return records_ / 10; }
  static std::string task_name(int i) { return "task" + std::to_string(i); }

  static spearlet::InvokeFunctionRequest invocation(spearlet::ExecutionMode mode,
                                                    std::string_view function, std::string id,
                                                    int task) {
    spearlet::InvokeFunctionRequest request;
    request.set_execution_mode(mode);
    request.set_task_id(task_name(task));
    request.set_function_name(std::string(function));
    request.set_execution_id(std::move(id));
    return request;
  }

  // Everything that is due now: later turns of long lists, too.
  void settle() { kernel_.run_until(kernel_.now()); }

 private:
  static core::NodeConfig config() {
    core::NodeConfig config;
    config.retention.count = 1'000'000;
    config.queue_limit = 1'000'000;
    config.task_limit = 1'000'000;
    return config;
  }

  void invoke(std::string_view function, std::string id, int task) {
    service().InvokeFunction(
        invocation(spearlet::EXECUTION_MODE_ASYNC, function, std::move(id), task), {},
        invoked_.answer());
  }

  const int records_;
  Kernel kernel_;
  NodeEnvironment environment_;
  // Functions named "slow" never end.
  core::testing::ImmediateRuntime runtime_{environment_, "slow"};
  Caller<spearlet::InvokeFunctionResponse> invoked_;
  core::Node node_{environment_, runtime_, config()};
};

std::string id(std::string_view kind, int i) { return fmt::format("{}{}", kind, 10 * i + 7); }

// The functions whose instructions are counted. extern "C", so that their names are plain.
#define QUINTAIN_COUNTED extern "C" __attribute__((noipa)) void

QUINTAIN_COUNTED call_InvokeFunction(FullNode& node, int i) {
  static Caller<spearlet::InvokeFunctionResponse> caller;
  node.service().InvokeFunction(
      FullNode::invocation(spearlet::EXECUTION_MODE_ASYNC, "slow", id("new", i), i), {},
      caller.answer());
}
QUINTAIN_COUNTED call_StreamFunction(FullNode& node, int i) {
  static StreamCaller callers[kCalls];
  node.service().StreamFunction(
      FullNode::invocation(spearlet::EXECUTION_MODE_STREAM, "slow", id("stream", i), i), {},
      core::StreamAnswer<spearlet::StreamExecutionResult>(callers[i]));
}
QUINTAIN_COUNTED call_GetExecutionStatus(FullNode& node, int i) {
  static Caller<spearlet::GetExecutionStatusResponse> caller;
  spearlet::GetExecutionStatusRequest request;
  // Those that wait have an estimate.
  request.set_execution_id(id(i % 2 == 0 ? "r" : "q", i));
  request.set_include_result(true);
  request.set_include_logs(true);
  node.service().GetExecutionStatus(request, caller.answer());
}
QUINTAIN_COUNTED call_CancelExecution(FullNode& node, int i) {
  static Caller<spearlet::CancelExecutionResponse> caller;
  spearlet::CancelExecutionRequest request;
  request.set_execution_id(id("q", i));
  node.service().CancelExecution(request, caller.answer());
}
QUINTAIN_COUNTED call_ListTasks(FullNode& node, int i) {
  static Caller<spearlet::ListTasksResponse> caller;
  spearlet::ListTasksRequest request;
  request.set_include_details(true);
  request.set_start_after(FullNode::task_name(i));
  node.service().ListTasks(request, caller.answer());
}
QUINTAIN_COUNTED call_GetTask(FullNode& node, int i) {
  static Caller<spearlet::GetTaskResponse> caller;
  spearlet::GetTaskRequest request;
  request.set_task_id(FullNode::task_name(i));
  request.set_include_executions(true);
  node.service().GetTask(request, caller.answer());
}
QUINTAIN_COUNTED call_DeleteTask(FullNode& node, int i) {
  static Caller<spearlet::DeleteTaskResponse> caller;
  spearlet::DeleteTaskRequest request;
  request.set_task_id(FullNode::task_name(i + 100));
  request.set_force(true);
  request.set_cleanup_executions(true);
  node.service().DeleteTask(request, caller.answer());
}
QUINTAIN_COUNTED call_ListExecutions(FullNode& node, int i) {
  static Caller<spearlet::ListExecutionsResponse> caller;
  spearlet::ListExecutionsRequest request;
  // All records are looked at for FAILED, none of which is there.
  if (i % 2 == 0) request.set_status_filter(spearlet::EXECUTION_STATUS_FAILED);
  node.service().ListExecutions(request, caller.answer());
}
QUINTAIN_COUNTED call_GetHealth(FullNode& node, int /*i*/) {
  static Caller<spearlet::GetHealthResponse> caller;
  node.service().GetHealth({}, caller.answer());
}
QUINTAIN_COUNTED call_GetStats(FullNode& node, int /*i*/) {
  static Caller<spearlet::GetStatsResponse> caller;
  spearlet::GetStatsRequest request;
  request.set_include_task_stats(true);
  request.set_include_execution_stats(true);
  node.service().GetStats(request, caller.answer());
}

int run(std::string_view text) {
  int records = 0;
  std::from_chars(text.data(), text.data() + text.size(), records);
  if (records < 10'000) {
    fmt::print(stderr, "call_costs RECORDS, at least 10000\n");
    return 2;
  }
  FullNode node(records);
  for (const auto call : {call_GetExecutionStatus, call_ListTasks, call_GetTask,
                          call_ListExecutions, call_GetHealth, call_GetStats, call_InvokeFunction,
                          call_StreamFunction, call_CancelExecution, call_DeleteTask}) {
    for (int i = 0; i < kCalls; ++i) {
      call(node, i);
      node.settle();
    }
  }
  std::_Exit(0);  // The end of a node is not measured.
}

}  // namespace
}  // namespace quintain::sim

int main(int argc, char** argv) { return argc == 2 ? quintain::sim::run(argv[1]) : 2; }
