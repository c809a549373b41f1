// Loading manifests, and the schema of manifests, which must accept and reject what the loader
// does.
#include "conformance/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>
#include <vector>

#include "conformance/fixtures/fixture_runtime.h"
#include "conformance/wire/profile.h"

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

TEST(Manifest, ReadsWhatEveryRequestContains) {
  const Loaded loaded = load(R"({
    "profile": "spear-2026-01",
    "default_timeout_ms": 20000,
    "request": {"artifact_spec": {"artifact_id": "sms:{task_id}", "artifact_type": "sms"},
                "metadata": {"a": "1", "b": "1"}, "context": {"user_id": "u"}},
    "fixtures": {
      "echo": {"task_id": "t-1", "function_name": "main", "answers": "any"},
      "sleep": {"task_id": "t-2", "function_name": "main", "takes_ms": 2000,
                "request": {"metadata": {"b": "2"}, "timeout_ms": 7000,
                            "context": {"environment": {"E": "e"}, "headers": {"H": "h"}}}}
    }
  })");
  ASSERT_TRUE(loaded.manifest) << loaded.problems;
  const FixtureFunction& echo = loaded.manifest->fixtures.at("echo");
  EXPECT_TRUE(echo.answers_any);
  EXPECT_FALSE(echo.takes);
  EXPECT_EQ(echo.request.artifact_spec().artifact_id(), "sms:t-1");
  EXPECT_EQ(echo.request.context().timeout_ms(), 20'000);
  EXPECT_EQ(echo.request.invocation_metadata().at("b"), "1");
  const FixtureFunction& sleep = loaded.manifest->fixtures.at("sleep");
  EXPECT_FALSE(sleep.answers_any);
  EXPECT_EQ(sleep.takes, core::Duration(2s));
  EXPECT_EQ(sleep.request.artifact_spec().artifact_id(), "sms:t-2");
  EXPECT_EQ(sleep.request.artifact_spec().artifact_type(), "sms");
  EXPECT_EQ(sleep.request.context().timeout_ms(), 7000);
  EXPECT_EQ(sleep.request.context().user_id(), "u");
  EXPECT_EQ(sleep.request.context().environment().at("E"), "e");
  EXPECT_EQ(sleep.request.context().headers().at("H"), "h");
  EXPECT_EQ(sleep.request.invocation_metadata().at("a"), "1");
  EXPECT_EQ(sleep.request.invocation_metadata().at("b"), "2");
}

TEST(Manifest, RejectsARequestThatTheProfileCannotExpress) {
  const Loaded loaded = load(R"({
    "profile": "spear-2026-05",
    "fixtures": {"echo": {"task_id": "t", "function_name": "f",
                          "request": {"artifact_spec": {"artifact_id": "a"}}}}
  })");
  EXPECT_FALSE(loaded.manifest);
  EXPECT_THAT(loaded.problems, HasSubstr("/fixtures/echo"));
  EXPECT_THAT(loaded.problems, HasSubstr("spear-2026-05"));
  EXPECT_THAT(loaded.problems, HasSubstr("artifact_spec"));
}

// Every member, so that each can be spoilt.
constexpr std::string_view kEveryMember = R"({
  "$schema": "manifest.schema.json", "about": "a", "profile": "contract", "default_timeout_ms": 1,
  "request": {
    "artifact_spec": {"artifact_id": "", "artifact_type": "", "location": "", "version": "",
                      "checksum": "", "metadata": {"a": ""}},
    "metadata": {"a": ""}, "timeout_ms": 1,
    "context": {"session_id": "", "user_id": "", "environment": {"a": ""}, "headers": {"a": ""}}
  },
  "fixtures": {
    "echo": {"task_id": "", "function_name": "", "takes_ms": 0, "answers": "any", "request": {}},
    "sleep": {"task_id": "", "function_name": ""}, "fail": {"task_id": "", "function_name": ""},
    "stubborn": {"task_id": "", "function_name": ""}, "flood": {"task_id": "", "function_name": ""},
    "stream": {"task_id": "", "function_name": "", "answers": "parameter"}
  },
  "node": {"slots": 1, "queue_limit": 1, "maximum_timeout_ms": 0, "default_sync_timeout_ms": 0,
           "cancel_grace_ms": 0, "largest_message_bytes": 1024},
  "policies": {
    "mode_unspecified": "sync", "stream_via_invoke": "unimplemented",
    "start_errors": "failed_body", "success_sync": "served", "timeout_from": "start",
    "timeout_zero": "unlimited", "same_instant": "unspecified", "cancel_running": "immediate",
    "cancel_unknown": "not_found", "sync_caller_gone": "continues", "duplicate_id": "refused",
    "durability": "acknowledged",
    "retention_ms": 0, "status_endpoint_http": "", "eta_quantile": 0.01, "grace_ms": 0
  }
})";

