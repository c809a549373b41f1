// Follows the status_endpoint of ASYNC answers and compares what HTTP shows of an execution with
// what status queries show of it.
#include "conformance/endpoint_check.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <string>
#include <vector>

namespace quintain::conformance {
namespace {

using spearlet::ExecutionResult;
using spearlet::GetExecutionStatusResponse;

constexpr std::string_view kClause = "ASYNC-2";
// Each costs three calls; a target that gets one endpoint right seldom gets another one wrong.
constexpr std::size_t kMaxFollowed = 3;
constexpr std::size_t kMaxShownBody = 300;

// PENDING, RUNNING, final: the order in which an execution passes them.
int stage_of(const GetExecutionStatusResponse& status) {
  switch (status.result().status()) {
    case spearlet::EXECUTION_STATUS_PENDING:
      return 1;
    case spearlet::EXECUTION_STATUS_RUNNING:
      return 2;
    default:
      return is_terminal(status.result().status()) ? 3 : 0;
  }
}

// What identifies a finished execution: all of its record but the payload, which an endpoint may
// leave out.
bool same_record(ExecutionResult shown, ExecutionResult known) {
  if (!shown.has_result()) known.clear_result();
  // Refreshed estimates and further metrics may differ from one query to the next.
  shown.clear_metrics();
  known.clear_metrics();
  return google::protobuf::util::MessageDifferencer::Equals(shown, known);
}

// What is wrong with the answer; empty if nothing is.
std::string problem_of(const HttpAnswer& answer, const GetExecutionStatusResponse& before,
                       const GetExecutionStatusResponse& after) {
  // The record has expired meanwhile.
  if (!after.found()) return {};
  if (answer.code != 200) return fmt::format("HTTP {}", answer.code);
  GetExecutionStatusResponse shown;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  if (const auto parsed = google::protobuf::util::JsonStringToMessage(answer.body, &shown, options);
      !parsed.ok()) {
    return "the body is not the JSON of a GetExecutionStatusResponse";
  }
  if (!shown.found()) return "found is false";
  if (!before.found()) return "status queries do not find the execution";
  if (stage_of(shown) < stage_of(before) || stage_of(shown) > stage_of(after)) {
    return fmt::format("its status is {}; status queries show {} before and {} after it",
                       status_name(shown.result().status()), status_name(before.result().status()),
                       status_name(after.result().status()));
  }
  if (stage_of(before) == 3 && !same_record(shown.result(), before.result())) {
    return "its result is not that of the execution";
  }
  return {};
}

void judge(CaseRun& run, const std::string& id, const std::string& endpoint) {
  const StatusCall before = run.read(id);
  const auto answer = run.transport().get(endpoint);
  if (absl::IsFailedPrecondition(answer.status())) return;
  const StatusCall after = run.read(id);
  if (!before.answered() || !after.answered()) return;
  const std::string problem = answer.ok() ? problem_of(*answer, before.answer(), after.answer())
                                          : std::string(answer.status().message());
  std::string observed = problem;
  if (answer.ok() && !problem.empty()) {
    observed += fmt::format("; the body is {}", answer->body.substr(0, kMaxShownBody));
  }
  run.check(kClause, problem.empty(),
            fmt::format("GET {} shows the execution {} as status queries do", endpoint, id),
            observed);
}

}  // namespace

void judge_endpoints(CaseRun& run) {
  std::vector<std::pair<std::string, std::string>> endpoints;
  for (const RecordedCall& call : run.recorded_calls()) {
    if (call.method != Method::kInvokeFunction || !call.answered()) continue;
    if (call.request_as<spearlet::InvokeFunctionRequest>().execution_mode() !=
        spearlet::EXECUTION_MODE_ASYNC) {
      continue;
    }
    const auto& answer = call.answer_as<spearlet::InvokeFunctionResponse>();
    if (answer.execution_id().empty() || answer.status_endpoint().empty()) continue;
    endpoints.emplace_back(answer.execution_id(), answer.status_endpoint());
    if (endpoints.size() == kMaxFollowed) break;
  }
  for (const auto& [id, endpoint] : endpoints) judge(run, id, endpoint);
}

}  // namespace quintain::conformance
