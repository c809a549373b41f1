// The suite against what two spearlets of 2026 do, which the peer in Node.js plays: every verdict
// of docs/spear-findings.md, and no other.
#include <absl/strings/str_replace.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "conformance/manifest.h"
#include "conformance/summary.h"
#include "conformance/testing/live_judging.h"
#include "conformance/verdicts.h"
#include "reports/report.h"
#include "reports/table.h"

namespace quintain::conformance {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;
using Clauses = std::set<std::string, std::less<>>;

// The manifest that is shipped for that age. The peer's tasks are called as in its placeholders.
Manifest shipped_manifest(const std::string& age) {
  std::ifstream file(QUINTAIN_SOURCE_DIR "/conformance/manifests/spear-" + age + ".json");
  std::stringstream text;
  text << file.rdbuf();
  const auto path =
      std::filesystem::path(testing::TempDir()) / fmt::format("spear-{}-test.json", age);
  std::ofstream(path) << absl::StrReplaceAll(
      text.str(),
      {{"@echo@", "echo"}, {"@sleep@", "sleep"}, {"@stubborn@", "stubborn"}, {"@fail@", "fail"}});
  json_input::Diagnostics diagnostics;
  std::optional<Manifest> manifest = load_manifest(path.string(), diagnostics);
  EXPECT_TRUE(manifest) << diagnostics.text();
  return manifest.value_or(Manifest());
}

class Spearlet {
 public:
  Spearlet(const std::string& age, const std::string& flags)
      : server_(spawn(fmt::format("exec node '{}/conformance/peers/node/server.js' --spear {} "
                                  "--http 127.0.0.1:0 {}",
                                  QUINTAIN_SOURCE_DIR, age, flags))) {}

  std::vector<CaseResult> judge(const Manifest& manifest, const std::vector<const Case*>& cases) {
    if (server_ == nullptr) return {};
    const auto target = LiveTarget::of({.address = server_->address(),
                                        .slack = manifest.policies.grace,
                                        .status_endpoint_http = server_->http_base()});
    EXPECT_TRUE(target.ok()) << target.status();
    return run_suite(cases, {.manifest = &manifest,
                             .profile = find_profile(manifest.profile),
                             .connect = [&] { return target->connect(); },
                             .virtual_time = false,
                             .jobs = 8});
  }

 private:
  std::unique_ptr<SpawnedServer> server_;
};

// What `quintain conform` prints: one line per case, and each cause once.
void expect_readable(const std::vector<CaseResult>& results) {
  constexpr std::ptrdiff_t kMaxLines = 300;
  reports::Report report;
  for (const CaseResult& result : results) report.cases.push_back(to_report(result, {}));
  const std::string details = reports::render_plain(shortened(report));
  const std::string text = details + table_by_clause(report);
  EXPECT_LT(std::ranges::count(text, '\n'), kMaxLines);
  std::set<std::string> said;
  std::istringstream lines(details);
  for (std::string line; std::getline(lines, line);) {
    constexpr std::string_view kFailed = "  failed ";
    if (!line.starts_with(kFailed)) continue;
    const std::string clause = line.substr(kFailed.size(), line.find('/') - kFailed.size());
    if (clause == "comes-to-its-end") continue;
    EXPECT_TRUE(said.insert(clause).second) << clause << " is explained twice";
  }
  EXPECT_FALSE(said.empty());
}

std::vector<const Case*> cases_called(const std::vector<std::string_view>& names) {
  std::vector<const Case*> cases;
  for (const Case& one : all_cases()) {
    if (std::ranges::find(names, one.name) != names.end()) cases.push_back(&one);
  }
  EXPECT_EQ(cases.size(), names.size());
  return cases;
}

// The cases of the table. Those that use up something of the target are judged by themselves.
std::vector<const Case*> cases_of_the_table() {
  std::vector<const Case*> cases = live_cases();
  std::erase_if(cases, [](const Case* one) {
    return one->name == "async/instant-calls-end" || one->name == "sync/many-calls-of-a-task";
  });
  return cases;
}

// What the first violation of the clause in that case says; empty if there is none.
std::string violation(const std::vector<CaseResult>& results, std::string_view name,
                      std::string_view clause) {
  for (const CaseResult& result : results) {
    if (result.test_case->name != name) continue;
    const auto finding = result.findings.by_clause().find(clause);
    if (finding == result.findings.by_clause().end() || finding->second.violations.empty()) break;
    const Violation& first = finding->second.violations.front();
    return first.expected + " | " + first.observed;
  }
  return "";
}

// One row of the tables: what the spearlet does, the case that sees it, and its verdict.
struct Row {
  std::string_view what;
  std::string_view test_case;
  Clauses broken{};
  Clauses held{};
};

void expect_rows(const std::vector<CaseResult>& results, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const auto result = std::ranges::find_if(
        results, [&](const CaseResult& r) { return r.test_case->name == row.test_case; });
    ASSERT_NE(result, results.end()) << row.test_case;
    const auto& findings = result->findings.by_clause();
    for (const std::string& clause : row.broken) {
      const auto finding = findings.find(clause);
      EXPECT_TRUE(finding != findings.end() && !finding->second.violations.empty())
          << row.what << ": " << row.test_case << " does not say that " << clause
          << " is broken; it says: " << result->aborted << result->skipped << result->error;
    }
    for (const std::string& clause : row.held) {
      const auto finding = findings.find(clause);
      EXPECT_TRUE(finding != findings.end() && finding->second.violations.empty())
          << row.what << ": " << row.test_case << " does not say that " << clause
          << " held: " << violation(results, row.test_case, clause) << result->aborted;
    }
  }
}

