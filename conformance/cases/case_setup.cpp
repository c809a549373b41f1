// The list of all cases, put together from the registered families, and the code that the files of
// cases share.
#include "conformance/cases/case_setup.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <fmt/format.h>
#include <google/protobuf/wrappers.pb.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <utility>

namespace quintain::conformance {

using namespace std::chrono_literals;

namespace {

std::multimap<int, std::vector<Case> (*)()>& families() {
  static std::multimap<int, std::vector<Case> (*)()> registered;
  return registered;
}

}  // namespace

RegisterCases::RegisterCases(int order, std::vector<Case> (*family)()) {
  families().emplace(order, family);
}

std::span<const Case> all_cases() {
  static const std::vector<Case> all = [] {
    std::vector<Case> cases;
    for (const auto& [order, family] : families()) {
      std::ranges::move(family(), std::back_inserter(cases));
    }
    return cases;
  }();
  return all;
}

std::vector<std::string> similar_names(const std::string& name) {
  using namespace std::string_literals;
  std::vector<std::string> names = {name + "x",
                                    "x" + name,
                                    name + " ",
                                    " " + name,
                                    name + "\n",
                                    "\t" + name,
                                    name + "\0x"s,
                                    name + "\u200b",
                                    name + "/",
                                    name + "%20",
                                    name.substr(0, name.size() - 1),
                                    name.substr(1)};
  std::string other_case = name;
  std::ranges::transform(other_case, other_case.begin(), [](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c))
               ? absl::ascii_toupper(static_cast<unsigned char>(c))
               : absl::ascii_tolower(static_cast<unsigned char>(c));
  });
  names.push_back(other_case);
  // A letter as its full-width form (U+FF41 for a), which normalization NFKC makes the letter
  // again.
  const auto letter = std::ranges::find_if(
      name, [](char c) { return absl::ascii_islower(static_cast<unsigned char>(c)); });
  if (letter != name.end()) {
    std::string wide = name;
    const auto at = static_cast<std::size_t>(letter - name.begin());
    names.push_back(wide.replace(at, 1, {'\xef', '\xbd', static_cast<char>(*letter + 0x20)}));
  }
  std::erase_if(names, [&](const std::string& other) { return other.empty() || other == name; });
  return names;
}

int attempts_logged(const spearlet::GetExecutionStatusResponse& status) {
  return static_cast<int>(std::ranges::count_if(
      status.logs(), [](const std::string& line) { return absl::StrContains(line, "attempt "); }));
}

std::string text_of(const google::protobuf::Any& value) {
  google::protobuf::StringValue text;
  google::protobuf::BytesValue bytes;
  google::protobuf::Int64Value number;
  if (value.UnpackTo(&text)) return text.value();
  if (value.UnpackTo(&bytes)) return bytes.value();
  if (value.UnpackTo(&number)) return std::to_string(number.value());
  return value.value();
}

bool echoes(const CaseRun& run, const spearlet::ExecutionResult& result, std::int64_t number) {
  if (!has_payload(result)) return false;
  if (run.fixture("echo").answers_any) return true;
  google::protobuf::Int64Value message;
  message.set_value(number);
  const google::protobuf::Any& payload = result.result();
  return text_of(payload) == std::to_string(number) ||
         (payload.type_url().empty() && payload.value() == message.SerializeAsString());
}

void await_start(CaseRun& run, const std::string& id) {
  // A target that shows nothing of an execution before its end violates STATE-9. The execution has
  // not ended then, and the case can go on when the function has had time to start.
  constexpr core::Duration kTimeToStart = 300ms;
  std::optional<core::Instant> found;
  const auto seen = run.poll(id, [&](const auto& answer) {
    const auto now = answer.result().status();
    if (now != spearlet::EXECUTION_STATUS_UNSPECIFIED) return now == kRunning || is_terminal(now);
    if (answer.found() && !found) found = run.now();
    return found && run.now() - *found >= kTimeToStart;
  });
  if (!seen || is_terminal(seen->result().status())) {
    CaseRun::abort(fmt::format("execution {} did not reach RUNNING", id));
  }
}

