// The interface with which a case works: sending calls, waiting, and judging clauses.
#pragma once

#include <google/protobuf/any.pb.h>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "conformance/judgement/findings.h"
#include "conformance/judgement/recorded_call.h"
#include "conformance/judgement/rules/status_observation.h"
#include "conformance/manifest.h"
#include "conformance/transport.h"
#include "conformance/wire/profile.h"
#include "core/transitions.h"
#include "spearlet/function.pb.h"

namespace quintain::conformance {

/// The method and the response type of a request type. InvokeFunctionRequest maps to
/// InvokeFunction; CaseRun::send_stream() sends it to StreamFunction.
template <class Request>
struct CallOf;

#define QUINTAIN_CALL(name)                            \
  template <>                                          \
  struct CallOf<spearlet::name##Request> {             \
    static constexpr Method kMethod = Method::k##name; \
    using Response = spearlet::name##Response;         \
  }
QUINTAIN_CALL(InvokeFunction);
QUINTAIN_CALL(GetExecutionStatus);
QUINTAIN_CALL(CancelExecution);
QUINTAIN_CALL(ListTasks);
QUINTAIN_CALL(GetTask);
QUINTAIN_CALL(DeleteTask);
QUINTAIN_CALL(ListExecutions);
QUINTAIN_CALL(GetHealth);
QUINTAIN_CALL(GetStats);
#undef QUINTAIN_CALL

/// A handle to a call of a run. Cheap to copy; valid as long as its run.
template <class Response>
class Call {
 public:
  explicit Call(const RecordedCall& recorded) : recorded_(&recorded) {}

  const RecordedCall& recorded() const { return *recorded_; }
  bool ended() const { return recorded_->ended(); }
  bool answered() const { return recorded_->answered(); }
  absl::StatusCode code() const { return recorded_->status.code(); }

  /// The answer; a default instance if there is none.
  const Response& answer() const {
    return answered() ? recorded_->answer_as<Response>() : Response::default_instance();
  }

 private:
  const RecordedCall* recorded_;
};

using InvokeCall = Call<spearlet::InvokeFunctionResponse>;
using StatusCall = Call<spearlet::GetExecutionStatusResponse>;
using CancelCall = Call<spearlet::CancelExecutionResponse>;
using StreamCall = Call<spearlet::StreamExecutionResult>;

/// The value of a fixture's numeric parameter, and what will do instead with a target whose
/// functions take no parameters.
struct Amount {
  /// Exactly this. A target whose function always takes another time cannot be judged.
  template <std::integral Number>
  // NOLINTNEXTLINE(google-explicit-constructor): so that {{"ms", 50}} can be written
  constexpr Amount(Number exactly)
      : wanted(exactly), least(static_cast<std::int64_t>(exactly)), most(least) {}
  constexpr Amount(std::int64_t wanted_, std::int64_t least_, std::int64_t most_)
      : wanted(wanted_), least(least_), most(most_) {}

  std::int64_t wanted;
  std::int64_t least;
  std::int64_t most;
};

/// `wanted`; a constant of at least `least` will do.
constexpr Amount at_least(std::int64_t least, std::int64_t wanted) {
  return {wanted, least, std::numeric_limits<std::int64_t>::max()};
}
constexpr Amount at_least(std::int64_t wanted) { return at_least(wanted, wanted); }

/// Numeric parameters of a fixture, by name: {{"ms", 50}}.
using Parameters = std::initializer_list<std::pair<std::string_view, Amount>>;

/// What the cases of one run of the suite have seen of the ends of executions, by function. Several
/// threads may use it.
///
/// A target that loses the ends of its executions would make every case wait in vain. After a few
/// such waits the further ones for the same function are short.
class SeenEnds {
 public:
  /// How long a wait for the end of such an execution may last that would last `limit` otherwise.
  core::Duration limit(const std::string& function, core::Duration limit) const;
  /// The end came after this time.
  void record_end(const std::string& function, core::Duration after);
  /// It did not come within this time.
  void record_none(const std::string& function, core::Duration within);

 private:
  struct Function {
    int ends = 0;
    int waits_in_vain = 0;
    core::Duration longest{0};
  };
  mutable std::mutex mutex_;
  std::map<std::string, Function> functions_;
};

