// Which calls a server admits, and what it records of them.
#pragma once

#include <absl/status/status.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "core/method.h"
#include "core/service/call_transport.h"
#include "server/access.h"
#include "server/execution_owners.h"
#include "server/log.h"
#include "server/metrics.h"

namespace quintain::server {

/// Admits calls as the access list allows, and puts their ends into the metrics and the log. Serial
/// context only, except set_access() and access().
class CallSupervisor {
 public:
  /// Who makes a call, and since when.
  struct Origin {
    std::chrono::steady_clock::time_point at;
    Caller caller{};
    /// The address of the other side; needed in the log only, so it may be empty.
    std::string peer{};
  };

  /// `log_calls`: write a line for every call that ends, not only for refused ones. Requires:
  /// `metrics` outlives the supervisor.
  CallSupervisor(RpcMetrics& metrics, const Log& log, bool log_calls)
      : metrics_(metrics), log_(log), log_calls_(log_calls) {}

  /// From now on only these callers are admitted, as their roles allow; nullptr: everybody.
  /// Thread-safe.
  void set_access(std::shared_ptr<const AccessList> list);

  /// The access list of now; nullptr: everybody is admitted. Thread-safe.
  std::shared_ptr<const AccessList> access() const;

  /// Tells `owners` who calls, and limits the executions of callers as the access list says. Called
  /// before the first call; `owners` must outlive the supervisor.
  void limit_executions(ExecutionOwners& owners);

  bool logs_calls() const { return log_calls_; }

  /// Returns why the call is refused, or OK.
  absl::Status admit(const Origin& origin, Method method);

  /// Records the end of a call, admitted or not.
  void on_end(const Origin& origin, Method method, const core::service::CallEnd& end);

 private:
  using Duration = std::chrono::steady_clock::duration;

  void log_call(const Origin& origin, Method method, const absl::Status& status, Duration took);
  void log_refusal(Method method, const absl::Status& status);

  RpcMetrics& metrics_;
  const Log log_;
  const bool log_calls_;
  LogLimiter refusals_{};
  LogLimiter internal_errors_{};
  AccessControl control_{};
  ExecutionOwners* owners_ = nullptr;
  // Replaced as a whole, on any thread. The flag spares calls the lock where everybody may call.
  std::atomic<bool> is_restricted_ = false;
  mutable std::mutex access_mutex_{};
  std::shared_ptr<const AccessList> access_{};  // guarded by access_mutex_
};

}  // namespace quintain::server