std::string start_running(CaseRun& run, const spearlet::InvokeFunctionRequest& request) {
  std::string id = run.start_async(request);
  await_start(run, id);
  // A process is RUNNING a little before it can ignore a signal. It can once its first log line is
  // there; a target that shows no log costs only a short wait.
  run.poll(id, [](const auto& status) { return attempts_logged(status) > 0; }, 150ms);
  return id;
}

std::vector<std::string> fill_slots(CaseRun& run) {
  std::vector<std::string> ids;
  for (int i = 0; i < run.node().slots.value_or(0); ++i) {
    ids.push_back(run.start_async(run.async("sleep", {{"ms", kEndlessMs}})));
  }
  for (const std::string& id : ids) {
    if (!run.await(id, kRunning)) {
      CaseRun::abort(fmt::format(
          "the target has {} slots, but not that many executions run at once", ids.size()));
    }
  }
  return ids;
}

void release(CaseRun& run, const std::vector<std::string>& ids) {
  std::vector<CancelCall> cancels;
  for (const std::string& id : ids) cancels.push_back(run.send_forced_cancel(id));
  for (const CancelCall& cancel : cancels) run.wait(cancel);
}

void watch_by_many(CaseRun& run, const std::string& id, int clients) {
  struct Client {
    StatusCall read;
    bool done = false;
  };
  spearlet::GetExecutionStatusRequest request;
  request.set_execution_id(id);
  request.set_include_result(true);
  std::vector<Client> watchers;
  for (int i = 0; i < clients; ++i) watchers.push_back({.read = run.send(request)});
  const core::Instant limit = run.now() + CaseRun::patience();
  while (run.now() < limit) {
    run.wait_until([&] {
      return std::ranges::any_of(watchers,
                                 [](const Client& c) { return !c.done && c.read.ended(); });
    });
    for (Client& client : watchers) {
      if (client.done || !client.read.ended()) continue;
      client.done = !client.read.answered() || is_terminal(status_of(client.read));
      if (!client.done) client.read = run.send(request);
    }
    if (std::ranges::all_of(watchers, &Client::done)) return;
    // Without a pause the loop would never end in virtual time, where an answer takes no time.
    run.sleep_for(2ms);
  }
}

std::vector<spearlet::ExecutionInfo> list_all(CaseRun& run, const std::string& task_id,
                                              int page_size) {
  constexpr int kMaxPages = 10'000;
  std::vector<spearlet::ExecutionInfo> entries;
  spearlet::ListExecutionsRequest request;
  request.set_task_id(task_id);
  request.set_limit(page_size);
  for (int page = 0; page < kMaxPages; ++page) {
    const auto call = run.call(request);
    if (!call.answered()) CaseRun::abort("a list was refused: " + describe(call.recorded()));
    entries.insert(entries.end(), call.answer().executions().begin(),
                   call.answer().executions().end());
    if (!call.answer().has_more()) return entries;
    request.set_start_after(call.answer().next_start_after());
  }
  CaseRun::abort(fmt::format("a list does not end within {} pages", kMaxPages));
}

InvokeCall submit(CaseRun& run, const spearlet::InvokeFunctionRequest& request) {
  const core::Instant until = run.now() + CaseRun::patience();
  while (true) {
    const InvokeCall call = run.call(request);
    if (!absl::IsResourceExhausted(call.recorded().status) || run.now() >= until) return call;
    run.sleep_for(50ms);
  }
}

// ---- Tasks --------------------------------------------------------------------------------------

spearlet::ArtifactSpec artifact(const std::string& id) {
  spearlet::ArtifactSpec spec;
  spec.set_artifact_id("artifact-" + id);
  spec.set_artifact_type("fixture");
  spec.set_location("builtin:fixtures");
  spec.set_version("1.2.3");
  spec.set_checksum("sha256:0");
  (*spec.mutable_metadata())["made-by"] = "quintain";
  return spec;
}

