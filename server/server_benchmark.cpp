// The cost of a call to the server, compared with a bare gRPC echo with messages of the same size:
// one connection on loopback, a fixed number of calls outstanding, server and client in processes
// of their own.
//
// A repetition is one round: the echo for half a second and the server for half a second, in
// alternating order. So a ratio compares two neighbouring intervals, and a longer disturbance of
// the machine affects both. The counters `ratio:...` are the server's figure divided by the echo's;
// the results are their median and range over the rounds.
#include <absl/synchronization/mutex.h>
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/node_config.h"
#include "core/testing/calls.h"
#include "echo.grpc.pb.h"
#include "server/benchmark/closed_loop.h"
#include "server/benchmark/served.h"
#include "spearlet/function.grpc.pb.h"

namespace quintain::server::bench {
namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::milliseconds kWarmUp(100);
constexpr std::chrono::milliseconds kMeasured(500);
constexpr int kRounds = 7;

// The client has the first core, the server the last.
constexpr unsigned kClientCore = 0;
unsigned server_core() { return std::thread::hardware_concurrency() - 1; }

struct Setting {
  int outstanding;
  bool pinned;
};

// The result of one round for one side.
struct Figures {
  double calls_per_second = 0;
  // In microseconds.
  double p50 = 0;
  double p99 = 0;
  double server_time = 0;  // processor time of a call
  double client_time = 0;
};

double microseconds(nanoseconds time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

double quantile(std::vector<nanoseconds>& sample, double share) {
  const auto rank = static_cast<std::ptrdiff_t>(share * static_cast<double>(sample.size() - 1));
  std::nth_element(sample.begin(), sample.begin() + rank, sample.end());
  return microseconds(sample[static_cast<std::size_t>(rank)]);
}

template <class Request, class Response>
Figures measure(const ServerProcess& server, const Setting& setting,
                typename ClosedLoop<Request, Response>::Call call, const Request& request,
                benchmark::State& state) {
  ClosedLoop<Request, Response> load(setting.outstanding, std::move(call), request);
  // By the middle of the warm-up gRPC has started its threads.
  std::this_thread::sleep_for(kWarmUp / 2);
  pin(server.id(), setting.pinned ? std::optional(server_core()) : std::nullopt);
  pin(getpid(), setting.pinned ? std::optional(kClientCore) : std::nullopt);
  std::this_thread::sleep_for(kWarmUp / 2);

  const auto started_at = std::chrono::steady_clock::now();
  const nanoseconds server_time_before = processor_time(server.id());
  const nanoseconds client_time_before = processor_time(getpid());
  load.start_recording();
  std::this_thread::sleep_for(kMeasured);
  load.stop_recording();
  const nanoseconds took = std::chrono::steady_clock::now() - started_at;
  const nanoseconds server_time = processor_time(server.id()) - server_time_before;
  const nanoseconds client_time = processor_time(getpid()) - client_time_before;
  load.stop();

  std::vector<nanoseconds> latencies = load.latencies();
  if (load.failed() > 0 || latencies.empty()) {
    state.SkipWithError("calls have failed");
    return {};
  }
  const auto calls = static_cast<double>(latencies.size());
  return {.calls_per_second = calls / std::chrono::duration<double>(took).count(),
          .p50 = quantile(latencies, 0.5),
          .p99 = quantile(latencies, 0.99),
          .server_time = microseconds(server_time) / calls,
          .client_time = microseconds(client_time) / calls};
}

std::shared_ptr<grpc::Channel> connect(const ServerProcess& server) {
  return grpc::CreateChannel(server.address(), grpc::InsecureChannelCredentials());
}

// A node in a process of its own.
struct Node {
  explicit Node(const std::string& estimator) : process(estimator) {}

  ServerProcess process;
  std::unique_ptr<spearlet::FunctionService::Stub> stub =
      spearlet::FunctionService::NewStub(connect(process));
};

// The servers that are compared. They run as long as the program.
struct Peers {
  ServerProcess echo{"echo"};
  std::unique_ptr<EchoService::Stub> echo_stub = EchoService::NewStub(connect(echo));
  Node usual{core::eta::EtaConfig().estimator};
  // Separates the cost of the default estimator from the rest.
  Node simple{"queue-length"};

  // The default node with a store, which must be on a disk: TMPDIR says where.
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / fmt::format("quintain-benchmark-{}", getpid());
  bool made = std::filesystem::create_directories(folder);
  Node stored{"store:" + (folder / "store").string()};
  ~Peers() { std::filesystem::remove_all(folder); }
};

Peers& peers() {
  static Peers peers;
  return peers;
}

// One kind of call to one of the nodes.
template <class Request, class Response>
struct Calls {
  const Node& node;
  Request request;
  typename ClosedLoop<Request, Response>::Call call;
};

template <class Request, class Response>
EchoMessage echo_of(const Calls<Request, Response>& calls) {
  // One call shows how large the answer is.
  grpc::ClientContext context;
  Response response;
  grpc::Status status;
  absl::BlockingCounter answered(1);
  calls.call(&context, &calls.request, &response, [&](const grpc::Status& its_status) {
    status = its_status;
    answered.DecrementCount();
  });
  answered.Wait();
  EchoMessage message;
  message.set_answer_bytes(static_cast<std::uint32_t>(response.ByteSizeLong()));
  pad(message, calls.request.ByteSizeLong());
  return message;
}

template <class Request, class Response>
void compare(benchmark::State& state, const Setting& setting,
             const Calls<Request, Response>& calls) {
  Figures echo;
  Figures node;
  const auto measure_echo = [&] {
    echo = measure<EchoMessage, EchoMessage>(
        peers().echo, setting,
        [](auto* context, auto* request, auto* response, auto done) {
          peers().echo_stub->async()->Echo(context, request, response, std::move(done));
        },
        echo_of(calls), state);
  };
  const auto measure_node = [&] {
    node =
        measure<Request, Response>(calls.node.process, setting, calls.call, calls.request, state);
  };
  static int round = 0;
  for (auto _ : state) {
    if (++round % 2 == 0) {
      measure_echo();
      measure_node();
    } else {
      measure_node();
      measure_echo();
    }
    state.SetIterationTime(1 / node.calls_per_second);
  }
  const auto report = [&](const std::string& side, const Figures& figures) {
    state.counters[side + ":calls/s"] = figures.calls_per_second;
    state.counters[side + ":p50_us"] = figures.p50;
    state.counters[side + ":p99_us"] = figures.p99;
    state.counters[side + ":server_us"] = figures.server_time;
    state.counters[side + ":client_us"] = figures.client_time;
  };
  report("echo", echo);
  report("node", node);
  state.counters["ratio:calls/s"] = node.calls_per_second / echo.calls_per_second;
  state.counters["ratio:p99"] = node.p99 / echo.p99;
  state.counters["ratio:server_time"] = node.server_time / echo.server_time;
}

using InvokeCalls = Calls<spearlet::InvokeFunctionRequest, spearlet::InvokeFunctionResponse>;
using StatusCalls =
    Calls<spearlet::GetExecutionStatusRequest, spearlet::GetExecutionStatusResponse>;

InvokeCalls invocation(const Node& node, spearlet::InvokeFunctionRequest request) {
  return {node, std::move(request), [&node](auto* context, auto* asked, auto* response, auto done) {
            node.stub->async()->InvokeFunction(context, asked, response, std::move(done));
          }};
}

template <spearlet::ExecutionMode kMode, Node Peers::* kNode>
void invoke(benchmark::State& state, const Setting& setting) {
  compare(state, setting,
          invocation(peers().*kNode, core::testing::request(kMode, {.task = "work"})));
}

// The same node with and without a store, and what the disk can do.
template <spearlet::ExecutionMode kMode>
void invoke_stored(benchmark::State& state, const Setting& setting) {
  const auto calls_to = [&](const Node& node) {
    const InvokeCalls calls = invocation(node, core::testing::request(kMode, {.task = "work"}));
    return measure<spearlet::InvokeFunctionRequest, spearlet::InvokeFunctionResponse>(
        node.process, setting, calls.call, calls.request, state);
  };
  Figures plain;
  Figures stored;
  static int round = 0;
  for (auto _ : state) {
    const bool stored_first = ++round % 2 == 0;
    if (stored_first) stored = calls_to(peers().stored);
    plain = calls_to(peers().usual);
    if (!stored_first) stored = calls_to(peers().stored);
    state.SetIterationTime(1 / stored.calls_per_second);
  }
  state.counters["plain:calls/s"] = plain.calls_per_second;
  state.counters["stored:calls/s"] = stored.calls_per_second;
  state.counters["stored:p50_us"] = stored.p50;
  state.counters["stored:p99_us"] = stored.p99;
  state.counters["disk:syncs/s"] = syncs_per_second(peers().folder);
  state.counters["ratio:calls/s"] = stored.calls_per_second / plain.calls_per_second;
}

// The status of an execution that has ended.
void status(benchmark::State& state, const Setting& setting) {
  // A new one, because old records are dropped.
  static int invoked = 0;
  const std::string id = fmt::format("asked-about-{}", ++invoked);
  grpc::ClientContext context;
  spearlet::InvokeFunctionResponse response;
  const grpc::Status invocation = peers().usual.stub->InvokeFunction(
      &context, core::testing::sync_request({.id = id, .task = "work"}), &response);
  if (!invocation.ok()) state.SkipWithError("the invocation has failed");

  StatusCalls calls{.node = peers().usual, .request = {}, .call = {}};
  calls.request.set_execution_id(id);
  calls.request.set_include_result(true);
  calls.call = [](auto* its_context, auto* request, auto* its_response, auto done) {
    peers().usual.stub->async()->GetExecutionStatus(its_context, request, its_response,
                                                    std::move(done));
  };
  compare(state, setting, calls);
}

double least(const std::vector<double>& values) { return *std::ranges::min_element(values); }
double most(const std::vector<double>& values) { return *std::ranges::max_element(values); }

void register_benchmarks() {
  const std::pair<const char*, void (*)(benchmark::State&, const Setting&)> benchmarks[] = {
      {"InvokeFunction/async", invoke<spearlet::EXECUTION_MODE_ASYNC, &Peers::usual>},
      {"InvokeFunction/async-queue-length", invoke<spearlet::EXECUTION_MODE_ASYNC, &Peers::simple>},
      {"InvokeFunction/sync", invoke<spearlet::EXECUTION_MODE_SYNC, &Peers::usual>},
      {"InvokeFunction/async-stored", invoke_stored<spearlet::EXECUTION_MODE_ASYNC>},
      {"InvokeFunction/sync-stored", invoke_stored<spearlet::EXECUTION_MODE_SYNC>},
      {"GetExecutionStatus", status}};
  for (const auto& [name, measure_it] : benchmarks) {
    for (const bool pinned : {true, false}) {
      for (const int outstanding : {1, 16, 64}) {
        const Setting setting{.outstanding = outstanding, .pinned = pinned};
        benchmark::RegisterBenchmark(
            fmt::format("{}/{}/{}", name, outstanding, pinned ? "pinned" : "unpinned").c_str(),
            measure_it, setting)
            ->Iterations(1)
            ->Repetitions(kRounds)
            ->DisplayAggregatesOnly()
            ->ComputeStatistics("min", least)
            ->ComputeStatistics("max", most)
            ->UseManualTime()
            ->Unit(benchmark::kMicrosecond);
      }
    }
  }
}

}  // namespace
}  // namespace quintain::server::bench

int main(int argc, char** argv) {
  using namespace quintain::server::bench;
  if (argc == 3 && std::string_view(argv[1]) == "--serve") {
    return std::string_view(argv[2]) == "echo" ? serve_echo() : serve_node(argv[2]);
  }
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  register_benchmarks();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
