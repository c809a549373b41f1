// Server reflection, versions 1 and 1alpha.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace grpc {
class Service;
}

namespace quintain::server {

/// Returns the services grpc.reflection.v1.ServerReflection and, for older clients, v1alpha, which
/// describe `services` and every message of the program. (gRPC's own plugin serves only v1alpha,
/// with a thread for each open call.) At most 1000 calls of each may be open, and one call may make
/// 100 requests.
std::vector<std::unique_ptr<grpc::Service>> make_reflection_services(
    std::vector<std::string> services);

}  // namespace quintain::server
