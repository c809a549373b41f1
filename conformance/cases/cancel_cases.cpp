// CANCEL cases: which executions a cancel ends, which it does not, and what it reports.
#include <absl/strings/ascii.h>
#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "conformance/cases/case_setup.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;
using google::protobuf::util::MessageDifferencer;

// How long a cancelled function may take to stop: the declared grace, or a second.
core::Duration grace(const CaseRun& run) { return run.node().cancel_grace.value_or(1s); }

// Whether the text has these words, whatever comes before and after them.
bool has_words(std::string_view text, std::string_view words) {
  const std::size_t at = text.find(words);
  if (at == std::string_view::npos) return false;
  const std::size_t end = at + words.size();
  return (at == 0 || !absl::ascii_isalnum(static_cast<unsigned char>(text[at - 1]))) &&
         (end == text.size() || !absl::ascii_isalnum(static_cast<unsigned char>(text[end])));
}

void unknown(CaseRun& run) {
  const std::string id = run.fresh_id();
  run.read(id);
  for (const bool force : {false, true}) {
    const CancelCall call = force ? run.wait(run.send_forced_cancel(id)) : run.cancel(id);
    if (run.policies().cancel_unknown == Policies::CancelUnknown::kNotFound) {
      run.check("CANCEL-1", call, call.code() == absl::StatusCode::kNotFound,
                "cancelling an unknown id is refused with NOT_FOUND, as the target declares");
    } else {
      run.check("CANCEL-1", call, call.answered() && !call.answer().success(),
                "cancelling an unknown id is answered with success = false");
      run.check("CANCEL-10", call,
                call.answer().final_status() == spearlet::EXECUTION_STATUS_UNSPECIFIED,
                "the final_status for an unknown id is UNSPECIFIED");
    }
  }
  const StatusCall status = run.read(id);
  run.check("CANCEL-10", status, status.answered() && !status.answer().found(),
            "a cancel of an unknown id makes no record");
  // The twin: the cancel of a known id succeeds.
  const CancelCall known = run.cancel(start_running(run, run.async("sleep", {{"ms", kLongMs}})));
  run.check("CANCEL-1", known, known.answer().success(), "cancelling a known id succeeds");
}

void finished(CaseRun& run) {
  const std::string id = run.start_async(run.async("echo", {{"value", 1}}));
  run.await_end(id);
  const StatusCall before = run.read(id);
  for (const CancelCall& sent :
       {run.send_cancel(id, /*force=*/false, "too late"), run.send_forced_cancel(id)}) {
    const CancelCall call = run.wait(sent);
    run.check(
        "CANCEL-2", call,
        call.answered() && !call.answer().success() && call.answer().final_status() == kCompleted,
        "cancelling a finished execution is no success and reports its real status");
  }
  const StatusCall after = run.read(id);
  run.check("CANCEL-2", after,
            before.answer().found() &&
                MessageDifferencer::Equals(before.answer().result(), after.answer().result()),
            "nothing changes after a terminal status");
}

// Returns whether the function has outrun the cancel, and then judges what follows. Judges a
// function that has not, too, if `is_last`.
bool outruns(CaseRun& run, bool is_last) {
  const core::Duration lag = round_trip(run);
  // A forced cancel does not make the next one forced.
  run.send_forced_cancel(run.fresh_id());
  // The function ignores the cancel and returns before the grace ends.
  const std::int64_t wanted_ms = core::floor_milliseconds(600ms + 6 * lag);
  const std::string id = start_running(run, run.async("stubborn", {{"ms", at_least(wanted_ms)}}));
  const core::Duration rest = std::chrono::milliseconds(run.takes_ms("stubborn", wanted_ms) + 100);
  const CancelCall call = run.cancel(id);
  const auto end = run.await_end(id);
  if (run.policies().cancel_running == Policies::CancelRunning::kCooperative &&
      grace(run) > rest + run.slack()) {
    if (end != kCompleted && !is_last) return false;
    run.check("CANCEL-3", end == kCompleted,
              "a function that returns within the grace has its own outcome",
              "its final status is " + status_name(end));
  }
  if (run.policies().cancel_running == Policies::CancelRunning::kImmediate) {
    run.check("CANCEL-3", end == kCancelled,
              "a running function is killed at once, as declared, so that it cannot complete",
              "its final status is " + status_name(end));
  }
  run.check(
      "CANCEL-3", call, call.answered() && call.answer().success() == (end == kCancelled),
      fmt::format("success is true exactly if the cancel had an effect; the final status is {}",
                  status_name(end)));
  run.sleep_for(rest);
  const StatusCall later = run.read(id);
  run.check("CANCEL-3", later, later.answer().found() && status_of(later) == end,
            "an execution that was reported CANCELLED does not complete later");
  return true;
}

