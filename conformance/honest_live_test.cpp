// Honest servers of other kinds than the reference node, over real connections: the suite must fail
// none of them. In virtual time there are more (honest_variants_test.cpp).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/fixtures/fixture_runtime.h"
#include "conformance/testing/delaying_proxy.h"
#include "conformance/testing/live_judging.h"
#include "server/server.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<server::Server> start(const core::NodeConfig& node) {
  server::ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.node = node;
  options.tasks = fixture_tasks();
  options.runtime = [](core::Environment& environment, boost::asio::any_io_executor) {
    return std::make_unique<FixtureRuntime>(environment);
  };
  auto started = server::Server::start(std::move(options));
  EXPECT_TRUE(started.ok()) << started.status();
  return started.ok() ? *std::move(started) : nullptr;
}

std::vector<const Case*> cases_of(const std::vector<std::string_view>& families) {
  std::vector<const Case*> cases = live_cases();
  std::erase_if(cases, [&](const Case* one) {
    return std::ranges::none_of(
        families, [&](std::string_view family) { return one->name.starts_with(family); });
  });
  return cases;
}

// Some cases may not be judged, but most are.
void expect_judged(const std::vector<CaseResult>& results) {
  EXPECT_EQ(problems_of(results), "");
  const auto judged = std::ranges::count_if(results, [](const CaseResult& result) {
    return result.not_judged.empty() && result.skipped.empty();
  });
  EXPECT_GT(judged, std::ssize(results) * 3 / 4);
}

TEST(HonestServer, WithPagesOfAtMost20PassesTheCasesAboutLists) {
  core::NodeConfig node = reference_node();
  node.default_page = 20;
  node.largest_page = 20;
  const auto server = start(node);
  ASSERT_NE(server, nullptr);
  expect_judged(judge_live(server->addresses().front(), reference_manifest(),
                           cases_of({"list/", "task/", "idempotency/after-the-end"})));
}

// Calls `echo`, several times at once, until `count` executions have finished.
void finish(const LiveTarget& target, const Manifest& manifest, int count) {
  constexpr int kAtOnce = 3;  // fewer than the node takes
  const Profile& profile = *find_profile(manifest.profile);
  spearlet::InvokeFunctionRequest request;
  request.set_invocation_type(spearlet::INVOCATION_TYPE_EXISTING_TASK);
  request.set_task_id(manifest.fixtures.at("echo").task_id);
  request.set_function_name(manifest.fixtures.at("echo").function_name);
  request.set_execution_mode(spearlet::EXECUTION_MODE_SYNC);
  const auto transport = target.connect();
  int started = 0;
  int ended = 0;
  const std::function<void()> call = [&] {
    ++started;
    transport->start({.path = profile.path(Method::kInvokeFunction),
                      .request = profile.encode(Method::kInvokeFunction, request),
                      .on_message = [](const std::string&) {},
                      .on_end =
                          [&](const absl::Status& status) {
                            ASSERT_TRUE(status.ok()) << status;
                            ++ended;
                            if (started < count) call();
                          }});
  };
  for (int i = 0; i < kAtOnce; ++i) call();
  ASSERT_TRUE(transport->run_until(transport->now() + 60s, [&] { return ended == count; }));
}

TEST(HonestServer, With20000FinishedRecordsPassesTheCasesAboutListsAndCounts) {
  core::NodeConfig node = reference_node();
  node.retention.age = std::chrono::hours(1);
  const auto server = start(node);
  ASSERT_NE(server, nullptr);
  Manifest manifest = reference_manifest();
  manifest.policies.retention = node.retention.age;
  const auto target = LiveTarget::of({.address = server->addresses().front()});
  ASSERT_TRUE(target.ok()) << target.status();
  finish(*target, manifest, 20'000);
  auto cases = cases_of({"list/", "task/", "stats/", "smoke/", "state/queries-change-nothing"});
  std::erase_if(cases, [](const Case* one) { return one->name.ends_with("retention"); });
  expect_judged(judge_live(server->addresses().front(), manifest, cases));
}

// Cases that make many calls in sequence, which takes long over a slow connection.
bool has_many_calls(const Case& one) {
  constexpr std::array<std::string_view, 7> kNames = {
      "async/instant-calls-end", "field/opaque",     "idempotency/other-requests",
      "idempotency/similar-ids", "task/similar-ids", "sync/many-calls-of-a-task",
      "task/same-everywhere"};
  return one.name.starts_with("mixed/") || std::ranges::find(kNames, one.name) != kNames.end();
}

TEST(HonestServer, AFifthOfASecondAwayPassesEveryCaseThatNeedsNotRunAlone) {
  // Many slots, so that many cases can wait at once.
  constexpr int kJobs = 32;
  core::NodeConfig node = reference_node();
  Manifest manifest = reference_manifest();
  manifest.node.slots = node.slots = kJobs;
  manifest.node.queue_limit = node.queue_limit = 2 * kJobs;
  manifest.policies.retention = node.retention.age = 60s;
  const auto server = start(node);
  ASSERT_NE(server, nullptr);
  const DelayingProxy proxy(server->addresses().front(), 200ms);
  auto cases = live_cases();
  std::erase_if(cases, [](const Case* one) {
    return one->exclusive || one->name.ends_with("retention") || has_many_calls(*one);
  });
  expect_judged(judge_live(proxy.address(), manifest, cases, kJobs));
}

}  // namespace
}  // namespace quintain::conformance
