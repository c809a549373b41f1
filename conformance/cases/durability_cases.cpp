// DUR cases: a target that is killed and started again.
#include <string>
#include <vector>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

std::string bytes_of(spearlet::ExecutionResult result) {
  result.clear_metrics();
  return result.SerializeAsString();
}

std::string accepted(CaseRun& run, const spearlet::InvokeFunctionRequest& request) {
  const InvokeCall call = submit(run, request);
  if (!call.answered()) CaseRun::abort("a call was refused: " + describe(call.recorded()));
  return call.answer().execution_id();
}

void check_repeated(CaseRun& run, const spearlet::InvokeFunctionRequest& request,
                    const std::string& id) {
  const InvokeCall again = run.call(request);
  if (run.policies().duplicate_id == Policies::DuplicateId::kRefused) {
    run.check("DUR-3", again, again.code() == absl::StatusCode::kAlreadyExists,
              "an id that was used before the crash is refused with ALREADY_EXISTS");
    return;
  }
  run.check(
      "DUR-3", again,
      again.answered() && again.answer().execution_id() == id && status_of(again) == kCompleted,
      "the same request with the same id is answered from the record before the crash");
}

void survives_a_crash(CaseRun& run) {
  if (run.policies().durability == Policies::Durability::kNone) {
    throw CaseRun::NotApplicable{"policies.durability is 'none': a crash may lose everything"};
  }
  const auto request = run.async("echo", {{"value", 7}});
  const std::string ended = accepted(run, request);
  const std::string failed = accepted(run, run.async("fail"));
  if (!run.await(ended, kCompleted)) CaseRun::abort("echo does not complete");
  if (!run.await(failed, kFailed)) CaseRun::abort("fail does not fail");
  const std::vector<std::string> running = fill_slots(run);
  const std::string waiting = accepted(run, run.async("echo", {{"value", 8}}));
  if (!run.await(waiting, kPending)) CaseRun::abort("an execution does not wait for a slot");
  const StatusCall end_before = run.read(ended);
  const StatusCall failure_before = run.read(failed);

  const absl::Status restarted = run.transport().restart();
  if (!restarted.ok()) {
    release(run, running);
    release(run, {waiting});
    if (!absl::IsUnimplemented(restarted)) CaseRun::abort(std::string(restarted.message()));
    throw CaseRun::NotApplicable{std::string(restarted.message())};
  }
  for (const auto& [id, before] :
       {std::pair(ended, end_before), std::pair(failed, failure_before)}) {
    const StatusCall after = run.read(id);
    run.check("DUR-1", after, after.answer().found(), "an execution that has ended is found");
    run.check("DUR-1", after,
              bytes_of(after.answer().result()) == bytes_of(before.answer().result()),
              "its end is the same as before the crash: " + describe(before.recorded()));
  }
  for (const std::string& id : running) {
    const StatusCall after = run.read(id);
    run.check("DUR-1", after, after.answer().found(), "an execution that was running is found");
    run.check(
        "DUR-2", after,
        status_of(after) == kFailed && after.answer().result().error_code() == "NODE_RESTARTED",
        "an execution that was RUNNING and has no retries ends FAILED with NODE_RESTARTED");
  }
  const StatusCall found = run.read(waiting);
  run.check("DUR-1", found, found.answer().found(), "an execution that was waiting is found");
  check_end(run, "DUR-2", waiting, kCompleted, "an execution that was PENDING runs and completes");
  check_repeated(run, request, ended);
}

std::vector<Case> durability_cases() {
  return {
      {.name = "durability/survives-a-crash",
       .about = "the target is killed while executions have ended, run and wait, and starts again",
       .clauses = {"DUR-1", "DUR-2", "DUR-3"},
       .fixtures = {"echo", "fail", "sleep"},
       .needs = {Need::kSlots},
       .exclusive = true,
       .ends_the_target = true,
       .run = survives_a_crash},
  };
}

// Before the cases after which the target is not there any more.
const RegisterCases kDurabilityCases(15, durability_cases);

}  // namespace
}  // namespace quintain::conformance