TEST(Spearlet, OfJanuaryIsJudgedAsItIs) {
  // Of the pool of instances the test below judges; here it would hide everything else.
  Spearlet spearlet("2026-01", "--instances 100000");
  // Alone on a machine it takes 40 s; before waits became shorter, it took more than 150 s.
  constexpr auto kMaxTime = 120s;
  const auto start = std::chrono::steady_clock::now();
  auto results = spearlet.judge(shipped_manifest("2026-01"), cases_of_the_table());
  EXPECT_LT(std::chrono::steady_clock::now() - start, kMaxTime);
  expect_readable(results);
  expect_rows(
      results,
      {
          {"a SYNC call works",
           "sync/completes",
           {"SYNC-6"},
           {"SYNC-1", "SYNC-2", "SYNC-3", "SYNC-5"}},
          {"a function that takes 2 s is waited for", "sync/waits", {}, {"SYNC-2"}},
          {"a function that fails", "sync/fails", {}, {"SYNC-4", "SYNC-5"}},
          {"times are those of the query", "sync/id-is-made", {"STATE-2", "STATE-6"}, {"SYNC-3"}},
          {"execution_time_ms has nothing to do with the times", "time/sync-timeout", {"STATE-7"}},
          {"PENDING has a started_at", "async/first-answer", {"STATE-6"}, {"ASYNC-1", "ASYNC-5"}},
          {"every estimate is 5000 ms", "eta/learns", {"ETA-2"}},
          {"the endpoint is 404", "async/endpoint-resolves", {"ASYNC-2"}},
          {"an unknown task is accepted", "async/unknown-task", {"ASYNC-6"}},
          {"an ASYNC end is dropped", "state/life", {"STATE-1"}},
          {"an ASYNC end is dropped", "async/outlives-its-call", {"ASYNC-7"}},
          {"an ASYNC end is dropped", "async/fails-later", {"ASYNC-8"}},
          {"unfinished: no result", "state/unfinished-has-a-result", {"STATE-5", "STATE-9"}},
          {"include_result is ignored", "state/include-result", {"STATE-9"}},
          {"every cancel succeeds", "cancel/unknown", {"CANCEL-1"}},
          {"every cancel succeeds", "cancel/finished", {"CANCEL-2", "CANCEL-3"}},
          {"no cancel has an effect", "cancel/twice", {"CANCEL-4"}},
          {"no cancel has an effect", "cancel/record-stays", {"CANCEL-5"}},
          {"no cancel has an effect", "cancel/force-skips-the-grace", {"CANCEL-7"}},
          {"no cancel has an effect", "cancel/races-the-start", {"CANCEL-8"}},
          {"no cancel has an effect", "cancel/sync-caller-is-told", {"CANCEL-9"}},
          {"timeout_ms is ignored", "time/sync-timeout", {"TIME-1"}},
          {"a deadline does not bound", "time/rpc-deadline-bounds-sync", {"TIME-3"}},
          {"a negative timeout is accepted", "time/negative-is-refused", {"TIME-3"}},
          {"the same id runs again", "idempotency/after-the-end", {"IDEM-1"}},
          {"the same id runs again", "idempotency/other-request", {"IDEM-2"}},
          {"the same id runs again", "idempotency/in-flight", {"IDEM-3"}},
          {"the id in the context is ignored", "idempotency/id-in-the-context", {"SYNC-3"}},
          {"STREAM through Invoke is refused in the body",
           "mode/stream-through-invoke",
           {},
           {"MODE-2"}},
          {"unknown modes are refused in the body", "mode/out-of-range", {}, {"MODE-1"}},
          {"a stream is two constants", "stream/chunks", {"STREAM-1", "STREAM-2"}},
          {"a stream is two constants", "stream/cancelled", {"STREAM-3"}},
          {"a stream is two constants", "stream/error-once", {"STREAM-4"}},
          {"lists are empty", "list/pages", {"LIST-1"}},
          {"negative limits are accepted", "list/limits", {"LIST-2"}},
          {"statistics are constants", "list/tally", {"LIST-4"}},
          {"DeleteTask always succeeds", "list/busy-task", {"LIST-5"}},
          {"the interface is that of its time", "wire/descriptor", {}, {"WIRE-1"}},
          {"malformed calls harm no other", "wire/nonsense", {}, {"WIRE-4"}},
      });
  // What it does right is not held against it: an id in its place is kept.
  std::erase_if(results, [](const CaseResult& result) {
    return result.test_case->name == "idempotency/id-in-the-context";
  });
  const Clauses broken = violated_clauses(results);
  for (const char* clause :
       {"SYNC-1",  "SYNC-2", "SYNC-3", "SYNC-5", "ASYNC-1", "ASYNC-3",  "ASYNC-4",
        "ASYNC-5", "MODE-1", "MODE-2", "MODE-3", "STATE-8", "STATE-10", "TIME-2",
        "TIME-4",  "ETA-1",  "WIRE-1", "WIRE-2", "WIRE-3",  "WIRE-4"}) {
    EXPECT_FALSE(broken.contains(clause)) << clause << " is broken";
  }
}

