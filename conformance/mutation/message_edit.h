// The changes that mutations make to one message.
#pragma once

#include <google/protobuf/message.h>

#include "conformance/mutation/mutation.h"

namespace quintain::conformance {

/// Changes the message as the mutation says, and returns whether it has become different.
/// `previous`: the previous message of the method, for Change::kPrevious; `other`: an answer about
/// another execution or task, for Change::kOther. Each may be nullptr; then only the neighbours in
/// a list can provide other values.
///
/// Requires: the mutation changes messages of this type, and `previous` and `other` have it too.
bool edit_message(const Mutation& mutation, const google::protobuf::Message* previous,
                  const google::protobuf::Message* other, google::protobuf::Message& message);

}  // namespace quintain::conformance
