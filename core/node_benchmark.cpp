// The cost of one call of the service without a transport: requests and answers are protobuf
// messages, functions end at once, and time stands still.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/pending_event_set.h"
#include "core/invocation.h"
#include "core/node.h"

namespace quintain::core {
namespace {

constexpr int kMaxRecords = 10'000;

class FrozenEnvironment final : public Environment {
 public:
  Instant now() const override { return {}; }
  WallTime wall_now() const override { return {}; }
  std::uint64_t draw(RandomStream& stream) override { return stream.next(1); }

 protected:
  EventHandle schedule(Instant when, Precedence precedence, void (*fire)(void*),
                       void* self) override {
    return when.is_never() ? 0 : events_.schedule(when, precedence, fire, self);
  }
  void withdraw(EventHandle handle) override { events_.withdraw(handle); }

 private:
  PendingEventSet events_;
};

// Attempts start and end when finish_all() is called.
class BatchRuntime final : public Runtime {
 public:
  void start(const AttemptSpec& attempt, AttemptListener& listener) override {
    started_.push_back(attempt.id);
    listener_ = &listener;
  }
  void stop(AttemptId) override {}
  void kill(AttemptId) override {}
  void retire(std::string_view) override {}
  ResourceUsage usage() const override { return {}; }

  void finish_all() {
    for (std::size_t i = 0; i < started_.size(); ++i) {
      listener_->on_started(started_[i]);
      outcome_.payload.type_url = "type.googleapis.com/google.protobuf.StringValue";
      outcome_.payload.value = "done";
      listener_->on_finished(started_[i], std::move(outcome_));
    }
    started_.clear();
  }

 private:
  std::vector<AttemptId> started_;
  AttemptListener* listener_ = nullptr;
  Outcome outcome_;
};

template <class Response>
class Listener final : public UnaryCaller<Response> {
 public:
  void deliver(Response&& response) override { benchmark::DoNotOptimize(&response); }
  void refuse(const absl::Status& status) override { refused = status; }
  Answer<Response> answer() {
    this->renew();
    return Answer<Response>(*this);
  }
  absl::Status refused;
};

class Bench {
 public:
  Bench() {
    NodeConfig config;
    config.retention.count = kMaxRecords;
    config.eta.estimator = "queue-length";
    node_.emplace(environment_, runtime_, config);
    TaskSpec task;
    task.task_id = "work";
    node_->register_task(std::move(task));
  }

  void invoke(const spearlet::InvokeFunctionRequest& request) {
    copy_keeping_memory(request, request_);
    node_->service().InvokeFunction(std::move(request_), {}, invoked_.answer());
    runtime_.finish_all();
  }

  void ask(const spearlet::GetExecutionStatusRequest& request) {
    node_->service().GetExecutionStatus(request, asked_.answer());
  }

  bool refused() const { return !invoked_.refused.ok() || !asked_.refused.ok(); }

 private:
  FrozenEnvironment environment_;
  BatchRuntime runtime_;
  std::optional<Node> node_;
  spearlet::InvokeFunctionRequest request_;
  Listener<spearlet::InvokeFunctionResponse> invoked_;
  Listener<spearlet::GetExecutionStatusResponse> asked_;
};

spearlet::InvokeFunctionRequest request(spearlet::ExecutionMode mode) {
  spearlet::InvokeFunctionRequest request;
  request.set_task_id("work");
  request.set_function_name("work");
  request.set_execution_mode(mode);
  return request;
}

void invoke(benchmark::State& state, spearlet::ExecutionMode mode) {
  Bench bench;
  const auto asked = request(mode);
  for (int i = 0; i < 2 * kMaxRecords; ++i) bench.invoke(asked);
  for (auto _ : state) bench.invoke(asked);
  if (bench.refused()) state.SkipWithError("a call was refused");
  state.SetItemsProcessed(state.iterations());
}

void invoke_async(benchmark::State& state) { invoke(state, spearlet::EXECUTION_MODE_ASYNC); }
BENCHMARK(invoke_async);

void invoke_sync_immediate(benchmark::State& state) {
  invoke(state, spearlet::EXECUTION_MODE_SYNC);
}
BENCHMARK(invoke_sync_immediate);

void get_execution_status(benchmark::State& state) {
  Bench bench;
  auto named = request(spearlet::EXECUTION_MODE_ASYNC);
  for (int i = 0; i < kMaxRecords; ++i) {
    named.set_execution_id("execution-" + std::to_string(i));
    bench.invoke(named);
  }
  spearlet::GetExecutionStatusRequest asked;
  asked.set_include_result(true);
  // Spread over all records.
  constexpr int kStride = 7919;
  int next = 0;
  for (auto _ : state) {
    asked.set_execution_id("execution-" + std::to_string(next = (next + kStride) % kMaxRecords));
    bench.ask(asked);
  }
  if (bench.refused()) state.SkipWithError("a call was refused");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(get_execution_status);

}  // namespace
}  // namespace quintain::core
