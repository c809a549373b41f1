// IDEM cases: the same execution id in several requests.
#include <absl/strings/ascii.h>
#include <fmt/format.h>
#include <google/protobuf/wrappers.pb.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <string>
#include <string_view>

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

// `marker` is an execution that was accepted before.
void check_single_run(CaseRun& run, std::string_view clause, const std::string& marker,
                      const std::string& id) {
  const StatusCall status = run.read(id);
  run.check(clause, status, attempts_logged(status.answer()) <= 1, "the function ran once");
  if (!run.profile().serves(Method::kListExecutions)) return;
  int entries = 0;
  for (const auto& entry : list_after(run, run.async("echo").task_id(), marker)) {
    entries += entry.execution_id() == id ? 1 : 0;
  }
  run.check(clause, entries == 1, "the list has one execution with that id",
            "it has " + std::to_string(entries));
}

// Runs an execution, and returns its id.
std::string run_marker(CaseRun& run) {
  return call_accepted(run, run.sync("echo", {{"value", 0}})).answer().execution_id();
}

void after_the_end(CaseRun& run) {
  const std::string marker = run_marker(run);
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
  check_single_run(run, "IDEM-1", marker, id);
}

// However an execution ended, a repetition of its request does not run again.
void after_other_ends(CaseRun& run) {
  auto limited = run.async("sleep", {{"ms", kLongMs}});
  limited.mutable_context()->set_timeout_ms(100);
  const auto cancelled = run.async("sleep", {{"ms", kLongMs}});
  for (const auto& request : {run.async("fail"), limited, cancelled}) {
    const std::string id = run.start_async(request);
    if (request.execution_id() == cancelled.execution_id()) release(run, {id});
    if (!is_terminal(run.await_end(id))) CaseRun::abort(fmt::format("{} did not end", id));
    const StatusCall before = run.read(id);
    check_repetition(run, "IDEM-1", run.call(request), id);
    run.sleep_for(50ms);
    const StatusCall after = run.read(id);
    run.check(
        "IDEM-1", after,
        after.answer().result().SerializeAsString() == before.answer().result().SerializeAsString(),
        fmt::format("the record of an execution that is {} is unchanged after its request "
                    "was repeated",
                    status_name(status_of(before))));
  }
}

// The same id in another task that exists.
void in_another_task(CaseRun& run) {
  const OwnTask task = make_task(run);
  const StatusCall before = run.read(task.first_execution());
  auto other = run.async("echo", {{"value", 1}});
  other.set_execution_id(task.first_execution());
  const InvokeCall call = run.call(other);
  run.check("IDEM-2", call, refused(run, call, absl::StatusCode::kAlreadyExists),
            "the id of an execution of another task is refused with ALREADY_EXISTS");
  const StatusCall after = run.read(task.first_execution());
  run.check(
      "IDEM-2", after,
      after.answer().result().SerializeAsString() == before.answer().result().SerializeAsString(),
      "the execution of the other task is unharmed");
  drop(run, task);
}

// A different request under the same id.
struct Variation {
  std::string_view name;
  void (*vary)(spearlet::InvokeFunctionRequest& request);
  // Refused with NOT_FOUND as well: the target may look at the task before the id.
  bool names_another_task = false;
};

constexpr Variation kVariations[] = {
    {"another value of a parameter",
     [](auto& request) {
       google::protobuf::Int64Value other;
       other.set_value(8);
       request.mutable_parameters(0)->mutable_value()->PackFrom(other);
     }},
    {"another name of a parameter",
     [](auto& request) { request.mutable_parameters(0)->set_name("other"); }},
    {"one more parameter",
     [](auto& request) {
       *request.add_parameters() = request.parameters(0);
       request.mutable_parameters(1)->set_name("more");
     }},
    {"no parameters", [](auto& request) { request.clear_parameters(); }},
    {"the mode SYNC",
     [](auto& request) { request.set_execution_mode(spearlet::EXECUTION_MODE_SYNC); }},
    {"another timeout", [](auto& request) { request.mutable_context()->set_timeout_ms(9000); }},
    {"another session", [](auto& request) { request.mutable_context()->set_session_id("other"); }},
    {"another header",
     [](auto& request) { (*request.mutable_context()->mutable_headers())["h"] = "other"; }},
    {"another variable",
     [](auto& request) { (*request.mutable_context()->mutable_environment())["E"] = "other"; }},
    {"another user", [](auto& request) { request.mutable_context()->set_user_id("other"); }},
    {"another description of the task",
     [](auto& request) { request.set_task_description("other"); }},
    {"more retries", [](auto& request) { request.mutable_context()->set_max_retries(2); }},
    {"another type of a parameter",
     [](auto& request) { request.mutable_parameters(0)->set_type("other"); }},
    {"another description of a parameter",
     [](auto& request) { request.mutable_parameters(0)->set_description("other"); }},
    {"other metadata",
     [](auto& request) { (*request.mutable_invocation_metadata())["m"] = "other"; }},
    {"a new instance", [](auto& request) { request.set_force_new_instance(true); }},
    {"another task", [](auto& request) { request.set_task_id(request.task_id() + "-other"); },
     /*names_another_task=*/true},
};

