// The standard health service.
#pragma once

#include <grpcpp/generic/async_generic_service.h>

#include <memory>
#include <string>
#include <vector>

namespace quintain::server {

/// Serves grpc.health.v1.Health for "" (the server as a whole) and some services, all of which have
/// the same status. gRPC's own service has no limit on calls of Watch, each of which occupies
/// memory for as long as its client likes. Here, a connection may have 16 of them and all together
/// 1000; beyond that, the oldest one is ended with UNAVAILABLE, so that its client asks again. As a
/// generic service it learns of a call when its headers arrive: one whose request never comes
/// counts as well. All other methods are UNIMPLEMENTED. Thread-safe.
class HealthService final : public grpc::CallbackGenericService {
 public:
  /// Not serving at first.
  explicit HealthService(std::vector<std::string> services);
  ~HealthService() override;

  HealthService(const HealthService&) = delete;
  HealthService& operator=(const HealthService&) = delete;

  /// Sets the status, and sends it to those who watch.
  void set_serving(bool serving);

  /// Ends all calls of Watch, and those that come later, with UNAVAILABLE.
  void close();

 private:
  // gRPC's threads.
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* call) override;

  class State;
  class Call;
  std::unique_ptr<State> state_;
};

}  // namespace quintain::server