bool schema_accepts(const nlohmann::json& document) {
  static const nlohmann::json text = nlohmann::json::parse(manifest_schema());
  valijson::Schema schema;
  valijson::SchemaParser().populateSchema(valijson::adapters::NlohmannJsonAdapter(text), schema);
  return valijson::Validator().validate(schema, valijson::adapters::NlohmannJsonAdapter(document),
                                        nullptr);
}

// Pointers to all values of a document.
void collect(const nlohmann::json& value, const nlohmann::json::json_pointer& at,
             std::vector<nlohmann::json::json_pointer>& all) {
  all.push_back(at);
  if (!value.is_object()) return;
  for (const auto& [name, member] : value.items()) collect(member, at / name, all);
}

TEST(ManifestSchema, AcceptsAndRejectsWhatTheLoaderDoes) {
  const nlohmann::json good = nlohmann::json::parse(kEveryMember);
  ASSERT_TRUE(schema_accepts(good));
  ASSERT_EQ(load(good.dump()).problems, "");
  std::vector<nlohmann::json::json_pointer> places;
  collect(good, nlohmann::json::json_pointer(), places);
  ASSERT_GT(places.size(), 60U);
  const nlohmann::json spoils[] = {
      nullptr, true, -1, 0, 1.5, 4e18, "nonsense", nlohmann::json::array(), {{"surprise", 1}}};
  int rejected = 0;
  for (const auto& place : places) {
    std::vector<nlohmann::json> documents;
    for (const nlohmann::json& spoil : spoils) {
      documents.push_back(good);
      documents.back()[place] = spoil;
    }
    if (!place.empty()) {
      documents.push_back(good);
      documents.back().at(place.parent_pointer()).erase(place.back());
    }
    for (const nlohmann::json& document : documents) {
      const Loaded loaded = load(document.dump());
      EXPECT_EQ(loaded.manifest.has_value(), schema_accepts(document)) << place << "\n"
                                                                       << document.dump() << "\n"
                                                                       << loaded.problems;
      rejected += loaded.manifest ? 0 : 1;
    }
  }
  EXPECT_GT(rejected, 300);
}

TEST(ManifestSchema, ListsTheFixturesAndTheProfiles) {
  const nlohmann::json schema = nlohmann::json::parse(manifest_schema());
  const auto& fixtures = schema["properties"]["fixtures"]["properties"];
  EXPECT_EQ(fixtures.size(), fixture_names().size());
  for (const std::string_view name : fixture_names()) EXPECT_TRUE(fixtures.contains(name)) << name;
  std::set<std::string> profiles = schema["properties"]["profile"]["enum"];
  EXPECT_EQ(profiles.size(), profile_names().size() + 2) << "and two former names";
  for (const std::string& name : profiles) EXPECT_NE(find_profile(name), nullptr) << name;
  for (const std::string_view name : profile_names())
    EXPECT_TRUE(profiles.contains(std::string(name)));
}

class ShippedManifest : public testing::TestWithParam<const char*> {};

TEST_P(ShippedManifest, Loads) {
  json_input::Diagnostics diagnostics;
  const auto manifest =
      load_manifest(std::string(QUINTAIN_SOURCE_DIR "/conformance/") + GetParam(), diagnostics);
  ASSERT_TRUE(manifest) << diagnostics.text();
  EXPECT_EQ(manifest->fixtures.contains("echo"), true);
}

INSTANTIATE_TEST_SUITE_P(Files, ShippedManifest,
                         testing::Values("manifests/reference.json", "manifests/spear-2026-01.json",
                                         "manifests/spear-2026-05.json",
                                         "peers/node/manifest.json"),
                         [](const auto& file) {
                           std::string name = file.param;
                           std::erase_if(name, [](char c) { return !std::isalnum(c); });
                           return name;
                         });

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

TEST(ReferenceManifest, IsWhatTheShippedFileSays) {
  json_input::Diagnostics diagnostics;
  const auto shipped =
      load_manifest(QUINTAIN_SOURCE_DIR "/conformance/manifests/reference.json", diagnostics);
  ASSERT_TRUE(shipped) << diagnostics.text();
  const Manifest manifest = reference_manifest();
  EXPECT_EQ(shipped->node.slots, manifest.node.slots);
  EXPECT_EQ(shipped->node.queue_limit, manifest.node.queue_limit);
  EXPECT_EQ(shipped->node.maximum_timeout, manifest.node.maximum_timeout);
  EXPECT_EQ(shipped->node.default_sync_timeout, manifest.node.default_sync_timeout);
  EXPECT_EQ(shipped->node.cancel_grace, manifest.node.cancel_grace);
  EXPECT_EQ(shipped->node.largest_message, manifest.node.largest_message);
  EXPECT_EQ(shipped->policies.retention, manifest.policies.retention);
  EXPECT_EQ(shipped->fixtures.size(), manifest.fixtures.size());
}

}  // namespace
}  // namespace quintain::conformance
