// One function for each method says which answers the contract allows to a call, given what is
// known of the executions at that time.
#include "conformance/model/contract_model.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string_view>
#include <utility>

#include "conformance/model/known_executions.h"
#include "core/transitions.h"

namespace quintain::conformance {
namespace model {
namespace {

using core::is_terminal;
using Codes = std::set<absl::StatusCode>;

// What has to be equal for two requests to be the same.
std::string content_of(const Invoke& request) {
  Invoke content = request;
  content.clear_execution_id();
  content.mutable_context()->clear_execution_id();
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  content.SerializePartialToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

// Why a request is refused with INVALID_ARGUMENT whatever the state of the node; "" if it is not.
std::string malformation(const Invoke& request, bool stream, const Policies& policies) {
  const int mode = request.execution_mode();
  if (stream && mode != spearlet::EXECUTION_MODE_STREAM) return "its mode is not STREAM";
  if (mode < 1 || mode > 3) {
    if (policies.mode_unspecified == Policies::ModeUnspecified::kRefused) return "it has no mode";
  }
  if (!stream && mode == spearlet::EXECUTION_MODE_STREAM) return "it is a stream";
  const std::string& inner = request.context().execution_id();
  if (request.has_execution_id() && !inner.empty() && request.execution_id() != inner) {
    return "it has two ids";
  }
  if (request.has_execution_id() && request.execution_id().empty()) return "its id is empty";
  const std::string id = requested_id(request);
  const auto fits = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::StrContains("-._~!$&'()*+,;=:@", c);
  };
  if (id == "." || id == ".." || id.size() > 128 || !std::ranges::all_of(id, fits))
    return "its id cannot be used in a URL";
  if (request.context().timeout_ms() < 0) return "its timeout is negative";
  if (request.context().max_retries() < 0) return "its max_retries is negative";
  const auto priority = request.invocation_metadata().find("priority");
  if (priority != request.invocation_metadata().end()) {
    std::int64_t value = 0;
    const char* end = priority->second.data() + priority->second.size();
    const auto read = std::from_chars(priority->second.data(), end, value);
    if (read.ec == std::errc::invalid_argument || read.ptr != end) return "its priority is none";
  }
  switch (request.invocation_type()) {
    case spearlet::INVOCATION_TYPE_UNSPECIFIED:
      return request.task_id().empty() && !request.has_artifact_spec() ? "it names no task" : "";
    case spearlet::INVOCATION_TYPE_NEW_TASK:
      return request.has_artifact_spec() ? "" : "a new task has no artifact_spec";
    default:
      return request.task_id().empty() ? "an existing task is not named" : "";
  }
}

class Answers final : private KnownExecutions {
 public:
  using KnownExecutions::KnownExecutions;

  std::vector<Disagreement> check() {
    for (const RecordedCall& call : calls_) {
      call_ = &call;
      if (!call.ended()) {
        check_open();
      } else if (!call.status.ok()) {
        check_refusal();
      } else {
        check_answer();
      }
    }
    return std::move(found_);
  }

 private:
  void disagree(std::string what) {
    if (!found_.empty() && found_.back().call == call_->number) return;
    found_.push_back({call_->number, fmt::format("{}: {}", describe(*call_), what)});
  }
  void expect(bool holds, std::string_view what) {
    if (!holds) disagree(std::string(what));
  }

  // What is answered without waiting for an execution is answered at once.
  bool waits() const {
    if (call_->method == Method::kCancelExecution || call_->method == Method::kStreamFunction) {
      return true;
    }
    return call_->method == Method::kInvokeFunction &&
           call_->request_as<Invoke>().execution_mode() != spearlet::EXECUTION_MODE_ASYNC;
  }
  void check_open() {
    expect(waits() || call_->sent + node_.delay >= last_, "it must be answered at once");
  }

  Execution& execution(const std::string& id) {
    const auto found = executions_.find(id);
    return found == executions_.end() ? executions_[id] : found->second;
  }

  // The codes with which a call may be refused; OK: it may be answered.
  Codes codes_of(const RecordedCall& call) {
    using enum absl::StatusCode;
    Codes codes = {kUnavailable};
    if (call.abandoned) codes.insert(kCancelled);
    if (!call.deadline.is_never()) codes.insert(kDeadlineExceeded);
    if (is_invocation(call)) {
      add_invocation_codes(call, codes);
      return codes;
    }
    codes.insert(kOk);
    const auto limit = [&](std::int64_t value, const std::string& start_after = "") {
      if (value < 0) codes.erase(kOk);
      if (value < 0 || !start_after.empty()) codes.insert(kInvalidArgument);
    };
    switch (call.method) {
      case Method::kCancelExecution:
        if (policies_.cancel_unknown == Policies::CancelUnknown::kNotFound) codes.insert(kNotFound);
        break;
      case Method::kListTasks: {
        const auto& request = call.request_as<spearlet::ListTasksRequest>();
        limit(request.limit(), request.start_after());
        break;
      }
      case Method::kGetTask:
        limit(call.request_as<spearlet::GetTaskRequest>().execution_limit());
        break;
      case Method::kListExecutions: {
        const auto& request = call.request_as<spearlet::ListExecutionsRequest>();
        limit(request.limit(), request.start_after());
        break;
      }
      case Method::kGetStats:
        limit(call.request_as<spearlet::GetStatsRequest>().time_range_hours());
        break;
      default:
        break;
    }
    return codes;
  }

