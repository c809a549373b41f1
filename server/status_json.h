// GetExecutionStatusResponse as the HTTP endpoint shows it.
#pragma once

#include <string>

#include "spearlet/function.pb.h"

namespace quintain::server {

/// Protobuf's JSON mapping (lowerCamelCase names, enum values by name, defaults left out). A result
/// that this program can't read, because it does not know its type or because its bytes are not of
/// that type, is shown as {"@type": its type URL, "value": its bytes in base64}.
std::string to_json(const spearlet::GetExecutionStatusResponse& response);

}  // namespace quintain::server