// A request with a value in every part that a variation changes.
spearlet::InvokeFunctionRequest original(CaseRun& run) {
  auto request = run.async("echo", {{"value", 7}});
  spearlet::ExecutionContext& context = *request.mutable_context();
  context.set_timeout_ms(8000);
  context.set_session_id("first");
  context.set_user_id("first");
  (*context.mutable_headers())["h"] = "first";
  (*context.mutable_environment())["E"] = "first";
  (*request.mutable_invocation_metadata())["m"] = "first";
  return request;
}

bool is_refused_repetition(const CaseRun& run, const InvokeCall& call, bool names_another_task) {
  return refused(run, call, absl::StatusCode::kAlreadyExists) ||
         (names_another_task && refused(run, call, absl::StatusCode::kNotFound));
}

// Repeats one original request with some of the variations.
void vary(CaseRun& run, std::span<const Variation> variations) {
  const auto request = original(run);
  const std::string id = run.start_async(request);
  run.await_end(id);
  const StatusCall before = run.read(id);
  for (const Variation& variation : variations) {
    auto other = request;
    variation.vary(other);
    const InvokeCall call = run.call(other);
    run.check("IDEM-2", call, is_refused_repetition(run, call, variation.names_another_task),
              fmt::format("the same id with {} is refused with ALREADY_EXISTS", variation.name));
    if (variation.names_another_task) continue;
    other.set_execution_id(run.fresh_id());
    run.await_end(call_accepted(run, other).answer().execution_id());
  }
  const StatusCall after = run.read(id);
  run.check(
      "IDEM-2", after,
      after.answer().result().SerializeAsString() == before.answer().result().SerializeAsString(),
      "the first execution is unharmed");
  check_repetition(run, "IDEM-1", run.call(request), id);
}

void other_requests(CaseRun& run) {
  if (run.fixture("echo").answers_any) CaseRun::not_judged("the function echo takes no parameters");
  // A few for each original, whose record would expire meanwhile over a slow connection.
  constexpr std::size_t kAtOnce = 3;
  const std::span<const Variation> all(kVariations);
  for (std::size_t i = 0; i < all.size(); i += kAtOnce) {
    vary(run, all.subspan(i, std::min(kAtOnce, all.size() - i)));
  }
}

void other_request(CaseRun& run) {
  const core::Duration lag = round_trip(run);
  const auto request =
      run.async("sleep", {{"ms", at_least(200 + core::floor_milliseconds(4 * lag))}});
  const std::string id = run.start_async(request);
  auto other = run.async("echo", {{"value", 1}});
  other.set_execution_id(id);
  auto longer = request;
  longer.mutable_context()->set_timeout_ms(9000);
  for (const auto& second : {other, longer}) {
    const InvokeCall call = run.call(second);
    run.check("IDEM-2", call, refused(run, call, absl::StatusCode::kAlreadyExists),
              "another request under the same id is refused with ALREADY_EXISTS");
  }
  check_end(run, "IDEM-2", id, kCompleted, "the first execution completes unharmed");
  other.set_execution_id(run.fresh_id());
  call_accepted(run, other);
}

void in_flight(CaseRun& run) {
  const std::string marker = run_marker(run);
  const core::Duration lag = round_trip(run);
  const auto request =
      run.async("sleep", {{"ms", at_least(700 + core::floor_milliseconds(6 * lag))}});
  const std::string id = start_running(run, request);
  check_repetition(run, "IDEM-3", run.call(request), id);
  check_end(run, "IDEM-3", id, kCompleted, "it ends as if it had been requested once");
  check_single_run(run, "IDEM-3", marker, id);
}

void two_sync_callers(CaseRun& run) {
  const std::string marker = run_marker(run);
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
  check_single_run(run, "IDEM-3", marker, request.execution_id());
}

// Puts the id of the request into the context, and not into the request itself.
spearlet::InvokeFunctionRequest with_id_in_context(spearlet::InvokeFunctionRequest request) {
  request.mutable_context()->set_execution_id(request.execution_id());
  request.clear_execution_id();
  return request;
}

