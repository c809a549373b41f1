// STATE cases: what a status says, and that every reader sees the same. Most of these clauses are
// judged on the history of every case (judgement/history); the cases here produce histories that
// put them to the test.
#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include <chrono>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;
using google::protobuf::util::MessageDifferencer;

constexpr int kClients = 4;

void life(CaseRun& run) {
  const std::string id = run.start_async(run.async("sleep", {{"ms", at_least(100)}}));
  watch_by_many(run, id, kClients);
  const StatusCall status = run.read(id);
  run.check("STATE-1", status, status_of(status) == kCompleted,
            "an execution whose function returns ends COMPLETED");
  run.check("STATE-2", run.read(id),
            MessageDifferencer::Equals(run.read(id).answer().result(), status.answer().result()),
            "the result of an execution that has ended does not change");
}

void queued_is_pending(CaseRun& run) {
  const std::vector<std::string> blockers = fill_slots(run);
  const std::string id = run.start_async(run.async("echo", {{"value", 1}}));
  for (int i = 0; i < 5; ++i) {
    const StatusCall status = run.read(id);
    run.check("STATE-1", status, status_of(status) == kPending,
              "an execution that waits for a slot is PENDING");
    run.check("STATE-6", status, !status.answer().result().has_started_at(),
              "an execution that has not started has no started_at");
    run.sleep_for(20ms);
  }
  release(run, blockers);
  check_end(run, "STATE-1", id, kCompleted, "it runs once a slot is free");
}

void check_stable(CaseRun& run, const std::string& id, spearlet::ExecutionStatus expected) {
  run.await_end(id);
  const StatusCall first = run.read(id);
  run.check("STATE-2", first, status_of(first) == expected,
            fmt::format("the execution ends {}", status_name(expected)));
  for (int i = 0; i < 5; ++i) {
    run.sleep_for(60ms);
    const StatusCall again = run.read(id);
    run.check("STATE-2", again,
              MessageDifferencer::Equals(first.answer().result(), again.answer().result()),
              "status, result, times and error are the same at every query");
  }
}

void ends_are_final(CaseRun& run) {
  check_stable(run, run.start_async(run.async("echo", {{"value", 1}})), kCompleted);
  check_stable(run, run.start_async(run.async("fail")), kFailed);
  auto limited = run.async("sleep", {{"ms", at_least(300)}});
  limited.mutable_context()->set_timeout_ms(100);
  check_stable(run, run.start_async(limited), kTimeout);
  const std::string cancelled = start_running(run, run.async("sleep", {{"ms", kLongMs}}));
  run.cancel(cancelled);
  check_stable(run, cancelled, kCancelled);
}

void races(CaseRun& run) {
  // A cancel, a timeout and the function's own end, all at about the same time.
  for (int i = 0; i < 12; ++i) {
    auto request = run.async("sleep", {{"ms", 30}});
    if (i % 2 == 1) request.mutable_context()->set_timeout_ms(30);
    const core::Instant start = run.now();
    const std::string id = run.start_async(request);
    run.sleep_until(start + std::chrono::milliseconds(26 + i));
    const CancelCall cancel = run.send_cancel(id);
    watch_by_many(run, id, 2);
    run.wait(cancel);
    const StatusCall status = run.read(id);
    const auto end = status_of(status);
    run.check("STATE-3", status, is_terminal(end), "the execution has one terminal status");
    run.check("STATE-3", cancel, !cancel.answered() || cancel.answer().final_status() == end,
              fmt::format("the cancel reports the same terminal status: {}", status_name(end)));
  }
}

void times(CaseRun& run) {
  const std::string id = run.start_async(run.async("sleep", {{"ms", at_least(120)}}));
  run.await_end(id);
  const StatusCall status = run.read(id);
  const auto& result = status.answer().result();
  const auto since_epoch = [](const google::protobuf::Timestamp& time) {
    return std::chrono::seconds(time.seconds()) + std::chrono::nanoseconds(time.nanos());
  };
  const core::Duration ran = since_epoch(result.completed_at()) - since_epoch(result.started_at());
  run.check("STATE-6", status, result.has_started_at() && result.has_completed_at(),
            "an execution that ran and ended has both times");
  const std::chrono::milliseconds takes(run.takes_ms("sleep", 120));
  run.check(
      "STATE-6", status, ran >= takes - 1ms && ran <= takes + 1ms + run.slack(),
      fmt::format("completed_at - started_at is the function's duration, {} ms", takes.count()));
  run.check("STATE-7", status,
            std::abs(result.execution_time_ms() - core::floor_milliseconds(ran)) <= 1,
            "execution_time_ms is completed_at - started_at");
}

