// STATE cases about records: those of SYNC calls, their logs and wall-clock times, and that queries
// leave everything as it is; and slots and places in the queue, whichever mode takes them.
#include <absl/strings/match.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;
using google::protobuf::util::MessageDifferencer;

void sync_record(CaseRun& run) {
  auto limited = run.sync("sleep", {{"ms", kLongMs}});
  limited.mutable_context()->set_timeout_ms(80);
  const std::pair<spearlet::InvokeFunctionRequest, spearlet::ExecutionStatus> calls[] = {
      {run.sync("echo", {{"value", 5}}), kCompleted},
      {run.sync("fail", {{"ms", 20}}), kFailed},
      {limited, kTimeout}};
  for (const auto& [request, status] : calls) {
    const InvokeCall call = submit(run, request);
    if (!call.answered() || status_of(call) != status) {
      CaseRun::abort(fmt::format("a SYNC call did not end {}: {}", status_name(status),
                                 describe(call.recorded())));
    }
    const StatusCall record = run.read(call.answer().execution_id());
    run.check(
        "STATE-11", record, record.answer().found(),
        fmt::format("the record of a SYNC execution that ended {} is found", status_name(status)));
    // The history compares the times, which may be truncated to milliseconds.
    const auto without_times = [](spearlet::ExecutionResult result) {
      result.clear_started_at();
      result.clear_completed_at();
      result.clear_execution_time_ms();
      result.clear_memory_used_bytes();
      result.clear_metrics();
      return result;
    };
    run.check("STATE-11", record,
              MessageDifferencer::Equals(without_times(record.answer().result()),
                                         without_times(call.answer().result())),
              "it has the status, the result and the error of the answer");
  }
}

// What every fixture logs first.
bool has_line(const spearlet::GetExecutionStatusResponse& status, int attempt,
              const std::string& id) {
  const std::string line = fmt::format("attempt {} of {}", attempt, id);
  return std::ranges::any_of(
      status.logs(), [&](const std::string& logged) { return absl::StrContains(logged, line); });
}

void logs(CaseRun& run) {
  const std::string id = run_to_end(run, run.async("echo", {{"value", 1}}));
  for (const bool include : {true, false}) {
    spearlet::GetExecutionStatusRequest request;
    request.set_execution_id(id);
    request.set_include_result(!include);
    request.set_include_logs(include);
    const StatusCall status = run.call(request);
    if (include) {
      run.check("STATE-12", status,
                attempts_logged(status.answer()) == 1 && has_line(status.answer(), 1, id),
                "with include_logs the answer has the line that the function logged");
    } else {
      run.check("STATE-12", status, status.answer().found() && status.answer().logs().empty(),
                "without include_logs the answer has no log lines");
    }
  }
}

// Log lines are added at the end, and none is lost.
void logs_grow(CaseRun& run) {
  auto request = run.async("fail", {{"ms", at_least(0, 20)}});
  request.mutable_context()->set_max_retries(3);
  const std::string id = run.start_async(request);
  std::vector<std::string> seen;
  const auto look = [&](const spearlet::GetExecutionStatusResponse& status) {
    const std::vector<std::string> lines(status.logs().begin(), status.logs().end());
    run.check("STATE-12",
              lines.size() >= seen.size() && std::equal(seen.begin(), seen.end(), lines.begin()),
              "a later answer has the log lines of an earlier one, in the same order, and then "
              "further ones",
              fmt::format("the lines are {} and were {}", lines, seen));
    seen = lines;
    return is_terminal(status.result().status());
  };
  const auto last = run.poll(id, look);
  if (!last) CaseRun::abort(fmt::format("execution {} did not end", id));
  for (int attempt = 1; attempt <= attempts_logged(*last); ++attempt) {
    run.check("STATE-12", has_line(*last, attempt, id),
              fmt::format("the log has the line of attempt {} of this execution", attempt),
              fmt::format("the lines are {}", seen));
  }
}

void wall_clock(CaseRun& run) {
  const core::Duration sent = run.transport().wall_now().since_epoch;
  const InvokeCall call = submit(run, run.sync("sleep", {{"ms", 120}}));
  const core::Duration answered = run.transport().wall_now().since_epoch;
  const auto& result = call.answer().result();
  if (status_of(call) != kCompleted) {
    CaseRun::abort("a SYNC call did not complete: " + describe(call.recorded()));
  }
  const core::Duration started = time_of(result.started_at());
  const core::Duration completed = time_of(result.completed_at());
  // Times may be truncated to milliseconds.
  const core::Duration slack = run.slack() + 1ms;
  run.check("STATE-13", call, started >= sent - slack && started <= answered - 119ms + slack,
            "started_at is the wall-clock time in UTC at which the function started");
  run.check("STATE-13", call, completed >= sent + 119ms - slack && completed <= answered + slack,
            "completed_at is the wall-clock time in UTC at which it ended");
  run.check("STATE-6", call, started >= sent - slack, "started_at is not before the call was sent");
}