  void add_invocation_codes(const RecordedCall& call, Codes& codes) {
    using enum absl::StatusCode;
    const auto& request = call.request_as<Invoke>();
    const bool stream = call.method == Method::kStreamFunction;
    if (!malformation(request, stream, policies_).empty()) {
      codes.insert(kInvalidArgument);
      if (policies_.stream_via_invoke == Policies::StreamViaInvoke::kUnimplemented) {
        codes.insert(kUnimplemented);
      }
      return;
    }
    // Names and texts have limits that the contract does not state.
    constexpr std::size_t kCertainlyShort = 256;
    if (request.ByteSizeLong() > kCertainlyShort) codes.insert({kInvalidArgument, kNotFound});
    if (call.deadline <= call.sent) {
      codes.insert(kDeadlineExceeded);
      return;
    }
    codes.insert({kOk, kResourceExhausted});
    const std::string id = requested_id(request);
    if (!id.empty()) add_repetition_codes(call, execution(id), codes);
    // A repeated id is answered from its record, also if its task has been deleted.
    if (!id.empty() && execution(id).creators.size() > 1) {
      codes.insert(kNotFound);
    } else {
      add_task_codes(call, request, codes);
    }
  }

  void add_repetition_codes(const RecordedCall& call, const Execution& known, Codes& codes) {
    using enum absl::StatusCode;
    if (known.several || known.creators.empty()) {
      if (known.several || !anonymous_.empty()) codes.insert(kAlreadyExists);
      return;
    }
    // Calls overtake each other on a network, so any of them may have created it. All that were
    // accepted have equal requests.
    const bool is_known = !known.born_latest.is_never();
    const auto may_come_first = [&](const RecordedCall* creator) {
      return creator->sent <= call.returned;
    };
    bool may_be_equal = false;
    bool may_differ = false;
    for (const RecordedCall* creator : known.creators) {
      if (is_known ? creator != known.creator : !may_come_first(creator)) continue;
      (repeats(call, *creator) ? may_be_equal : may_differ) = true;
    }
    if (may_differ && std::ranges::any_of(known.creators, may_come_first)) {
      codes.insert(kAlreadyExists);
    }
    if (states_of(known, call, call.returned).contain(kAbsent)) return;
    if (!may_differ) codes.erase(kResourceExhausted);
    if (!may_be_equal) codes.erase(kOk);
  }

  // Whether the call gets the record of the execution that `creator` has created.
  bool repeats(const RecordedCall& call, const RecordedCall& creator) const {
    const auto& first = creator.request_as<Invoke>();
    return &creator == &call ||
           (content_of(first) == content_of(call.request_as<Invoke>()) &&
            !requested_id(first).empty() && call.method == Method::kInvokeFunction &&
            policies_.duplicate_id == Policies::DuplicateId::kSameRecord);
  }

  // ---- Tasks

  bool may_create(const RecordedCall& invocation, const std::string& task) const {
    const auto& request = invocation.request_as<Invoke>();
    if (!is_new_task(request) && !request.create_if_not_exists()) return false;
    const std::string its = task_of(invocation);
    return its.empty() || its == task;
  }
  // The last deletion of the task that had succeeded when the call was sent, if nobody may have
  // made it again.
  bool is_certainly_deleted(const std::string& task, const RecordedCall& call) const {
    const RecordedCall* last = nullptr;
    for (const RecordedCall* deletion : deletions_) {
      if (deletion->request_as<spearlet::DeleteTaskRequest>().task_id() == task &&
          deletion->answered() && before(*deletion, call) &&
          deletion->answer_as<spearlet::DeleteTaskResponse>().deleted()) {
        last = deletion;
      }
    }
    return last != nullptr && std::ranges::none_of(invocations_, [&](const RecordedCall* other) {
             return other->sent <= call.returned && !before(*other, *last) &&
                    may_create(*other, task);
           });
  }
  bool may_exist(const std::string& task, const RecordedCall& call) const {
    if (is_certainly_deleted(task, call)) return false;
    if (!node_.tasks || node_.tasks->contains(task)) return true;
    return std::ranges::any_of(invocations_, [&](const RecordedCall* other) {
      return other->sent <= call.returned && other != &call && may_create(*other, task);
    });
  }
  bool must_exist(const std::string& task, const RecordedCall& call) const {
    if (std::ranges::any_of(deletions_, [&](const RecordedCall* deletion) {
          return deletion != &call && deletion->sent <= call.returned &&
                 deletion->request_as<spearlet::DeleteTaskRequest>().task_id() == task;
        })) {
      return false;
    }
    // A task that a call has made lasts for an hour after its last execution.
    return (node_.tasks && node_.tasks->contains(task)) ||
           std::ranges::any_of(invocations_, [&](const RecordedCall* other) {
             return accepted(*other) && before(*other, call) && task_of(*other) == task &&
                    call.returned < other->sent + std::chrono::hours(1);
           });
  }