TEST(Spearlet, OfJanuaryUsesUpItsInstances) {
  Spearlet spearlet("2026-01", "");
  const auto results =
      spearlet.judge(shipped_manifest("2026-01"), cases_called({"sync/many-calls-of-a-task"}));
  EXPECT_THAT(violation(results, "sync/many-calls-of-a-task", "SYNC-2"),
              HasSubstr("echo stopped working at call 51"));
}

TEST(Spearlet, OfMayIsJudgedAsItIs) {
  Spearlet spearlet("2026-05", "--lose-every 100000");
  auto results = spearlet.judge(shipped_manifest("2026-05"), cases_of_the_table());
  expect_readable(results);
  expect_rows(results,
              {
                  {"a SYNC call with a timeout works",
                   "sync/completes",
                   {},
                   {"SYNC-2", "SYNC-3", "SYNC-4"}},
                  {"the first ASYNC answer is RUNNING", "async/first-answer", {"ASYNC-1"}},
                  {"a SYNC failure is INTERNAL", "sync/fails", {"SYNC-4"}},
                  {"a SYNC timeout is INTERNAL", "time/sync-timeout", {"TIME-1"}},
                  {"a SYNC termination is INTERNAL", "cancel/sync-caller-is-told", {"CANCEL-9"}},
                  {"an ASYNC failure", "async/fails-later", {}, {"ASYNC-8"}},
                  {"terminated: TERMINATED, RUNNING, FAILED",
                   "cancel/record-stays",
                   {"STATE-1", "STATE-2", "STATE-4", "CANCEL-5"}},
                  {"every termination succeeds", "cancel/finished", {"CANCEL-2", "CANCEL-3"}},
                  {"terminated: then FAILED", "cancel/twice", {"CANCEL-4"}},
                  {"terminated: then FAILED", "cancel/races-the-start", {"STATE-3", "CANCEL-8"}},
                  {"started_at moves", "state/times", {"STATE-6"}},
                  {"lists have no pages", "list/pages", {"LIST-1"}},
                  {"an unknown id is NOT_FOUND", "cancel/unknown", {}, {"CANCEL-1"}},
                  {"an unknown id is NOT_FOUND", "state/unknown-id", {}, {"STATE-10"}},
                  {"an empty output is no result", "state/include-result", {}, {}},
                  {"an empty output is no result",
                   "state/unfinished-has-a-result",
                   {},
                   {"STATE-5", "STATE-9"}},
                  {"an unknown task is INTERNAL", "async/unknown-task", {"ASYNC-6"}},
                  {"modes 0 and 7 run as SYNC", "mode/unspecified", {}, {"MODE-1"}},
                  {"modes 0 and 7 run as SYNC", "mode/out-of-range", {}, {"MODE-1"}},
                  {"a SYNC deadline does not bound", "time/rpc-deadline-bounds-sync", {"TIME-3"}},
                  {"the same id runs again", "idempotency/after-the-end", {"IDEM-1"}},
                  {"the same id runs again", "idempotency/other-request", {"IDEM-2"}},
                  {"the mode STREAM is gone", "wire/descriptor", {}, {"WIRE-1"}},
              });
  // Here it says FAILED as INTERNAL, so the answer lacks its status.
  EXPECT_THAT(violation(results, "mixed/outcomes", "SYNC-2"), HasSubstr("INTERNAL"));
  std::erase_if(results, [](const CaseResult& r) { return r.test_case->name == "mixed/outcomes"; });
  const Clauses broken = violated_clauses(results);
  for (const char* clause :
       {"SYNC-2", "SYNC-3", "ASYNC-3", "ASYNC-4", "ASYNC-7", "ASYNC-8", "MODE-1", "MODE-2",
        "MODE-3", "STATE-5", "STATE-8", "STATE-10", "CANCEL-1", "TIME-2", "TIME-4", "WIRE-1",
        "WIRE-2", "WIRE-3", "WIRE-4"}) {
    EXPECT_FALSE(broken.contains(clause)) << clause << " is broken";
  }
}

