// The contract's own wire.
#pragma once

#include "conformance/wire/profile.h"

namespace quintain::conformance {

/// Messages and paths are those of spearlet/function.proto; everything applies.
class AnalysisProfile : public Profile {
 public:
  std::string_view name() const override { return "analysis"; }
  bool serves(Method) const override { return true; }
  bool applies(std::string_view) const override { return true; }
  std::string path(Method method) const override;
  bool expresses(Method, const google::protobuf::Message&) const override { return true; }
  std::string encode(Method method, const google::protobuf::Message& request) const override;
  absl::StatusOr<std::unique_ptr<google::protobuf::Message>> decode(
      Method method, std::string_view bytes) const override;
  absl::StatusOr<std::unique_ptr<google::protobuf::Message>> decode_error(
      Method, const absl::Status& status) const override {
    return status;
  }
  google::protobuf::FileDescriptorProto descriptor() const override;
};

}  // namespace quintain::conformance