  void add_task_codes(const RecordedCall& call, const Invoke& request, Codes& codes) const {
    using enum absl::StatusCode;
    const std::string& task = request.task_id();
    const bool creates = request.create_if_not_exists();
    if (is_new_task(request)) {
      if (task.empty() || creates) return;
      if (may_exist(task, call)) codes.insert(kAlreadyExists);
      if (must_exist(task, call)) codes.erase(kOk);
      return;
    }
    // Which functions a task has is not known before one has been accepted, unless the node's are.
    const bool complete =
        node_.functions && must_exist(task, call) && node_.functions->contains({task, ""});
    const bool known = must_exist(task, call) &&
                       (complete ? node_.functions->contains({task, request.function_name()})
                                 : std::ranges::any_of(invocations_, [&](const auto* one) {
                                     const auto& other = one->template request_as<Invoke>();
                                     return accepted(*one) && task_of(*one) == task &&
                                            other.function_name() == request.function_name();
                                   }));
    if (!known && !creates) codes.insert(kNotFound);
    if ((complete && !known) || (!creates && !may_exist(task, call))) {
      codes.insert(kNotFound);
      codes.erase(kOk);
      codes.erase(kResourceExhausted);
    }
  }

  void check_refusal() {
    const Codes codes = codes_of(*call_);
    if (codes.contains(call_->status.code())) return;
    // A stream that ends with an error has its own reasons, but has one error.
    if (call_->method == Method::kStreamFunction && !call_->received.empty()) {
      const auto& last =
          static_cast<const spearlet::StreamExecutionResult&>(*call_->received.back().message);
      return expect(!last.is_final() || call_->abandoned || call_->ambiguous(),
                    "it goes on after its final message");
    }
    disagree(fmt::format("it may not be refused so; allowed: {}", text_of(codes)));
  }

  static std::string text_of(const Codes& codes) {
    std::vector<std::string> names;
    for (const absl::StatusCode code : codes) names.push_back(absl::StatusCodeToString(code));
    return fmt::format("{}", fmt::join(names, " or "));
  }

  void check_answer() {
    const Codes codes = codes_of(*call_);
    const bool refused_in_body = is_invocation(*call_) && !accepted(*call_);
    if (!codes.contains(absl::StatusCode::kOk) && !refused_in_body) {
      return disagree(fmt::format("it must be refused; allowed: {}", text_of(codes)));
    }
    if (!waits()) expect(call_->returned <= call_->sent + node_.delay, "it is answered too late");
    if (call_->received.empty() || refused_in_body) return;
    switch (call_->method) {
      case Method::kInvokeFunction:
        return check_invocation(call_->request_as<Invoke>(),
                                call_->answer_as<spearlet::InvokeFunctionResponse>());
      case Method::kStreamFunction:
        return check_stream();
      case Method::kGetExecutionStatus:
        return check_status(call_->request_as<spearlet::GetExecutionStatusRequest>(),
                            call_->answer_as<spearlet::GetExecutionStatusResponse>());
      case Method::kCancelExecution:
        return check_cancel(call_->request_as<spearlet::CancelExecutionRequest>(),
                            call_->answer_as<spearlet::CancelExecutionResponse>());
      case Method::kListExecutions:
        return check_list(call_->request_as<spearlet::ListExecutionsRequest>(),
                          call_->answer_as<spearlet::ListExecutionsResponse>());
      case Method::kListTasks:
        return check_tasks(call_->request_as<spearlet::ListTasksRequest>(),
                           call_->answer_as<spearlet::ListTasksResponse>());
      case Method::kGetTask:
        return check_task(call_->request_as<spearlet::GetTaskRequest>(),
                          call_->answer_as<spearlet::GetTaskResponse>());
      case Method::kDeleteTask:
        return check_deletion(call_->request_as<spearlet::DeleteTaskRequest>(),
                              call_->answer_as<spearlet::DeleteTaskResponse>());
      case Method::kGetHealth:
        return check_health(call_->request_as<spearlet::GetHealthRequest>(),
                            call_->answer_as<spearlet::GetHealthResponse>());
      case Method::kGetStats:
        return check_stats(call_->request_as<spearlet::GetStatsRequest>(),
                           call_->answer_as<spearlet::GetStatsResponse>());
    }
  }

