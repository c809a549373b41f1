// Who may call what, and how often.
#pragma once

#include <absl/status/status.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/execution_owners.h"
#include "server/metrics.h"

namespace quintain::server {

/// What a caller may do. kAdmin includes the others.
enum class Role : std::uint8_t {
  kRead,    // GetExecutionStatus, ListTasks, GetTask, ListExecutions, GetHealth, GetStats, HTTP
  kInvoke,  // InvokeFunction, StreamFunction
  kCancel,  // CancelExecution
  kAdmin,   // DeleteTask
};

std::string_view to_string(Role role);

/// The role that a method needs.
Role role_for(Method method);

/// A caller that the server knows, by a token or by its client certificate.
struct Identity {
  std::string name;
  /// SHA-256 of the bearer token; empty: none.
  std::string token_hash{};
  /// The common name, or a subject alternative name, of its certificate; empty: none.
  std::string certificate{};
  std::vector<Role> roles{};
  /// Calls per second in the long run, and how many may come at once; nullopt: no limit.
  std::optional<double> calls_per_second{};
  double burst = 1;
  /// Calls that may be open at once; nullopt: no limit.
  std::optional<std::int64_t> open_calls{};
  /// Executions of its calls that may wait or run at once, whether or not a call waits for them;
  /// nullopt: no limit.
  std::optional<std::int64_t> live_executions{};

  bool has(Role role) const;
};

/// SHA-256 as 32 bytes.
std::string sha256(std::string_view text);

/// The identities of an access file. Immutable, thread-safe.
class AccessList {
 public:
  explicit AccessList(std::vector<Identity> identities) : identities_(std::move(identities)) {}

  /// The identity with this `Authorization` value ("Bearer TOKEN") or one of these names of its
  /// certificate; nullptr: none. A token counts before a certificate. Takes the same time for every
  /// wrong token.
  const Identity* find(std::string_view authorization,
                       const std::vector<std::string>& certificate_names) const;

 private:
  std::vector<Identity> identities_;
};

/// The caller of one call. Keeps its list alive, which may have been replaced since.
struct Caller {
  std::shared_ptr<const AccessList> list{};
  /// nullptr: unknown.
  const Identity* identity = nullptr;
};

/// Decides about calls. Without a list everything is allowed. Serial context only.
class AccessControl {
 public:
  using Clock = std::chrono::steady_clock;

  /// Whose executions there are. Not limited before this is called. `owners` must outlive this.
  void set_owners(const ExecutionOwners& owners) { owners_ = &owners; }

  /// Returns why the call is refused: UNAUTHENTICATED, PERMISSION_DENIED, or RESOURCE_EXHAUSTED
  /// with the time after which another try is worthwhile. The details are as in core/refusal.h.
  /// After OK, and only then, end() has to be called.
  absl::Status begin(const Caller& caller, Role role, Clock::time_point now);
  void end(const Caller& caller);

  /// The same without a limit of rate and open calls.
  static absl::Status check(const Caller& caller, Role role);

 private:
  struct Use {
    double tokens = 0;
    Clock::time_point at{};
    std::int64_t open_calls = 0;
  };

  const ExecutionOwners* owners_ = nullptr;
  // By name, so that a reloaded list does not give everybody a new start.
  std::map<std::string, Use> uses_;
};

}  // namespace quintain::server
