#include "cli/access_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "scenarios/testing/read_text.h"

namespace quintain::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::shared_ptr<const server::AccessList> read(std::string_view text, std::string& errors) {
  json_input::Diagnostics diagnostics;
  const auto document = json_input::Document::parse("access.json", text, diagnostics);
  auto list = document ? read_access_file(*document, diagnostics) : nullptr;
  errors = scenarios::lines_of(diagnostics);
  return list;
}

std::string errors_of(std::string_view text) {
  std::string errors;
  EXPECT_EQ(read(text, errors), nullptr) << text;
  return errors;
}

// SHA-256 of "abc" (FIPS 180-2, B.1)
constexpr std::string_view kAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(AccessFile, ReadsEveryKey) {
  std::string errors;
  const auto list = read(fmt::format(R"({{"$schema": "x", "identities": {{
    "ci": {{"token_sha256": "{}", "roles": ["read", "invoke"], "calls_per_second": 5, "burst": 20,
            "open_calls": 3, "live_executions": 7}},
    "ops": {{"certificate": "ops.example", "roles": ["admin"]}}}}}})",
                                     kAbc),
                         errors);
  ASSERT_NE(list, nullptr) << errors;
  EXPECT_THAT(errors, IsEmpty());
  const server::Identity* ci = list->find("Bearer abc", {});
  ASSERT_NE(ci, nullptr);
  EXPECT_EQ(ci->name, "ci");
  EXPECT_TRUE(ci->has(server::Role::kInvoke));
  EXPECT_FALSE(ci->has(server::Role::kCancel));
  EXPECT_EQ(ci->calls_per_second, 5);
  EXPECT_EQ(ci->burst, 20);
  EXPECT_EQ(ci->open_calls, 3);
  EXPECT_EQ(ci->live_executions, 7);
  ASSERT_NE(list->find("", {"ops.example"}), nullptr);
  EXPECT_TRUE(list->find("", {"ops.example"})->has(server::Role::kCancel));
}

TEST(AccessFile, WhatIsWrongIsReportedByLine) {
  EXPECT_THAT(errors_of("{"), HasSubstr("access.json:1"));
  EXPECT_THAT(errors_of("{}"), HasSubstr("identities"));
  EXPECT_THAT(errors_of(R"({"identities": {}})"), HasSubstr("at least one identity"));
  EXPECT_THAT(errors_of(R"({"identities": {"a": {"roles": ["read"]}}})"),
              HasSubstr("expected 'token_sha256' or 'certificate'"));
  EXPECT_THAT(errors_of(R"({"identities": {"a": {"token_sha256": "secret", "roles": []}}})"),
              HasSubstr("64 hexadecimal digits"));
  EXPECT_THAT(errors_of(R"({"identities": {"a": {"certificate": "", "roles": []}}})"),
              HasSubstr("common name"));
  EXPECT_THAT(errors_of(R"({"identities": {"a": {"certificate": "x", "roles": ["root"]}}})"),
              HasSubstr("root"));
  EXPECT_THAT(errors_of(R"({"identities": {"a": {"certificate": "x", "role": ["read"]}}})"),
              HasSubstr("role"));
  EXPECT_THAT(errors_of(R"({"identities": {"a": {"certificate": "x", "roles": [], "burst": 2}}})"),
              HasSubstr("needs 'calls_per_second'"));
  EXPECT_THAT(errors_of(R"({"identities": {
                "a": {"certificate": "x", "roles": []},
                "b": {"certificate": "x", "roles": []}}})"),
              HasSubstr("access.json:3: /identities/b: another identity has the same certificate"));
}

}  // namespace
}  // namespace quintain::cli
