// One run of one case against one target: what a case has to work with.
#pragma once

#include <google/protobuf/any.pb.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
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

/// Which call a request belongs to, and what answers it. InvokeFunctionRequest stands for
/// InvokeFunction; StreamFunction has a function of its own.
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

/// A call of a run. Cheap to copy; valid as long as its run.
template <class Response>
class Call {
 public:
  explicit Call(const RecordedCall& recorded) : recorded_(&recorded) {}

  const RecordedCall& recorded() const { return *recorded_; }
  bool ended() const { return recorded_->ended(); }
  bool answered() const { return recorded_->answered(); }
  absl::StatusCode code() const { return recorded_->status.code(); }

  /// The answer; an empty message if there is none.
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

/// Numbers for a fixture, by name: {{"ms", 50}}.
using Parameters = std::initializer_list<std::pair<std::string_view, std::int64_t>>;

/// Everything that a case does goes through its run, which remembers every call and every
/// judgement. One thread.
class CaseRun {
 public:
  struct Setup {
    Transport& transport;
    const Profile& profile;
    const Manifest& manifest;
    /// Begins every execution id that the run makes, so that case_runs don't meet in one target.
    std::string id_prefix;
  };

  /// Thrown by require() and by what can't go on; ends the case, not the run.
  struct Abandoned {
    /// Why, if it was not a broken clause: what the target lacks or refused.
    std::string reason;
  };

  /// Thrown when the case asks for what the profile has no words for; it does not apply then.
  struct Inapplicable {
    std::string reason;
  };

  explicit CaseRun(const Setup& setup) : setup_(setup) {}
  ~CaseRun();

  CaseRun(const CaseRun&) = delete;
  CaseRun& operator=(const CaseRun&) = delete;

  // ---- The target ------------------------------------------------------------------------------

  const Policies& policies() const { return setup_.manifest.policies; }
  const NodeFacts& node() const { return setup_.manifest.node; }
  Transport& arm() { return setup_.transport; }
  const Profile& profile() const { return setup_.profile; }

  /// Whether times are exact, as they are in virtual time.
  bool exact() const { return slack() == core::Duration::zero(); }
  core::Duration slack() const { return setup_.transport.slack(); }

  // ---- Requests --------------------------------------------------------------------------------

  /// An execution id that nobody has used.
  std::string fresh_id();

  /// Asks for a fixture, under a fresh id.
  spearlet::InvokeFunctionRequest request(std::string_view fixture, spearlet::ExecutionMode mode,
                                          Parameters parameters = {});
  spearlet::InvokeFunctionRequest sync(std::string_view fixture, Parameters parameters = {}) {
    return request(fixture, spearlet::EXECUTION_MODE_SYNC, parameters);
  }
  spearlet::InvokeFunctionRequest async(std::string_view fixture, Parameters parameters = {}) {
    return request(fixture, spearlet::EXECUTION_MODE_ASYNC, parameters);
  }

  // ---- Calls -----------------------------------------------------------------------------------

  /// Sends a call and goes on. `timeout`: the RPC's deadline, from now.
  template <class Request>
  auto send(const Request& request, core::Duration timeout = core::kForever) {
    using Response = typename CallOf<Request>::Response;
    return Call<Response>(start(CallOf<Request>::kMethod, request, timeout));
  }
  StreamCall send_stream(const spearlet::InvokeFunctionRequest& request,
                         core::Duration timeout = core::kForever) {
    return StreamCall(start(Method::kStreamFunction, request, timeout));
  }

  /// Lets time pass until the call has ended. Abandons the case if it does not within `patience()`.
  template <class Response>
  Call<Response> wait(Call<Response> call) {
    wait_for(call.recorded());
    return call;
  }

  /// Sends a call and waits for its end.
  template <class Request>
  auto call(const Request& request, core::Duration timeout = core::kForever) {
    return wait(send(request, timeout));
  }

  /// The client goes away.
  template <class Response>
  void abandon(Call<Response> call) {
    leave(call.recorded());
  }

  /// Sends an ASYNC invocation that has to be accepted and gives its execution's id. Abandons the
  /// case if it is not.
  std::string start_async(const spearlet::InvokeFunctionRequest& request);

  /// Reads an execution's status, with result and logs.
  StatusCall read(const std::string& id);

  CancelCall send_cancel(const std::string& id, bool force = false, std::string_view reason = "");
  /// Ends an execution, by force if the profile has a word for that.
  CancelCall send_end(const std::string& id);

  CancelCall cancel(const std::string& id, bool force = false, std::string_view reason = "") {
    return wait(send_cancel(id, force, reason));
  }

  // ---- Time ------------------------------------------------------------------------------------

  core::Instant now() const { return setup_.transport.now(); }
  void sleep_until(core::Instant when);
  void sleep_for(core::Duration d) { sleep_until(now() + d); }

  /// How long to wait for what must happen soon.
  static constexpr core::Duration patience() { return std::chrono::seconds(10); }

  /// Lets answers arrive until done() holds; false after `limit`.
  bool wait_until(const std::function<bool()>& done, core::Duration limit = patience());

  /// Reads the status again and again until `enough` says so. The last answer, or nothing after
  /// `limit`. What is not found for a while is not waited for any longer.
  std::optional<spearlet::GetExecutionStatusResponse> poll(
      const std::string& id,
      const std::function<bool(const spearlet::GetExecutionStatusResponse&)>& enough,
      core::Duration limit = patience());

  /// Polls until the execution has ended, or has come to `status`. UNSPECIFIED after `limit`.
  spearlet::ExecutionStatus await_end(const std::string& id, core::Duration limit = patience());
  bool await(const std::string& id, spearlet::ExecutionStatus status,
             core::Duration limit = patience());

  // ---- Judgement -------------------------------------------------------------------------------

  /// Puts the clause to the test: `held` says how it came out.
  void check(std::string_view clause, bool held, std::string_view expected,
             std::string_view observed);

  /// The same; what was seen is the call.
  template <class Response>
  bool check(std::string_view clause, const Call<Response>& call, bool held,
             std::string_view expected) {
    return judge(clause, held, expected, describe(call.recorded()), call.recorded().number);
  }

  /// As check(); the case can't go on if it is broken.
  void require(std::string_view clause, bool held, std::string_view expected,
               std::string_view observed);

  /// The case can't go on.
  [[noreturn]] static void abort(std::string reason) { throw Abandoned{std::move(reason)}; }

  // ---- What came of it -------------------------------------------------------------------------

  Findings& findings() { return findings_; }
  const std::deque<RecordedCall>& recorded_calls() const { return recorded_calls_; }

  /// Ends by force every execution that the run began and that has not ended, so that the next
  /// case meets an idle target.
  void cancel_leftovers();

 private:
  const RecordedCall& start(Method method, const google::protobuf::Message& request,
                            core::Duration timeout);
  void wait_for(const RecordedCall& recorded);
  void leave(const RecordedCall& recorded);
  bool judge(std::string_view clause, bool held, std::string_view expected, std::string observed,
             std::uint64_t recorded);
  void note_execution(const RecordedCall& recorded);

  Setup setup_;
  std::deque<RecordedCall> recorded_calls_;  // stable addresses
  std::deque<std::uint64_t> arm_calls_;
  Findings findings_;
  int ids_ = 0;
  std::set<std::string> started_;
};

using core::is_terminal;

}  // namespace quintain::conformance