void id_in_the_context(CaseRun& run) {
  for (const auto mode : {spearlet::EXECUTION_MODE_SYNC, spearlet::EXECUTION_MODE_ASYNC}) {
    const auto request = run.request("echo", mode, {{"value", 5}});
    const std::string& id = request.execution_id();
    const InvokeCall inner = run.call(with_id_in_context(request));
    run.check("IDEM-5", inner, inner.answered() && inner.answer().execution_id() == id,
              "an id in the context only is the id of the execution");
    run.await_end(id);
    const StatusCall status = run.read(id);
    run.check("IDEM-5", status, status.answer().found(), "the execution is found by that id");
    // The same request with its id in the other place is the same request.
    check_repetition(run, "IDEM-5", run.call(request), id);
    auto both = run.request("echo", mode, {{"value", 6}});
    both.mutable_context()->set_execution_id(both.execution_id());
    const InvokeCall twice = run.call(both);
    run.check("IDEM-5", twice,
              twice.answered() && twice.answer().execution_id() == both.execution_id(),
              "the same id in both places is accepted");
    run.await_end(both.execution_id());
  }
}

void two_ids(CaseRun& run) {
  for (const auto mode : {spearlet::EXECUTION_MODE_SYNC, spearlet::EXECUTION_MODE_ASYNC}) {
    auto request = run.request("echo", mode, {{"value", 5}});
    request.mutable_context()->set_execution_id(run.fresh_id());
    const InvokeCall call = run.call(request);
    run.check("IDEM-5", call, refused(run, call, absl::StatusCode::kInvalidArgument),
              "two different ids in one request are refused with INVALID_ARGUMENT");
    for (const std::string& id : {request.execution_id(), request.context().execution_id()}) {
      const StatusCall status = run.read(id);
      run.check("IDEM-5", status,
                !status.answer().found() ||
                    run.policies().start_errors == Policies::StartErrors::kFailedBody,
                "a refused invocation has no record");
    }
    request.mutable_context()->set_execution_id(request.execution_id());
    call_accepted(run, request);
  }
}

void similar_ids(CaseRun& run) {
  auto request = run.async("echo", {{"value", 1}});
  const std::string id = request.execution_id() + "-Execution";
  request.set_execution_id(id);
  run.start_async(request);
  run.await_end(id);
  std::string in_capitals = id;
  std::ranges::transform(in_capitals, in_capitals.begin(), absl::ascii_toupper);
  const std::string similar[] = {id.substr(0, id.size() - 1), id + "x",    id + "-1",
                                 absl::AsciiStrToLower(id),   in_capitals, id.substr(1)};
  for (const std::string& other : similar) {
    const StatusCall status = run.read(other);
    run.check("IDEM-6", status, status.answered() && !status.answer().found(),
              fmt::format("the id {} does not find the execution {}", other, id));
    const CancelCall cancel = run.cancel(other);
    run.check("IDEM-6", cancel,
              !cancel.answer().success() &&
                  cancel.answer().final_status() == spearlet::EXECUTION_STATUS_UNSPECIFIED,
              fmt::format("a cancel of {} does not concern the execution {}", other, id));
    auto second = run.sync("echo", {{"value", 2}});
    second.set_execution_id(other);
    const InvokeCall call = call_accepted(run, second);
    run.check("IDEM-6", call, echoes(run, call.answer().result(), 2),
              fmt::format("the id {} is free for another execution", other));
  }
  const StatusCall status = run.read(id);
  run.check("IDEM-6", status, echoes(run, status.answer().result(), 1),
            "the execution has its own result");
  // Not all of them may be given to an execution, but each can be asked for.
  // Over a slow connection some of them will do: the record expires.
  const core::Instant until = run.now() + 2s;
  for (const std::string& other : similar_names(id)) {
    if (run.now() >= until) break;
    if (std::ranges::find(similar, other) != std::end(similar)) continue;  // it is one by now
    const StatusCall found = run.read(other);
    run.check("IDEM-6", found, !found.answer().found(),
              fmt::format("the id '{}' does not find the execution {}", other, id));
    const CancelCall cancel = run.cancel(other);
    run.check("IDEM-6", cancel,
              !cancel.answer().success() &&
                  cancel.answer().final_status() == spearlet::EXECUTION_STATUS_UNSPECIFIED,
              fmt::format("a cancel of '{}' does not concern the execution {}", other, id));
  }
}

