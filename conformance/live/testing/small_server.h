// A small gRPC server of the contract with predictable behaviour.
#pragma once

#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "spearlet/function.grpc.pb.h"

namespace quintain::conformance::testing {

/// InvokeFunction answers at once with the request's task id and timeout_ms payload bytes, except
/// for the function "hang", for which it never answers. StreamFunction sends max_retries chunks and
/// ends with OK, or with FAILED_PRECONDITION for the function "fail"; for "hang" it never ends.
/// GetExecutionStatus is refused with NOT_FOUND. Other methods are not served. Thread-safe.
class SmallService final : public spearlet::FunctionService::CallbackService {
 public:
  /// Waits until clients have abandoned at least this many calls; false after 30 s.
  bool wait_until_abandoned(int calls);

  /// Waits until at least this many calls hang; false after 30 s.
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
  void abandoned();

 private:
  bool wait_for(const int& count, int least);

  std::mutex mutex_;
  std::condition_variable changed_;
  int hanging_ = 0;
  int abandoned_ = 0;
};

/// gRPC adds reflection as a plugin to every server of the process; this removes it from one
/// server.
class WithoutPlugins final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    plugins->clear();
  }
};

/// Serves SmallService on a free port, or on a unix socket.
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

  /// Sets the health status to SERVING or NOT_SERVING.
  void set_serving(bool serving);

  /// Ends all calls and closes the port.
  void shut_down();

 private:
  SmallService service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace quintain::conformance::testing