std::optional<OwnTask> try_make_task(CaseRun& run, const std::string& id) {
  OwnTask task{.id = id.empty() ? "task-" + run.fresh_id() : id};
  task.request = run.async("echo", {{"value", 1}});
  task.request.set_task_id(task.id);
  task.request.set_task_name("name of " + task.id);
  task.request.set_create_if_not_exists(true);
  *task.request.mutable_artifact_spec() = artifact(task.id);
  if (!run.profile().expresses(Method::kInvokeFunction, task.request)) return std::nullopt;
  const InvokeCall call = submit(run, task.request);
  if (absl::IsUnimplemented(call.recorded().status)) return std::nullopt;
  if (!call.answered() || call.answer().task_id() != task.id) {
    CaseRun::abort("a task could not be made with create_if_not_exists: " +
                   describe(call.recorded()));
  }
  task.first_status = run.await_end(task.first_execution());
  return task;
}

OwnTask make_task(CaseRun& run, const std::string& id) {
  if (!run.profile().serves(Method::kGetTask)) {
    throw CaseRun::NotApplicable{fmt::format("the profile {} has no tasks", run.profile().name())};
  }
  std::optional<OwnTask> task = try_make_task(run, id);
  if (!task) CaseRun::not_judged("the target does not make tasks");
  return *std::move(task);
}

spearlet::InvokeFunctionRequest in_task(spearlet::InvokeFunctionRequest request,
                                        const OwnTask& task) {
  request.set_task_id(task.id);
  return request;
}

void require_functions_run(CaseRun& run, const OwnTask& task) {
  if (task.first_status == kCompleted) return;
  drop(run, task);
  CaseRun::not_judged("functions do not run in a task that a call has made");
}

std::string run_to_end(CaseRun& run, const spearlet::InvokeFunctionRequest& request) {
  std::string id = run.start_async(request);
  if (!is_terminal(run.await_end(id))) {
    CaseRun::abort(fmt::format("execution {} did not end", id));
  }
  return id;
}

Call<spearlet::GetTaskResponse> get_task(CaseRun& run, const std::string& id,
                                         bool include_executions, int limit) {
  spearlet::GetTaskRequest request;
  request.set_task_id(id);
  request.set_include_executions(include_executions);
  request.set_execution_limit(limit);
  return run.call(request);
}

Call<spearlet::DeleteTaskResponse> delete_task(CaseRun& run, const std::string& id, bool force,
                                               bool cleanup) {
  spearlet::DeleteTaskRequest request;
  request.set_task_id(id);
  request.set_force(force);
  request.set_cleanup_executions(cleanup);
  return run.call(request);
}

void drop(CaseRun& run, const OwnTask& task) {
  delete_task(run, task.id, /*force=*/true, /*cleanup=*/true);
}

// ---- Counts -------------------------------------------------------------------------------------

void Look::expect(std::string_view clause, bool held, std::string expected, std::string observed) {
  expectations_.push_back({clause, held, std::move(expected), std::move(observed)});
}

bool Look::held() const { return std::ranges::all_of(expectations_, &Expectation::held); }

void Look::record(CaseRun& run) const {
  for (const Expectation& one : expectations_) {
    run.check(one.clause, one.held, one.expected, one.observed);
  }
}

void before_expiry(CaseRun& run, const std::function<void(Look& look)>& script) {
  const core::Instant start = run.now();
  Look look;
  try {
    script(look);
  } catch (const CaseRun::Aborted&) {
    // What was seen before may be the cause.
    if (run.now() - start < run.policies().retention - run.slack()) look.record(run);
    throw;
  }
  if (!look.held() && run.now() - start >= run.policies().retention - run.slack()) {
    CaseRun::not_judged("the case takes longer than the target keeps records");
  }
  look.record(run);
}

Counts count(CaseRun& run) {
  spearlet::GetStatsRequest stats;
  stats.set_include_task_stats(true);
  stats.set_include_execution_stats(true);
  spearlet::GetHealthRequest health;
  health.set_include_details(true);
  return {run.call(stats), run.call(health)};
}

namespace {

// Whether records expire while this case does nothing: counts fall and none rises. Where they rise,
// others use the target, which the manifest has to declare, or the target counts wrongly.
bool records_expire(CaseRun& run, core::Duration during) {
  const auto shown = [&] {
    const spearlet::ExecutionStats stats = count(run).executions();
    std::int64_t all = 0;
    for (const auto& [function, executions] : stats.executions_by_function()) all += executions;
    return std::array<std::int64_t, 5>{all, stats.running_executions(), stats.pending_executions(),
                                       stats.completed_executions(), stats.failed_executions()};
  };
  const auto before = shown();
  run.sleep_for(during);
  const auto after = shown();
  return after != before && std::ranges::equal(after, before, std::ranges::less_equal());
}

}  // namespace

