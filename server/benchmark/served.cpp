#include "server/benchmark/served.h"

#include <absl/synchronization/mutex.h>
#include <fmt/format.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "echo.grpc.pb.h"
#include "server/benchmark/immediate_runtime.h"
#include "server/server.h"

namespace quintain::server::bench {
namespace {

// The parent holds the other end for as long as it lives.
void wait_for_end_of_input() {
  char byte = 0;
  while (read(STDIN_FILENO, &byte, 1) > 0) continue;
}

void announce(const std::string& address) {
  fmt::print("{}\n", address);
  std::fflush(stdout);
}

class EchoHandler final : public EchoService::CallbackService {
  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context, const EchoMessage* request,
                                 EchoMessage* response) override {
    pad(*response, request->answer_bytes());
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

}  // namespace

void pad(EchoMessage& message, std::size_t bytes) {
  message.clear_padding();
  while (message.ByteSizeLong() < bytes) {
    const std::size_t missing = bytes - message.ByteSizeLong();
    // The field's tag and length come with its first byte.
    const bool first = message.padding().empty();
    message.mutable_padding()->append(first && missing > 2 ? missing - 2 : 1, 'x');
  }
}

int serve_echo() {
  // As the server has it.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  EchoHandler service;
  grpc::ServerBuilder builder;
  builder.RegisterService(&service);
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  announce(fmt::format("127.0.0.1:{}", port));
  wait_for_end_of_input();
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}

int serve_node(const std::string& estimator) {
  ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.node.eta.estimator = estimator;
  core::TaskSpec task;
  task.task_id = "work";
  options.tasks = {task};
  options.runtime = [](core::Environment& environment, boost::asio::any_io_executor) {
    return std::make_unique<ImmediateRuntime>(environment);
  };
  const auto server = Server::start(std::move(options));
  if (!server.ok()) {
    fmt::print(stderr, "{}\n", server.status().ToString());
    return 1;
  }
  announce((*server)->addresses().front());
  wait_for_end_of_input();
  (*server)->stop();
  (*server)->wait();
  return 0;
}

}  // namespace quintain::server::bench
