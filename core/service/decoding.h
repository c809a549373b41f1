// From the bytes of a request to its message.
#pragma once

#include <absl/status/status.h>
#include <google/protobuf/message.h>

#include <cstddef>
#include <optional>
#include <string_view>

namespace quintain::core::service {

/// A request as its transport has received it.
class RequestBytes {
 public:
  virtual std::size_t size() const = 0;

  /// All bytes, one after the other; nullopt if the call was reset meanwhile. They are valid until
  /// the next call of a function of this object.
  virtual std::optional<std::string_view> contiguous() = 0;

  /// Parses the bytes into `message`, whose contents are replaced. Returns whether they are a
  /// message of this type.
  virtual bool parse_into(google::protobuf::MessageLite& message) = 0;

 protected:
  ~RequestBytes() = default;
};

/// Decodes a request. Returns INVALID_ARGUMENT, with the reason, if it cannot be decoded. Large
/// requests are checked before they are parsed, because small parts take far more memory once they
/// are parsed. Thread-safe.
absl::Status decode(RequestBytes& bytes, google::protobuf::Message& request);

}  // namespace quintain::core::service
