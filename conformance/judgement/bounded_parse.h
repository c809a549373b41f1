// Parsing messages that a target sent, with limits on the memory that they may take.
#pragma once

#include <absl/status/status.h>
#include <google/protobuf/message.h>

#include <cstddef>
#include <string_view>

namespace quintain::conformance {

/// The largest message that is read from a target. gRPC's own default is a quarter of it.
inline constexpr std::size_t kMaxMessageBytes = std::size_t{16} << 20;

/// The largest number of fields in a message from a target, those of its submessages included. Two
/// bytes on the wire can become a submessage of some 200 bytes in memory, so a limit on the bytes
/// alone does not limit the memory.
inline constexpr std::size_t kMaxMessageFields = 100'000;

/// Parses bytes from a target into `message`. DATA_LOSS if they are not a message of its type, or
/// are beyond the limits; the content of `message` is then unspecified.
absl::Status parse_bounded(std::string_view bytes, google::protobuf::Message& message,
                           std::size_t max_fields = kMaxMessageFields);

}  // namespace quintain::conformance