// The content type is always application/octet-stream; the bytes are the payload.
TEST(Spearlet, OfMayBringsThePayloadWithoutItsType) {
  Spearlet spearlet("2026-05", "");
  Manifest manifest = shipped_manifest("2026-05");
  manifest.fixtures["echo"].answers_any = false;
  const auto results = spearlet.judge(manifest, cases_called({"sync/completes"}));
  EXPECT_EQ(problems_of(results), "");
}

TEST(Spearlet, OfMayHasATimeoutOfZeroWithoutOne) {
  Spearlet spearlet("2026-05", "");
  Manifest manifest = shipped_manifest("2026-05");
  manifest.fixtures["echo"].request.Clear();
  const auto results = spearlet.judge(manifest, cases_called({"sync/completes"}));
  EXPECT_THAT(violation(results, "sync/completes", "SYNC-2"), HasSubstr("Execution timeout: 0ms"));
}

// One call in many loses its completion: the proof of worth.
TEST(Spearlet, OfMayLosesCompletions) {
  Spearlet spearlet("2026-05", "--lose-every 10");
  const auto results =
      spearlet.judge(shipped_manifest("2026-05"), cases_called({"async/instant-calls-end"}));
  const std::string found = violation(results, "async/instant-calls-end", "STATE-1");
  EXPECT_THAT(found, HasSubstr("5 have not"));
  EXPECT_THAT(found, HasSubstr("RUNNING"));
}

}  // namespace
}  // namespace quintain::conformance
