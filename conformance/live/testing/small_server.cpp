// Implements the small server with gRPC's callback API.
#include "conformance/live/testing/small_server.h"

#include <fmt/format.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server_builder.h>

#include <chrono>

namespace quintain::conformance::testing {
namespace {

class Hanging final : public grpc::ServerUnaryReactor {
 public:
  explicit Hanging(SmallService& service) : service_(service) { service_.hangs(); }
  void OnCancel() override {
    service_.abandoned();
    Finish(grpc::Status::CANCELLED);
  }
  void OnDone() override { delete this; }

 private:
  SmallService& service_;
};

class Streaming final : public grpc::ServerWriteReactor<spearlet::StreamExecutionResult> {
 public:
  Streaming(SmallService& service, const spearlet::InvokeFunctionRequest& request)
      : service_(service), name_(request.function_name()), left_(request.context().max_retries()) {
    write_next();
  }
  void OnWriteDone(bool ok) override {
    if (ok) write_next();
  }
  void OnCancel() override {
    service_.abandoned();
    if (name_ == "hang") Finish(grpc::Status::CANCELLED);
  }
  void OnDone() override { delete this; }

 private:
  void write_next() {
    if (left_ > 0) {
      chunk_.set_execution_id(fmt::format("{} to come", --left_));
      return StartWrite(&chunk_);
    }
    if (name_ == "hang") return service_.hangs();
    Finish(name_ == "fail" ? grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "no more")
                           : grpc::Status::OK);
  }

  SmallService& service_;
  std::string name_;
  int left_;
  spearlet::StreamExecutionResult chunk_;
};

}  // namespace

bool SmallService::wait_for(const int& count, int least) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return count >= least; });
}

bool SmallService::wait_until_abandoned(int calls) { return wait_for(abandoned_, calls); }
bool SmallService::wait_until_hanging(int calls) { return wait_for(hanging_, calls); }

void SmallService::hangs() {
  const std::lock_guard lock(mutex_);
  ++hanging_;
  changed_.notify_all();
}

void SmallService::abandoned() {
  const std::lock_guard lock(mutex_);
  ++abandoned_;
  changed_.notify_all();
}

grpc::ServerUnaryReactor* SmallService::InvokeFunction(
    grpc::CallbackServerContext* context, const spearlet::InvokeFunctionRequest* request,
    spearlet::InvokeFunctionResponse* response) {
  if (request->function_name() == "hang") return new Hanging(*this);
  response->set_task_id(request->task_id());
  const auto bytes = static_cast<std::size_t>(request->context().timeout_ms());
  response->mutable_result()->mutable_result()->set_value(std::string(bytes, 'x'));
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerWriteReactor<spearlet::StreamExecutionResult>* SmallService::StreamFunction(
    grpc::CallbackServerContext*, const spearlet::InvokeFunctionRequest* request) {
  return new Streaming(*this, *request);
}

grpc::ServerUnaryReactor* SmallService::GetExecutionStatus(
    grpc::CallbackServerContext* context, const spearlet::GetExecutionStatusRequest* request,
    spearlet::GetExecutionStatusResponse*) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status(grpc::StatusCode::NOT_FOUND,
                               fmt::format("there is no '{}'", request->execution_id())));
  return reactor;
}

SmallServer::SmallServer(const Options& options) {
  grpc::EnableDefaultHealthCheckService(options.health);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  if (!options.reflection) builder.SetOption(std::make_unique<WithoutPlugins>());
  builder.RegisterService(&service_);
  builder.SetMaxReceiveMessageSize(-1);
  int port = 0;
  const std::string listen =
      options.unix_path.empty() ? "127.0.0.1:0" : "unix:" + options.unix_path;
  builder.AddListeningPort(listen, options.credentials, &port);
  server_ = builder.BuildAndStart();
  address_ = options.unix_path.empty() ? fmt::format("127.0.0.1:{}", port) : listen;
}

SmallServer::~SmallServer() { shut_down(); }

void SmallServer::set_serving(bool serving) {
  server_->GetHealthCheckService()->SetServingStatus(serving);
}

void SmallServer::shut_down() { server_->Shutdown(std::chrono::system_clock::now()); }

}  // namespace quintain::conformance::testing
