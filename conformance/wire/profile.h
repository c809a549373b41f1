// The wire profiles: the encodings of the contract by different versions of Spear.
#pragma once

#include <absl/status/statusor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/message.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/judgement/recorded_call.h"

namespace quintain::conformance {

/// Translates between the contract's messages and the bytes of a target. Immutable, and so
/// thread-safe.
class Profile {
 public:
  virtual ~Profile() = default;

  virtual std::string_view name() const = 0;

  /// Whether targets of this profile have the method.
  virtual bool serves(Method method) const = 0;

  /// Whether a clause can be judged with this profile: the methods and fields that it needs exist.
  virtual bool applies(std::string_view clause) const = 0;

  /// The method's path: "/spearlet.FunctionService/InvokeFunction". Requires: serves(method).
  virtual std::string path(Method method) const = 0;

  /// Whether encode() preserves the meaning of the request: the profile has a field for everything
  /// that the request sets.
  virtual bool expresses(Method method, const google::protobuf::Message& request) const = 0;

  /// The bytes of the contract's request in this profile. Fields without an equivalent are omitted.
  /// Unknown fields of the request are copied; their numbers should be 1000 or more, so that they
  /// do not collide with known fields. Requires: serves(method).
  virtual std::string encode(Method method, const google::protobuf::Message& request) const = 0;

  /// The contract's answer. DATA_LOSS if the bytes are not a message of this profile.
  /// Requires: serves(method).
  virtual absl::StatusOr<std::unique_ptr<google::protobuf::Message>> decode(
      Method method, std::string_view bytes) const = 0;

  /// The contract's answer that the error status represents in this profile (NOT_FOUND may mean
  /// found = false); otherwise the status itself.
  virtual absl::StatusOr<std::unique_ptr<google::protobuf::Message>> decode_error(
      Method method, const absl::Status& status) const = 0;

  /// What the descriptor of a target must contain: services, messages and enums with the names that
  /// the target uses.
  virtual google::protobuf::FileDescriptorProto descriptor() const = 0;
};

/// Messages and paths of spearlet/function.proto; all clauses apply.
const Profile& contract_profile();

/// Spear from 10 to 13 January 2026: the contract except for the field numbers of
/// InvokeFunctionRequest (proto/profiles/spear_2026_01.proto). Every invocation has `wait`, which
/// is true for the mode SYNC, and, if the request has none, the artifact_spec of Spear's own
/// caller.
const Profile& spear_2026_01_profile();

/// Spear from 14 January to 13 March 2026 (proto/profiles/spear_2026_03.proto): the wire of May
/// 2026 with the mode STREAM, served by InvokeStream, and with CancelExecution.
const Profile& spear_2026_03_profile();

/// Spear in May 2026: InvocationService and ExecutionService instead of FunctionService, and no
/// mode STREAM (proto/profiles/spear_2026_05.proto, which also explains how parameters are
/// transferred).
///
/// Fields of the contract's answers that this wire lacks are derived where possible: `success` of
/// an invocation from its status, `execution_time_ms` from the times, `found` from NOT_FOUND. The
/// other fields stay empty, and clauses about them do not apply. Logs are among them, so the
/// attempts of a function cannot be counted.
const Profile& spear_2026_05_profile();

/// The profile with this name or former name, or nullptr. Users of a former name should be told the
/// present one, name().
const Profile* find_profile(std::string_view name);

/// The names of all profiles, without former ones.
std::vector<std::string_view> profile_names();

}  // namespace quintain::conformance
