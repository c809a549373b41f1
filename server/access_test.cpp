#include "server/access.h"

#include <gmock/gmock.h>

#include "details/error_details.pb.h"

namespace quintain::server {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

const AccessControl::Clock::time_point kStart{};

std::shared_ptr<const AccessList> list_of(std::vector<Identity> identities) {
  return std::make_shared<const AccessList>(std::move(identities));
}

Caller caller_of(const std::shared_ptr<const AccessList>& list, std::string_view authorization,
                 const std::vector<std::string>& names = {}) {
  return {.list = list, .identity = list->find(authorization, names)};
}

TEST(Access, SomeSha256) {
  // FIPS 180-2, B.1
  EXPECT_EQ(sha256("abc").substr(0, 4), "\xba\x78\x16\xbf");
}

TEST(Access, ATokenOrACertificateIsAnIdentity) {
  const AccessList list({{.name = "a", .token_hash = sha256("secret-a"), .roles = {}},
                         {.name = "b", .certificate = "b.example", .roles = {}}});
  ASSERT_NE(list.find("Bearer secret-a", {}), nullptr);
  EXPECT_EQ(list.find("bearer secret-a", {})->name, "a");
  EXPECT_EQ(list.find("", {"x", "b.example"})->name, "b");
  for (const char* wrong : {"", "Bearer ", "Bearer secret-", "Bearer secret-ab", "secret-a",
                            "Basic secret-a", "Bearer  secret-a"}) {
    EXPECT_EQ(list.find(wrong, {}), nullptr) << wrong;
  }
  // A wrong token is not helped by a certificate, and no certificate has an empty name.
  EXPECT_EQ(list.find("Bearer wrong", {"b.example"}), nullptr);
  EXPECT_EQ(list.find("", {""}), nullptr);
}

TEST(Access, WithoutAListEverythingIsAllowed) {
  AccessControl control;
  EXPECT_TRUE(control.begin({}, Role::kAdmin, kStart).ok());
  control.end({});
}

TEST(Access, EachRoleIsNeeded) {
  const auto list = list_of({{.name = "reader", .token_hash = sha256("r"), .roles = {Role::kRead}},
                             {.name = "root", .token_hash = sha256("x"), .roles = {Role::kAdmin}}});
  AccessControl control;
  for (const Role role : {Role::kRead, Role::kInvoke, Role::kCancel, Role::kAdmin}) {
    EXPECT_TRUE(control.begin(caller_of(list, "Bearer x"), role, kStart).ok());
    EXPECT_TRUE(absl::IsUnauthenticated(control.begin(caller_of(list, "Bearer y"), role, kStart)));
    const absl::Status status = control.begin(caller_of(list, "Bearer r"), role, kStart);
    EXPECT_EQ(status.code(),
              role == Role::kRead ? absl::StatusCode::kOk : absl::StatusCode::kPermissionDenied);
    if (!status.ok()) {
      details::ErrorInfo info;
      ASSERT_TRUE(info.ParseFromString(
          std::string(*status.GetPayload("type.googleapis.com/google.rpc.ErrorInfo"))));
      EXPECT_EQ(info.reason(), "ROLE_MISSING");
    }
  }
  EXPECT_EQ(role_for(Method::kInvokeFunction), Role::kInvoke);
  EXPECT_EQ(role_for(Method::kStreamFunction), Role::kInvoke);
  EXPECT_EQ(role_for(Method::kCancelExecution), Role::kCancel);
  EXPECT_EQ(role_for(Method::kDeleteTask), Role::kAdmin);
  EXPECT_EQ(role_for(Method::kGetStats), Role::kRead);
}

TEST(Access, TheRateOfAnIdentityIsLimited) {
  const auto list = list_of({{.name = "a",
                              .token_hash = sha256("a"),
                              .roles = {Role::kRead},
                              .calls_per_second = 2,
                              .burst = 3},
                             {.name = "b", .token_hash = sha256("b"), .roles = {Role::kRead}}});
  const Caller a = caller_of(list, "Bearer a");
  AccessControl control;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(control.begin(a, Role::kRead, kStart).ok());
  const absl::Status status = control.begin(a, Role::kRead, kStart);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  details::RetryInfo retry;
  ASSERT_TRUE(retry.ParseFromString(
      std::string(*status.GetPayload("type.googleapis.com/google.rpc.RetryInfo"))));
  EXPECT_EQ(retry.retry_delay().nanos(), 500'000'000);
  EXPECT_TRUE(control.begin(caller_of(list, "Bearer b"), Role::kRead, kStart).ok());
  EXPECT_FALSE(control.begin(a, Role::kRead, kStart + 400ms).ok());
  EXPECT_TRUE(control.begin(a, Role::kRead, kStart + 500ms).ok());
  EXPECT_FALSE(control.begin(a, Role::kRead, kStart + 500ms).ok());
  // A long pause fills the bucket and no more.
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(control.begin(a, Role::kRead, kStart + 1h).ok());
  EXPECT_FALSE(control.begin(a, Role::kRead, kStart + 1h).ok());
}

TEST(Access, TheOpenCallsOfAnIdentityAreLimited) {
  const auto list = list_of(
      {{.name = "a", .token_hash = sha256("a"), .roles = {Role::kInvoke}, .open_calls = 2}});
  const Caller a = caller_of(list, "Bearer a");
  AccessControl control;
  EXPECT_TRUE(control.begin(a, Role::kInvoke, kStart).ok());
  EXPECT_TRUE(control.begin(a, Role::kInvoke, kStart).ok());
  const absl::Status status = control.begin(a, Role::kInvoke, kStart);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("2 open calls"));
  control.end(a);
  EXPECT_TRUE(control.begin(a, Role::kInvoke, kStart).ok());
}