void reads_change_nothing(CaseRun& run) {
  const std::string left_alone = run.start_async(run.async("sleep", {{"ms", at_least(150)}}));
  const std::string watched = run.start_async(run.async("sleep", {{"ms", at_least(150)}}));
  // Many, but over a slow connection not until the records expire.
  const core::Instant until = run.now() + 2s;
  for (int i = 0; i < 40 && run.now() < until; ++i) {
    run.read(watched);
    run.read("no-such-execution-" + watched);
    run.sleep_for(2ms);
  }
  const auto end = run.await_end(watched);
  // Without an end of its own the other one shows that the queries are not the reason.
  if (!is_terminal(end) && !is_terminal(status_of(run.read(left_alone)))) {
    CaseRun::abort("an execution whose status nothing has read does not end either");
  }
  run.check("STATE-8", end == kCompleted, "an execution whose status is read ends like any other",
            "its final status is " + status_name(end));
  const StatusCall status = run.read(watched);
  run.check("STATE-8", status, attempts_logged(status.answer()) <= 1, "a query starts nothing");
  for (int i = 0; i < 3; ++i) {
    const StatusCall again = run.read(watched);
    run.check("STATE-8", again, again.answer().found(), "a query does not remove the record");
  }
  const StatusCall unknown = run.read("no-such-execution-" + watched);
  run.check("STATE-8", unknown, unknown.answered() && !unknown.answer().found(),
            "a query does not make a record");
}

void include_result(CaseRun& run) {
  const std::string id = run.start_async(run.async("echo", {{"value", 7}}));
  run.await_end(id);
  spearlet::GetExecutionStatusRequest without;
  without.set_execution_id(id);
  const StatusCall bare = run.call(without);
  const StatusCall full = run.read(id);
  run.check("STATE-9", bare, bare.answer().has_result() && !has_payload(bare.answer().result()),
            "include_result = false leaves out the payload only");
  run.check("STATE-9", full, echoes(run, full.answer().result(), 7),
            "include_result = true includes the payload");
  const auto stripped = [](spearlet::ExecutionResult result) {
    result.clear_result();
    return result;
  };
  run.check("STATE-9", bare,
            MessageDifferencer::Equals(stripped(full.answer().result()),
                                       stripped(bare.answer().result())),
            "the rest of the result is the same with and without the payload");
}

void unfinished_has_a_result(CaseRun& run) {
  const std::string id = start_running(run, run.async("sleep", {{"ms", at_least(1000)}}));
  for (const bool include : {false, true}) {
    spearlet::GetExecutionStatusRequest request;
    request.set_execution_id(id);
    request.set_include_result(include);
    const StatusCall status = run.call(request);
    const bool specified = status_of(status) != spearlet::EXECUTION_STATUS_UNSPECIFIED;
    run.check("STATE-9", status, status.answer().has_result() && specified,
              "a running execution has a result with its status");
    run.check("STATE-5", status, specified, "a status is never UNSPECIFIED");
  }
}

void unknown_id(CaseRun& run) {
  for (const std::string& id : {run.fresh_id(), std::string("..")}) {
    const StatusCall status = run.read(id);
    run.check("STATE-10", status, status.answered() && !status.answer().found(),
              "an unknown id is answered with found = false and no error");
  }
}

std::vector<Case> state_cases() {
  return {
      {.name = "state/life",
       .about = "several clients read one execution's status from acceptance to the end",
       .clauses = {"STATE-1", "STATE-2", "STATE-3", "STATE-4", "STATE-5", "STATE-6"},
       .fixtures = {"sleep"},
       .run = life},
      {.name = "state/queued-is-pending",
       .about = "an execution that waits for a slot is PENDING, and runs once a slot is free",
       .clauses = {"STATE-1", "STATE-6"},
       .fixtures = {"echo", "sleep"},
       .needs = {Need::kSlots},
       .exclusive = true,
       .run = queued_is_pending},
      {.name = "state/ends-are-final",
       .about = "executions that ended in each way are read several times: nothing changes",
       .clauses = {"STATE-2", "STATE-6"},
       .fixtures = {"echo", "sleep", "fail"},
       .run = ends_are_final},
      {.name = "state/races",
       .about = "a cancel, a timeout and the function's end coincide: all readers see one outcome",
       .clauses = {"STATE-3", "STATE-4"},
       .fixtures = {"sleep"},
       .run = races},
      {.name = "state/times",
       .about = "started_at, completed_at and execution_time_ms agree with each other",
       .clauses = {"STATE-6", "STATE-7"},
       .fixtures = {"sleep"},
       .run = times},
      {.name = "state/reads-change-nothing",
       .about = "an execution whose status is read often ends like any other",
       .clauses = {"STATE-8"},
       .fixtures = {"sleep"},
       .run = reads_change_nothing},
      {.name = "state/include-result",
       .about = "include_result decides about the payload and nothing else",
       .clauses = {"STATE-9"},
       .fixtures = {"echo"},
       .run = include_result},
      {.name = "state/unfinished-has-a-result",
       .about = "a status query of a running execution returns a result with its status",
       .clauses = {"STATE-5", "STATE-9"},
       .fixtures = {"sleep"},
       .run = unfinished_has_a_result},
      {.name = "state/unknown-id",
       .about = "a status query of an unknown id is no error",
       .clauses = {"STATE-10"},
       .run = unknown_id},
  };
}

const RegisterCases kStateCases(5, state_cases);

}  // namespace
}  // namespace quintain::conformance
