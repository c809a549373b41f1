// A target's interface as files describe it.
#pragma once

#include <absl/status/statusor.h>
#include <google/protobuf/descriptor.pb.h>

#include <string>

namespace quintain::conformance {

/// The .proto file and everything it imports. Imports are looked for in the file's folder and in
/// those above it; google/protobuf/*.proto need not be there. The error has all that is wrong with
/// the files, as FILE:LINE:COLUMN: what.
absl::StatusOr<google::protobuf::FileDescriptorSet> load_proto(const std::string& path);

/// A google.protobuf.FileDescriptorSet in protobuf's binary form, as `protoc --include_imports
/// --descriptor_set_out=FILE` writes it.
absl::StatusOr<google::protobuf::FileDescriptorSet> load_descriptor_set(const std::string& path);

}  // namespace quintain::conformance
