// IDEM cases: the same execution id in several requests.
#include <chrono>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;

// Judges the answer to a request whose id belongs to an execution already.
void check_repetition(CaseRun& run, std::string_view clause, const InvokeCall& call,
                      const std::string& id) {
  if (run.policies().duplicate_id == Policies::DuplicateId::kRefused) {
    run.check(clause, call, call.code() == absl::StatusCode::kAlreadyExists,
              "an id in use is refused with ALREADY_EXISTS, as the target declares");
  } else {
    run.check(clause, call, call.answered() && call.answer().execution_id() == id,
              "the same request under the same id is answered from the same record");
  }
}

void check_single_run(CaseRun& run, std::string_view clause, const std::string& id) {
  const StatusCall status = run.read(id);
  run.check(clause, status, attempts_logged(status.answer()) <= 1, "the function ran once");
  if (!run.profile().serves(Method::kListExecutions)) return;
  int entries = 0;
  for (const auto& entry : list_all(run, run.async("echo").task_id(), 100)) {
    entries += entry.execution_id() == id ? 1 : 0;
  }
  run.check(clause, entries == 1, "the list has one execution with that id",
            "it has " + std::to_string(entries));
}

void after_the_end(CaseRun& run) {
  const auto request = run.async("echo", {{"value", 5}});
  const std::string id = run.start_async(request);
  run.await_end(id);
  const StatusCall before = run.read(id);
  check_repetition(run, "IDEM-1", run.call(request), id);
  run.sleep_for(100ms);
  const StatusCall after = run.read(id);
  run.check(
      "IDEM-1", after,
      after.answer().result().SerializeAsString() == before.answer().result().SerializeAsString(),
      "the record is unchanged");
  check_single_run(run, "IDEM-1", id);
}

void other_request(CaseRun& run) {
  const auto request = run.async("sleep", {{"ms", at_least(200)}});
  const std::string id = run.start_async(request);
  auto other = run.async("echo", {{"value", 1}});
  other.set_execution_id(id);
  const InvokeCall call = run.call(other);
  run.check("IDEM-2", call, refused(run, call, absl::StatusCode::kAlreadyExists),
            "another request under the same id is refused with ALREADY_EXISTS");
  check_end(run, "IDEM-2", id, kCompleted, "the first execution completes unharmed");
}

void in_flight(CaseRun& run) {
  const auto request = run.async("sleep", {{"ms", at_least(700)}});
  const std::string id = start_running(run, request);
  check_repetition(run, "IDEM-3", run.call(request), id);
  check_end(run, "IDEM-3", id, kCompleted, "it ends as if it had been requested once");
  check_single_run(run, "IDEM-3", id);
}

void two_sync_callers(CaseRun& run) {
  const auto request = run.sync("sleep", {{"ms", at_least(200)}});
  const InvokeCall first = run.send(request);
  const InvokeCall second = run.send(request);
  run.wait(first);
  run.wait(second);
  if (run.policies().duplicate_id == Policies::DuplicateId::kSameRecord) {
    for (const InvokeCall& call : {first, second}) {
      run.check("IDEM-3", call, status_of(call) == kCompleted,
                "both callers get the result of the one execution");
    }
  } else {
    // Either call may have arrived first.
    run.check("IDEM-3", second, first.answered() != second.answered(),
              "one caller is served and the other refused, as the target declares");
  }
  check_single_run(run, "IDEM-3", request.execution_id());
}

void past_retention(CaseRun& run) {
  const auto request = run.async("echo", {{"value", 5}});
  const std::string id = run.start_async(request);
  run.await_end(id);
  run.sleep_until(run.now() + run.policies().retention + 10ms);
  const bool gone =
      run.poll(
             id, [](const auto& answer) { return !answer.found(); }, run.slack() + 10ms)
          .has_value();
  run.check("IDEM-4", gone, "past its retention an execution is not found",
            "it is still found after the retention that the target declares");
  auto other = run.async("sleep", {{"ms", at_least(10)}});
  other.set_execution_id(id);
  const InvokeCall call = run.call(other);
  run.check("IDEM-4", call, status_of(call) == kPending,
            "past retention the id is free for another request");
}

std::vector<Case> idempotency_cases() {
  return {
      {.name = "idempotency/after-the-end",
       .about = "a request is repeated when its execution has ended",
       .clauses = {"IDEM-1"},
       .fixtures = {"echo"},
       .run = after_the_end},
      {.name = "idempotency/other-request",
       .about = "another request uses an execution's id: it is refused",
       .clauses = {"IDEM-2"},
       .fixtures = {"sleep", "echo"},
       .run = other_request},
      {.name = "idempotency/in-flight",
       .about = "a request is repeated while its execution runs",
       .clauses = {"IDEM-3"},
       .fixtures = {"sleep", "echo"},
       .run = in_flight},
      {.name = "idempotency/two-sync-callers",
       .about = "two SYNC callers send the same request at once",
       .clauses = {"IDEM-3"},
       .fixtures = {"sleep", "echo"},
       .run = two_sync_callers},
      {.name = "idempotency/past-retention",
       .about = "a record expires, and its id can be used again",
       .clauses = {"IDEM-4"},
       .fixtures = {"echo", "sleep"},
       .needs = {Need::kRetention},
       .run = past_retention},
  };
}

const RegisterCases kIdempotencyCases(7, idempotency_cases);

}  // namespace
}  // namespace quintain::conformance
