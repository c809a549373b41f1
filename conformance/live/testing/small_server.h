// A gRPC server of the contract, small enough to be predictable.
#pragma once

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "spearlet/function.grpc.pb.h"

namespace quintain::conformance::testing {

/// InvokeFunction answers at once with the request's task id and as many payload bytes as its
/// timeout_ms says, unless the function is called "hang": then never. StreamFunction sends as many
/// chunks as max_retries says and OK, or FAILED_PRECONDITION if the function is called "fail";
/// called "hang" it never ends. GetExecutionStatus is refused with NOT_FOUND. The rest is not
/// served.
class SmallService final : public spearlet::FunctionService::CallbackService {
 public:
  /// Waits until so many calls that hang have been left by their clients, 30 s at most.
  bool wait_until_left(int calls);

  /// Waits until so many calls hang, 30 s at most.
  bool wait_until_hanging(int calls);

  grpc::ServerUnaryReactor* InvokeFunction(grpc::CallbackServerContext* context,
                                           const spearlet::InvokeFunctionRequest* request,
                                           spearlet::InvokeFunctionResponse* response) override;
  grpc::ServerWriteReactor<spearlet::StreamExecutionResult>* StreamFunction(
      grpc::CallbackServerContext* context,
      const spearlet::InvokeFunctionRequest* request) override;
  grpc::ServerUnaryReactor* GetExecutionStatus(
      grpc::CallbackServerContext* context, const spearlet::GetExecutionStatusRequest* request,
      spearlet::GetExecutionStatusResponse* response) override;

  void hangs();
  void left();

 private:
  bool wait_for(const int& count, int least);

  std::mutex mutex_;
  std::condition_variable changed_;
  int hanging_ = 0;
  int left_ = 0;
};

/// The service on a port of the kernel's choice, or on a unix socket.
class SmallServer {
 public:
  struct Options {
    std::string unix_path{};
    bool reflection = true;
    bool health = true;
    std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
  };

  SmallServer() : SmallServer(Options()) {}
  explicit SmallServer(const Options& options);
  ~SmallServer();

  /// HOST:PORT or unix:PATH.
  const std::string& address() const { return address_; }
  SmallService& service() { return service_; }

  /// From NOT_SERVING on, or back.
  void set_serving(bool serving);

  /// Ends all calls and closes the port.
  void shut_down();

 private:
  SmallService service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace quintain::conformance::testing