  // What an answer to `call_` shows of an execution.
  void check_sighting(const std::string& id, const Execution& known, const Sighting& sighting) {
    const ExecutionStatus status = sighting.status;
    const States states = states_of(known, *call_, sighting.told);
    if (!states.contain(status) || status == kAbsent) {
      return disagree(
          fmt::format("it shows '{}' as {}; allowed: {}", id, name_of(status), states.text()));
    }
    const bool ended = is_terminal(status);
    const bool good = status == kCompleted;
    if (sighting.error != nullptr) {
      expect(ended || sighting.error->empty(), "there is an error before the end");
      expect(!good || sighting.error->empty(), "what is COMPLETED has no error");
    }
    if (sighting.code != nullptr) {
      expect(sighting.code->empty() == (good || !ended), "the error_code belongs to a bad end");
      expect(status != kCancelled || *sighting.code == "CANCELLED", "the code is CANCELLED");
      expect(status != kTimeout || *sighting.code == "TIMEOUT", "the code is TIMEOUT");
      expect(good || sighting.payload == nullptr, "only what is COMPLETED has a result");
    }
    if (sighting.shows_times) check_times(known, sighting);
    if (status == kCancelled && sighting.error != nullptr) check_reason(known, *sighting.error);
    if (known.several || known.creators.empty()) return;
    if (good && sighting.shows_payload && node_.behaviour && known.has_known_request()) {
      const auto behaviour = node_.behaviour(known.request());
      if (behaviour && behaviour->result) {
        const auto& shown = sighting.payload == nullptr ? google::protobuf::Any::default_instance()
                                                        : *sighting.payload;
        expect(is_same(shown, *behaviour->result), "the result is not what the function returns");
      }
    }
    if (status == kFailed && sighting.code != nullptr && node_.behaviour && !node_.restarts &&
        known.has_known_request()) {
      const auto behaviour = node_.behaviour(known.request());
      const std::string code =
          !behaviour || behaviour->error_code.empty() ? "" : behaviour->error_code;
      expect(code.empty() || *sighting.code == code, "the error_code is not that of the function");
      expect(!behaviour || !returns_too_much(*behaviour) || *sighting.code == "RESULT_TOO_LARGE",
             "the error_code of a result that is too large is RESULT_TOO_LARGE");
    }
    for (const Sighting& other : known.sightings) {
      if (!is_terminal(other.status) || !ended) continue;
      const auto same = [](const auto* a, const auto* b) {
        return a == nullptr || b == nullptr || *a == *b;
      };
      expect(same(sighting.error, other.error) && same(sighting.code, other.code),
             "its error differs from that in another answer");
      if (sighting.shows_payload && other.shows_payload) {
        expect((sighting.payload == nullptr) == (other.payload == nullptr) &&
                   (sighting.payload == nullptr || is_same(*sighting.payload, *other.payload)),
               "its result differs from that in another answer");
      }
      break;  // the first is what all are compared with
    }
  }

  static bool is_same(const google::protobuf::Any& a, const google::protobuf::Any& b) {
    return a.type_url() == b.type_url() && a.value() == b.value();
  }

  void check_times(const Execution& known, const Sighting& sighting) {
    const bool ended = is_terminal(sighting.status);
    const Duration slack = call_->clock_tolerance + node_.delay;
    if (!call_->wall_sent) return;
    expect(sighting.status != kPending || !sighting.started, "what is PENDING has not started");
    expect(sighting.status != kRunning || sighting.started.has_value(), "there is no started_at");
    expect(sighting.status != kCompleted || sighting.started.has_value(), "it never started");
    expect(ended == sighting.completed.has_value(), "completed_at belongs to the end");
    const std::int64_t took =
        sighting.started && sighting.completed
            ? core::floor_milliseconds(*sighting.completed - *sighting.started)
            : 0;
    expect(took >= 0 && took == sighting.time_ms,
           "execution_time_ms is the time from started_at to completed_at");
    if (known.several || known.creators.empty()) return;
    const auto agrees = [](const auto& a, const auto& b) { return !a || !b || *a == *b; };
    expect(agrees(sighting.started, known.started), "started_at differs from an earlier answer");
    expect(agrees(sighting.completed, known.completed), "completed_at differs from another answer");
    for (const auto& time : {sighting.started, sighting.completed}) {
      expect(!time || *time <= sighting.told + slack, "a time is in the future");
      expect(!time || *time + slack >= known.born_earliest, "a time is before the acceptance");
    }
    if (sighting.status == kTimeout && sighting.completed) {
      expect(*sighting.completed + slack >= known.deadline_earliest &&
                 (node_.restarts || *sighting.completed <= known.deadline_latest + slack),
             "a TIMEOUT comes exactly at the deadline");
    }
    // A deadline may pass while the node is down.
    if (ended && sighting.completed && !node_.restarts) {
      expect(*sighting.completed <= known.deadline_latest + slack, "it ended after its deadline");
    }
  }

