// The wire profiles: how the contract's messages look on the wire of a Spear of a certain age.
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

/// Translates between the contract's messages and a target's bytes. Stateless.
class Profile {
 public:
  virtual ~Profile() = default;

  virtual std::string_view name() const = 0;

  /// Whether the target has this call at all.
  virtual bool serves(Method method) const = 0;

  /// Whether a clause can be judged through this profile: the calls and fields it speaks of exist.
  virtual bool applies(std::string_view clause) const = 0;

  /// The method's path: "/spearlet.FunctionService/InvokeFunction". The method must be served.
  virtual std::string path(Method method) const = 0;

  /// Whether the request means the same through this profile: everything it sets has a place there.
  /// What has none is left out by encode().
  virtual bool expresses(Method method, const google::protobuf::Message& request) const = 0;

  virtual std::string encode(Method method, const google::protobuf::Message& request) const = 0;
  // The bytes of the contract's request in this profile. Unknown fields of the request itself go
  // along; their numbers should be far from the known ones (1000 and more).

  virtual absl::StatusOr<std::unique_ptr<google::protobuf::Message>> decode(
      Method method, std::string_view bytes) const = 0;
  // The contract's answer. An error if the bytes are no message of this profile.

  virtual absl::StatusOr<std::unique_ptr<google::protobuf::Message>> decode_error(
      Method method, const absl::Status& status) const = 0;
  // The contract's answer that an error status stands for in this profile (a NOT_FOUND that means
  // found = false), or the status itself.

  virtual google::protobuf::FileDescriptorProto descriptor() const = 0;
  // What a target's own descriptor must have: services, messages and enums by the target's names.
};

/// The profile of that name, which lives as long as the program; nullptr if there is none.
const Profile* find_profile(std::string_view name);

/// The names of all profiles.
std::vector<std::string_view> profile_names();

}  // namespace quintain::conformance