TEST(Access, TheLiveExecutionsOfAnIdentityAreLimited) {
  const auto list = list_of({{.name = "a",
                              .token_hash = sha256("a"),
                              .roles = {Role::kRead, Role::kInvoke},
                              .live_executions = 2},
                             {.name = "b", .token_hash = sha256("b"), .roles = {Role::kInvoke}}});
  const Caller a = caller_of(list, "Bearer a");
  ExecutionOwners owners;
  AccessControl control;
  control.set_owners(owners);
  const auto accept = [&](std::uint64_t ordinal, std::string_view name) {
    owners.set_caller(name);
    core::Observer::Accepted accepted{};
    accepted.ordinal = ordinal;
    owners.on_accepted(accepted);
  };
  accept(1, "a");
  accept(2, "b");
  EXPECT_TRUE(control.begin(a, Role::kInvoke, kStart).ok());
  accept(3, "a");
  accept(4, "");
  const absl::Status status = control.begin(a, Role::kInvoke, kStart);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("'a' has 2 executions"));
  EXPECT_TRUE(control.begin(a, Role::kRead, kStart).ok());
  EXPECT_TRUE(control.begin(caller_of(list, "Bearer b"), Role::kInvoke, kStart).ok());
  const auto change = [&](std::uint64_t ordinal, spearlet::ExecutionStatus to) {
    owners.on_transition(ordinal, spearlet::EXECUTION_STATUS_PENDING, to);
  };
  change(2, spearlet::EXECUTION_STATUS_COMPLETED);
  change(3, spearlet::EXECUTION_STATUS_RUNNING);
  change(4, spearlet::EXECUTION_STATUS_FAILED);
  EXPECT_FALSE(control.begin(a, Role::kInvoke, kStart).ok());
  change(3, spearlet::EXECUTION_STATUS_CANCELLED);
  EXPECT_TRUE(control.begin(a, Role::kInvoke, kStart).ok());
}

}  // namespace
}  // namespace quintain::server
