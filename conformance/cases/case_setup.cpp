#include "conformance/cases/case_setup.h"

#include <fmt/format.h>
#include <google/protobuf/wrappers.pb.h>

#include <algorithm>

namespace quintain::conformance {

using namespace std::chrono_literals;

std::string start_running(CaseRun& run, const spearlet::InvokeFunctionRequest& request) {
  std::string id = run.start_async(request);
  if (!run.await(id, spearlet::EXECUTION_STATUS_RUNNING)) {
    CaseRun::abort(fmt::format("execution {} did not come to run", id));
  }
  // A process is RUNNING a little before it can ignore a signal. Its first log line tells; a target
  // that shows none is not waited for long.
  run.poll(id, [](const auto& status) { return attempts_logged(status) > 0; }, 150ms);
  return id;
}

std::vector<std::string> fill_slots(CaseRun& run) {
  std::vector<std::string> ids;
  for (int i = 0; i < run.node().slots.value_or(0); ++i) {
    ids.push_back(run.start_async(run.async("sleep", {{"ms", kLongMs}})));
  }
  for (const std::string& id : ids) {
    if (!run.await(id, spearlet::EXECUTION_STATUS_RUNNING)) {
      CaseRun::abort(fmt::format("with {} executions at work, {} of them should run at once",
                                 ids.size(), ids.size()));
    }
  }
  return ids;
}

void release(CaseRun& run, const std::vector<std::string>& ids) {
  std::vector<CancelCall> cancels;
  for (const std::string& id : ids) cancels.push_back(run.send_end(id));
  for (const CancelCall& cancel : cancels) run.wait(cancel);
}

int attempts_logged(const spearlet::GetExecutionStatusResponse& status) {
  return static_cast<int>(std::count_if(
      status.logs().begin(), status.logs().end(),
      [](const std::string& line) { return line.find("attempt ") != std::string::npos; }));
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
  const core::Instant give_up_at = run.now() + CaseRun::patience();
  const auto any_ended = [&] {
    return std::any_of(watchers.begin(), watchers.end(),
                       [](const Client& c) { return !c.done && c.read.ended(); });
  };
  while (run.now() < give_up_at) {
    run.wait_until(any_ended);
    for (Client& client : watchers) {
      if (client.done || !client.read.ended()) continue;
      client.done = !client.read.answered() || is_terminal(client.read.answer().result().status());
      if (!client.done) client.read = run.send(request);
    }
    if (std::all_of(watchers.begin(), watchers.end(), [](const Client& c) { return c.done; })) {
      return;
    }
    // In virtual time an answer takes no time, and the clients would ask for ever.
    run.sleep_for(2ms);
  }
}

std::string text_of(const google::protobuf::Any& value) {
  google::protobuf::StringValue text;
  google::protobuf::BytesValue bytes;
  google::protobuf::Int64Value number;
  if (value.UnpackTo(&text)) return text.value();
  if (value.UnpackTo(&bytes)) return bytes.value();
  if (value.UnpackTo(&number)) return fmt::format("{}", number.value());
  return value.value();
}

bool still_serves(CaseRun& run) {
  const InvokeCall call = run.send(run.sync("echo", {{"value", 1}}));
  return run.wait_until([&] { return call.ended(); }, 5s + run.slack()) && call.answered() &&
         call.answer().result().status() == spearlet::EXECUTION_STATUS_COMPLETED;
}

bool refused(const CaseRun& run, const InvokeCall& call, absl::StatusCode code) {
  if (run.policies().start_errors == Policies::StartErrors::kFailedBody && call.answered()) {
    return !call.answer().success() &&
           call.answer().result().status() == spearlet::EXECUTION_STATUS_FAILED;
  }
  return call.ended() && call.code() == code;
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
  CaseRun::abort("a list has no end");
}

}  // namespace quintain::conformance
