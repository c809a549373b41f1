// Runs cases: decides which apply, runs each against its own transport, judges all its calls, and
// checks that it has judged the clauses that it claims.
#include "conformance/suite.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "conformance/case_run.h"
#include "conformance/endpoint_check.h"
#include "conformance/judgement/judge.h"

namespace quintain::conformance {
namespace {

// The name in the manifest of what the case needs, and whether the manifest declares it.
std::pair<std::string_view, bool> declared(Need need, const Manifest& manifest) {
  const NodeFacts& node = manifest.node;
  switch (need) {
    case Need::kSlots:
      return {"node.slots", node.slots.has_value()};
    case Need::kQueueLimit:
      return {"node.queue_limit", node.queue_limit.has_value()};
    case Need::kMaximumTimeout:
      return {"node.maximum_timeout_ms", node.maximum_timeout.has_value()};
    case Need::kDefaultTimeout:
      return {"node.default_sync_timeout_ms", node.default_sync_timeout.has_value()};
    case Need::kCancelGrace:
      return {"node.cancel_grace_ms", node.cancel_grace.has_value()};
    case Need::kRetention:
      return {"policies.retention_ms", manifest.policies.retention != core::kForever};
    case Need::kLargestMessage:
      return {"node.largest_message_bytes", node.largest_message.has_value()};
  }
  return {};
}

// What the manifest lacks for the case; empty if nothing.
std::string missing_declaration(const Case& test_case, const Manifest& manifest) {
  for (const std::string_view fixture : test_case.fixtures) {
    if (!manifest.fixtures.contains(fixture)) {
      return fmt::format("the manifest names no function for the fixture '{}'", fixture);
    }
  }
  if (manifest.shared && test_case.exclusive) {
    return "the manifest declares that other clients use the node (shared), and this case needs it "
           "for itself";
  }
  for (const Need need : test_case.needs) {
    const auto [member, is_declared] = declared(need, manifest);
    if (!is_declared) return fmt::format("the manifest does not declare {}", member);
  }
  return {};
}

std::string skip_reason(const Case& test_case, const SuiteOptions& options) {
  const auto applies = [&](std::string_view clause) { return options.profile->applies(clause); };
  if (std::none_of(test_case.clauses.begin(), test_case.clauses.end(), applies)) {
    return fmt::format("none of its clauses applies to the profile {}", options.profile->name());
  }
  if (!options.virtual_time && !test_case.virtual_time_only.empty()) {
    return fmt::format("judged only in virtual time: {}", test_case.virtual_time_only);
  }
  if (options.virtual_time && !test_case.live_only.empty()) {
    return fmt::format("judged only on a live target: {}", test_case.live_only);
  }
  return {};
}

void run_with(Transport& transport, const SuiteOptions& options, std::size_t number,
              CaseResult& result) {
  CaseRun run({.transport = transport,
               .profile = *options.profile,
               .manifest = *options.manifest,
               .id_prefix = fmt::format("{}-{}", options.run_id, number),
               .budget_ends = options.virtual_time ? core::Instant::never()
                                                   : transport.now() + options.case_budget,
               .shares_the_target = !options.virtual_time && !result.test_case->exclusive,
               .seen_ends = options.seen_ends,
               .stop = options.stop});
  const core::Instant start = transport.now();
  try {
    result.test_case->run(run);
  } catch (const CaseRun::Aborted& aborted) {
    result.aborted = aborted.reason;
  } catch (const CaseRun::NotJudged& not_judged) {
    result.not_judged = not_judged.reason;
  } catch (const CaseRun::NotApplicable& not_applicable) {
    result.skipped = not_applicable.reason;
  }
  if (result.not_judged.empty() && result.skipped.empty() && options.profile->applies("ASYNC-2")) {
    try {
      judge_endpoints(run);
    } catch (const CaseRun::Aborted&) {
      // The target no longer answers status queries, which other clauses judge.
    } catch (const CaseRun::NotJudged& not_judged) {
      result.not_judged = not_judged.reason;
    } catch (const CaseRun::NotApplicable&) {
      // The profile has no status query.
    }
  }
  const std::vector<RecordedCall> calls(run.recorded_calls().begin(), run.recorded_calls().end());
  const Policies& policies = options.manifest->policies;
  for (const RecordedCall& call : calls) judge_recorded_call(call, policies, run.findings());
  judge_history(calls, policies, run.findings());
  result.took = transport.now() - start;
  for (const auto& [clause, finding] : run.findings().by_clause()) {
    if (options.profile->applies(clause)) result.findings.add(clause, finding);
  }
  result.recorded_calls.assign(calls.begin(), calls.end());
  if (!options.virtual_time) run.cancel_leftovers();
}

bool violates_anything(const CaseResult& result) {
  return std::ranges::any_of(result.findings.by_clause(),
                             [](const auto& entry) { return !entry.second.violations.empty(); });
}

// A case that ran to its end without a violation must have judged all of its clauses.
void require_judgements(const Profile& profile, CaseResult& result) {
  if (!result.aborted.empty() || !result.skipped.empty() || !result.not_judged.empty()) return;
  if (violates_anything(result)) return;
  for (const std::string_view clause : result.test_case->clauses) {
    if (profile.applies(clause) && !result.findings.judged(clause)) {
      result.error +=
          fmt::format("{}the case did not judge {}", result.error.empty() ? "" : "; ", clause);
    }
  }
}

// Whether the connection broke under a call. gRPC reports that as UNAVAILABLE, as a server may do
// for reasons of its own; only the message tells them apart.
bool connection_broke(const RecordedCall& call) {
  if (!absl::IsUnavailable(call.status)) return false;
  static constexpr std::string_view kTexts[] = {
      "socket closed",      "connection reset", "broken pipe",       "failed to connect",
      "connection refused", "goaway",           "stream removed",    "end of tcp stream",
      "transport closed",   "keepalive",        "connection attempt"};
  const std::string message = absl::AsciiStrToLower(call.status.message());
  return std::ranges::any_of(
      kTexts, [&](std::string_view text) { return message.find(text) != std::string::npos; });
}

const RecordedCall* broken_call(const CaseResult& result) {
  const auto found = std::ranges::find_if(result.recorded_calls, connection_broke);
  return found == result.recorded_calls.end() ? nullptr : &*found;
}

// Whether the result may be due to a broken connection instead of the target.
bool doubtful(const CaseResult& result) {
  // What cases of WIRE-4 send may make a target reset the connection.
  const auto& clauses = result.test_case->clauses;
  if (std::ranges::find(clauses, "WIRE-4") != clauses.end()) return false;
  if (broken_call(result) == nullptr) return false;
  return !result.aborted.empty() || !result.error.empty() || violates_anything(result);
}

// Whether a violation was seen in calls that all came before the one with that number.
bool violated_before(const CaseResult& result, std::uint64_t number) {
  for (const auto& [clause, finding] : result.findings.by_clause()) {
    for (const Violation& violation : finding.violations) {
      if (!violation.recorded_calls.empty() &&
          std::ranges::max(violation.recorded_calls) < number) {
        return true;
      }
    }
  }
  return false;
}

void run_once(const SuiteOptions& options, std::size_t number, CaseResult& result) {
  try {
    const std::unique_ptr<Transport> transport = options.connect();
    if (transport == nullptr) {
      result.error = "the target cannot be reached";
      return;
    }
    run_with(*transport, options, number, result);
    require_judgements(*options.profile, result);
  } catch (const std::exception& error) {
    result.error = error.what();
  }
}

// The smoke case that failed and on which this one depends; empty if there is none.
std::string_view blocker(const Case& test_case, const std::set<std::string_view>& failed_smoke) {
  if (test_case.depends_on == Smoke::kNone) return {};
  if (failed_smoke.contains(kSmokeSync)) return kSmokeSync;
  if (test_case.depends_on == Smoke::kBoth && failed_smoke.contains(kSmokeAsync)) {
    return kSmokeAsync;
  }
  return {};
}

bool is_smoke(const Case& test_case) {
  return test_case.name == kSmokeSync || test_case.name == kSmokeAsync;
}

}  // namespace

CaseResult run_case(const Case& test_case, const SuiteOptions& options, std::size_t number) {
  CaseResult result{.test_case = &test_case};
  result.skipped = skip_reason(test_case, options);
  if (!result.skipped.empty()) return result;
  result.not_judged = missing_declaration(test_case, *options.manifest);
  if (!result.not_judged.empty()) return result;
  run_once(options, number, result);
  if (options.virtual_time || !doubtful(result)) return result;
  // A target that was told to end may be gone, so there is no second try.
  if (test_case.ends_the_target && violated_before(result, broken_call(result)->number)) {
    return result;
  }
  CaseResult second{.test_case = &test_case};
  // Ids of the second try must differ from those of the first.
  constexpr std::size_t kSecondTry = 1'000'000;
  run_once(options, number + kSecondTry, second);
  if (!doubtful(second)) return second;
  CaseResult inconclusive{.test_case = &test_case, .took = second.took};
  inconclusive.error = fmt::format("inconclusive: the connection broke in both of two tries: {}",
                                   describe(*broken_call(second)));
  inconclusive.recorded_calls = std::move(second.recorded_calls);
  return inconclusive;
}

namespace {

// How many cases may run at once: on a node with few slots and a short queue they would take each
// other's places. Most cases start one execution at a time, some a few.
int concurrent_jobs(const SuiteOptions& options) {
  constexpr int kPerCase = 3;
  const NodeFacts& node = options.manifest->node;
  if (!node.slots) return options.jobs;
  return std::clamp((*node.slots + node.queue_limit.value_or(0)) / kPerCase, 1,
                    std::max(options.jobs, 1));
}

}  // namespace

std::vector<CaseResult> run_suite(std::span<const Case* const> cases,
                                  const SuiteOptions& given_options) {
  SeenEnds seen_ends;
  SuiteOptions options = given_options;
  if (!options.virtual_time && options.seen_ends == nullptr) options.seen_ends = &seen_ends;
  std::vector<CaseResult> results(cases.size());
  std::mutex mutex;
  std::size_t done = 0;
  std::set<std::string_view> failed_smoke;
  std::atomic<bool> lost = false;
  const auto run = [&](std::size_t i) {
    const std::string_view blocked_by = blocker(*cases[i], failed_smoke);
    std::string stopped = options.stop ? options.stop() : "";
    if (stopped.empty() && lost) stopped = "the target can no longer be reached";
    if (!blocked_by.empty()) {
      results[i] = {.test_case = cases[i],
                    .not_judged = fmt::format("blocked by {}, which failed", blocked_by)};
    } else if (!stopped.empty()) {
      results[i] = {.test_case = cases[i], .not_judged = std::move(stopped)};
    } else {
      results[i] = run_case(*cases[i], options, i + 1);
      if (options.reachable && broken_call(results[i]) != nullptr && !options.reachable()) {
        lost = true;
      }
    }
    const std::lock_guard lock(mutex);
    if (options.progress) options.progress(++done, cases.size());
  };
  std::vector<bool> done_before(cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (!options.smoke_first || !is_smoke(*cases[i])) continue;
    run(i);
    done_before[i] = true;
    // A violation that is not about the case itself, found by a rule for every call, blocks
    // nothing.
    if (!results[i].aborted.empty() || !results[i].error.empty())
      failed_smoke.insert(cases[i]->name);
  }
  // Exclusive cases count slots, so they run before any other case can have leaked one.
  std::vector<std::size_t> concurrent;
  std::vector<std::size_t> last;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (done_before[i]) continue;
    if (!options.virtual_time && cases[i]->ends_the_target) {
      last.push_back(i);
    } else if (!options.virtual_time && cases[i]->exclusive) {
      run(i);
    } else {
      concurrent.push_back(i);
    }
  }
  run_in_parallel(concurrent.size(), options.virtual_time ? options.jobs : concurrent_jobs(options),
                  [&](std::size_t i) { run(concurrent[i]); });
  for (const std::size_t i : last) run(i);
  return results;
}

void run_in_parallel(std::size_t count, int jobs, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  std::vector<std::jthread> workers;
  for (int job = 0; job < jobs; ++job) {
    workers.emplace_back([&] {
      for (std::size_t i = next++; i < count; i = next++) work(i);
    });
  }
}

}  // namespace quintain::conformance
