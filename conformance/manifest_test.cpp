// Loading manifests.
#include "conformance/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

struct Loaded {
  std::optional<Manifest> manifest{};
  std::string problems{};
};

Loaded load(const std::string& text) {
  const auto path = std::filesystem::path(testing::TempDir()) /
                    (std::string("manifest-") +
                     testing::UnitTest::GetInstance()->current_test_info()->name() + ".json");
  std::ofstream(path) << text;
  json_input::Diagnostics diagnostics;
  Loaded loaded{.manifest = load_manifest(path.string(), diagnostics)};
  loaded.problems = diagnostics.text();
  return loaded;
}

TEST(Manifest, ReadsAllMembers) {
  const Loaded loaded = load(R"({
    // A comment.
    "profile": "spear-2026-01",
    "fixtures": {"echo": {"task_id": "t", "function_name": "f"}},
    "node": {"slots": 3, "queue_limit": 7, "cancel_grace_ms": 250, "maximum_timeout_ms": 9000,
             "default_sync_timeout_ms": 500, "largest_message_bytes": 65536},
    "policies": {"retention_ms": 60000, "grace_ms": 40, "cancel_unknown": "not_found",
                 "status_endpoint_http": "http://localhost:80", "eta_quantile": 0.9}
  })");
  ASSERT_TRUE(loaded.manifest) << loaded.problems;
  const Manifest& manifest = *loaded.manifest;
  EXPECT_EQ(manifest.profile, "spear-2026-01");
  EXPECT_EQ(manifest.fixtures.at("echo").task_id, "t");
  EXPECT_EQ(manifest.fixtures.at("echo").function_name, "f");
  EXPECT_EQ(manifest.node.slots, 3);
  EXPECT_EQ(manifest.node.queue_limit, 7);
  EXPECT_EQ(manifest.node.cancel_grace, core::Duration(250ms));
  EXPECT_EQ(manifest.node.maximum_timeout, core::Duration(9s));
  EXPECT_EQ(manifest.node.default_sync_timeout, core::Duration(500ms));
  EXPECT_EQ(manifest.node.largest_message, 65536);
  EXPECT_EQ(manifest.policies.retention, core::Duration(60s));
  EXPECT_EQ(manifest.policies.grace, core::Duration(40ms));
  EXPECT_EQ(manifest.policies.cancel_unknown, Policies::CancelUnknown::kNotFound);
  EXPECT_EQ(manifest.policies.status_endpoint_http, "http://localhost:80");
  EXPECT_EQ(manifest.policies.eta_quantile, 0.9);
}

TEST(Manifest, UsesTheReferencePoliciesByDefault) {
  const Loaded loaded = load(R"({"fixtures": {}})");
  ASSERT_TRUE(loaded.manifest) << loaded.problems;
  EXPECT_EQ(loaded.manifest->profile, "contract");
  EXPECT_EQ(loaded.manifest->policies.mode_unspecified, Policies::ModeUnspecified::kRefused);
  EXPECT_EQ(loaded.manifest->policies.retention, core::kForever);
  EXPECT_FALSE(loaded.manifest->node.slots);
}

TEST(Manifest, ReportsAllProblemsAtOnce) {
  const Loaded loaded = load(R"({
    "profile": "spear-99",
    "fixtures": {"dance": {"task_id": "t", "function_name": "f"}, "echo": {"task_id": 7}},
    "node": {"slots": 0},
    "policies": {"cancel_unknown": "maybe", "grace": 4}
  })");
  EXPECT_FALSE(loaded.manifest);
  for (const char* what : {"no profile 'spear-99'", "no fixture 'dance'", "/fixtures/echo",
                           "/node/slots", "/policies/cancel_unknown", "grace"}) {
    EXPECT_THAT(loaded.problems, HasSubstr(what));
  }
}

TEST(Manifest, ReportsAMissingFile) {
  json_input::Diagnostics diagnostics;
  EXPECT_FALSE(load_manifest("no/such/manifest.json", diagnostics));
  EXPECT_THAT(diagnostics.text(), HasSubstr("no/such/manifest.json"));
}

TEST(Manifest, AcceptsTheFormerNameOfTheContractProfile) {
  const Loaded loaded = load(R"({"profile": "analysis", "fixtures": {}})");
  ASSERT_TRUE(loaded.manifest) << loaded.problems;
}

TEST(ReferenceManifest, DeclaresEverythingThatCasesNeed) {
  const Manifest manifest = reference_manifest();
  EXPECT_EQ(manifest.fixtures.size(), 6U);
  EXPECT_TRUE(manifest.node.slots && manifest.node.queue_limit && manifest.node.cancel_grace &&
              manifest.node.maximum_timeout && manifest.node.default_sync_timeout &&
              manifest.node.largest_message);
  EXPECT_LT(manifest.policies.retention, core::Duration(1min));
}

}  // namespace
}  // namespace quintain::conformance
