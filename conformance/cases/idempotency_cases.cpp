// The same id again.
#include <chrono>

#include "conformance/case_run.h"
#include "conformance/cases/case_setup.h"
#include "conformance/cases/families.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;

// The answer to a request whose id names an execution already.
void judge_repetition(CaseRun& run, std::string_view clause, const InvokeCall& call,
                      const std::string& id) {
  if (run.policies().duplicate_id == Policies::DuplicateId::kRefused) {
    run.check(clause, call, call.code() == absl::StatusCode::kAlreadyExists,
              "an id that is taken is refused with ALREADY_EXISTS, as the target declares");
  } else {
    run.check(clause, call, call.answered() && call.answer().execution_id() == id,
              "the same request under the same id is answered from the same record");
  }
}

void judge_single_run(CaseRun& run, std::string_view clause, const std::string& id) {
  const StatusCall status = run.read(id);
  run.check(clause, status, attempts_logged(status.answer()) <= 1, "the function ran once");
  if (!run.profile().serves(Method::kListExecutions)) return;
  int entries = 0;
  for (const auto& entry : list_all(run, run.async("echo").task_id(), 100)) {
    entries += entry.execution_id() == id ? 1 : 0;
  }
  run.check(clause, entries == 1, "the list has one execution of that id",
            "it has " + std::to_string(entries));
}

void after_the_end(CaseRun& run) {
  const auto request = run.async("echo", {{"value", 5}});
  const std::string id = run.start_async(request);
  run.await_end(id);
  const StatusCall before = run.read(id);
  judge_repetition(run, "IDEM-1", run.call(request), id);
  run.sleep_for(100ms);
  const StatusCall after = run.read(id);
  run.check(
      "IDEM-1", after,
      after.answer().result().SerializeAsString() == before.answer().result().SerializeAsString(),
      "the record is as it was");
  judge_single_run(run, "IDEM-1", id);
}

void other_request(CaseRun& run) {
  const auto request = run.async("sleep", {{"ms", 200}});
  const std::string id = run.start_async(request);
  auto other = run.async("echo", {{"value", 1}});
  other.set_execution_id(id);
  const InvokeCall call = run.call(other);
  run.check("IDEM-2", call, refused(run, call, absl::StatusCode::kAlreadyExists),
            "another request under the same id is refused with ALREADY_EXISTS");
  const auto end = run.await_end(id);
  run.check("IDEM-2", end == spearlet::EXECUTION_STATUS_COMPLETED,
            "the first execution is unharmed", "it ended " + status_name(end));
}

void in_flight(CaseRun& run) {
  const auto request = run.async("sleep", {{"ms", 700}});
  const std::string id = start_running(run, request);
  judge_repetition(run, "IDEM-3", run.call(request), id);
  const auto end = run.await_end(id);
  run.check("IDEM-3", end == spearlet::EXECUTION_STATUS_COMPLETED, "it ends as if asked for once",
            "it ended " + status_name(end));
  judge_single_run(run, "IDEM-3", id);
}

void two_sync_callers(CaseRun& run) {
  const auto request = run.sync("sleep", {{"ms", 200}});
  const InvokeCall first = run.send(request);
  const InvokeCall second = run.send(request);
  run.wait(first);
  run.wait(second);
  // Either may have come first.
  if (run.policies().duplicate_id == Policies::DuplicateId::kSameRecord) {
    for (const InvokeCall& call : {first, second}) {
      run.check("IDEM-3", call,
                call.answer().result().status() == spearlet::EXECUTION_STATUS_COMPLETED,
                "both callers get the one result");
    }
  } else {
    run.check("IDEM-3", second, first.answered() != second.answered(),
              "one caller is served and the other refused, as the target declares");
  }
  judge_single_run(run, "IDEM-3", request.execution_id());
}

void past_retention(CaseRun& run) {
  const auto request = run.async("echo", {{"value", 5}});
  const std::string id = run.start_async(request);
  run.await_end(id);
  const core::Instant expires = run.now() + run.policies().retention;
  run.sleep_until(expires + 10ms);
  const bool gone =
      run.poll(
             id, [](const auto& answer) { return !answer.found(); }, run.slack() + 10ms)
          .has_value();
  run.check("IDEM-4", gone, "past retention the id is not found any more",
            "it is still found after the retention that the target declares");
  auto other = run.async("sleep", {{"ms", 10}});
  other.set_execution_id(id);
  const InvokeCall call = run.call(other);
  run.check(
      "IDEM-4", call,
      call.answered() && call.answer().result().status() == spearlet::EXECUTION_STATUS_PENDING,
      "past retention the id is free for another request");
}

}  // namespace

std::vector<Case> idempotency_cases() {
  return {
      {.name = "idempotency/after-the-end",
       .about = "a request is repeated when its execution has ended",
       .clauses = {"IDEM-1"},
       .fixtures = {"echo"},
       .run = after_the_end},
      {.name = "idempotency/other-request",
       .about = "an id that is taken is given to another request",
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

}  // namespace quintain::conformance
