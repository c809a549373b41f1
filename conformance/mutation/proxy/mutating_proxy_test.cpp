// The proxy in front of the reference node: what the suite sees there must be what it sees in
// virtual time.
#include "conformance/mutation/proxy/mutating_proxy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "conformance/fixtures/fixture_runtime.h"
#include "conformance/mutation/mutation_testing.h"
#include "conformance/testing/live_judging.h"

namespace quintain::conformance {
namespace {

using testing::HasSubstr;

std::unique_ptr<SpawnedServer> serve() {
  return spawn(fmt::format("'{}' serve --fixtures --listen 127.0.0.1:0", QUINTAIN_PROGRAM));
}

std::unique_ptr<MutatingProxy> proxy_to(const std::string& target, const std::string& fault) {
  const Mutation* const mutation = find_mutation(fault);
  EXPECT_NE(mutation, nullptr) << fault;
  if (mutation == nullptr) return nullptr;
  auto proxy = MutatingProxy::start(*mutation, {.listen = "127.0.0.1:0", .target = target});
  EXPECT_TRUE(proxy.ok()) << proxy.status();
  return proxy.ok() ? *std::move(proxy) : nullptr;
}

std::vector<const Case*> cases_named(const std::vector<std::string_view>& names) {
  std::vector<const Case*> cases;
  for (const Case* one : live_cases()) {
    if (std::ranges::find(names, one->name) != names.end()) cases.push_back(one);
  }
  EXPECT_EQ(cases.size(), names.size());
  return cases;
}

TEST(MutatingProxy, ForwardsWhatItsFaultDoesNotConcern) {
  const auto server = serve();
  ASSERT_NE(server, nullptr);
  const auto proxy = proxy_to(server->address(), "DeleteTask/effect-without-answer");
  ASSERT_NE(proxy, nullptr);
  // Among them a stream, a client that leaves, a deadline, the reflection service, an unknown
  // method and bytes that are no message.
  const auto results = judge_live(
      proxy->address(), reference_manifest(),
      cases_named({"sync/completes", "async/first-answer", "stream/chunks", "stream/client-leaves",
                   "wire/descriptor", "wire/unserved-method", "wire/nonsense", "wire/oversized",
                   "wire/garbage-on-the-port", "time/rpc-deadline-bounds-sync"}));
  EXPECT_EQ(problems_of(results), "");
  EXPECT_EQ(proxy->changes(), 0);
}

bool is_caught(const MutatingProxy& proxy, const std::vector<const Case*>& cases) {
  return !violated_clauses(judge_live(proxy.address(), reference_manifest(), cases)).empty();
}

// With a server of its own, whose numbers no other run changes.
bool is_caught_by_whole_suite(const std::string& fault) {
  const auto server = serve();
  const auto proxy = server == nullptr ? nullptr : proxy_to(server->address(), fault);
  return proxy != nullptr && is_caught(*proxy, live_cases());
}

TEST(MutatingProxy, ShowsItsFaultToTheSuite) {
  const auto server = serve();
  ASSERT_NE(server, nullptr);
  std::vector<const Mutation*> sample;
  for (const char* name : {"InvokeFunctionResponse/previous",
                           "InvokeFunctionResponse.result/default",
                           "InvokeFunctionResponse.execution_id/another",
                           "InvokeFunctionResponse.success/invented",
                           "InvokeFunctionResponse.result.started_at/another",
                           "InvokeFunctionResponse.estimated_completion_ms/cleared",
                           "InvokeFunctionRequest.function_name/another",
                           "InvokeFunctionRequest.execution_mode/previous",
                           "InvokeFunctionRequest.task_id/ignored",
                           "InvokeFunction/error-after-effect",
                           "InvokeFunction/refusal-answered",
                           "InvokeFunction/effect-on-another",
                           "GetExecutionStatusResponse.found/cleared",
                           "GetExecutionStatus/answer-without-effect",
                           "ListExecutionsResponse.executions/doubled",
                           "CancelExecution/answer-without-effect",
                           "StreamExecutionResult/last-dropped",
                           "StreamExecutionResult/doubled",
                           "StreamExecutionResult/reversed",
                           "StreamFunction/effect-without-answer"}) {
    sample.push_back(find_mutation(name));
    ASSERT_NE(sample.back(), nullptr) << name;
  }
  const auto verdicts =
      run_mutations(sample, [](const Case& one) { return one.virtual_time_only.empty(); }, 2, {});
  std::mutex mutex;
  std::string missed;
  run_in_parallel(verdicts.size(), 4, [&](std::size_t i) {
    const std::string& name = verdicts[i].mutation->name;
    const auto proxy = proxy_to(server->address(), name);
    // The shortest case that sees a fault in virtual time may not see it live, where times are not
    // exact. One of those for the same clauses may, and the whole suite must.
    const std::vector<std::string_view> clauses(verdicts[i].clauses.begin(),
                                                verdicts[i].clauses.end());
    const bool caught = verdicts[i].caught() && proxy != nullptr &&
                        (is_caught(*proxy, {verdicts[i].caught_by}) ||
                         is_caught(*proxy, cases_for(clauses)) || is_caught_by_whole_suite(name));
    if (caught) return;
    const std::lock_guard lock(mutex);
    missed += fmt::format("{} is not caught {}\n", name,
                          verdicts[i].caught() ? "live" : "in virtual time");
  });
  EXPECT_EQ(missed, "");
}

TEST(MutatingProxy, SaysWhatIsWrongWithItsOptions) {
  const Mutation& mutation = all_mutations().front();
  const auto message = [&](const char* listen, const char* target) {
    const auto proxy = MutatingProxy::start(mutation, {.listen = listen, .target = target});
    return proxy.ok() ? std::string() : std::string(proxy.status().message());
  };
  EXPECT_THAT(message("here", "127.0.0.1:1"), HasSubstr("here"));
  EXPECT_THAT(message("127.0.0.1:0", "there"), HasSubstr("there"));
  const auto first =
      MutatingProxy::start(mutation, {.listen = "127.0.0.1:0", .target = "127.0.0.1:1"});
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_THAT(message((*first)->address().c_str(), "127.0.0.1:1"), HasSubstr("in use"));
}

}  // namespace
}  // namespace quintain::conformance
