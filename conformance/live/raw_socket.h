// Bytes that need not be gRPC.
#pragma once

#include <absl/status/status.h>

#include <chrono>
#include <string_view>

#include "conformance/live/address.h"

namespace quintain::conformance {

/// Connects, sends the bytes, says that there are no more, and reads what comes until the other
/// side hangs up or `patience` is over: then we hang up. A peer that hangs up early is no error;
/// one that can't be reached is.
absl::Status send_raw_bytes(const Address& to, std::string_view bytes,
                            std::chrono::milliseconds patience);

}  // namespace quintain::conformance
