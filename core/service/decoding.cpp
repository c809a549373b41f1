#include "core/service/decoding.h"

#include <string>

#include "core/base/planted_fault.h"
#include "core/refusal.h"
#include "core/service/wire_check.h"

namespace quintain::core::service {
namespace {

constexpr std::size_t kLargeRequest = 16 << 10;

absl::Status check(RequestBytes& bytes, const google::protobuf::Descriptor& type) {
  const auto whole = bytes.contiguous();
  if (!whole) return absl::CancelledError("the call was reset before its request arrived");
  return check_wire(*whole, type);
}

}  // namespace

absl::Status decode(RequestBytes& bytes, google::protobuf::Message& request) {
  const google::protobuf::Descriptor& type = *request.GetDescriptor();
  if (bytes.size() > kLargeRequest) {
    if (auto status = check(bytes, type); !status.ok()) return status;
  }
  if (planted("recycled-request-not-cleared")) {
    const std::optional<std::string_view> whole = bytes.contiguous();
    request.MergeFromString(std::string(whole.value_or("")));
    return absl::OkStatus();
  }
  if (bytes.parse_into(request)) return absl::OkStatus();
  if (auto status = check(bytes, type); !status.ok()) return status;
  return invalid_argument({"request: is not a serialized message"});
}

}  // namespace quintain::core::service
