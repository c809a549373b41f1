// What the files of cases share: the registration of a family, situations that several cases start
// from, and short forms for what they read most.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/case.h"
#include "conformance/case_run.h"
#include "core/statuses.h"

namespace quintain::conformance {

/// Adds a family of cases to all_cases(). Each *_cases.cpp defines one, at namespace scope and
/// after its cases:
///
///   const RegisterCases kSyncCases(1, sync_cases);
///
/// `order` is the place of the family among the others, which no other has. `family` is called
/// once, by the first call of all_cases(), which must not come before main() starts.
class RegisterCases {
 public:
  RegisterCases(int order, std::vector<Case> (*family)());
};

// ---- Short forms --------------------------------------------------------------------------------

using namespace core::statuses;

/// Longer than any case lasts. A function that always takes the same time does if it still runs
/// when the case ends it.
inline constexpr Amount kLongMs = at_least(1500, 50'000);
/// The same for cases that need it to run all the time.
inline constexpr Amount kEndlessMs = at_least(20'000, 50'000);

/// The status in an answer to InvokeFunction or GetExecutionStatus; UNSPECIFIED without an answer.
template <class Response>
spearlet::ExecutionStatus status_of(const Call<Response>& call) {
  return call.answer().result().status();
}

/// The time from the request to the answer of a call that has ended.
template <class Response>
core::Duration duration_of(const Call<Response>& call) {
  return call.recorded().returned - call.recorded().sent;
}

/// Names that are similar to this one and differ from it: by capitals, by characters at either end
/// (a letter, white space, a zero byte, one that is not seen), by a letter that looks the same.
std::vector<std::string> similar_names(const std::string& name);

/// The number of attempts that an execution's log reports.
int attempts_logged(const spearlet::GetExecutionStatusResponse& status);

/// The value in a wrapper (StringValue, BytesValue, Int64Value) as text; the bytes of any other
/// message. A fixture that runs as a process can return text only.
std::string text_of(const google::protobuf::Any& value);

/// Whether an answer has the number that `echo` was asked to return: as a message, as text, or as
/// bytes without a type, which is what a wire without types leaves of the message. True if the
/// target's `echo` takes no parameters and answered anything.
bool echoes(const CaseRun& run, const spearlet::ExecutionResult& result, std::int64_t number);

// ---- Situations ---------------------------------------------------------------------------------

/// Returns once the function of the execution runs, also if the target shows nothing of it before
/// its end. Abandons the case if it ends before, or does not start.
void await_start(CaseRun& run, const std::string& id);

/// Starts an execution and returns its id once its function is running. Abandons the case if that
/// does not happen.
std::string start_running(CaseRun& run, const spearlet::InvokeFunctionRequest& request);

/// Takes every slot of the node with executions that sleep, waits until all of them run, and
/// returns their ids. Requires: an exclusive case that needs kSlots.
std::vector<std::string> fill_slots(CaseRun& run);

/// Ends executions, by force if the profile has a field for that, and waits until they have ended.
void release(CaseRun& run, const std::vector<std::string>& ids);

/// Reads an execution's status from `clients` clients at once, each repeatedly, until every one of
/// them has seen the end, or for `patience()`.
void watch_by_many(CaseRun& run, const std::string& id, int clients);

/// All entries of ListExecutions for a task ("": for all tasks), page by page.
std::vector<spearlet::ExecutionInfo> list_all(CaseRun& run, const std::string& task_id,
                                              int page_size);

/// Sends an invocation and waits for its answer; repeats it while the queue is full, because other
/// cases may fill it temporarily.
InvokeCall submit(CaseRun& run, const spearlet::InvokeFunctionRequest& request);

// ---- Tasks --------------------------------------------------------------------------------------

/// A task that no one else uses.
struct OwnTask {
  std::string id{};
  /// The invocation that made the task: "echo", ASYNC. It has ended.
  spearlet::InvokeFunctionRequest request{};
  spearlet::ExecutionStatus first_status{};

  const std::string& first_execution() const { return request.execution_id(); }
};

/// The artifact of the tasks that cases make.
spearlet::ArtifactSpec artifact(const std::string& id);

/// Makes a task with create_if_not_exists. Ends the case if that is refused, and judges nothing if
/// the target or the profile does not make tasks. Requires the fixture "echo".
/// `id`: a fresh one if it is empty.
OwnTask make_task(CaseRun& run, const std::string& id = "");

/// The same; nullopt if the target or the profile does not make tasks.
std::optional<OwnTask> try_make_task(CaseRun& run, const std::string& id = "");

/// The request for the fixture of the same name in a task of the run's own.
spearlet::InvokeFunctionRequest in_task(spearlet::InvokeFunctionRequest request,
                                        const OwnTask& task);

/// Judges nothing unless functions run in the task. On a target whose functions belong to certain
/// tasks they fail in a new one.
void require_functions_run(CaseRun& run, const OwnTask& task);

/// Runs an ASYNC invocation to its end, whatever that is, and returns the execution's id.
std::string run_to_end(CaseRun& run, const spearlet::InvokeFunctionRequest& request);

Call<spearlet::GetTaskResponse> get_task(CaseRun& run, const std::string& id,
                                         bool include_executions = false, int limit = 0);
Call<spearlet::DeleteTaskResponse> delete_task(CaseRun& run, const std::string& id,
                                               bool force = false, bool cleanup = false);

/// Deletes the task with all its executions, so that the target is left as it was.
void drop(CaseRun& run, const OwnTask& task);

// ---- Counts -------------------------------------------------------------------------------------

/// What one look at the target showed: judgements that are recorded only if no other client
/// disturbed it.
class Look {
 public:
  void expect(std::string_view clause, bool held, std::string expected, std::string observed);
  template <class Response>
  void expect(std::string_view clause, const Call<Response>& call, bool held,
              std::string expected) {
    expect(clause, held, std::move(expected), held ? "" : describe(call.recorded()));
  }
  bool held() const;
  void record(CaseRun& run) const;

 private:
  struct Expectation {
    std::string_view clause;
    bool held;
    std::string expected;
    std::string observed;
  };
  std::vector<Expectation> expectations_;
};

/// Repeats the look until all of its expectations hold, and records them. The numbers of a live
/// target also change because records of earlier cases expire; so the look is repeated a few times,
/// and then again after the retention if that is short. If the last look fails, it is recorded,
/// unless records expire even while this case does nothing. Requires: an exclusive case.
void look_until_quiet(CaseRun& run, const std::function<void(Look& look)>& look);

/// Judges records that the script makes and reads. If an expectation does not hold, and the records
/// may have expired in the meantime because the target is slow or far away, nothing is judged.
void before_expiry(CaseRun& run, const std::function<void(Look& look)>& script);

/// GetStats with all parts, and GetHealth with details.
struct Counts {
  Call<spearlet::GetStatsResponse> stats;
  Call<spearlet::GetHealthResponse> health;

  const spearlet::ExecutionStats& executions() const { return stats.answer().execution_stats(); }
  const spearlet::TaskStats& tasks() const { return stats.answer().task_stats(); }
  const spearlet::ServiceStats& service() const { return stats.answer().service_stats(); }
  const spearlet::HealthDetails& details() const { return health.answer().details(); }
};
Counts count(CaseRun& run);

/// The entries of ListExecutions for a task that were accepted after the execution `marker`, which
/// must be on record. Unlike list_all() it does not read what was there before the case.
std::vector<spearlet::ExecutionInfo> list_after(CaseRun& run, const std::string& task_id,
                                                const std::string& marker);

/// Calls an invocation that the target has to accept: the twin of a call that it has to refuse,
/// without the defect. Retries while the queue is full, and aborts the case if it is refused.
InvokeCall call_accepted(CaseRun& run, const spearlet::InvokeFunctionRequest& request);

/// How long a call takes that does no work; zero in virtual time. Functions whose state a case has
/// to observe last several of them.
core::Duration round_trip(CaseRun& run);

/// How many executions, running or waiting, the case may have at once: `wanted`, or fewer if the
/// target declares that it takes fewer.
int executions_at_once(const CaseRun& run, int wanted);

// ---- Judgements ---------------------------------------------------------------------------------

/// Waits for the end of an execution and judges the clause by its final status, which it returns:
/// UNSPECIFIED if the execution does not end within `limit`.
spearlet::ExecutionStatus check_end(CaseRun& run, std::string_view clause, const std::string& id,
                                    spearlet::ExecutionStatus expected_status,
                                    std::string_view expected,
                                    core::Duration limit = CaseRun::patience());

/// Whether the node accepts new work and completes it: one short SYNC call.
bool still_serves(CaseRun& run);

/// Whether a call was refused because of its request: with this status code or, if the target
/// declares that policy, with an OK answer whose result is FAILED.
bool refused(const CaseRun& run, const InvokeCall& call, absl::StatusCode code);

}  // namespace quintain::conformance
