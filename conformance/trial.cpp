#include "conformance/trial.h"

#include <fmt/format.h>
#include <google/protobuf/wrappers.pb.h>

#include <algorithm>
#include <memory>

namespace quintain::conformance {
namespace {

// Between two reads of a poll: often enough to see a state that lasts tens of milliseconds, seldom
// enough to leave the processor to the target.
constexpr core::Duration kPollInterval = std::chrono::milliseconds(5);

// A record that has not come by then does not come.
constexpr core::Duration kUnfoundPatience = std::chrono::seconds(3);

}  // namespace

Trial::~Trial() {
  for (std::size_t i = 0; i < exchanges_.size(); ++i) {
    if (!exchanges_[i].ended()) setup_.arm.abandon(arm_calls_[i]);
  }
}

// ---- Requests -----------------------------------------------------------------------------------

std::string Trial::fresh_id() { return fmt::format("{}-{}", setup_.id_prefix, ++ids_); }

spearlet::InvokeFunctionRequest Trial::request(std::string_view fixture,
                                               spearlet::ExecutionMode mode,
                                               Parameters parameters) {
  const auto known = setup_.manifest.fixtures.find(fixture);
  if (known == setup_.manifest.fixtures.end()) {
    give_up(fmt::format("the manifest names no function that plays the fixture '{}'", fixture));
  }
  spearlet::InvokeFunctionRequest request;
  request.set_invocation_type(spearlet::INVOCATION_TYPE_EXISTING_TASK);
  request.set_task_id(known->second.task_id);
  request.set_function_name(known->second.function_name);
  request.set_execution_mode(mode);
  request.set_execution_id(fresh_id());
  for (const auto& [name, value] : parameters) {
    spearlet::FunctionParameter& parameter = *request.add_parameters();
    parameter.set_name(std::string(name));
    google::protobuf::Int64Value number;
    number.set_value(value);
    parameter.mutable_value()->PackFrom(number);
  }
  return request;
}

// ---- Calls --------------------------------------------------------------------------------------

const Exchange& Trial::start(Method method, const google::protobuf::Message& request,
                             core::Duration timeout) {
  if (!setup_.profile.serves(method)) {
    throw Inapplicable{
        fmt::format("the profile {} has no {}", setup_.profile.name(), name_of(method))};
  }
  if (!setup_.profile.expresses(method, request)) {
    throw Inapplicable{
        fmt::format("the profile {} can't say {}", setup_.profile.name(), brief_json(request))};
  }
  Exchange& exchange = exchanges_.emplace_back();
  exchange.number = exchanges_.size();
  exchange.method = method;
  std::shared_ptr<google::protobuf::Message> copy(request.New());
  copy->CopyFrom(request);
  exchange.request = std::move(copy);
  exchange.sent = now();
  if (timeout != core::kForever) exchange.deadline = exchange.sent + timeout;
  note_execution(exchange);
  const Profile& profile = setup_.profile;
  Arm& arm = setup_.arm;
  arm_calls_.push_back(0);
  arm_calls_.back() = arm.start({
      .path = profile.path(method),
      .request = profile.encode(method, request),
      .deadline = exchange.deadline,
      .streaming = method == Method::kStreamFunction,
      .on_message =
          [&exchange, &profile, &arm](const std::string& bytes) {
            auto message = profile.decode(exchange.method, bytes);
            if (message.ok()) {
              exchange.received.push_back({.at = arm.now(), .message = *std::move(message)});
            } else if (exchange.status.ok()) {
              exchange.status = message.status();
            }
          },
      .on_end =
          [this, &exchange, &profile, &arm](const absl::Status& status) {
            exchange.returned = arm.now();
            exchange.followed_by = exchanges_.size() + 1;
            if (status.ok()) return;  // an answer that could not be read stays an error
            auto answer = profile.decode_error(exchange.method, status);
            if (answer.ok()) {
              exchange.received.push_back({.at = arm.now(), .message = *std::move(answer)});
            } else {
              exchange.status = answer.status();
            }
          },
  });
  return exchange;
}

// Remembers which executions the trial may have begun.
void Trial::note_execution(const Exchange& exchange) {
  if (exchange.method != Method::kInvokeFunction && exchange.method != Method::kStreamFunction) {
    return;
  }
  const auto& request = exchange.request_as<spearlet::InvokeFunctionRequest>();
  if (!request.execution_id().empty()) started_.insert(request.execution_id());
}

void Trial::wait_for(const Exchange& exchange) {
  if (wait_until([&] { return exchange.ended(); })) return;
  give_up(fmt::format("a call was not answered within {} s: {}",
                      std::chrono::duration_cast<std::chrono::seconds>(patience()).count(),
                      describe(exchange)));
}

void Trial::leave(const Exchange& exchange) {
  if (exchange.ended()) return;
  setup_.arm.abandon(arm_calls_[exchange.number - 1]);
  Exchange& own = exchanges_[exchange.number - 1];
  own.returned = now();
  own.followed_by = exchanges_.size() + 1;
  own.status = absl::CancelledError("the client left");
  own.abandoned = true;
}

std::string Trial::start_async(const spearlet::InvokeFunctionRequest& request) {
  InvokeCall accepted = call(request);
  // Other cases may fill the queue for a moment.
  const core::Instant until = now() + patience();
  while (accepted.ended() && absl::IsResourceExhausted(accepted.exchange().status) &&
         now() < until) {
    sleep_for(std::chrono::milliseconds(50));
    accepted = call(request);
  }
  if (!accepted.answered()) {
    give_up("an ASYNC invocation was refused: " + describe(accepted.exchange()));
  }
  const std::string& id = accepted.answer().execution_id();
  if (id.empty()) {
    give_up("an ASYNC invocation was accepted without an id: " + describe(accepted.exchange()));
  }
  started_.insert(id);
  return id;
}

StatusCall Trial::read(const std::string& id) {
  spearlet::GetExecutionStatusRequest request;
  request.set_execution_id(id);
  request.set_include_result(true);
  request.set_include_logs(true);
  return call(request);
}

CancelCall Trial::send_cancel(const std::string& id, bool force, std::string_view reason) {
  spearlet::CancelExecutionRequest request;
  request.set_execution_id(id);
  request.set_force(force);
  request.set_reason(std::string(reason));
  return send(request);
}

CancelCall Trial::send_end(const std::string& id) {
  spearlet::CancelExecutionRequest request;
  request.set_execution_id(id);
  request.set_force(true);
  request.set_force(setup_.profile.expresses(Method::kCancelExecution, request));
  return send(request);
}

// ---- Time ---------------------------------------------------------------------------------------

void Trial::sleep_until(core::Instant when) {
  setup_.arm.run_until(when, [] { return false; });
}

bool Trial::wait_until(const std::function<bool()>& done, core::Duration limit) {
  return setup_.arm.run_until(now() + limit, done);
}

std::optional<spearlet::GetExecutionStatusResponse> Trial::poll(
    const std::string& id,
    const std::function<bool(const spearlet::GetExecutionStatusResponse&)>& enough,
    core::Duration limit) {
  const core::Instant until = now() + limit;
  core::Instant last_found = now();
  while (true) {
    const StatusCall status = read(id);
    if (status.answered() && enough(status.answer())) return status.answer();
    if (status.answer().found()) last_found = now();
    if (now() >= until || now() - last_found >= kUnfoundPatience + slack()) return std::nullopt;
    sleep_for(std::min(kPollInterval, until - now()));
  }
}

spearlet::ExecutionStatus Trial::await_end(const std::string& id, core::Duration limit) {
  const auto last =
      poll(id, [](const auto& answer) { return is_terminal(answer.result().status()); }, limit);
  return last ? last->result().status() : spearlet::EXECUTION_STATUS_UNSPECIFIED;
}

bool Trial::await(const std::string& id, spearlet::ExecutionStatus status, core::Duration limit) {
  const auto last = poll(
      id,
      [&](const auto& answer) {
        return answer.result().status() == status || is_terminal(answer.result().status());
      },
      limit);
  return last && last->result().status() == status;
}

// ---- Judgement ----------------------------------------------------------------------------------

bool Trial::judge(std::string_view clause, bool held, std::string_view expected,
                  std::string observed, std::uint64_t exchange) {
  if (held) {
    findings_.held(clause);
  } else {
    Breach breach{.expected = std::string(expected), .observed = std::move(observed)};
    if (exchange != 0) breach.exchanges = {exchange};
    findings_.broken(clause, std::move(breach));
  }
  return held;
}

void Trial::check(std::string_view clause, bool held, std::string_view expected,
                  std::string_view observed) {
  judge(clause, held, expected, std::string(observed), 0);
}

void Trial::require(std::string_view clause, bool held, std::string_view expected,
                    std::string_view observed) {
  check(clause, held, expected, observed);
  if (!held) throw Abandoned{};
}

void Trial::tidy_up() {
  for (Exchange& exchange : exchanges_) leave(exchange);
  std::vector<CancelCall> cancels;
  for (const std::string& id : started_) cancels.push_back(send_end(id));
  wait_until([&] {
    return std::all_of(cancels.begin(), cancels.end(), [](const auto& c) { return c.ended(); });
  });
}

}  // namespace quintain::conformance