void outrun(CaseRun& run) {
  // On a busy machine a function may return late. If it does so each time, it is not the machine.
  for (int left = run.exact() ? 0 : 2; !outruns(run, left == 0); --left) {
  }
}

void twice(CaseRun& run) {
  const std::string id = start_running(run, run.async("sleep", {{"ms", kLongMs}}));
  const CancelCall first = run.send_cancel(id);
  const CancelCall second = run.send_cancel(id);
  run.wait(first);
  run.wait(second);
  const CancelCall third = run.cancel(id);
  for (const CancelCall& call : {first, second, third}) {
    run.check("CANCEL-4", call, call.answered(), "a second cancel is answered without an error");
    run.check("CANCEL-4", call, call.answer().final_status() == kCancelled,
              "every cancel reports that the execution is CANCELLED");
  }
  const StatusCall status = run.read(id);
  run.check("CANCEL-4", status, status_of(status) == kCancelled, "the execution is CANCELLED");
}

// Long enough not to fit into a short column.
constexpr std::string_view kReason =
    "operator's wish: the input was replaced by a newer one, which is processed by another "
    "execution at present (größer, 世界)";

void record_stays(CaseRun& run) {
  const std::string id = start_running(run, run.async("sleep", {{"ms", kLongMs}}));
  run.cancel(id, /*force=*/false, kReason);
  const StatusCall status = run.read(id);
  run.check("CANCEL-5", status, status.answer().found() && status_of(status) == kCancelled,
            "the record stays, as CANCELLED");
  run.check("CANCEL-5", status, has_words(status.answer().result().error_message(), kReason),
            "the record has the reason");
}

// The first of two reasons stays, whichever of the cancels ends the execution.
void first_reason(CaseRun& run) {
  const core::Duration lag = round_trip(run);
  const std::int64_t grace_ms = core::floor_milliseconds(grace(run));
  const std::string id =
      start_running(run, run.async("stubborn", {{"ms", at_least(2 * grace_ms, kLongMs.wanted)}}));
  const CancelCall first = run.send_cancel(id, /*force=*/false, "the first reason");
  // The first cancel arrives before the second is sent.
  run.sleep_for(200ms + 2 * lag);
  spearlet::CancelExecutionRequest forced;
  forced.set_force(true);
  const bool has_force = run.profile().expresses(Method::kCancelExecution, forced);
  const CancelCall second = run.send_cancel(id, has_force, "the second reason");
  run.wait_until([&] { return first.ended() && second.ended(); }, grace(run) + 2s + run.slack());
  run.check("CANCEL-12", second, second.answered() && second.answer().final_status() == kCancelled,
            "a cancel in the grace of another is answered with the end of the execution");
  const StatusCall ended = run.read(id);
  run.check("CANCEL-12", ended,
            status_of(ended) == kCancelled &&
                has_words(ended.answer().result().error_message(), "the first reason"),
            "the record has the reason of the first cancel");
  run.cancel(id, /*force=*/false, "too late");
  const StatusCall later = run.read(id);
  run.check("CANCEL-12", later,
            MessageDifferencer::Equals(ended.answer().result(), later.answer().result()),
            "a cancel after the end does not change the record");
}

void grace_is_not_prolonged(CaseRun& run) {
  const std::int64_t grace_ms = core::floor_milliseconds(grace(run));
  const std::string id =
      start_running(run, run.async("stubborn", {{"ms", at_least(3 * grace_ms, kLongMs.wanted)}}));
  const core::Instant sent = run.now();
  const CancelCall first = run.send_cancel(id);
  const core::Instant limit = sent + grace(run) + run.slack();
  // Each further cancel would move the end of the grace beyond the limit.
  std::vector<CancelCall> further;
  while (!first.ended() && run.now() < limit) {
    run.wait_until([&] { return first.ended(); },
                   std::min<core::Duration>(grace(run) / 4, limit - run.now()));
    if (!first.ended()) further.push_back(run.send_cancel(id));
  }
  run.check("CANCEL-11", first, first.ended() && first.answer().final_status() == kCancelled,
            "further cancels do not prolong the grace of the first");
  for (const CancelCall& call : further) {
    run.wait(call);
    run.check("CANCEL-12", call, call.answered() && call.answer().final_status() == kCancelled,
              "a cancel in the grace of another is answered with the end of the execution");
  }
}