  // The reason is that of the first cancel; which one was the first may be unknown.
  void check_reason(const Execution& known, const std::string& error) {
    if (known.creators.empty()) return;
    std::set<std::string> reasons;
    bool others = known.several || std::ranges::any_of(deletions_, [&](const auto* deletion) {
                    return concerns(*deletion, known);
                  });
    const RecordedCall* first = nullptr;
    for (const Cause& cause : known.causes) {
      if (before(*cause.call, *known.creators.front())) continue;  // it was not there yet
      if (!cause.reason || cause.reason->empty() || !cause.call->answered() ||
          !is_certainly_born(known, *cause.call)) {
        others = true;
      } else if (first == nullptr || !before(*first, *cause.call)) {
        const bool overlaps = first != nullptr && cause.call->sent == first->sent;
        if (first == nullptr || overlaps) reasons.insert(*cause.reason);
        if (first == nullptr) first = cause.call;
        others |= overlaps;
      }
    }
    if (others || reasons.empty()) return;
    expect(std::ranges::any_of(reasons, [&](const auto& r) { return absl::StrContains(error, r); }),
           "its error_message lacks the reason of the first cancel");
  }

  // ---- One function for each method ------------------------------------------------------------

  void check_invocation(const Invoke& request, const spearlet::InvokeFunctionResponse& answer) {
    const std::string asked = requested_id(request);
    const Execution& known = execution(answer.execution_id());
    const ExecutionStatus status = answer.result().status();
    expect(!answer.execution_id().empty(), "there is no execution_id");
    expect(asked.empty() || answer.execution_id() == asked, "the execution_id is another one");
    expect(is_new_task(request) || answer.task_id() == request.task_id(), "it is another task");
    if (request.execution_mode() != spearlet::EXECUTION_MODE_ASYNC) {
      expect(answer.status_endpoint().empty(), "a SYNC answer has no status_endpoint");
      expect(answer.estimated_completion_ms() == 0, "a SYNC answer has no estimate");
      expect(is_terminal(status), "a SYNC answer has a final status");
      const bool served = policies_.success_sync == Policies::SuccessSync::kServed;
      expect(answer.success() == (served || status == kCompleted), "success means COMPLETED");
    } else {
      expect(answer.success(), "an accepted ASYNC call is a success");
      expect(absl::StrContains(answer.status_endpoint(), answer.execution_id()),
             "the status_endpoint leads to the execution");
      if (known.creators.size() == 1) {
        expect(answer.estimated_completion_ms() >= 1, "there is no estimate");
        expect(status == kPending, "the first answer of an ASYNC execution is PENDING");
        check_estimates(answer.result(), "", answer.estimated_completion_ms());
        expect(answer.result().metrics().contains("eta_estimator"), "it names no estimator");
        const Timeout timeout = deadline_of(*call_, call_->sent);
        expect(
            timeout.latest.is_never() || answer.estimated_completion_ms() <=
                                             core::ceil_milliseconds(timeout.latest - call_->sent),
            "the estimate is longer than the timeout");
      }
    }
    check_shown(answer.execution_id(), known);
  }

  void check_estimates(const spearlet::ExecutionResult& result, const std::string& median,
                       std::int64_t least) {
    const auto number = [&](const std::string& name) -> std::int64_t {
      const auto entry = result.metrics().find(name);
      return entry == result.metrics().end() ? -1 : std::atoll(entry->second.c_str());
    };
    if (!median.empty()) least = number(median);
    expect(least >= 0 && number("eta_p90_ms") >= least, "the estimates are not in their order");
  }

  // Every sighting of the execution in this answer.
  void check_shown(const std::string& id, const Execution& known) {
    for (const Sighting& sighting : known.sightings) {
      if (sighting.call == call_) check_sighting(id, known, sighting);
    }
  }

  void check_stream() {
    std::string id;
    for (std::size_t i = 0; i < call_->received.size(); ++i) {
      const auto& message =
          static_cast<const spearlet::StreamExecutionResult&>(*call_->received[i].message);
      if (i == 0) id = message.execution_id();
      const bool last = i + 1 == call_->received.size();
      expect(!message.execution_id().empty() && message.execution_id() == id, "the id changes");
      expect(message.is_final() == last, "the last message of a stream is its only final one");
      expect(last ? is_terminal(message.status()) : message.status() == kRunning,
             "a stream is RUNNING until it is final");
      expect(last || message.error_message().empty(), "the error comes with the end");
      expect(!last || message.status() == kCompleted || !message.error_message().empty(),
             "a bad end has an error");
    }
    const std::string asked = requested_id(call_->request_as<Invoke>());
    expect(asked.empty() || id == asked, "the execution_id is another one");
    check_shown(id, execution(id));
  }

