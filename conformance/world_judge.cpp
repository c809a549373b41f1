#include "conformance/world_judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "conformance/judgement/judge.h"
#include "conformance/model/contract_model.h"
#include "conformance/verdicts.h"
#include "core/method.h"
#include "sim/kernel.h"
#include "spearlet/function.pb.h"

namespace quintain::conformance {
namespace {

std::shared_ptr<google::protobuf::Message> copy_of(const google::protobuf::Message& message) {
  std::shared_ptr<google::protobuf::Message> copy(message.New());
  copy->CopyFrom(message);
  return copy;
}

// The method is named as its request is, but for streams, which have the request of InvokeFunction.
Method method_of(const sim::Event& sent) {
  if (sent.mode == spearlet::EXECUTION_MODE_STREAM) return Method::kStreamFunction;
  std::string_view name = sent.message->GetDescriptor()->name();
  name.remove_suffix(std::string_view("Request").size());
  const auto found = std::ranges::find(core::kMethodNames, name);
  return static_cast<Method>(found - core::kMethodNames.begin());
}

FunctionBehaviour::Fate fate_of(sim::PlannedOutcome outcome) {
  if (outcome == sim::PlannedOutcome::kCompletes) return FunctionBehaviour::Fate::kCompletes;
  if (outcome == sim::PlannedOutcome::kHangs) return FunctionBehaviour::Fate::kHangs;
  return FunctionBehaviour::Fate::kFails;
}

// What the model of a function does with a request; nullopt if chance decides, or if it cannot be
// known which one plays it.
std::optional<FunctionBehaviour> behaviour_of(const std::vector<sim::FunctionModel>& functions,
                                              const spearlet::InvokeFunctionRequest& request) {
  const sim::FunctionModel* found = nullptr;
  for (const sim::FunctionModel& function : functions) {
    if (function.task != request.task_id()) continue;
    if (function.function == request.function_name()) {
      found = &function;
      break;
    }
    if (function.function.empty()) found = &function;
  }
  if (found == nullptr || found->recorded != nullptr) return std::nullopt;
  if (request.execution_mode() == spearlet::EXECUTION_MODE_STREAM) return std::nullopt;
  if (found->failure_probability > 0 || found->hang_probability > 0) return std::nullopt;
  if (found->dies_idle_after || found->result_bytes > 0) return std::nullopt;
  FunctionBehaviour behaviour;
  for (const sim::PlannedOutcome outcome : found->outcomes) {
    behaviour.attempts.push_back(fate_of(outcome));
  }
  if (behaviour.attempts.empty()) {
    behaviour.attempts.push_back(FunctionBehaviour::Fate::kCompletes);
  }
  if (found->echo) {
    behaviour.result.emplace();
    if (request.parameters_size() > 0) behaviour.result = request.parameters(0).value();
  }
  return behaviour;
}

// Whether two executions with one id may have followed each other while calls for both were under
// way: if records are dropped because there are many, a history does not show which call was for
// which.
bool may_confuse_ids(std::span<const RecordedCall> calls, const Policies& policies,
                     core::Duration delay) {
  if (policies.grace < policies.retention || delay == core::Duration(0)) return false;
  std::set<std::string> ids;
  return std::ranges::any_of(calls, [&](const RecordedCall& call) {
    const auto* request = dynamic_cast<const spearlet::InvokeFunctionRequest*>(call.request.get());
    if (request == nullptr) return false;
    const std::string& id = request->execution_id().empty() ? request->context().execution_id()
                                                            : request->execution_id();
    return !id.empty() && !ids.insert(id).second;
  });
}

}  // namespace

WorldJudge::WorldJudge(const sim::World& world) : world_(world) {
  for (std::size_t i = 0; i < world.nodes(); ++i) {
    functions_.push_back(world.node(i).runtime().models());
  }
}

void WorldJudge::on_event(const sim::Event& event) {
  if (event.kind == sim::EventKind::kNodeCrashed) nodes_[event.execution.node].restarted = true;
  if (event.call == 0) return;
  NodeCalls& calls = nodes_[event.execution.node];
  if (event.kind == sim::EventKind::kCallSent) return on_sent(event, calls);
  const auto known = calls.by_call.find(event.call);
  if (known == calls.by_call.end()) return;
  RecordedCall& recorded = calls.result.recorded_calls[known->second];
  if (event.kind == sim::EventKind::kNetwork) {
    return on_network_event(event, known->second, calls);
  }
  measure_answer(event, calls);
  if (recorded.ended()) return;  // the caller has left
  const auto receive = [&] {
    recorded.received.push_back({.at = event.at, .message = copy_of(*event.message)});
  };
  switch (event.kind) {
    case sim::EventKind::kStreamMessage:
      return receive();
    case sim::EventKind::kCallAnswered:
      // The last message of a stream has been received already.
      if (recorded.method != Method::kStreamFunction) receive();
      break;
    case sim::EventKind::kCallRefused:
      recorded.status = absl::Status(static_cast<absl::StatusCode>(event.number), "refused");
      break;
    case sim::EventKind::kCallerGone:
      recorded.abandoned = true;
      recorded.status = event.at < recorded.deadline
                            ? absl::CancelledError("abandoned by the client")
                            : absl::DeadlineExceededError("the deadline has passed");
      break;
    default:
      return;
  }
  recorded.returned = event.at;
  recorded.followed_by = calls.result.recorded_calls.size() + 1;
}

void WorldJudge::on_sent(const sim::Event& event, NodeCalls& calls) {
  if (calls.result.recorded_calls.size() == kMaxCalls) calls.too_many = true;
  if (calls.too_many) return;
  calls.by_call[event.call] = calls.result.recorded_calls.size();
  std::shared_ptr<google::protobuf::Message> request = copy_of(*event.message);
  // What the request asks of this node: no clause says what a node's maximum is.
  if (auto* invoke = dynamic_cast<spearlet::InvokeFunctionRequest*>(request.get())) {
    const core::NodeConfig& config = world_.node(event.execution.node).config();
    const std::int64_t maximum = core::floor_milliseconds(config.timeout.maximum);
    const std::int64_t timeout = invoke->context().timeout_ms();
    if (timeout > maximum) {
      invoke->mutable_context()->set_timeout_ms(maximum);
      // Requests that differ remain different: no clause is about the values of headers.
      (*invoke->mutable_context()->mutable_headers())["timeout_ms"] = std::to_string(timeout);
    }
  }
  RecordedCall& recorded = calls.result.recorded_calls.emplace_back();
  recorded.number = calls.result.recorded_calls.size();
  recorded.method = method_of(event);
  recorded.request = std::move(request);
  recorded.sent = event.at;
  recorded.wall_sent = core::WallTime{sim::kWorldStart.since_epoch + event.at.since_start()};
  recorded.deadline = event.deadline;
}

void WorldJudge::on_network_event(const sim::Event& event, std::size_t position, NodeCalls& calls) {
  const RecordedCall& call = calls.result.recorded_calls[position];
  switch (static_cast<sim::NetworkEvent>(event.number)) {
    case sim::NetworkEvent::kRequestArrives:
      calls.there = std::max(calls.there, event.at - call.sent);
      return;
    case sim::NetworkEvent::kAnswerSent:
    case sim::NetworkEvent::kReaderIsBehind:
      calls.leaving.try_emplace(event.call, event.at);
      return;
    case sim::NetworkEvent::kRequestDuplicated: {
      // As if another client had sent it and lost its connection at once.
      RecordedCall copy = call;
      copy.number = calls.result.recorded_calls.size() + 1;
      copy.status = absl::UnavailableError("the copy of a request");
      copy.returned = event.at;
      copy.followed_by = copy.number + 1;
      calls.result.recorded_calls.push_back(std::move(copy));
      return;
    }
    default:
      return;
  }
}

void WorldJudge::measure_answer(const sim::Event& event, NodeCalls& calls) {
  const auto leaving = calls.leaving.find(event.call);
  if (leaving == calls.leaving.end()) return;
  calls.back = std::max(calls.back, event.at - leaving->second);
}

// The node answers promptly; what the network and a commit of its store add is not its fault. An
// answer may wait for two commits, each of which takes up to twice its mean.
core::Duration WorldJudge::delay_of(std::uint32_t node, const NodeCalls& calls) const {
  return calls.there + calls.back + 4 * world_.node(node).mean_commit();
}

Policies WorldJudge::policies_of(std::uint32_t node, const NodeCalls& calls) const {
  const core::NodeConfig& config = world_.node(node).config();
  Policies policies{.retention = config.retention.age, .grace = delay_of(node, calls)};
  // A record may be dropped long before its age if there are many.
  const std::size_t recorded = calls.result.recorded_calls.size();
  if (static_cast<std::size_t>(config.retention.count) < recorded) {
    policies.grace = std::max(policies.grace, policies.retention);
  }
  return policies;
}

reports::Check WorldJudge::check_model(std::uint32_t node, const NodeCalls& calls,
                                       std::span<const RecordedCall> recorded) const {
  const core::NodeConfig& config = world_.node(node).config();
  const Policies policies = policies_of(node, calls);
  ModelledNode modelled{.policies = policies,
                        .delay = delay_of(node, calls),
                        .sync_timeout = config.timeout.sync_default,
                        .async_timeout = config.timeout.async_default,
                        .maximum_timeout = config.timeout.maximum,
                        .cancel_grace = config.cancel_grace,
                        .retained = config.retention.count,
                        .restarts = calls.restarted,
                        // Where ids and tasks are used again, the model's upper bounds on counts
                        // are too low.
                        .alone = false};
  modelled.policies.durability = Policies::Durability::kAcknowledged;
  modelled.tasks.emplace();
  for (const sim::FunctionModel& function : functions_[node]) {
    modelled.tasks->insert(function.task);
  }
  modelled.behaviour = [&functions = functions_[node]](const auto& request) {
    return behaviour_of(functions, request);
  };
  const std::vector<Disagreement> found = disagreements(recorded, modelled);
  reports::Check check{.name = std::string(kModelCheck),
                       .kind = reports::CheckKind::kInvariant,
                       .verdict = reports::Verdict::kPassed,
                       .expected = "every answer is one that the model of the contract allows",
                       .observed = fmt::format("{} calls", recorded.size())};
  if (found.empty()) return check;
  // The model disagreed with a right answer in one of 60,000 random worlds (docs/explore.md).
  check.verdict = reports::Verdict::kWarning;
  check.observed = found.front().what;
  if (found.size() > 1) check.observed += fmt::format("; and {} more", found.size() - 1);
  return check;
}

std::vector<reports::Check> WorldJudge::checks() {
  std::vector<reports::Check> checks;
  for (auto& [node, calls] : nodes_) {
    if (calls.too_many) continue;
    CaseResult& result = calls.result;
    const std::vector<RecordedCall> recorded(result.recorded_calls.begin(),
                                             result.recorded_calls.end());
    const Policies policies = policies_of(node, calls);
    for (const RecordedCall& call : recorded) judge_recorded_call(call, policies, result.findings);
    if (!may_confuse_ids(recorded, policies, delay_of(node, calls))) {
      judge_history(recorded, policies, result.findings);
    }
    for (reports::Check& check : clause_checks(result, {})) checks.push_back(std::move(check));
    checks.push_back(check_model(node, calls, recorded));
  }
  return checks;
}

}  // namespace quintain::conformance