void queries_change_nothing(CaseRun& run) {
  const OwnTask task = make_task(run);
  const std::string& id = task.first_execution();
  const std::string unknown = "no-such-" + task.id;
  look_until_quiet(run, [&](Look& look) {
    const auto own_before = get_task(run, task.id, /*include_executions=*/true);
    const Counts before = count(run);
    for (int i = 0; i < 3; ++i) {
      run.read(id);
      run.read(fmt::format("{}-{}", unknown, i));
      get_task(run, unknown, /*include_executions=*/true);
      run.call(spearlet::ListTasksRequest());
      spearlet::ListExecutionsRequest list;
      list.set_task_id(i == 0 ? unknown : task.id);
      run.call(list);
      count(run);
    }
    const Counts after = count(run);
    const auto own_after = get_task(run, task.id, /*include_executions=*/true);
    look.expect("STATE-8", own_after,
                own_after.answer().found() &&
                    MessageDifferencer::Equals(own_before.answer(), own_after.answer()),
                "queries change neither a task nor its executions");
    const auto numbers = [](const Counts& counts) {
      spearlet::GetStatsResponse stats = counts.stats.answer();
      auto& service = *stats.mutable_service_stats();
      service.clear_uptime_seconds();
      service.clear_total_memory_used();
      service.clear_cpu_usage_percent();
      service.clear_memory_usage_percent();
      stats.mutable_task_stats()->clear_most_active_tasks();
      return stats;
    };
    look.expect("STATE-8", after.stats, MessageDifferencer::Equals(numbers(before), numbers(after)),
                "queries change no count: " + brief_json(numbers(before)));
    look.expect("STATE-8", after.health,
                before.details().total_executions() == after.details().total_executions(),
                "queries do not change total_executions of GetHealth");
    const auto made = get_task(run, unknown);
    look.expect("STATE-8", made, !made.answer().found(), "queries make no task");
  });
  drop(run, task);
}

// ---- Slots and places ---------------------------------------------------------------------------

// Fills the slots with SYNC calls and returns their ids.
std::vector<std::string> fill_slots_by_sync(CaseRun& run, std::vector<InvokeCall>& calls) {
  std::vector<std::string> ids;
  for (int i = 0; i < run.node().slots.value_or(0); ++i) {
    auto request = run.sync("sleep", {{"ms", kLongMs}});
    request.mutable_context()->set_timeout_ms(kLongMs.wanted);
    calls.push_back(run.send(request));
    ids.push_back(request.execution_id());
  }
  for (const std::string& id : ids) {
    if (!run.await(id, kRunning)) CaseRun::abort(fmt::format("SYNC call {} does not run", id));
  }
  return ids;
}

void check_waits(CaseRun& run, const std::string& id, std::string_view expected) {
  for (int i = 0; i < 3; ++i) {
    const StatusCall status = run.read(id);
    run.check("STATE-1", status,
              status_of(status) == kPending && !status.answer().result().has_started_at(),
              expected);
    run.sleep_for(30ms);
  }
}

// By the clock of the target alone: an execution that waited has a started_at that is not before
// the first of the others ended.
void check_starts_after(CaseRun& run, const std::string& id,
                        const std::vector<std::string>& blockers) {
  const StatusCall status = run.read(id);
  const auto& result = status.answer().result();
  std::optional<core::Duration> first_end;
  for (const std::string& blocker : blockers) {
    const auto& ended = run.read(blocker).answer().result();
    if (!ended.has_completed_at()) return;
    const core::Duration end = time_of(ended.completed_at());
    first_end = first_end ? std::min(*first_end, end) : end;
  }
  if (!first_end || !result.has_started_at()) return;
  run.check("STATE-6", status, time_of(result.started_at()) >= *first_end - 5ms,
            "started_at is the time at which the function started, not that of the acceptance");
}

void sync_takes_a_slot(CaseRun& run) {
  std::vector<InvokeCall> calls;
  const std::vector<std::string> blockers = fill_slots_by_sync(run, calls);
  const std::string waiting = run.start_async(run.async("echo", {{"value", 1}}));
  check_waits(run, waiting, "an execution waits while SYNC executions take all slots");
  // A SYNC call waits too, in the place of the other one where there is no second.
  const bool only_one_waits = run.node().queue_limit.value_or(2) < 2;
  if (only_one_waits) release(run, {waiting});
  const auto second = run.sync("echo", {{"value", 2}});
  const InvokeCall call = run.send(second);
  const bool is_known = run.await(second.execution_id(), kPending, 1s + run.slack());
  run.check("STATE-1", is_known && !call.ended(),
            "a SYNC execution that waits for a slot is PENDING, and its call is open",
            call.ended() ? describe(call.recorded()) : "its status is another");
  if (is_known) check_waits(run, second.execution_id(), "a SYNC execution that waits is PENDING");
  release(run, blockers);
  run.wait(call);
  run.check("STATE-1", call, status_of(call) == kCompleted, "it runs once a slot is free");
  check_starts_after(run, second.execution_id(), blockers);
  if (only_one_waits) return;
  check_end(run, "STATE-1", waiting, kCompleted, "the ASYNC one runs once a slot is free");
}

