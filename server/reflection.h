// Server reflection, version 1.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace grpc {
class Service;
}

namespace quintain::server {

/// Returns the service grpc.reflection.v1.ServerReflection, which describes these services and
/// every message of the program. (gRPC's own plugin serves only v1alpha, which is deprecated.) It
/// keeps no state of its calls and answers at most 100 requests of one.
std::unique_ptr<grpc::Service> make_reflection_service(std::vector<std::string> services);

}  // namespace quintain::server
