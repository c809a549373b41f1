// The same id again.
#include <chrono>

#include "conformance/cases/families.h"
#include "conformance/cases/scenes.h"
#include "conformance/trial.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;

// The answer to a request whose id names an execution already.
void judge_repetition(Trial& trial, std::string_view clause, const InvokeCall& call,
                      const std::string& id) {
  if (trial.policies().duplicate_id == Policies::DuplicateId::kRefused) {
    trial.check(clause, call, call.code() == absl::StatusCode::kAlreadyExists,
                "an id that is taken is refused with ALREADY_EXISTS, as the target declares");
  } else {
    trial.check(clause, call, call.answered() && call.answer().execution_id() == id,
                "the same request under the same id is answered from the same record");
  }
}

void judge_single_run(Trial& trial, std::string_view clause, const std::string& id) {
  const StatusCall status = trial.read(id);
  trial.check(clause, status, attempts_logged(status.answer()) <= 1, "the function ran once");
  if (!trial.profile().serves(Method::kListExecutions)) return;
  int entries = 0;
  for (const auto& entry : list_all(trial, trial.async("echo").task_id(), 100)) {
    entries += entry.execution_id() == id ? 1 : 0;
  }
  trial.check(clause, entries == 1, "the list has one execution of that id",
              "it has " + std::to_string(entries));
}

void after_the_end(Trial& trial) {
  const auto request = trial.async("echo", {{"value", 5}});
  const std::string id = trial.start_async(request);
  trial.await_end(id);
  const StatusCall before = trial.read(id);
  judge_repetition(trial, "IDEM-1", trial.call(request), id);
  trial.sleep_for(100ms);
  const StatusCall after = trial.read(id);
  trial.check(
      "IDEM-1", after,
      after.answer().result().SerializeAsString() == before.answer().result().SerializeAsString(),
      "the record is as it was");
  judge_single_run(trial, "IDEM-1", id);
}

void other_request(Trial& trial) {
  const auto request = trial.async("sleep", {{"ms", 200}});
  const std::string id = trial.start_async(request);
  auto other = trial.async("echo", {{"value", 1}});
  other.set_execution_id(id);
  const InvokeCall call = trial.call(other);
  trial.check("IDEM-2", call, refused(trial, call, absl::StatusCode::kAlreadyExists),
              "another request under the same id is refused with ALREADY_EXISTS");
  const auto end = trial.await_end(id);
  trial.check("IDEM-2", end == spearlet::EXECUTION_STATUS_COMPLETED,
              "the first execution is unharmed", "it ended " + status_name(end));
}

void in_flight(Trial& trial) {
  const auto request = trial.async("sleep", {{"ms", 700}});
  const std::string id = start_running(trial, request);
  judge_repetition(trial, "IDEM-3", trial.call(request), id);
  const auto end = trial.await_end(id);
  trial.check("IDEM-3", end == spearlet::EXECUTION_STATUS_COMPLETED, "it ends as if asked for once",
              "it ended " + status_name(end));
  judge_single_run(trial, "IDEM-3", id);
}

void two_sync_callers(Trial& trial) {
  const auto request = trial.sync("sleep", {{"ms", 200}});
  const InvokeCall first = trial.send(request);
  const InvokeCall second = trial.send(request);
  trial.wait(first);
  trial.wait(second);
  // Either may have come first.
  if (trial.policies().duplicate_id == Policies::DuplicateId::kSameRecord) {
    for (const InvokeCall& call : {first, second}) {
      trial.check("IDEM-3", call,
                  call.answer().result().status() == spearlet::EXECUTION_STATUS_COMPLETED,
                  "both callers get the one result");
    }
  } else {
    trial.check("IDEM-3", second, first.answered() != second.answered(),
                "one caller is served and the other refused, as the target declares");
  }
  judge_single_run(trial, "IDEM-3", request.execution_id());
}

void past_retention(Trial& trial) {
  const auto request = trial.async("echo", {{"value", 5}});
  const std::string id = trial.start_async(request);
  trial.await_end(id);
  const core::Instant expires = trial.now() + trial.policies().retention;
  trial.sleep_until(expires + 10ms);
  const bool gone =
      trial.poll(
               id, [](const auto& answer) { return !answer.found(); }, trial.slack() + 10ms)
          .has_value();
  trial.check("IDEM-4", gone, "past retention the id is not found any more",
              "it is still found after the retention that the target declares");
  auto other = trial.async("sleep", {{"ms", 10}});
  other.set_execution_id(id);
  const InvokeCall call = trial.call(other);
  trial.check(
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
