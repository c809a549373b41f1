#include "server/access.h"

#include <absl/strings/cord.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <utility>

#include "details/error_details.pb.h"

namespace quintain::server {
namespace {

constexpr std::string_view kScheme = "Bearer ";

template <class Detail>
void attach(const Detail& detail, absl::Status& status) {
  status.SetPayload(fmt::format("type.googleapis.com/google.rpc.{}", Detail::descriptor()->name()),
                    absl::Cord(detail.SerializeAsString()));
}

absl::Status refuse(absl::StatusCode code, std::string_view reason, const std::string& message) {
  absl::Status status(code, message);
  details::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain("quintain");
  attach(info, status);
  return status;
}

absl::Status exhausted(std::string_view reason, const std::string& subject,
                       const std::string& message, std::chrono::duration<double> retry_after) {
  absl::Status status = refuse(absl::StatusCode::kResourceExhausted, reason, message);
  details::QuotaFailure quota;
  details::QuotaFailure::Violation& violation = *quota.add_violations();
  violation.set_subject("identity:" + subject);
  violation.set_description(message);
  attach(quota, status);
  details::RetryInfo retry;
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(retry_after).count();
  retry.mutable_retry_delay()->set_seconds(milliseconds / 1000);
  retry.mutable_retry_delay()->set_nanos(static_cast<std::int32_t>(milliseconds % 1000) *
                                         1'000'000);
  attach(retry, status);
  return status;
}

bool starts_with_scheme(std::string_view authorization) {
  // The name of a scheme has no case (RFC 9110, 11.1).
  return authorization.size() > kScheme.size() &&
         std::equal(kScheme.begin(), kScheme.end(), authorization.begin(), [](char a, char b) {
           return a == b || (a >= 'A' && a <= 'Z' && b == a - 'A' + 'a') ||
                  (a >= 'a' && a <= 'z' && b == a - 'a' + 'A');
         });
}

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kRead:
      return "read";
    case Role::kInvoke:
      return "invoke";
    case Role::kCancel:
      return "cancel";
    case Role::kAdmin:
      break;
  }
  return "admin";
}

Role role_for(Method method) {
  switch (method) {
    case Method::kInvokeFunction:
    case Method::kStreamFunction:
      return Role::kInvoke;
    case Method::kCancelExecution:
      return Role::kCancel;
    case Method::kDeleteTask:
      return Role::kAdmin;
    default:
      return Role::kRead;
  }
}

bool Identity::has(Role role) const {
  return std::ranges::any_of(roles, [&](Role own) { return own == role || own == Role::kAdmin; });
}

std::string sha256(std::string_view text) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

const Identity* AccessList::find(std::string_view authorization,
                                 const std::vector<std::string>& certificate_names) const {
  const Identity* found = nullptr;
  if (starts_with_scheme(authorization)) {
    const std::string hash = sha256(authorization.substr(kScheme.size()));
    for (const Identity& identity : identities_) {
      if (identity.token_hash.size() != hash.size()) continue;
      if (CRYPTO_memcmp(identity.token_hash.data(), hash.data(), hash.size()) == 0) {
        found = &identity;
      }
    }
    // A wrong token is refused, even from a known certificate.
    return found;
  }
  for (const Identity& identity : identities_) {
    if (!identity.certificate.empty() &&
        std::ranges::find(certificate_names, identity.certificate) != certificate_names.end()) {
      return &identity;
    }
  }
  return nullptr;
}

absl::Status AccessControl::check(const Caller& caller, Role role) {
  if (caller.list == nullptr) return absl::OkStatus();
  if (caller.identity == nullptr) {
    return refuse(absl::StatusCode::kUnauthenticated, "UNAUTHENTICATED",
                  "the caller is not known: send the metadata 'authorization: Bearer TOKEN', or a "
                  "client certificate, of the server's access file");
  }
  if (caller.identity->has(role)) return absl::OkStatus();
  return refuse(
      absl::StatusCode::kPermissionDenied, "ROLE_MISSING",
      fmt::format("'{}' does not have the role '{}'", caller.identity->name, to_string(role)));
}

absl::Status AccessControl::begin(const Caller& caller, Role role, Clock::time_point now) {
  if (absl::Status status = check(caller, role); !status.ok()) return status;
  if (caller.identity == nullptr) return absl::OkStatus();
  const Identity& identity = *caller.identity;
  if (role == Role::kInvoke && identity.live_executions && owners_ != nullptr) {
    const std::int64_t live = owners_->live(identity.name);
    if (live >= *identity.live_executions) {
      return exhausted(
          "LIVE_EXECUTIONS", identity.name,
          fmt::format("'{}' has {} executions that wait or run; at most {} are allowed",
                      identity.name, live, *identity.live_executions),
          std::chrono::seconds(1));
    }
  }
  if (!identity.calls_per_second && !identity.open_calls) return absl::OkStatus();
  const auto [position, added] = uses_.try_emplace(identity.name);
  Use& use = position->second;
  if (identity.open_calls && use.open_calls >= *identity.open_calls) {
    return exhausted("OPEN_CALLS", identity.name,
                     fmt::format("'{}' has {} open calls; at most {} are allowed", identity.name,
                                 use.open_calls, *identity.open_calls),
                     std::chrono::seconds(1));
  }
  if (identity.calls_per_second) {
    // A token bucket.
    const std::chrono::duration<double> passed = now - use.at;
    use.tokens =
        added ? identity.burst
              : std::min(identity.burst, use.tokens + passed.count() * *identity.calls_per_second);
    use.at = now;
    if (use.tokens < 1) {
      return exhausted(
          "RATE", identity.name,
          fmt::format("'{}' calls too often; {} calls per second are allowed", identity.name,
                      *identity.calls_per_second),
          std::chrono::duration<double>((1 - use.tokens) / *identity.calls_per_second));
    }
    use.tokens -= 1;
  }
  ++use.open_calls;
  return absl::OkStatus();
}

void AccessControl::end(const Caller& caller) {
  if (caller.identity == nullptr) return;
  const auto use = uses_.find(caller.identity->name);
  if (use != uses_.end() && use->second.open_calls > 0) --use->second.open_calls;
}

}  // namespace quintain::server