void places_come_back(CaseRun& run) {
  constexpr int kMaxPlaces = 1000;
  const int limit = *run.node().queue_limit;
  if (limit > kMaxPlaces) CaseRun::not_judged("the queue is too long to be filled");
  std::vector<std::string> ids = fill_slots(run);
  std::vector<InvokeCall> waiting;
  for (int i = 0; i < limit; ++i) {
    waiting.push_back(run.send(run.async("sleep", {{"ms", kLongMs}})));
  }
  for (const InvokeCall& call : waiting) {
    run.wait(call);
    run.check("ASYNC-9", call, call.answered(), fmt::format("{} executions may wait", limit));
    ids.push_back(call.answer().execution_id());
  }
  auto making = run.async("echo", {{"value", 1}});
  making.set_task_id("task-" + making.execution_id());
  making.set_create_if_not_exists(true);
  *making.mutable_artifact_spec() = artifact(making.task_id());
  const auto full = [&](std::string_view when) {
    const InvokeCall call = run.call(run.async("sleep", {{"ms", kLongMs}}));
    run.check("ASYNC-9", call, refused(run, call, absl::StatusCode::kResourceExhausted),
              fmt::format("{} the full queue refuses with RESOURCE_EXHAUSTED", when));
  };
  full("at first");
  if (run.profile().expresses(Method::kInvokeFunction, making)) {
    const InvokeCall call = run.call(making);
    run.check("TASK-4", call,
              refused(run, call, absl::StatusCode::kResourceExhausted) ||
                  absl::IsUnimplemented(call.recorded().status),
              "a full queue refuses a call that would make a task");
    const auto task = get_task(run, making.task_id());
    run.check("TASK-4", task, task.answered() && !task.answer().found(),
              "a call that a full queue refused makes no task");
  }
  // The first, the last and one between them.
  for (const int place : std::set{0, limit / 2, limit - 1}) {
    const std::string& id = ids[static_cast<std::size_t>(run.node().slots.value_or(0) + place)];
    release(run, {id});
    run.await_end(id);
    const InvokeCall next = run.call(run.async("sleep", {{"ms", kLongMs}}));
    if (next.answered()) ids.push_back(next.answer().execution_id());
    run.check("ASYNC-9", next, next.answered(),
              "the place of an execution that was cancelled while it waited is free");
    full("then");
  }
  release(run, ids);
}

std::vector<Case> record_cases() {
  return {
      {.name = "state/sync-record",
       .about = "the records of SYNC calls that ended in several ways are read later",
       .clauses = {"STATE-11", "STATE-2"},
       .fixtures = {"echo", "fail", "sleep"},
       .run = sync_record},
      {.name = "state/logs",
       .about = "include_logs decides whether a status answer has log lines",
       .clauses = {"STATE-12"},
       .fixtures = {"echo"},
       .run = logs},
      {.name = "state/logs-grow",
       .about = "the log lines of an execution with several attempts are read as they come",
       .clauses = {"STATE-12"},
       .fixtures = {"fail"},
       .run = logs_grow},
      {.name = "state/wall-clock",
       .about = "started_at and completed_at are compared with the client's clock",
       .clauses = {"STATE-13", "STATE-6"},
       .fixtures = {"sleep"},
       .run = wall_clock},
      {.name = "state/queries-change-nothing",
       .about = "lists and counts are the same before and after queries of all kinds",
       .clauses = {"STATE-8"},
       .fixtures = {"echo"},
       .exclusive = true,
       .run = queries_change_nothing},
      {.name = "state/sync-takes-a-slot",
       .about = "executions of both modes wait while SYNC calls take all slots",
       .clauses = {"STATE-1"},
       .fixtures = {"echo", "sleep"},
       .needs = {Need::kSlots},
       .exclusive = true,
       .run = sync_takes_a_slot},
      {.name = "async/places-come-back",
       .about = "executions that are cancelled while they wait leave their places to others",
       .clauses = {"ASYNC-9"},
       .fixtures = {"echo", "sleep"},
       .needs = {Need::kSlots, Need::kQueueLimit},
       .exclusive = true,
       .run = places_come_back},
  };
}

const RegisterCases kRecordCases(4, record_cases);

}  // namespace
}  // namespace quintain::conformance
