// Honest nodes of other kinds than the reference node, in virtual time: the suite must fail none of
// them, and the model of the contract must agree with them. And manifests that declare what the
// reference node does not do: the suite must fail those.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "conformance/case.h"
#include "conformance/faulty/decorators.h"
#include "conformance/fixtures/fixture_runtime.h"
#include "conformance/judgement/clauses/clause.h"
#include "conformance/model/contract_model.h"
#include "conformance/modelled_target.h"
#include "conformance/suite.h"
#include "conformance/testing/delayed_transport.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;
using faulty::Answer;
using faulty::CallContext;
using faulty::editing;
using faulty::ForwardingService;
using faulty::InvokeFunctionRequest;
using faulty::InvokeFunctionResponse;

/// A way to be honest. The members that are not set are those of the reference node.
struct Variant {
  std::string name;
  /// Changes the node and what its manifest says of it.
  void (*arrange)(core::NodeConfig&, Manifest&) = [](auto&, auto&) {};
  /// What stands between the node and its callers.
  FaultyCore::Decorate decorate{};
  /// The time that each message takes on its way, in one direction.
  core::Duration latency{0};
  /// Finished executions that are there before the case starts.
  int finished_before = 0;
};

void PrintTo(const Variant& variant, std::ostream* out) { *out << variant.name; }

std::string outcome_of(const CaseResult& result, bool strict) {
  std::string problems;
  for (const auto& [clause, finding] : result.findings.by_clause()) {
    if (finding.violations.empty()) continue;
    if (!strict && find_clause(clause)->level == Level::kShould) continue;
    problems += clause + ": expected " + finding.violations.front().expected + "; observed " +
                finding.violations.front().observed.substr(0, 600) + "\n";
  }
  if (!result.aborted.empty()) problems += "aborted: " + result.aborted.substr(0, 600) + "\n";
  if (!result.error.empty()) problems += "error: " + result.error + "\n";
  return problems;
}

void finish_some(Transport& transport, int count) {
  const Manifest manifest = reference_manifest();
  const Profile& profile = *find_profile(manifest.profile);
  for (int i = 0; i < count; ++i) {
    InvokeFunctionRequest request;
    request.set_invocation_type(spearlet::INVOCATION_TYPE_EXISTING_TASK);
    request.set_task_id(manifest.fixtures.at("sleep").task_id);
    request.set_function_name(manifest.fixtures.at("echo").function_name);
    request.set_execution_mode(spearlet::EXECUTION_MODE_SYNC);
    bool ended = false;
    transport.start({.path = profile.path(Method::kInvokeFunction),
                     .request = request.SerializeAsString(),
                     .on_message = [](const std::string&) {},
                     .on_end = [&](const absl::Status&) { ended = true; }});
    transport.run_until(transport.now() + 1s, [&] { return ended; });
  }
}

// What the model of the contract disagrees with.
std::string disagreements_in(const CaseResult& result, const Variant& variant,
                             const core::NodeConfig& node, const Manifest& manifest) {
  // A message is under way there and back.
  ModelledNode modelled = modelled_target(manifest, 2 * variant.latency,
                                          /*alone=*/variant.finished_before == 0);
  modelled.async_timeout = node.timeout.async_default;
  modelled.restarts = result.test_case->name.starts_with("durability/");
  const std::vector<RecordedCall> calls(result.recorded_calls.begin(), result.recorded_calls.end());
  std::string text;
  for (const Disagreement& disagreement : disagreements(calls, modelled)) {
    text += std::string(result.test_case->name) + ": " + disagreement.what + "\n";
  }
  return text;
}

/// The number of judged cases, what went wrong in the others, and what the model says.
struct Outcome {
  int passed = 0;
  int not_judged = 0;
  std::string problems;
  std::string disagreements;
};

/// `strict`: a violated SHOULD counts too.
Outcome judge(const Variant& variant, bool strict = false) {
  core::NodeConfig node = reference_node();
  Manifest manifest = reference_manifest();
  variant.arrange(node, manifest);
  const FaultyCore core{.name = variant.name,
                        .about = "",
                        .origin = "",
                        .caught_by = {},
                        .decorate = variant.decorate};
  const bool delayed = variant.latency > core::Duration(0);
  const SuiteOptions options{.manifest = &manifest,
                             .profile = find_profile(manifest.profile),
                             .connect = [&]() -> std::unique_ptr<Transport> {
                               auto transport = make_sim_transport(node, &core);
                               finish_some(*transport, variant.finished_before);
                               if (!delayed) return transport;
                               return std::make_unique<DelayedTransport>(
                                   std::move(transport), variant.latency, manifest.policies.grace);
                             },
                             // With latency, times are judged as on a live target.
                             .virtual_time = !delayed,
                             .case_budget = 1h};
  Outcome outcome;
  std::size_t number = 0;
  for (const Case& one : all_cases()) {
    if (delayed && !one.live_only.empty()) continue;
    const CaseResult result = run_case(one, options, ++number);
    outcome.disagreements += disagreements_in(result, variant, node, manifest);
    if (!result.not_judged.empty()) {
      ++outcome.not_judged;
    } else if (const std::string problems = outcome_of(result, strict); problems.empty()) {
      outcome.passed += result.skipped.empty() ? 1 : 0;
    } else {
      outcome.problems += std::string(one.name) + ": " + problems;
    }
  }
  return outcome;
}

