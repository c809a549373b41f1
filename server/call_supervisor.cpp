#include "server/call_supervisor.h"

#include <string_view>
#include <utility>

namespace quintain::server {
namespace {

// Cancels and deletions of known callers are always in the log.
bool is_audited(const CallSupervisor::Origin& origin, Method method) {
  return origin.caller.identity != nullptr &&
         (method == Method::kCancelExecution || method == Method::kDeleteTask);
}

}  // namespace

void CallSupervisor::set_access(std::shared_ptr<const AccessList> list) {
  const std::lock_guard lock(access_mutex_);
  access_ = std::move(list);
  is_restricted_.store(access_ != nullptr, std::memory_order_release);
}

std::shared_ptr<const AccessList> CallSupervisor::access() const {
  if (!is_restricted_.load(std::memory_order_acquire)) return nullptr;
  const std::lock_guard lock(access_mutex_);
  return access_;
}

void CallSupervisor::limit_executions(ExecutionOwners& owners) {
  owners_ = &owners;
  control_.set_owners(owners);
}

absl::Status CallSupervisor::admit(const Origin& origin, Method method) {
  const Role role = role_for(method);
  if (auto status = control_.begin(origin.caller, role, origin.at); !status.ok()) return status;
  if (owners_ != nullptr && role == Role::kInvoke) {
    const Identity* const identity = origin.caller.identity;
    owners_->set_caller(identity == nullptr ? std::string_view() : identity->name);
  }
  return absl::OkStatus();
}

void CallSupervisor::on_end(const Origin& origin, Method method,
                            const core::service::CallEnd& end) {
  if (end.admitted) control_.end(origin.caller);
  const auto took = std::chrono::steady_clock::now() - origin.at;
  // A caller that has left gets no answer.
  const auto code = end.left ? absl::StatusCode::kCancelled : end.status.code();
  metrics_.count(method, code, end.outcome, took);
  if (log_calls_ || is_audited(origin, method)) log_call(origin, method, end.status, took);
  if (!end.status.ok()) log_refusal(method, end.status);
}

void CallSupervisor::log_call(const Origin& origin, Method method, const absl::Status& status,
                              Duration took) {
  const Identity* const identity = origin.caller.identity;
  log_.info("call", {{"method", name_of(method)},
                     {"code", absl::StatusCodeToString(status.code())},
                     {"identity", identity != nullptr ? std::string_view(identity->name) : "-"},
                     {"peer", origin.peer},
                     {"us", std::chrono::duration_cast<std::chrono::microseconds>(took).count()}});
}

void CallSupervisor::log_refusal(Method method, const absl::Status& status) {
  const std::string_view message(status.message().data(), status.message().size());
  if (status.code() == absl::StatusCode::kInternal) {
    if (!internal_errors_.admit(log_, "internal-error")) return;
    log_.error("internal-error", {{"method", name_of(method)}, {"message", message}});
    return;
  }
  if (!refusals_.admit(log_, "refused") && !log_.debugging()) return;
  log_.info("refused", {{"method", name_of(method)},
                        {"code", absl::StatusCodeToString(status.code())},
                        {"message", message}});
}

}  // namespace quintain::server
