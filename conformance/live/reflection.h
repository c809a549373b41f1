// Asking a target what it serves.
#pragma once

#include <absl/status/statusor.h>
#include <google/protobuf/descriptor.pb.h>

#include "conformance/transport.h"

namespace quintain::conformance {

/// The files that describe the target's services, by gRPC's server reflection (v1alpha, else v1).
/// gRPC's own services and protobuf's own files are left out. An error if the target has no
/// reflection, or takes longer than `patience` for all of it.
absl::StatusOr<google::protobuf::FileDescriptorSet> reflect(Transport& transport,
                                                            core::Duration patience);

}  // namespace quintain::conformance
