// The wire of a Spear of January 2026.
#pragma once

#include "conformance/wire/contract_profile.h"

namespace quintain::conformance {

/// The contract's wire but for InvokeFunctionRequest, whose fields have other numbers
/// (proto/profiles/spear_2026_01.proto).
class Spear202601Profile : public AnalysisProfile {
 public:
  std::string_view name() const override { return "spear-2026-01"; }
  std::string encode(Method method, const google::protobuf::Message& request) const override;
  google::protobuf::FileDescriptorProto descriptor() const override;
};

}  // namespace quintain::conformance
