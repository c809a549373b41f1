// Whether a target's own description of its interface is the contract's.
#pragma once

#include <google/protobuf/descriptor.pb.h>

#include <string>
#include <vector>

#include "conformance/wire/profile.h"

namespace quintain::conformance {

/// Every way in which the description falls short of what the profile demands (clause WIRE-1), each
/// in one line that names what it is about: a missing service, method, message, field, enum or
/// value; another number, type, label or name; other streaming. What it has beyond that is nobody's
/// concern. Empty: it conforms.
std::vector<std::string> descriptor_deviations(const google::protobuf::FileDescriptorSet& offered,
                                               const Profile& profile);

}  // namespace quintain::conformance
