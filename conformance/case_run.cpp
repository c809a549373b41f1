// Records the calls of a case: encodes requests for the profile, passes them to the transport and
// decodes what comes back.
#include "conformance/case_run.h"

#include <fmt/format.h>
#include <google/protobuf/wrappers.pb.h>

#include <algorithm>
#include <memory>

namespace quintain::conformance {
namespace {

// The interval of polls: short enough to see a status that lasts tens of milliseconds, long enough
// to leave the processor to the target.
constexpr core::Duration kPollInterval = std::chrono::milliseconds(5);

// How soon a case that waits notices that the run is to stop.
constexpr core::Duration kStopInterval = std::chrono::milliseconds(200);

// A record that has not been found for this long will not appear.
constexpr core::Duration kMaxNotFound = std::chrono::seconds(3);

}  // namespace

CaseRun::~CaseRun() {
  for (std::size_t i = 0; i < recorded_calls_.size(); ++i) {
    if (!recorded_calls_[i].ended()) setup_.transport.abandon(transport_calls_[i]);
  }
}

// ---- The ends of executions ---------------------------------------------------------------------

core::Duration SeenEnds::limit(const std::string& function, core::Duration limit) const {
  constexpr int kMaxInVain = 2;
  constexpr core::Duration kShortest = std::chrono::seconds(1);
  const std::lock_guard lock(mutex_);
  const auto known = functions_.find(function);
  if (known == functions_.end()) return limit;
  const Function& seen = known->second;
  if (seen.waits_in_vain < kMaxInVain || seen.waits_in_vain < seen.ends) return limit;
  return std::min(limit, std::max(kShortest, 3 * seen.longest));
}

void SeenEnds::record_end(const std::string& function, core::Duration after) {
  const std::lock_guard lock(mutex_);
  Function& seen = functions_[function];
  ++seen.ends;
  seen.longest = std::max(seen.longest, after);
}

void SeenEnds::record_none(const std::string& function, core::Duration within) {
  constexpr core::Duration kLong = std::chrono::seconds(3);
  if (within < kLong) return;
  const std::lock_guard lock(mutex_);
  ++functions_[function].waits_in_vain;
}

// ---- Requests -----------------------------------------------------------------------------------

std::string CaseRun::fresh_id() { return fmt::format("{}-{}", setup_.id_prefix, ++last_id_); }

const FixtureFunction& CaseRun::fixture(std::string_view name) const {
  const auto known = setup_.manifest.fixtures.find(name);
  if (known == setup_.manifest.fixtures.end()) {
    not_judged(fmt::format("the manifest names no function for the fixture '{}'", name));
  }
  return known->second;
}

std::int64_t CaseRun::takes_ms(std::string_view name, std::int64_t wanted) const {
  const auto& takes = fixture(name).takes;
  return takes ? core::floor_milliseconds(*takes) : wanted;
}

spearlet::InvokeFunctionRequest CaseRun::request(std::string_view name,
                                                 spearlet::ExecutionMode mode,
                                                 Parameters parameters) {
  const FixtureFunction& function = fixture(name);
  spearlet::InvokeFunctionRequest request = function.request;
  request.set_invocation_type(spearlet::INVOCATION_TYPE_EXISTING_TASK);
  request.set_task_id(function.task_id);
  request.set_function_name(function.function_name);
  request.set_execution_mode(mode);
  request.set_execution_id(fresh_id());
  for (const auto& [parameter, amount] : parameters) {
    if (parameter == "ms" && function.takes) {
      const std::int64_t takes = core::floor_milliseconds(*function.takes);
      if (takes < amount.least || takes > amount.most) {
        not_judged(fmt::format(
            "the fixture '{}' always takes {} ms, and the case needs {}{} ms", name, takes,
            takes < amount.least && amount.most > amount.least ? "at least " : "",
            takes < amount.least ? amount.least : amount.most));
      }
      continue;
    }
    if (function.answers_any) continue;
    spearlet::FunctionParameter& added = *request.add_parameters();
    added.set_name(std::string(parameter));
    google::protobuf::Int64Value number;
    number.set_value(amount.wanted);
    added.mutable_value()->PackFrom(number);
  }
  return request;
}

// ---- Calls --------------------------------------------------------------------------------------

const RecordedCall& CaseRun::start(Method method, const google::protobuf::Message& request,
                                   core::Duration timeout) {
  if (!setup_.profile.serves(method)) {
    throw NotApplicable{
        fmt::format("the profile {} has no {}", setup_.profile.name(), name_of(method))};
  }
  if (!setup_.profile.expresses(method, request)) {
    throw NotApplicable{fmt::format("the profile {} cannot express {}", setup_.profile.name(),
                                    brief_json(request))};
  }
  RecordedCall& recorded = recorded_calls_.emplace_back();
  recorded.number = recorded_calls_.size();
  recorded.method = method;
  std::shared_ptr<google::protobuf::Message> copy(request.New());
  copy->CopyFrom(request);
  recorded.request = std::move(copy);
  recorded.sent = now();
  recorded.wall_sent = setup_.transport.wall_now();
  recorded.clock_tolerance = slack();
  if (timeout != core::kForever) recorded.deadline = recorded.sent + timeout;
  remember_execution(recorded);
  const Profile& profile = setup_.profile;
  Transport& transport = setup_.transport;
  transport_calls_.push_back(0);
  transport_calls_.back() = transport.start({
      .path = profile.path(method),
      .request = profile.encode(method, request),
      .deadline = recorded.deadline,
      .streaming = method == Method::kStreamFunction,
      .on_message =
          [&recorded, &profile, &transport](const std::string& bytes) {
            auto message = profile.decode(recorded.method, bytes);
            if (message.ok()) {
              const absl::Status kept =
                  transport.keep((*message)->SpaceUsedLong() + sizeof(RecordedCall::Received));
              if (!kept.ok()) message = kept;
            }
            if (message.ok()) {
              recorded.received.push_back({.at = transport.now(), .message = *std::move(message)});
            } else if (recorded.status.ok()) {
              recorded.status = message.status();
            }
          },
      .on_end =
          [this, &recorded, &profile, &transport](const absl::Status& status) {
            recorded.returned = transport.now();
            recorded.followed_by = recorded_calls_.size() + 1;
            if (status.ok()) return;  // an answer that could not be decoded remains an error
            auto answer = profile.decode_error(recorded.method, status);
            if (answer.ok()) {
              recorded.received.push_back({.at = transport.now(), .message = *std::move(answer)});
            } else {
              recorded.status = answer.status();
            }
          },
  });
  return recorded;
}

void CaseRun::remember_execution(const RecordedCall& recorded) {
  if (recorded.method != Method::kInvokeFunction && recorded.method != Method::kStreamFunction) {
    return;
  }
  const auto& request = recorded.request_as<spearlet::InvokeFunctionRequest>();
  if (request.execution_id().empty()) return;
  started_.insert(request.execution_id());
  if (wants_async(request)) {
    functions_[request.execution_id()] = request.task_id() + "/" + request.function_name();
  }
}

void CaseRun::wait_for(const RecordedCall& recorded) {
  if (wait_until([&] { return recorded.ended(); })) return;
  judge("WIRE-5", false,
        fmt::format("a call is answered within {} s",
                    std::chrono::duration_cast<std::chrono::seconds>(patience()).count()),
        describe(recorded), recorded.number);
  throw Aborted{};
}

bool CaseRun::is_refused_because_of_others(const RecordedCall& recorded) const {
  return setup_.shares_the_target && recorded.method == Method::kInvokeFunction &&
         absl::IsResourceExhausted(recorded.status);
}

void CaseRun::leave(const RecordedCall& recorded) {
  if (recorded.ended()) return;
  setup_.transport.abandon(transport_calls_[recorded.number - 1]);
  RecordedCall& own = recorded_calls_[recorded.number - 1];
  own.returned = now();
  own.followed_by = recorded_calls_.size() + 1;
  own.status = absl::CancelledError("abandoned by the client");
  own.abandoned = true;
}

std::string CaseRun::start_async(const spearlet::InvokeFunctionRequest& request) {
  InvokeCall accepted = call(request);
  // Other cases may fill the queue temporarily.
  const core::Instant until = now() + patience();
  while (accepted.ended() && absl::IsResourceExhausted(accepted.recorded().status) &&
         now() < until) {
    sleep_for(std::chrono::milliseconds(50));
    accepted = call(request);
  }
  if (!accepted.answered()) {
    abort("an ASYNC call was refused: " + describe(accepted.recorded()));
  }
  const std::string& id = accepted.answer().execution_id();
  if (id.empty()) {
    abort("an ASYNC call was accepted without an execution_id: " + describe(accepted.recorded()));
  }
  started_.insert(id);
  return id;
}

StatusCall CaseRun::read(const std::string& id) {
  spearlet::GetExecutionStatusRequest request;
  request.set_execution_id(id);
  request.set_include_result(true);
  request.set_include_logs(true);
  return call(request);
}

CancelCall CaseRun::send_cancel(const std::string& id, bool force, std::string_view reason) {
  spearlet::CancelExecutionRequest request;
  request.set_execution_id(id);
  request.set_force(force);
  request.set_reason(std::string(reason));
  return send(request);
}

CancelCall CaseRun::send_forced_cancel(const std::string& id) {
  spearlet::CancelExecutionRequest request;
  request.set_execution_id(id);
  request.set_force(true);
  request.set_force(setup_.profile.expresses(Method::kCancelExecution, request));
  return send(request);
}

// ---- Time ---------------------------------------------------------------------------------------

// Every wait of a case passes here, so that none outlasts the budget of the case or a stop.
bool CaseRun::run_until(core::Instant until, const std::function<bool()>& done) {
  while (true) {
    const core::Instant next = setup_.stop ? std::min(until, now() + kStopInterval) : until;
    if (setup_.transport.run_until(std::min(next, setup_.budget_ends), done)) return true;
    if (setup_.stop) {
      if (std::string reason = setup_.stop(); !reason.empty()) not_judged(std::move(reason));
    }
    if (now() >= setup_.budget_ends) {
      abort("the case did not end within its time budget");
    }
    if (now() >= until) return false;
  }
}

void CaseRun::sleep_until(core::Instant when) {
  run_until(when, [] { return false; });
}

bool CaseRun::wait_until(const std::function<bool()>& done, core::Duration limit) {
  return run_until(now() + limit, done);
}

std::optional<spearlet::GetExecutionStatusResponse> CaseRun::poll(
    const std::string& id,
    const std::function<bool(const spearlet::GetExecutionStatusResponse&)>& enough,
    core::Duration limit) {
  const auto function = functions_.find(id);
  SeenEnds* const ends = function == functions_.end() ? nullptr : setup_.seen_ends;
  bool waits_long = false;
  const core::Instant start = now();
  core::Instant last_found = now();
  while (true) {
    const StatusCall status = read(id);
    const bool ended = is_terminal(status.answer().result().status());
    if (ends != nullptr && ended) ends->record_end(function->second, now() - start);
    if (status.answered() && enough(status.answer())) return status.answer();
    const core::Duration waited = now() - start;
    if (ends != nullptr && !ended && status.answer().found() && !waits_long &&
        waited >= std::min(limit, patience())) {
      ends->record_none(function->second, waited);
      waits_long = true;
    }
    // What other cases saw in the meantime may make this wait shorter.
    const core::Instant until =
        start + (ends == nullptr ? limit : ends->limit(function->second, limit));
    if (status.answer().found()) last_found = now();
    if (now() >= until || now() - last_found >= kMaxNotFound + slack()) return std::nullopt;
    sleep_for(std::min(kPollInterval, until - now()));
  }
}

spearlet::ExecutionStatus CaseRun::await_end(const std::string& id, core::Duration limit) {
  const auto last =
      poll(id, [](const auto& answer) { return is_terminal(answer.result().status()); }, limit);
  return last ? last->result().status() : spearlet::EXECUTION_STATUS_UNSPECIFIED;
}

bool CaseRun::await(const std::string& id, spearlet::ExecutionStatus status, core::Duration limit) {
  const auto last = poll(
      id,
      [&](const auto& answer) {
        return answer.result().status() == status || is_terminal(answer.result().status());
      },
      limit);
  return last && last->result().status() == status;
}

// ---- Judgement ----------------------------------------------------------------------------------

bool CaseRun::judge(std::string_view clause, bool held, std::string_view expected,
                    std::string observed, std::uint64_t recorded) {
  if (held) {
    findings_.record_pass(clause);
  } else {
    Violation violation{.expected = std::string(expected), .observed = std::move(observed)};
    if (recorded != 0) violation.recorded_calls = {recorded};
    findings_.record_failure(clause, std::move(violation));
  }
  return held;
}

void CaseRun::check(std::string_view clause, bool held, std::string_view expected,
                    std::string_view observed) {
  judge(clause, held, expected, std::string(observed), 0);
}

void CaseRun::require(std::string_view clause, bool held, std::string_view expected,
                      std::string_view observed) {
  check(clause, held, expected, observed);
  if (!held) throw Aborted{};
}

void CaseRun::cancel_leftovers() {
  for (RecordedCall& recorded : recorded_calls_) leave(recorded);
  std::vector<CancelCall> cancels;
  for (const std::string& id : started_) cancels.push_back(send_forced_cancel(id));
  wait_until([&] {
    return std::all_of(cancels.begin(), cancels.end(), [](const auto& c) { return c.ended(); });
  });
}

}  // namespace quintain::conformance