  void check_status(const spearlet::GetExecutionStatusRequest& request,
                    const spearlet::GetExecutionStatusResponse& answer) {
    const Execution& known = execution(request.execution_id());
    expect(request.include_logs() || answer.logs().empty(), "nobody asked for logs");
    if (!answer.found()) {
      const States states = states_of(known, *call_, call_->returned);
      if (states.contain(kAbsent)) return;
      return disagree(fmt::format("it is not found; allowed: {}", states.text()));
    }
    expect(request.include_result() || !answer.result().has_result(), "nobody asked for a result");
    if (!is_terminal(answer.result().status())) check_estimates(answer.result(), "eta_p50_ms", 0);
    check_shown(request.execution_id(), known);
  }

  void check_cancel(const spearlet::CancelExecutionRequest& request,
                    const spearlet::CancelExecutionResponse& answer) {
    const Execution& known = execution(request.execution_id());
    const ExecutionStatus status = answer.final_status();
    expect(!answer.success() || status == kCancelled, "success means that it ended CANCELLED");
    if (status == kAbsent) {
      const States states = states_of(known, *call_, call_->returned);
      if (states.contain(kAbsent)) return;
      return disagree(fmt::format("the execution is not unknown; allowed: {}", states.text()));
    }
    expect(is_terminal(status), "a cancel is answered when the execution has ended");
    if (states_of(known, *call_, call_->sent).are_only(kCancelled)) {
      const bool over = std::ranges::any_of(known.sightings, [&](const Sighting& sighting) {
        return is_terminal(sighting.status) && before(*sighting.call, *call_);
      });
      expect(!over || !answer.success(), "the execution had ended before");
    }
    if (node_.cancel_grace && !known.several) {
      const bool at_once =
          request.force() || policies_.cancel_running == Policies::CancelRunning::kImmediate;
      expect(call_->returned <=
                 call_->sent + node_.delay + (at_once ? Duration(0) : *node_.cancel_grace),
             "a cancel is answered when the grace period ends");
    }
    check_shown(request.execution_id(), known);
  }

  void check_entry(const spearlet::ExecutionInfo& entry) {
    const Execution& known = execution(entry.execution_id());
    expect(!entry.execution_id().empty(), "an entry has no id");
    if (!known.has_known_request()) return;
    const Invoke& request = known.request();
    expect(task_of(*known.creator).empty() || entry.task_id() == task_of(*known.creator),
           "an entry's task differs");
    expect(entry.function_name() == request.function_name(), "an entry's function differs");
    const auto mode = static_cast<int>(request.execution_mode());
    expect(mode < 1 || mode > 3 || entry.execution_mode() == mode, "an entry's mode differs");
  }

  // Whether it is an execution of the task that now has this id: a deleted task and one that is
  // made later have nothing in common.
  static bool may_belong_to(const Execution& known, const std::string& task) {
    if (!known.has_known_request()) return true;
    const std::string its = task_of(*known.creator);
    return its.empty() || its == task;
  }
  bool belongs_to(const Execution& known, const std::string& task) const {
    return known.has_known_request() && task_of(*known.creator) == task &&
           std::ranges::none_of(deletions_, [&](const RecordedCall* deletion) {
             return deletion != call_ && deletion->sent <= call_->returned &&
                    deletion->request_as<spearlet::DeleteTaskRequest>().task_id() == task;
           });
  }

  // Whether the execution is certainly on record, and of a task, and certainly has a status.
  bool is_listed(const Execution& known, const spearlet::ListExecutionsRequest& request) const {
    if (!known.has_known_request()) return false;
    const States states = states_of(known, *call_, call_->returned);
    if (states.contain(kAbsent)) return false;
    if (!request.task_id().empty() && !belongs_to(known, request.task_id())) return false;
    return request.status_filter() == kAbsent || states.are_only(request.status_filter());
  }
  static bool accepted_before(const Execution& one, const Execution& other) {
    if (one.born_latest < other.born_earliest) return true;
    return one.born_latest == other.born_earliest && one.creator != nullptr &&
           !other.creators.empty() && one.creator->number < other.creators.front()->number;
  }

