#include "conformance/suite.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "conformance/case_run.h"
#include "conformance/judgement/history/history.h"
#include "conformance/judgement/rules/recorded_call_rules.h"

namespace quintain::conformance {
namespace {

// What the manifest would have to say for the case to be run; empty: nothing is missing.
std::string missing_prerequisite(const Case& subject, const Manifest& manifest) {
  for (const std::string_view fixture : subject.fixtures) {
    if (!manifest.fixtures.contains(fixture)) {
      return fmt::format("the manifest names no function that plays the fixture '{}'", fixture);
    }
  }
  const auto lacks = [](std::string_view member) {
    return fmt::format("the manifest does not declare {}", member);
  };
  for (const Need need : subject.needs) {
    switch (need) {
      case Need::kSlots:
        if (!manifest.node.slots) return lacks("node.slots");
        break;
      case Need::kQueueLimit:
        if (!manifest.node.queue_limit) return lacks("node.queue_limit");
        break;
      case Need::kMaximumTimeout:
        if (!manifest.node.maximum_timeout) return lacks("node.maximum_timeout_ms");
        break;
      case Need::kDefaultTimeout:
        if (!manifest.node.default_sync_timeout) return lacks("node.default_sync_timeout_ms");
        break;
      case Need::kCancelGrace:
        if (!manifest.node.cancel_grace) return lacks("node.cancel_grace_ms");
        break;
      case Need::kRetention:
        if (manifest.policies.retention == core::kForever) return lacks("policies.retention_ms");
        break;
      case Need::kLargestMessage:
        if (!manifest.node.largest_message) return lacks("node.largest_message_bytes");
        break;
    }
  }
  return {};
}

std::string why_skipped(const Case& subject, const SuiteOptions& options) {
  const auto applies = [&](std::string_view clause) { return options.profile->applies(clause); };
  if (std::none_of(subject.clauses.begin(), subject.clauses.end(), applies)) {
    return fmt::format("the profile {} has nothing that its clauses speak of",
                       options.profile->name());
  }
  if (!options.virtual_time && !subject.virtual_time_only.empty()) {
    return fmt::format("only virtual time can tell: {}", subject.virtual_time_only);
  }
  if (options.virtual_time && !subject.live_only.empty()) {
    return fmt::format("only a live target can be judged: {}", subject.live_only);
  }
  return {};
}

// The judgements that count: those on clauses that the profile has fields for.
Findings applicable(const Findings& findings, const Profile& profile) {
  Findings kept;
  for (const auto& [clause, finding] : findings.by_clause()) {
    if (!profile.applies(clause)) continue;
    for (const Violation& violation : finding.violations) kept.record_failure(clause, violation);
    const auto held = finding.judged - static_cast<std::int64_t>(finding.violations.size());
    for (std::int64_t i = 0; i < held; ++i) kept.record_pass(clause);
  }
  return kept;
}

void run_trial(const Case& subject, const SuiteOptions& options, std::size_t number,
               Transport& transport, CaseResult& result) {
  CaseRun run({.transport = transport,
               .profile = *options.profile,
               .manifest = *options.manifest,
               .id_prefix = fmt::format("{}-{}", options.run_id, number)});
  const core::Instant began = transport.now();
  try {
    subject.run(run);
  } catch (const CaseRun::Abandoned& abandoned) {
    result.unmet = abandoned.reason;
  } catch (const CaseRun::Inapplicable& inapplicable) {
    result.skipped = inapplicable.reason;
  }
  const std::vector<RecordedCall> recorded_calls(run.recorded_calls().begin(),
                                                 run.recorded_calls().end());
  for (const RecordedCall& recorded : recorded_calls) {
    judge_recorded_call(recorded, options.manifest->policies, run.findings());
  }
  judge_history(recorded_calls, options.manifest->policies, run.findings());
  result.took = transport.now() - began;
  result.findings = applicable(run.findings(), *options.profile);
  result.recorded_calls.assign(recorded_calls.begin(), recorded_calls.end());
  if (!options.virtual_time) run.cancel_leftovers();
}

// A case that neither failed nor gave up must have judged what it is about.
void check_that_it_judged(const Case& subject, const Profile& profile, CaseResult& result) {
  const auto& found = result.findings.by_clause();
  const bool broken = std::any_of(found.begin(), found.end(), [](const auto& entry) {
    return !entry.second.violations.empty();
  });
  if (broken || !result.unmet.empty() || !result.skipped.empty()) return;
  for (const std::string_view clause : subject.clauses) {
    if (profile.applies(clause) && !result.findings.judged(clause)) {
      result.error += fmt::format("{}the case never put {} to the test",
                                  result.error.empty() ? "" : "; ", clause);
    }
  }
}

}  // namespace

CaseResult run_case(const Case& subject, const SuiteOptions& options, std::size_t number) {
  CaseResult result{.subject = &subject};
  result.skipped = why_skipped(subject, options);
  if (!result.skipped.empty()) return result;
  result.unmet = missing_prerequisite(subject, *options.manifest);
  if (!result.unmet.empty()) return result;
  try {
    const std::unique_ptr<Transport> transport = options.connect();
    if (transport == nullptr) {
      result.error = "the target can't be reached";
      return result;
    }
    run_trial(subject, options, number, *transport, result);
    check_that_it_judged(subject, *options.profile, result);
  } catch (const std::exception& error) {
    result.error = error.what();
  }
  return result;
}

std::vector<CaseResult> run_suite(std::span<const Case* const> cases, const SuiteOptions& options) {
  std::vector<CaseResult> results(cases.size());
  std::mutex mutex;
  std::size_t done = 0;
  const auto run = [&](std::size_t i) {
    results[i] = run_case(*cases[i], options, i + 1);
    const std::lock_guard lock(mutex);
    if (options.progress) options.progress(++done, cases.size());
  };
  const auto alone = [&](std::size_t i) { return !options.virtual_time && cases[i]->exclusive; };
  // They count the target's slots, so before anything can have used one up for good.
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (alone(i)) run(i);
  }
  std::atomic<std::size_t> next = 0;
  {
    std::vector<std::jthread> workers;
    for (int job = 0; job < options.jobs; ++job) {
      workers.emplace_back([&] {
        for (std::size_t i = next++; i < cases.size(); i = next++) {
          if (!alone(i)) run(i);
        }
      });
    }
  }
  return results;
}

}  // namespace quintain::conformance
