// A network between the callers of a world and a node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "core/base/environment.h"
#include "core/function_service.h"
#include "core/service/call_load.h"
#include "core/service/message_pool.h"
#include "core/service/service_port.h"
#include "sim/random/distribution.h"

namespace quintain::sim {

class World;

/// How the network treats messages. Plain data.
struct NetworkSpec {
  /// How long a message is under way. Messages of one call keep their order.
  Distribution latency = distribution::Constant{core::Duration::zero()};
  /// The probability that a message is lost, and its connection with it. Both ends notice it after
  /// `noticed_after`.
  double loss = 0;
  core::Duration noticed_after = std::chrono::seconds(20);
  /// The probability that a request arrives twice, each time after a latency of its own.
  double duplicates = 0;
  /// The probability that the connection of a call is reset, and how long after the call. The
  /// caller notices it at once, the node after the latency of a message.
  double resets = 0;
  Distribution reset_after = distribution::Constant{core::Duration::zero()};
  /// How fast the caller of a stream reads; 0: as fast as messages arrive. A message leaves the
  /// node when the reader has room for it.
  std::int64_t reader_bytes_per_second = 0;
  /// Every message that is sent in such a period is lost.
  struct Partition {
    core::Instant from;
    core::Instant until = core::Instant::never();
  };
  std::vector<Partition> partitions{};
  /// The limits of the node's end of the network.
  core::service::CallLimits limits{};
  /// The metadata of each call.
  std::size_t metadata_bytes = 0;
};

/// Overwrites every value in a message with others, as memory that is used again would be.
void poison(google::protobuf::Message& message);

/// Carries calls to the service of a node, and answers back, as encoded bytes. The node's end of a
/// call is that of the server (core/service/): what gRPC is there, a simulated connection is here.
/// A recycled request is overwritten when the service has returned, so that a reference to it that
/// was kept shows.
///
/// The caller of a lost or reset connection gets UNAVAILABLE, and the node sees a caller that has
/// left. A caller that leaves is forgotten at once, and the node notices it one latency later. An
/// answer waits for its reader until it has arrived. Serial context only.
class SimulatedNetwork final : public core::FunctionService {
 public:
  /// `service` returns the service of the node at the time of a request. All that is passed by
  /// reference must outlive the network.
  SimulatedNetwork(World& world, std::uint32_t node, core::Environment& environment,
                   const NetworkSpec& spec, std::function<core::FunctionService&()> service);
  /// Requires: the node has answered everything, and the kernel does not run any more. Calls that
  /// are open on this side only are refused.
  ~SimulatedNetwork() override;

  void InvokeFunction(spearlet::InvokeFunctionRequest&& request, const core::CallContext& call,
                      core::Answer<spearlet::InvokeFunctionResponse> answer) override;
  void GetExecutionStatus(const spearlet::GetExecutionStatusRequest& request,
                          core::Answer<spearlet::GetExecutionStatusResponse> answer) override;
  void CancelExecution(const spearlet::CancelExecutionRequest& request,
                       core::Answer<spearlet::CancelExecutionResponse> answer) override;
  void StreamFunction(spearlet::InvokeFunctionRequest&& request, const core::CallContext& call,
                      core::StreamAnswer<spearlet::StreamExecutionResult> answer) override;
  void ListTasks(const spearlet::ListTasksRequest& request,
                 core::Answer<spearlet::ListTasksResponse> answer) override;
  void GetTask(const spearlet::GetTaskRequest& request,
               core::Answer<spearlet::GetTaskResponse> answer) override;
  void DeleteTask(const spearlet::DeleteTaskRequest& request,
                  core::Answer<spearlet::DeleteTaskResponse> answer) override;
  void ListExecutions(const spearlet::ListExecutionsRequest& request,
                      core::Answer<spearlet::ListExecutionsResponse> answer) override;
  void GetHealth(const spearlet::GetHealthRequest& request,
                 core::Answer<spearlet::GetHealthResponse> answer) override;
  void GetStats(const spearlet::GetStatsRequest& request,
                core::Answer<spearlet::GetStatsResponse> answer) override;

 private:
  class Connection;
  template <class Call>
  class UnaryConnection;
  class StreamConnection;

  using Load = core::service::CallLoad<core::service::PlainCounter, core::service::NoMutex>;
  template <class Request>
  struct RequestPool : core::service::MessagePool<Request, core::service::NoMutex> {
    RequestPool() : RequestPool::MessagePool([](Request& request) { poison(request); }) {}
  };

  template <auto kMethod, class Request, class Response>
  void carry(const Request& request, const core::CallContext& call, core::Answer<Response> answer);
  // Whether a message that is sent now gets lost.
  bool loses(core::RandomStream& draws);
  core::Duration latency(core::RandomStream& draws);

  World& world_;
  std::uint32_t node_;
  core::Environment& environment_;
  NetworkSpec spec_;
  std::function<core::FunctionService&()> service_;
  Load load_;
  core::service::ServicePort port_;
  std::tuple<RequestPool<spearlet::InvokeFunctionRequest>,
             RequestPool<spearlet::GetExecutionStatusRequest>,
             RequestPool<spearlet::CancelExecutionRequest>, RequestPool<spearlet::ListTasksRequest>,
             RequestPool<spearlet::GetTaskRequest>, RequestPool<spearlet::DeleteTaskRequest>,
             RequestPool<spearlet::ListExecutionsRequest>, RequestPool<spearlet::GetHealthRequest>,
             RequestPool<spearlet::GetStatsRequest>>
      pools_;
  std::uint64_t connections_made_ = 0;
  // Owned; by number, so that the order of their ends is that of the calls.
  std::map<std::uint64_t, std::unique_ptr<Connection>> connections_;
};

}  // namespace quintain::sim