// The caller of a SYNC call whose execution waits goes away. Requires: all slots are taken.
void check_queued_caller_leaves(CaseRun& run) {
  if (run.policies().sync_caller_gone == Policies::SyncCallerGone::kContinues) return;
  const core::Duration lag = round_trip(run);
  const auto request = run.sync("sleep", {{"ms", 50}});
  const InvokeCall call = run.send(request);
  if (!run.await(request.execution_id(), kPending, 2s)) return;
  run.abandon(call);
  check_end(run, "SYNC-8", request.execution_id(), kCancelled,
            "the waiting execution of a SYNC caller that went away is CANCELLED",
            1s + run.slack() + 2 * lag);
}

void while_queued(CaseRun& run) {
  const std::vector<std::string> blockers = fill_slots(run);
  const std::string id = run.start_async(run.async("sleep", {{"ms", 50}}));
  const CancelCall call = run.cancel(id);
  run.check("CANCEL-6", call, call.answer().success() && call.answer().final_status() == kCancelled,
            "a queued execution is CANCELLED at once");
  check_queued_caller_leaves(run);
  release(run, blockers);
  run.sleep_for(300ms);
  const StatusCall status = run.read(id);
  run.check("CANCEL-6", status,
            status_of(status) == kCancelled && !status.answer().result().has_started_at(),
            "an execution that was cancelled while PENDING never starts");
  run.check("CANCEL-6", status, attempts_logged(status.answer()) == 0, "the function did not run");
}

void frees_the_slot(CaseRun& run) {
  const std::vector<std::string> ids = fill_slots(run);
  const core::Instant sent = run.now();
  const CancelCall call = run.cancel(ids.front());
  run.check("CANCEL-7", call, call.answer().final_status() == kCancelled,
            "a running function that obeys the signal is CANCELLED");
  run.check("CANCEL-7", call, run.now() - sent <= grace(run) / 2 + run.slack(),
            "it is CANCELLED as soon as it obeys the signal, well within the grace");
  run.check("CANCEL-7", still_serves(run), "its slot is free again",
            "a short call did not complete while the other slots were taken");
  release(run, ids);
}

void grace_ends(CaseRun& run) {
  const std::int64_t grace_ms = core::floor_milliseconds(grace(run));
  const std::string id =
      start_running(run, run.async("stubborn", {{"ms", at_least(2 * grace_ms, kLongMs.wanted)}}));
  const CancelCall call = run.send_cancel(id);
  run.wait_until([&] { return call.ended(); }, grace(run) + run.slack());
  run.check("CANCEL-7", call, call.answer().final_status() == kCancelled,
            "a function that ignores the signal is CANCELLED when the grace ends");
  if (!call.ended() || run.policies().cancel_running != Policies::CancelRunning::kCooperative) {
    return;
  }
  run.check("CANCEL-7", call, duration_of(call) >= grace(run) - run.slack(),
            fmt::format("it has the grace of {} ms to stop by itself", grace_ms));
}

void force_skips_the_grace(CaseRun& run) {
  const std::string id = start_running(run, run.async("stubborn", {{"ms", kLongMs}}));
  const core::Instant sent = run.now();
  const CancelCall call = run.cancel(id, /*force=*/true);
  run.check("CANCEL-7", call,
            call.answer().success() && call.answer().final_status() == kCancelled &&
                run.now() - sent <= run.slack(),
            "force ends a function at once");
  // The same in the grace of a cancel without force.
  const std::string stopping = start_running(run, run.async("stubborn", {{"ms", kLongMs}}));
  const CancelCall gentle = run.send_cancel(stopping);
  run.wait_until([&] { return gentle.ended(); }, 2 * round_trip(run) + 50ms);
  const core::Instant forced = run.now();
  const CancelCall second = run.cancel(stopping, /*force=*/true);
  run.check("CANCEL-7", second,
            second.answer().final_status() == kCancelled && run.now() - forced <= run.slack(),
            "force ends a function at once, also in the grace of an earlier cancel");
}