void bad_ids(CaseRun& run) {
  for (const auto mode : {spearlet::EXECUTION_MODE_SYNC, spearlet::EXECUTION_MODE_ASYNC}) {
    auto request = run.request("echo", mode, {{"value", 1}});
    const std::string good = request.execution_id();
    for (const std::string& id :
         {good + "/x", good + "?x", good + "#x", good + " x", good + "\n", good + "é",
          std::string(129, 'x'), std::string(".."), std::string(".")}) {
      request.set_execution_id(id);
      const InvokeCall call = run.call(request);
      run.check("IDEM-7", call, refused(run, call, absl::StatusCode::kInvalidArgument),
                "an id that cannot be a segment of a URL's path is refused with INVALID_ARGUMENT");
    }
    request.set_execution_id(good);
    call_accepted(run, request);
  }
}

// The retention counts from the end: a record of an execution that took a while is kept as long as
// others. Requires: `ended` is when its end was seen.
void check_kept_from_the_end(CaseRun& run, const std::string& id, core::Instant ended) {
  const core::Duration lag = round_trip(run);
  const core::Instant when = ended + (run.policies().retention - run.slack() - 2 * lag - 200ms);
  if (run.now() >= when) return;  // the target is far away
  run.sleep_until(when);
  const StatusCall status = run.read(id);
  run.check("IDEM-4", status, status.answer().found(),
            "a record is kept for the retention after the end of its execution");
}

void past_retention(CaseRun& run) {
  constexpr std::int64_t kLastingMs = 3000;
  std::string lasting;
  if (run.takes_ms("sleep", kLastingMs) >= kLastingMs && run.policies().retention > 5s) {
    lasting = run.start_async(run.async("sleep", {{"ms", at_least(kLastingMs)}}));
  }
  const auto request = run.async("echo", {{"value", 5}});
  const std::string id = run.start_async(request);
  run.await_end(id);
  const core::Instant expires = run.now() + run.policies().retention + 10ms;
  if (!lasting.empty()) run.await_end(lasting);
  const core::Instant ended = run.now();
  run.sleep_until(expires);
  const bool gone =
      run.poll(
             id, [](const auto& answer) { return !answer.found(); }, run.slack() + 10ms)
          .has_value();
  run.check("IDEM-4", gone, "past its retention an execution is not found",
            "it is still found after the retention that the target declares");
  auto other = run.async("sleep", {{"ms", at_least(10)}});
  other.set_execution_id(id);
  const InvokeCall call = run.call(other);
  run.check("IDEM-4", call, call.answered() && status_of(call) == kPending,
            "past retention the id is free for another request");
  if (!lasting.empty()) check_kept_from_the_end(run, lasting, ended);
}

std::vector<Case> idempotency_cases() {
  return {
      {.name = "idempotency/after-the-end",
       .about = "a request is repeated when its execution has ended",
       .clauses = {"IDEM-1"},
       .fixtures = {"echo"},
       .run = after_the_end},
      {.name = "idempotency/after-other-ends",
       .about = "requests whose executions failed, timed out or were cancelled are repeated",
       .clauses = {"IDEM-1"},
       .fixtures = {"fail", "sleep"},
       .run = after_other_ends},
      {.name = "idempotency/in-another-task",
       .about = "an invocation of one task uses the id of an execution of another",
       .clauses = {"IDEM-2"},
       .fixtures = {"echo"},
       .run = in_another_task},
      {.name = "idempotency/other-request",
       .about = "another request uses an execution's id: it is refused",
       .clauses = {"IDEM-2"},
       .fixtures = {"sleep", "echo"},
       .run = other_request},
      {.name = "idempotency/other-requests",
       .about = "requests that differ in one part each use an execution's id: they are refused",
       .clauses = {"IDEM-1", "IDEM-2"},
       .fixtures = {"echo"},
       .run = other_requests},
      {.name = "idempotency/id-in-the-context",
       .about = "the id is given in the context, and in both places",
       .clauses = {"IDEM-5"},
       .fixtures = {"echo"},
       .run = id_in_the_context},
      {.name = "idempotency/two-ids",
       .about = "a request with two different ids is refused",
       .clauses = {"IDEM-5"},
       .fixtures = {"echo"},
       .run = two_ids},
      {.name = "idempotency/similar-ids",
       .about = "ids that are similar to an execution's are other ids",
       .clauses = {"IDEM-6"},
       .fixtures = {"echo"},
       .run = similar_ids},
      {.name = "idempotency/bad-ids",
       .about = "ids that cannot be in a status_endpoint are refused",
       .clauses = {"IDEM-7"},
       .fixtures = {"echo"},
       .run = bad_ids},
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

const RegisterCases kIdempotencyCases(8, idempotency_cases);

}  // namespace
}  // namespace quintain::conformance