// A caller that leaves is not passed on, so its execution goes on.
class CallerMayLeave final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    inner().InvokeFunction(
        std::move(request), call,
        faulty::edited(std::move(answer), [](auto&) {}, faulty::Leaving::kWithheld));
  }
};

std::vector<Variant> variants() {
  return {
      {.name = "one-slot-and-a-queue-of-one",
       .arrange =
           [](auto& node, auto& manifest) {
             node.slots = 1;
             node.queue_limit = 1;
             manifest.node.slots = 1;
             manifest.node.queue_limit = 1;
           }},
      {.name = "pages-of-at-most-20",
       .arrange =
           [](auto& node, auto&) {
             node.default_page = 20;
             node.largest_page = 20;
           }},
      {.name = "finished-records-before", .finished_before = 1500},
      {.name = "default-timeout-of-30-seconds",
       .arrange =
           [](auto& node, auto& manifest) {
             node.timeout.sync_default = 30s;
             manifest.node.default_sync_timeout = 30s;
           }},
      {.name = "timeout-zero-is-unlimited",
       .arrange =
           [](auto&, auto& manifest) {
             manifest.policies.timeout_zero = Policies::TimeoutZero::kUnlimited;
           },
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  if (request.context().timeout_ms() != 0) return;
                                  request.mutable_context()->set_timeout_ms(86'400'000);
                                }})},
      {.name = "sync-caller-gone-continues",
       .arrange =
           [](auto&, auto& manifest) {
             manifest.policies.sync_caller_gone = Policies::SyncCallerGone::kContinues;
           },
       .decorate = faulty::decorated_by<CallerMayLeave>()},
      {.name = "mode-unspecified-is-sync",
       .arrange =
           [](auto&, auto& manifest) {
             manifest.policies.mode_unspecified = Policies::ModeUnspecified::kSync;
           },
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  const int mode = request.execution_mode();
                                  if (mode < 1 || mode > 3) {
                                    request.set_execution_mode(spearlet::EXECUTION_MODE_SYNC);
                                  }
                                }})},
      {.name = "success-whenever-served",
       .arrange =
           [](auto&, auto& manifest) {
             manifest.policies.success_sync = Policies::SuccessSync::kServed;
           },
       .decorate = editing({.invoked = [](auto&, auto& response) { response.set_success(true); }})},
      {.name = "little-is-declared", .arrange = [](auto&, auto& manifest) { manifest.node = {}; }},
      {.name = "a-fifth-of-a-second-each-way", .latency = 200ms},
  };
}

/// A manifest that declares the opposite of what the reference node does.
std::vector<Variant> lies() {
  using P = Policies;
  return {
      {.name = "mode-unspecified",
       .arrange = [](auto&, auto& m) { m.policies.mode_unspecified = P::ModeUnspecified::kSync; }},
      {.name = "stream-via-invoke",
       .arrange =
           [](auto&, auto& m) {
             m.policies.stream_via_invoke = P::StreamViaInvoke::kUnimplemented;
           }},
      {.name = "start-errors",
       .arrange = [](auto&, auto& m) { m.policies.start_errors = P::StartErrors::kFailedBody; }},
      {.name = "success-sync",
       .arrange = [](auto&, auto& m) { m.policies.success_sync = P::SuccessSync::kServed; }},
      {.name = "timeout-from",
       .arrange = [](auto&, auto& m) { m.policies.timeout_from = P::TimeoutFrom::kStart; }},
      {.name = "timeout-zero",
       .arrange = [](auto&, auto& m) { m.policies.timeout_zero = P::TimeoutZero::kUnlimited; }},
      {.name = "cancel-running",
       .arrange = [](auto&, auto& m) { m.policies.cancel_running = P::CancelRunning::kImmediate; }},
      {.name = "cancel-unknown",
       .arrange = [](auto&, auto& m) { m.policies.cancel_unknown = P::CancelUnknown::kNotFound; }},
      {.name = "sync-caller-gone",
       .arrange = [](auto&,
                     auto& m) { m.policies.sync_caller_gone = P::SyncCallerGone::kContinues; }},
      {.name = "duplicate-id",
       .arrange = [](auto&, auto& m) { m.policies.duplicate_id = P::DuplicateId::kRefused; }},
      {.name = "eta-quantile", .arrange = [](auto&, auto& m) { m.policies.eta_quantile = 0.95; }},
      {.name = "retention", .arrange = [](auto&, auto& m) { m.policies.retention = 2s; }},
  };
}

class PolicyLieTest : public testing::TestWithParam<Variant> {};

TEST_P(PolicyLieTest, FailsACase) { EXPECT_NE(judge(GetParam(), true).problems, ""); }

INSTANTIATE_TEST_SUITE_P(All, PolicyLieTest, testing::ValuesIn(lies()), [](const auto& lie) {
  std::string name = lie.param.name;
  std::erase(name, '-');
  return name;
});

class HonestVariantTest : public testing::TestWithParam<Variant> {};

TEST_P(HonestVariantTest, FailsNoCase) {
  const Outcome outcome = judge(GetParam());
  EXPECT_EQ(outcome.problems, "");
  EXPECT_EQ(outcome.disagreements, "");
  EXPECT_GT(outcome.passed, outcome.not_judged);
  RecordProperty("passed", outcome.passed);
  RecordProperty("not_judged", outcome.not_judged);
}

INSTANTIATE_TEST_SUITE_P(All, HonestVariantTest, testing::ValuesIn(variants()),
                         [](const auto& variant) {
                           std::string name = variant.param.name;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace quintain::conformance