/// One run of one case against one target. Records every call and every judgement. Used by one
/// thread.
class CaseRun {
 public:
  struct Setup {
    Transport& transport;
    const Profile& profile;
    const Manifest& manifest;
    /// Prefix of every execution id that the run makes, so that runs on one target do not share
    /// ids.
    std::string id_prefix;
    /// When the case must have ended.
    core::Instant budget_ends = core::Instant::never();
    /// Other cases run at the same time, and may fill the queue of the target for a while.
    bool shares_the_target = false;
    /// nullptr: every wait lasts as long as it may.
    SeenEnds* seen_ends = nullptr;
    /// SuiteOptions::stop.
    std::function<std::string()> stop{};
  };

  /// Thrown by require(), abort() and calls that are not answered. Ends the script of the case.
  struct Aborted {
    /// What the target lacks or refused; empty if a violated clause is the reason.
    std::string reason;
  };

  /// Thrown by not_judged(). Ends the script of the case.
  struct NotJudged {
    std::string reason;
  };

  /// Thrown by a call that the profile cannot express. The case does not apply then.
  struct NotApplicable {
    std::string reason;
  };

  explicit CaseRun(const Setup& setup) : setup_(setup) {}
  /// Abandons the open calls.
  ~CaseRun();

  CaseRun(const CaseRun&) = delete;
  CaseRun& operator=(const CaseRun&) = delete;

  // ---- The target ------------------------------------------------------------------------------

  const Policies& policies() const { return setup_.manifest.policies; }
  const NodeFacts& node() const { return setup_.manifest.node; }
  Transport& transport() { return setup_.transport; }
  const Profile& profile() const { return setup_.profile; }

  /// Whether measured times are exact, as in virtual time.
  bool exact() const { return slack() == core::Duration::zero(); }
  core::Duration slack() const { return setup_.transport.slack(); }

  // ---- Requests --------------------------------------------------------------------------------

  /// A new execution id.
  std::string fresh_id();

  /// The function that is the fixture. Aborts the case if the manifest does not name it.
  const FixtureFunction& fixture(std::string_view name) const;

  /// Whether the manifest names a function for the fixture.
  bool has_fixture(std::string_view name) const { return setup_.manifest.fixtures.contains(name); }

  /// The milliseconds that the fixture takes if it is asked for `wanted`: a function without the
  /// parameter `ms` always takes what the manifest declares.
  std::int64_t takes_ms(std::string_view name, std::int64_t wanted) const;

  /// An invocation of the fixture with a fresh id and with what the manifest adds to every request.
  /// Aborts the case if the manifest does not name the fixture, or if the fixture takes no
  /// parameter `ms` and its constant is not what the case asks for.
  spearlet::InvokeFunctionRequest request(std::string_view fixture, spearlet::ExecutionMode mode,
                                          Parameters parameters = {});
  spearlet::InvokeFunctionRequest sync(std::string_view fixture, Parameters parameters = {}) {
    return request(fixture, spearlet::EXECUTION_MODE_SYNC, parameters);
  }
  spearlet::InvokeFunctionRequest async(std::string_view fixture, Parameters parameters = {}) {
    return request(fixture, spearlet::EXECUTION_MODE_ASYNC, parameters);
  }

  // ---- Calls -----------------------------------------------------------------------------------

  /// Sends a call without waiting. `timeout`: the RPC's deadline from now.
  template <class Request>
  auto send(const Request& request, core::Duration timeout = core::kForever) {
    using Response = typename CallOf<Request>::Response;
    return Call<Response>(start(CallOf<Request>::kMethod, request, timeout));
  }
  StreamCall send_stream(const spearlet::InvokeFunctionRequest& request,
                         core::Duration timeout = core::kForever) {
    return StreamCall(start(Method::kStreamFunction, request, timeout));
  }

  /// Waits for the end of the call. Aborts the case if it does not end within patience().
  template <class Response>
  Call<Response> wait(Call<Response> call) {
    wait_for(call.recorded());
    return call;
  }

  /// Sends a call and waits for its end. An invocation that is refused because other cases fill the
  /// queue is tried again.
  template <class Request>
  auto call(const Request& request, core::Duration timeout = core::kForever) {
    const core::Instant until = now() + patience();
    auto call = wait(send(request, timeout));
    while (is_refused_because_of_others(call.recorded()) && now() < until) {
      sleep_for(std::chrono::milliseconds(50));
      call = wait(send(request, timeout));
    }
    return call;
  }

  /// Cancels the call as its client, unless it has ended.
  template <class Response>
  void abandon(Call<Response> call) {
    leave(call.recorded());
  }