void races_the_start(CaseRun& run) {
  for (int i = 0; i < 8; ++i) {
    const auto request = run.async("sleep", {{"ms", kLongMs}});
    run.start_async(request);
    if (i % 2 == 1) run.sleep_for(std::chrono::microseconds(i * 100));
    const CancelCall call = run.cancel(request.execution_id());
    run.check("CANCEL-8", call, call.answer().success(),
              "a cancel that arrives while the execution starts is not lost");
    const auto end = check_end(run, "CANCEL-8", request.execution_id(), kCancelled,
                               "the execution ends CANCELLED", grace(run) + 2s + run.slack());
    // One lost cancel is enough.
    if (!is_terminal(end)) return;
  }
}

void sync_caller_is_told(CaseRun& run) {
  const auto request = run.sync("sleep", {{"ms", kLongMs}});
  const InvokeCall waiting = run.send(request);
  await_start(run, request.execution_id());
  run.cancel(request.execution_id());
  run.wait_until([&] { return waiting.ended(); }, grace(run) + 2s + run.slack());
  run.check("CANCEL-9", waiting, status_of(waiting) == kCancelled,
            "the SYNC caller of an execution that another client cancels gets CANCELLED");
}

std::vector<Case> cancel_cases() {
  return {
      {.name = "cancel/unknown",
       .about = "a cancel of an unknown id is no success, and reports no status",
       .clauses = {"CANCEL-1", "CANCEL-10"},
       .fixtures = {"sleep"},
       .run = unknown},
      {.name = "cancel/finished",
       .about = "a cancel of a finished execution changes nothing and reports its status",
       .clauses = {"CANCEL-2"},
       .fixtures = {"echo"},
       .run = finished},
      {.name = "cancel/outrun",
       .about = "a function returns while it is being cancelled: the cancel is no success",
       .clauses = {"CANCEL-3"},
       .fixtures = {"stubborn"},
       .run = outrun},
      {.name = "cancel/twice",
       .about = "two cancels at once and one afterwards",
       .clauses = {"CANCEL-4"},
       .fixtures = {"sleep"},
       .run = twice},
      {.name = "cancel/record-stays",
       .about = "the record of a cancelled execution stays and has the reason",
       .clauses = {"CANCEL-5"},
       .fixtures = {"sleep"},
       .run = record_stays},
      {.name = "cancel/first-reason",
       .about = "two cancels with different reasons: the first one stays",
       .clauses = {"CANCEL-12"},
       .fixtures = {"stubborn"},
       .run = first_reason},
      {.name = "cancel/grace-is-not-prolonged",
       .about = "the grace of a function that ignores the signal ends in spite of further cancels",
       .clauses = {"CANCEL-11"},
       .fixtures = {"stubborn"},
       .needs = {Need::kCancelGrace},
       .run = grace_is_not_prolonged},
      {.name = "cancel/while-queued",
       .about = "an execution that is cancelled while it waits for a slot never starts",
       .clauses = {"CANCEL-6"},
       .fixtures = {"sleep"},
       .needs = {Need::kSlots},
       .exclusive = true,
       .run = while_queued},
      {.name = "cancel/frees-the-slot",
       .about = "the slot of a cancelled function can be used again",
       .clauses = {"CANCEL-7"},
       .fixtures = {"sleep", "echo"},
       .needs = {Need::kSlots},
       .exclusive = true,
       .run = frees_the_slot},
      {.name = "cancel/grace-ends",
       .about = "a function that ignores the signal is ended when the grace is over",
       .clauses = {"CANCEL-7"},
       .fixtures = {"stubborn"},
       .needs = {Need::kCancelGrace},
       .run = grace_ends},
      {.name = "cancel/force-skips-the-grace",
       .about = "a forced cancel does not wait for the function",
       .clauses = {"CANCEL-7"},
       .fixtures = {"stubborn"},
       .run = force_skips_the_grace},
      {.name = "cancel/races-the-start",
       .about = "cancels that arrive while executions start are not lost",
       .clauses = {"CANCEL-8"},
       .fixtures = {"sleep"},
       .run = races_the_start},
      {.name = "cancel/sync-caller-is-told",
       .about = "a SYNC caller gets CANCELLED when another client cancels its execution",
       .clauses = {"CANCEL-9"},
       .fixtures = {"sleep"},
       .run = sync_caller_is_told},
  };
}

const RegisterCases kCancelCases(6, cancel_cases);

}  // namespace
}  // namespace quintain::conformance
