// The wire of a Spear after it told invocations, executions and instances apart.
#pragma once

#include "conformance/wire/profile.h"

namespace quintain::conformance {

/// InvocationService and ExecutionService in the place of FunctionService
/// (proto/profiles/spear_head.proto, which also tells how parameters travel).
///
/// What the contract's answers have and this wire has not is filled in where it follows from what
/// came: `success` of an invocation from its status, `execution_time_ms` from the timestamps,
/// `found` from NOT_FOUND. The rest stays empty, and clauses that speak of it do not apply. In
/// particular there are no logs, so nobody can count a function's attempts.
class SpearHeadProfile final : public Profile {
 public:
  std::string_view name() const override { return "spear-head"; }
  bool serves(Method method) const override;
  bool applies(std::string_view clause) const override;
  std::string path(Method method) const override;
  bool expresses(Method method, const google::protobuf::Message& request) const override;
  std::string encode(Method method, const google::protobuf::Message& request) const override;
  absl::StatusOr<std::unique_ptr<google::protobuf::Message>> decode(
      Method method, std::string_view bytes) const override;
  absl::StatusOr<std::unique_ptr<google::protobuf::Message>> decode_error(
      Method method, const absl::Status& status) const override;
  google::protobuf::FileDescriptorProto descriptor() const override;
};

}  // namespace quintain::conformance
