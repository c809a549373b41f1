#include "core/refusal.h"

#include <absl/strings/ascii.h>
#include <absl/strings/cord.h>
#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include "details/error_details.pb.h"

namespace quintain::core {
namespace {

constexpr std::size_t kMaxQuoted = 128;

absl::StatusCode code_of(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::kInvalid:
      return absl::StatusCode::kInvalidArgument;
    case RefusalReason::kUnknownTask:
      return absl::StatusCode::kNotFound;
    case RefusalReason::kExists:
      return absl::StatusCode::kAlreadyExists;
    case RefusalReason::kQueueFull:
    case RefusalReason::kTaskLimit:
    case RefusalReason::kFunctionLimit:
    case RefusalReason::kMemory:
      return absl::StatusCode::kResourceExhausted;
    case RefusalReason::kDraining:
    case RefusalReason::kStore:
      return absl::StatusCode::kUnavailable;
    case RefusalReason::kTooLate:
      return absl::StatusCode::kDeadlineExceeded;
    case RefusalReason::kCallerGone:
      return absl::StatusCode::kCancelled;
  }
  return absl::StatusCode::kInternal;
}

template <class Detail>
void attach(const Detail& detail, absl::Status& status) {
  const std::string url =
      fmt::format("type.googleapis.com/google.rpc.{}", Detail::descriptor()->name());
  status.SetPayload(url, absl::Cord(detail.SerializeAsString()));
}

details::ErrorInfo info_of(RefusalReason reason) {
  details::ErrorInfo info;
  const std::string_view name = kRefusalNames[static_cast<std::size_t>(reason)];
  info.set_reason(absl::AsciiStrToUpper({name.data(), name.size()}));
  info.set_domain("quintain");
  return info;
}

}  // namespace

absl::Status refusal(RefusalReason reason, std::string_view message,
                     std::optional<ReachedLimit> limit, std::optional<Duration> retry_after) {
  absl::Status status(code_of(reason), {message.data(), message.size()});
  details::ErrorInfo info = info_of(reason);
  if (limit) {
    const std::string name(limit->name);
    (*info.mutable_metadata())["limit"] = name;
    (*info.mutable_metadata())["value"] = std::to_string(limit->value);
    details::QuotaFailure quota;
    details::QuotaFailure::Violation& violation = *quota.add_violations();
    violation.set_subject("limit:" + name);
    violation.set_description(std::string(message));
    attach(quota, status);
  }
  if (retry_after) {
    details::RetryInfo retry;
    const std::int64_t nanoseconds = retry_after->count();
    retry.mutable_retry_delay()->set_seconds(nanoseconds / 1'000'000'000);
    retry.mutable_retry_delay()->set_nanos(static_cast<std::int32_t>(nanoseconds % 1'000'000'000));
    attach(retry, status);
  }
  attach(info, status);
  return status;
}

absl::Status invalid_argument(const std::vector<std::string>& errors) {
  absl::Status status = absl::InvalidArgumentError(absl::StrJoin(errors, "; "));
  details::BadRequest bad;
  for (const std::string& error : errors) {
    details::BadRequest::FieldViolation& violation = *bad.add_field_violations();
    const std::size_t colon = error.find(": ");
    const bool named = colon != std::string::npos;
    if (named) violation.set_field(error.substr(0, colon));
    violation.set_description(named ? error.substr(colon + 2) : error);
  }
  attach(bad, status);
  attach(info_of(RefusalReason::kInvalid), status);
  return status;
}

std::string quoted(std::string_view text) {
  if (text.size() <= kMaxQuoted) return fmt::format("'{}'", text);
  // Cut before the first byte of a character of UTF-8.
  std::size_t end = kMaxQuoted;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return fmt::format("'{}...' ({} bytes)", text.substr(0, end), text.size());
}

}  // namespace quintain::core
