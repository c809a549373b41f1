// Checks of messages as they come over the wire.
#pragma once

#include <absl/status/status.h>
#include <google/protobuf/descriptor.h>

#include <cstddef>
#include <string_view>

namespace quintain::core::service {

/// A message with more nested messages and texts is refused before it is parsed: each takes a
/// hundred bytes of memory or more, but only two on the wire.
inline constexpr std::size_t kMaxMessageParts = 20'000;

/// Returns INVALID_ARGUMENT that says what is wrong with a serialized message of this type: the
/// field whose text is not UTF-8, too many parts, or bytes that are no message. OK if it finds
/// nothing. Thread-safe.
absl::Status check_wire(std::string_view bytes, const google::protobuf::Descriptor& type);

}  // namespace quintain::core::service