void look_until_quiet(CaseRun& run, const std::function<void(Look& look)>& look) {
  constexpr int kLooks = 3;
  constexpr core::Duration kMaxWait = 30s;
  core::Duration took{0};
  const auto holds = [&](bool last) {
    const core::Instant start = run.now();
    Look seen;
    try {
      look(seen);
    } catch (const CaseRun::Aborted&) {
      if (!records_expire(run, run.now() - start)) seen.record(run);
      throw;
    }
    took = run.now() - start;
    if (!last && !seen.held()) return false;
    if (!seen.held() && records_expire(run, took)) {
      CaseRun::not_judged("records expire all the time, which changes the counts");
    }
    seen.record(run);
    return true;
  };
  // In virtual time there is no other client.
  const bool may_wait = !run.exact() && run.policies().retention <= kMaxWait;
  for (int i = 1; i < kLooks; ++i) {
    if (holds(/*last=*/run.exact() || (i + 1 == kLooks && !may_wait))) return;
  }
  run.sleep_for(run.policies().retention + run.slack());
  holds(/*last=*/true);
}

std::vector<spearlet::ExecutionInfo> list_after(CaseRun& run, const std::string& task_id,
                                                const std::string& marker) {
  constexpr int kMaxPages = 100;
  std::vector<spearlet::ExecutionInfo> entries;
  spearlet::ListExecutionsRequest request;
  request.set_task_id(task_id);
  request.set_limit(100);
  request.set_start_after(marker);
  for (int page = 0; page < kMaxPages; ++page) {
    const auto call = run.call(request);
    if (!call.answered()) CaseRun::abort("a list was refused: " + describe(call.recorded()));
    entries.insert(entries.end(), call.answer().executions().begin(),
                   call.answer().executions().end());
    if (!call.answer().has_more()) break;
    request.set_start_after(call.answer().next_start_after());
  }
  return entries;
}

InvokeCall call_accepted(CaseRun& run, const spearlet::InvokeFunctionRequest& request) {
  InvokeCall call = run.call(request);
  // Other cases may fill the queue temporarily.
  const core::Instant until = run.now() + CaseRun::patience();
  while (absl::IsResourceExhausted(call.recorded().status) && run.now() < until) {
    run.sleep_for(50ms);
    call = run.call(request);
  }
  if (!call.answered() || is_refusal_by_answer(call.recorded(), run.policies())) {
    CaseRun::abort("a call that has to be accepted was refused: " + describe(call.recorded()));
  }
  return call;
}

core::Duration round_trip(CaseRun& run) {
  // The first call may include the set-up of the connection.
  const std::string unknown = run.fresh_id();
  run.read(unknown);
  return duration_of(run.read(unknown));
}

int executions_at_once(const CaseRun& run, int wanted) {
  if (!run.node().slots) return std::min(wanted, 2);
  return std::min(wanted, *run.node().slots + run.node().queue_limit.value_or(0));
}

spearlet::ExecutionStatus check_end(CaseRun& run, std::string_view clause, const std::string& id,
                                    spearlet::ExecutionStatus expected_status,
                                    std::string_view expected, core::Duration limit) {
  const spearlet::ExecutionStatus end = run.await_end(id, limit);
  run.check(clause, end == expected_status, expected, "its final status is " + status_name(end));
  return end;
}

bool still_serves(CaseRun& run) {
  const InvokeCall call = run.send(run.sync("echo", {{"value", 1}}));
  return run.wait_until([&] { return call.ended(); }, 5s + run.slack()) &&
         status_of(call) == kCompleted;
}

bool refused(const CaseRun& run, const InvokeCall& call, absl::StatusCode code) {
  if (run.policies().start_errors == Policies::StartErrors::kFailedBody && call.answered()) {
    return !call.answer().success() && status_of(call) == kFailed;
  }
  return call.ended() && call.code() == code;
}

}  // namespace quintain::conformance