  void check_list(const spearlet::ListExecutionsRequest& request,
                  const spearlet::ListExecutionsResponse& answer) {
    const auto size = static_cast<std::size_t>(answer.executions_size());
    expect(request.limit() == 0 || size <= static_cast<std::size_t>(request.limit()),
           "the page is longer than its limit");
    expect(answer.has_more() != answer.next_start_after().empty(),
           "next_start_after belongs to has_more");
    std::map<std::string, int> shown;
    std::vector<const Execution*> page;
    for (const auto& entry : answer.executions()) {
      check_entry(entry);
      expect(++shown[entry.execution_id()] == 1, "an execution is listed twice");
      expect(request.task_id().empty() || entry.task_id() == request.task_id(),
             "an entry belongs to another task");
      expect(request.status_filter() == kAbsent || entry.status() == request.status_filter(),
             "an entry has another status");
      const Execution& known = execution(entry.execution_id());
      check_shown(entry.execution_id(), known);
      expect(page.empty() || known.several || !accepted_before(known, *page.back()),
             "the entries are not in the order of acceptance");
      if (!known.several && !known.creators.empty()) page.push_back(&known);
    }
    // Between the first and the last of a page nothing is left out, nor after the last page, nor,
    // as far as it is known where a page starts, before its first.
    const Execution* start = start_of(request);
    for (auto& [id, known] : executions_) {
      if (shown.contains(id) || !is_listed(known, request)) continue;
      const bool starts = request.start_after().empty() ||
                          (start != nullptr && accepted_before(*start, known)) ||
                          (!page.empty() && accepted_before(*page.front(), known));
      const bool ends =
          !answer.has_more() || (!page.empty() && accepted_before(known, *page.back()));
      if (starts && ends) disagree(fmt::format("'{}' is left out", id));
    }
  }
  // The last entry of the page whose next_start_after the request has. A node may have looked at
  // further executions that did not match, so it says nothing of requests with another filter, nor
  // of statuses, which change.
  const Execution* start_of(const spearlet::ListExecutionsRequest& request) {
    const std::string& token = request.start_after();
    if (token.empty()) return nullptr;
    for (const RecordedCall& call : calls_) {
      if (call.method != Method::kListExecutions || !call.answered()) continue;
      const auto& answer = call.answer_as<spearlet::ListExecutionsResponse>();
      if (answer.next_start_after() != token || answer.executions().empty()) continue;
      const auto& asked = call.request_as<spearlet::ListExecutionsRequest>();
      if (asked.task_id() != request.task_id() || asked.status_filter() != kAbsent ||
          request.status_filter() != kAbsent) {
        return nullptr;
      }
      const Execution& last = execution(answer.executions().rbegin()->execution_id());
      if (!last.several && !last.creators.empty()) return &last;
    }
    const auto named = executions_.find(token);
    return named == executions_.end() || named->second.several || named->second.creators.empty()
               ? nullptr
               : &named->second;
  }

  // How many executions of a kind there are: at least the certain ones, at most the possible ones.
  struct Count {
    std::int64_t least = 0;
    std::int64_t most = 0;
    bool contains(std::int64_t n) const { return least <= n && n <= most; }
    std::string text() const { return fmt::format("{} to {}", least, most); }
  };
  template <class Wanted>
  Count count(const Wanted& wanted, const std::string& task = "") const {
    Count count;
    for (const auto& [id, known] : executions_) {
      if (known.creator == nullptr) continue;
      const bool of_task = task.empty() || belongs_to(known, task);
      if (!of_task && !may_belong_to(known, task)) continue;
      const States states = states_of(known, *call_, call_->returned);
      bool all = of_task;
      bool some = false;
      for (int i = kAbsent; i <= kTimeout; ++i) {
        const auto state = static_cast<ExecutionStatus>(i);
        if (!states.contain(state)) continue;
        (wanted(state) ? some : all) = wanted(state);
      }
      count.least += all && some ? 1 : 0;
      count.most += some ? 1 : 0;
    }
    for (const RecordedCall* call : anonymous_) count.most += call->sent <= call_->returned ? 1 : 0;
    if (!node_.alone) count.most = std::numeric_limits<std::int64_t>::max();
    return count;
  }
  static auto is(ExecutionStatus wanted) {
    return [=](ExecutionStatus state) { return state == wanted; };
  }
  static bool is_on_record(ExecutionStatus state) { return state != kAbsent; }

  void check_count(std::string_view name, std::int64_t number, const Count& count) {
    if (count.contains(number)) return;
    disagree(fmt::format("{} is {}; allowed: {}", name, number, count.text()));
  }

  void check_task_info(const spearlet::TaskInfo& task) {
    expect(may_exist(task.task_id(), *call_), "there is no such task");
    check_count("execution_count", task.execution_count(), count(is_on_record, task.task_id()));
    expect(task.updated_at() >= task.created_at(), "it was changed before it was made");
  }

  void check_tasks(const spearlet::ListTasksRequest& request,
                   const spearlet::ListTasksResponse& answer) {
    std::set<std::string> shown;
    for (const auto& task : answer.tasks()) {
      check_task_info(task);
      expect(shown.insert(task.task_id()).second, "a task is listed twice");
      expect(task.task_id().starts_with(request.prefix()), "a task has another prefix");
      expect(request.include_details() || !task.has_artifact_spec(), "nobody asked for details");
    }
    expect(request.limit() == 0 || answer.tasks_size() <= request.limit(), "the page is too long");
    expect(answer.has_more() != answer.next_start_after().empty(),
           "next_start_after belongs to has_more");
    if (!node_.tasks || answer.has_more() || !request.start_after().empty()) return;
    for (const std::string& task : *node_.tasks) {
      if (!task.starts_with(request.prefix()) || !must_exist(task, *call_)) continue;
      expect(shown.contains(task), "a task is left out");
    }
  }

