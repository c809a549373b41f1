// A target's own description of its interface: loading it, and comparing it with a profile.
#pragma once

#include <absl/status/statusor.h>
#include <google/protobuf/descriptor.pb.h>

#include <string>
#include <vector>

#include "conformance/wire/profile.h"

namespace quintain::conformance {

/// Loads a .proto file and everything that it imports. Imports are searched in the file's folder
/// and in all folders above it; google/protobuf/*.proto need not exist there. The error lists
/// everything that is wrong with the files, each as FILE:LINE:COLUMN: what.
absl::StatusOr<google::protobuf::FileDescriptorSet> load_proto(const std::string& path);

/// Loads a binary google.protobuf.FileDescriptorSet, as written by `protoc --include_imports
/// --descriptor_set_out=FILE`.
absl::StatusOr<google::protobuf::FileDescriptorSet> load_descriptor_set(const std::string& path);

/// Every way in which the offered descriptor lacks something that the profile requires (clause
/// WIRE-1), one line each: a missing service, method, message, field, enum or value; a different
/// number, type, label or name; different streaming. Additional declarations are not reported.
/// Empty: it conforms.
std::vector<std::string> descriptor_deviations(const google::protobuf::FileDescriptorSet& offered,
                                               const Profile& profile);

}  // namespace quintain::conformance