  /// Sends an ASYNC invocation and returns the execution's id. Retries while the queue is full, and
  /// aborts the case if the call is not accepted.
  std::string start_async(const spearlet::InvokeFunctionRequest& request);

  /// Queries the status of an execution, with result and logs.
  StatusCall read(const std::string& id);

  CancelCall send_cancel(const std::string& id, bool force = false, std::string_view reason = "");
  /// Cancels an execution, with force if the profile can express that.
  CancelCall send_forced_cancel(const std::string& id);

  CancelCall cancel(const std::string& id, bool force = false, std::string_view reason = "") {
    return wait(send_cancel(id, force, reason));
  }

  // ---- Time ------------------------------------------------------------------------------------

  core::Instant now() const { return setup_.transport.now(); }
  void sleep_until(core::Instant when);
  void sleep_for(core::Duration d) { sleep_until(now() + d); }

  /// How long to wait for an event that must happen soon.
  static constexpr core::Duration patience() { return std::chrono::seconds(10); }

  /// Delivers answers until done() holds. False after `limit`.
  bool wait_until(const std::function<bool()>& done, core::Duration limit = patience());

  /// Queries the status repeatedly until `enough` returns true for the answer, and returns that
  /// answer. nullopt after `limit`, or earlier if the execution has not been found for some time.
  std::optional<spearlet::GetExecutionStatusResponse> poll(
      const std::string& id,
      const std::function<bool(const spearlet::GetExecutionStatusResponse&)>& enough,
      core::Duration limit = patience());

  /// Polls until the execution has ended, and returns its final status; UNSPECIFIED after `limit`.
  spearlet::ExecutionStatus await_end(const std::string& id, core::Duration limit = patience());
  /// Polls until the execution has this status. False if it ends with another or after `limit`.
  bool await(const std::string& id, spearlet::ExecutionStatus status,
             core::Duration limit = patience());

  // ---- Judgement -------------------------------------------------------------------------------

  /// Judges the clause: `held` is the result. An empty `expected` means the text of the clause.
  void check(std::string_view clause, bool held, std::string_view expected,
             std::string_view observed);

  /// The same, with the call as what was observed. Returns `held`.
  template <class Response>
  bool check(std::string_view clause, const Call<Response>& call, bool held,
             std::string_view expected) {
    // A description takes time, and an answer may violate a clause in each of many entries.
    const bool described = !held && !findings_.is_full(clause);
    return judge(clause, held, expected, described ? describe(call.recorded()) : std::string(),
                 call.recorded().number);
  }

  /// As check(), and aborts the case if the clause is violated.
  void require(std::string_view clause, bool held, std::string_view expected,
               std::string_view observed);

  /// Ends the case because the target lacks or refused something.
  [[noreturn]] static void abort(std::string reason) { throw Aborted{std::move(reason)}; }

  /// Ends the case because it cannot be judged on this target, which is no fault: a fact that the
  /// manifest does not declare, or that leaves no room for the case.
  [[noreturn]] static void not_judged(std::string reason) { throw NotJudged{std::move(reason)}; }

  // ---- Results ---------------------------------------------------------------------------------

  Findings& findings() { return findings_; }
  const std::deque<RecordedCall>& recorded_calls() const { return recorded_calls_; }

  /// Cancels every execution that the run started and that has not ended, so that the next case
  /// finds an idle target.
  void cancel_leftovers();

 private:
  bool run_until(core::Instant until, const std::function<bool()>& done);
  const RecordedCall& start(Method method, const google::protobuf::Message& request,
                            core::Duration timeout);
  void wait_for(const RecordedCall& recorded);
  bool is_refused_because_of_others(const RecordedCall& recorded) const;
  void leave(const RecordedCall& recorded);
  bool judge(std::string_view clause, bool held, std::string_view expected, std::string observed,
             std::uint64_t recorded);
  void remember_execution(const RecordedCall& recorded);

  Setup setup_;
  std::deque<RecordedCall> recorded_calls_;    // stable addresses
  std::deque<std::uint64_t> transport_calls_;  // by number of the recorded call, from 0
  Findings findings_;
  int last_id_ = 0;
  std::set<std::string> started_;  // ids of the executions that the run may have started
  std::map<std::string, std::string> functions_;  // of ASYNC executions, by their ids
};

using core::is_terminal;

}  // namespace quintain::conformance