  void check_task(const spearlet::GetTaskRequest& request,
                  const spearlet::GetTaskResponse& answer) {
    if (!answer.found()) {
      return expect(!must_exist(request.task_id(), *call_), "the task exists");
    }
    expect(answer.task().task_id() == request.task_id(), "it is another task");
    check_task_info(answer.task());
    expect(request.include_executions() || answer.executions().empty(), "nobody asked for them");
    expect(request.execution_limit() == 0 || answer.executions_size() <= request.execution_limit(),
           "there are too many executions");
    spearlet::ListExecutionsRequest of_task;
    of_task.set_task_id(request.task_id());
    std::set<std::string> shown;
    for (const auto& entry : answer.executions()) {
      check_entry(entry);
      expect(entry.task_id() == request.task_id(), "an entry belongs to another task");
      expect(shown.insert(entry.execution_id()).second, "an execution is listed twice");
      check_shown(entry.execution_id(), execution(entry.execution_id()));
    }
    for (const auto& [id, known] : executions_) {
      if (answer.executions().empty() || shown.contains(id) || !is_listed(known, of_task)) continue;
      for (const std::string& other : shown) {
        const Execution& older = executions_[other];
        expect(older.several || !accepted_before(older, known), "it is not the newest that it has");
      }
    }
  }

  void check_deletion(const spearlet::DeleteTaskRequest& request,
                      const spearlet::DeleteTaskResponse& answer) {
    const std::string& task = request.task_id();
    expect(answer.success() == answer.deleted(), "success means that it is deleted");
    expect(!answer.deleted() || may_exist(task, *call_), "there is no such task");
    const Count busy =
        count([](auto state) { return state == kPending || state == kRunning; }, task);
    expect(!answer.deleted() || request.force() || busy.least == 0, "the task is busy");
    const bool may_refuse = !request.force() && busy.most > 0;
    expect(answer.deleted() || may_refuse || !must_exist(task, *call_), "nothing is in its way");
    expect(request.cleanup_executions() || answer.cleaned_executions() == 0, "it cleaned unasked");
  }

  void check_health(const spearlet::GetHealthRequest& request,
                    const spearlet::GetHealthResponse& answer) {
    expect(answer.status() == "SERVING" || answer.status() == "DRAINING", "it has no such status");
    expect(answer.has_details() == request.include_details(), "details are there if asked for");
    // They do not wait for the store, so a crash may undo what they have counted.
    if (!answer.has_details() || node_.restarts) return;
    const auto& details = answer.details();
    check_count("running_executions", details.running_executions(), count(is(kRunning)));
    check_count("pending_executions", details.pending_executions(), count(is(kPending)));
    check_count("total_executions", details.total_executions(), count(is_on_record));
  }

  void check_stats(const spearlet::GetStatsRequest& request,
                   const spearlet::GetStatsResponse& answer) {
    expect(answer.has_execution_stats() == request.include_execution_stats(),
           "execution_stats are there if asked for");
    expect(answer.has_task_stats() == request.include_task_stats(),
           "task_stats are there if asked for");
    if (node_.restarts) return;
    check_count("total_executions", answer.service_stats().total_executions(), count(is_on_record));
    for (const auto& task : answer.task_stats().most_active_tasks()) check_task_info(task);
    if (!answer.has_execution_stats() || request.time_range_hours() != 0) return;
    const auto& stats = answer.execution_stats();
    check_count("running_executions", stats.running_executions(), count(is(kRunning)));
    check_count("pending_executions", stats.pending_executions(), count(is(kPending)));
    check_count("completed_executions", stats.completed_executions(), count(is(kCompleted)));
    check_count("failed_executions", stats.failed_executions(), count(is(kFailed)));
    std::int64_t sum = 0;
    for (const auto& [name, number] : stats.executions_by_function()) sum += number;
    check_count("the sum of executions_by_function", sum, count(is_on_record));
    const Count ended = count([](auto state) { return is_terminal(state); });
    if (ended.least != ended.most) return;
    const double rate =
        ended.least == 0 ? 0
                         : 100.0 * stats.completed_executions() / static_cast<double>(ended.least);
    expect(std::abs(stats.success_rate_percent() - rate) < 0.01,
           "success_rate_percent is the share of COMPLETED among those that have ended");
  }

  const RecordedCall* call_ = nullptr;  // the one that is checked
  std::vector<Disagreement> found_;
};

}  // namespace
}  // namespace model

std::vector<Disagreement> disagreements(std::span<const RecordedCall> calls,
                                        const ModelledNode& node) {
  return model::Answers(calls, node).check();
}

}  // namespace quintain::conformance
