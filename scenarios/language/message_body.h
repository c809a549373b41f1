// Requests written as JSON.
#pragma once

#include <google/protobuf/message.h>

#include "reports/json_input/reader.h"

namespace quintain::scenarios {

/// Writes the members of an object into the fields of `message`, each in place of what the field
/// held; null clears a field. protobuf's JSON with the proto file's field names; an enum's value
/// may go without the enum's prefix, and any number is taken. Without a value nothing is written.
void read_message(const json_input::Reader& object, google::protobuf::Message& message);

}  // namespace quintain::scenarios
