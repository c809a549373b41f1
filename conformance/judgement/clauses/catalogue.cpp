// The clause catalogue: the only place that states the text of a clause. Reports, docs/clauses.md
// and violations without a more specific expectation quote it.
#include <algorithm>
#include <array>

#include "conformance/judgement/clauses/clause.h"

namespace quintain::conformance {
namespace {

using enum Level;

constexpr std::string_view kAnalysis = "Spear analysis";
constexpr std::string_view kInterface = "interface";
constexpr std::string_view kDecision = "decision";
constexpr std::string_view kGrpc = "gRPC status codes";
constexpr std::string_view kProtobuf = "Protocol Buffers encoding";
constexpr std::string_view kLinearizability = "Herlihy and Wing 1990";

constexpr auto kSources = std::to_array<ClauseSource>({
    {kAnalysis, "Spear's design analysis \"Function Invocation Sync/Async Support\""},
    {kInterface, "the comments and fields of Spear's published spearlet/function.proto"},
    {kDecision, "a decision of this project where both are silent; see contract.md"},
});

constexpr auto kFreePoints = std::to_array<FreePoint>({
    {"memory_used_bytes, total_memory_used, memory_usage_percent, cpu_usage_percent",
     "what is measured, and how, depends on the platform"},
    {"session_id, user_id, headers, environment", "they are for the function, not for the node"},
    {"force_new_instance, instance_id", "no other answer shows instances"},
    {"ExecutionInfo.metadata, TaskInfo.metadata, StreamExecutionResult.metadata",
     "the interface names no keys"},
    {"message of every answer", "it is text for a person"},
    {"system_info", "the interface names no keys"},
    {"the order of ListTasks", "the interface names none"},
    {"the size of most_active_tasks, and its order where one task is not more active in every way",
     "the interface says neither what makes a task active nor how many are meant"},
    {"the order in which waiting executions start", "a node chooses its scheduling strategy"},
    {"the ids that a target makes", "any text that names one execution or one task will do"},
    {"the statuses of a task's executions in TaskInfo.last_status while several are unfinished",
     "the interface does not say which of them is the last"},
    {"records of a deleted task that were not cleaned up, in lists",
     "the interface says only that they are kept"},
});

constexpr auto kClauses = std::to_array<Clause>({
    // ---- SYNC: answers to calls that wait for the result ----------------------------------------
    {"SYNC-1", kMust,
     "A SYNC answer has an empty status_endpoint and estimated_completion_ms 0, whatever the "
     "outcome.",
     kAnalysis},
    {"SYNC-2", kMust, "A SYNC answer has a final status and the complete result.", kAnalysis},
    {"SYNC-3", kMust,
     "Every SYNC answer has an execution_id; an id that the caller chose is returned unchanged.",
     kInterface},
    {"SYNC-4", kMust,
     "A COMPLETED execution has no error; any other final status has an error_code and no result "
     "payload.",
     kInterface},
    {"SYNC-5", kMust,
     "The field success of a SYNC answer is true exactly when COMPLETED, unless the target "
     "declares that it is true whenever the call was served.",
     kDecision},
    {"SYNC-6", kMust,
     "The requested task and function are the ones that run, and answers contain the task_id of "
     "the request.",
     kAnalysis},
    {"SYNC-7", kMust,
     "The answer and the record of an execution whose function fails have the error of the "
     "function: its error_code and a message.",
     kDecision},
    {"SYNC-8", kMust,
     "When the caller of a SYNC call goes away, its execution is cancelled, or goes on if the "
     "target declares that.",
     kDecision},
    {"SYNC-9", kMust,
     "A SYNC execution takes a slot like any other, and waits as PENDING while none is free.",
     kAnalysis},

    // ---- ASYNC: answers to calls that do not wait, and the executions they start ----------------
    {"ASYNC-1", kMust,
     "The first answer to an ASYNC call is PENDING, without payload and without completed_at, "
     "even if the function ends at once.",
     kAnalysis},
    {"ASYNC-2", kMust,
     "An ASYNC answer has a status_endpoint that contains the execution_id and resolves to that "
     "execution.",
     kAnalysis},
    {"ASYNC-3", kMust, "An ASYNC answer does not wait for the function.", kAnalysis},
    {"ASYNC-4", kMust, "A status query sent after the answer finds the execution.", kAnalysis},
    {"ASYNC-5", kMust,
     "The estimated_completion_ms of an ASYNC answer is a positive duration in milliseconds and "
     "not a point in time.",
     kAnalysis},
    {"ASYNC-6", kMust, "A call for an unknown task is refused at once and never becomes PENDING.",
     kAnalysis},
    {"ASYNC-7", kMust, "An accepted ASYNC execution continues when its caller disconnects.",
     kDecision},
    {"ASYNC-8", kMust, "A failure after acceptance is reported as FAILED with an error_code.",
     kAnalysis},
    {"ASYNC-9", kMust,
     "A call that finds the queue full is refused with RESOURCE_EXHAUSTED and leaves no record.",
     kDecision},
    {"ASYNC-10", kMust, "A call for an unknown function is refused at once and leaves no record.",
     kDecision},
    {"ASYNC-11", kMust, "The field success of the answer to an accepted ASYNC call is true.",
     kDecision},

    // ---- MODE -----------------------------------------------------------------------------------
    {"MODE-1", kMust,
     "An unspecified or unknown mode is handled as the target declares, and never as ASYNC.",
     kDecision},
    {"MODE-2", kMust, "InvokeFunction refuses the mode STREAM.", kAnalysis},
    {"MODE-3", kMust, "Answers to the same request differ in shape between SYNC and ASYNC.",
     kAnalysis},
    {"MODE-4", kMust, "StreamFunction refuses every mode but STREAM.", kInterface},

    // ---- STATE: what status reads show of an execution ------------------------------------------
    {"STATE-1", kMust,
     "The status of an execution goes from PENDING to RUNNING to one final status, or from PENDING "
     "directly to CANCELLED, TIMEOUT or FAILED; an execution that waits for a slot is PENDING.",
     kAnalysis},
    {"STATE-2", kMust,
     "A final status never changes, nor do the result, the times and the error reported with it.",
     kAnalysis},
    {"STATE-3", kMust,
     "An execution has exactly one final status, in all answers and in every race.", kAnalysis},
    {"STATE-4", kMust,
     "Status reads are linearizable: after a read has returned a status, no read that starts "
     "later returns an earlier one.",
     kLinearizability},
    {"STATE-5", kMust, "No execution ever has the status UNSPECIFIED.", kInterface},
    {"STATE-6", kMust,
     "Acceptance, started_at and completed_at are in this order; each of them, and the error, the "
     "payload and execution_time_ms, is unset until the event has happened and does not change "
     "afterwards.",
     kInterface},
    {"STATE-7", kMust, "The field execution_time_ms is the time from started_at to completed_at.",
     kInterface},
    {"STATE-8", kMust, "A query has no side effect on executions, lists or counts.", kDecision},
    {"STATE-9", kMust,
     "The answer for a known execution always has a result with its status; include_result = "
     "false omits the payload and nothing else.",
     kInterface},
    {"STATE-10", kMust, "A query for an unknown id is answered with found = false and no error.",
     kInterface},
    {"STATE-11", kMust,
     "The record of a SYNC execution is found after its answer, whatever the outcome, and agrees "
     "with it.",
     kDecision},
    {"STATE-12", kMust,
     "A status answer has the execution's log lines if include_logs is true, and none otherwise.",
     kInterface},
    {"STATE-13", kMust,
     "Timestamps are wall-clock times in UTC: none is before the call that started the execution "
     "or in the future.",
     kInterface},

    // ---- CANCEL ---------------------------------------------------------------------------------
    {"CANCEL-1", kMust, "A cancel of an unknown id does not succeed.", kAnalysis},
    {"CANCEL-2", kMust,
     "A cancel after the end changes nothing and is answered with the final status of the "
     "execution.",
     kAnalysis},
    {"CANCEL-3", kMust,
     "An execution reported as CANCELLED does not complete afterwards, and a cancel without effect "
     "does not report success.",
     kAnalysis},
    {"CANCEL-4", kMust, "A second cancel is harmless.", kDecision},
    {"CANCEL-5", kMust,
     "The record of a cancelled execution is kept, as CANCELLED and with the reason of the cancel.",
     kAnalysis},
    {"CANCEL-6", kMust, "An execution that is cancelled while PENDING never starts.", kAnalysis},
    {"CANCEL-7", kMust,
     "A cancel signals the running function, and its slot is free when the grace period ends.",
     kDecision},
    {"CANCEL-8", kMust, "A cancel that races the start of its execution is not lost.", kAnalysis},
    {"CANCEL-9", kMust,
     "The caller of a SYNC call whose execution another client cancels gets the status CANCELLED.",
     kDecision},
    {"CANCEL-10", kMust, "The final_status for a cancel of an unknown id is UNSPECIFIED.",
     kInterface},
    {"CANCEL-11", kMust, "A further cancel does not prolong the grace period of the first.",
     kDecision},
    {"CANCEL-12", kMust,
     "The record of a cancelled execution keeps the reason of the first cancel, whatever cancels "
     "follow.",
     kDecision},

    // ---- TIME -----------------------------------------------------------------------------------
    {"TIME-1", kMust,
     "An execution that exceeds its timeout ends as TIMEOUT, exactly one timeout after the "
     "declared starting point.",
     kDecision},
    {"TIME-2", kMust, "A call whose deadline has already passed starts nothing.", kDecision},
    {"TIME-3", kMust,
     "The effective timeout is the least of a SYNC call's deadline, timeout_ms and the maximum of "
     "the node; 0 has the declared meaning, and a negative timeout is refused.",
     kDecision},
    {"TIME-4", kMust,
     "A function that ends after its TIMEOUT does not change the outcome, and its slot is free "
     "again.",
     kDecision},
    {"TIME-5", kMust, "Events at the same instant take effect in the declared order.", kDecision},
    {"TIME-6", kMust, "An execution that times out while it waits for a slot never starts.",
     kDecision},
    {"TIME-7", kMust,
     "A function is attempted at most 1 + max_retries times, all attempts within one timeout.",
     kInterface},

    // ---- RETRY ----------------------------------------------------------------------------------
    {"RETRY-1", kMust,
     "A function that fails is attempted again, up to 1 + max_retries times if the timeout "
     "allows it.",
     kInterface},
    {"RETRY-2", kMust,
     "There is no further attempt after an execution is COMPLETED, CANCELLED or TIMEOUT.",
     kDecision},
    {"RETRY-3", kMust, "There is a pause before each retry, and the pauses grow.", kDecision},
    {"RETRY-4", kMust, "A cancel or a timeout in the pause before a retry acts at once.",
     kDecision},
    {"RETRY-5", kMust, "A negative max_retries is refused, and every other value is accepted.",
     kDecision},

    // ---- IDEM: repeated ids ---------------------------------------------------------------------
    {"IDEM-1", kMust,
     "A repeated id with an equal request starts no second execution and returns the existing "
     "record, or is refused if the target declares that.",
     kDecision},
    {"IDEM-2", kMust,
     "A repeated id with a different request is refused, and the first execution is not affected.",
     kDecision},
    {"IDEM-3", kMust, "Repeated ids are handled in the same way while the first execution runs.",
     kDecision},
    {"IDEM-4", kMust, "After the retention period a record is not found and its id is free.",
     kDecision},
    {"IDEM-5", kMust,
     "The id of an execution may be given in the request, in its context, or, if they are equal, "
     "in both; two different ids are refused with INVALID_ARGUMENT.",
     kDecision},
    {"IDEM-6", kMust, "Ids that differ, even if only in case or length, name different executions.",
     kInterface},
    {"IDEM-7", kMust,
     "An id that cannot be a segment of a URL's path, or has more than 128 characters, is refused "
     "with INVALID_ARGUMENT.",
     kDecision},

    // ---- STREAM ---------------------------------------------------------------------------------
    {"STREAM-1", kMust, "Exactly one message of a stream is final, and it is the last one.",
     kInterface},
    {"STREAM-2", kMust,
     "All messages of a stream have the same execution_id, and the last one has a final status.",
     kInterface},
    {"STREAM-3", kMust,
     "When the client cancels a stream, the execution ends as CANCELLED and no more messages are "
     "sent.",
     kDecision},
    {"STREAM-4", kMust, "A stream reports an error once, at its end.", kInterface},
    {"STREAM-5", kMust, "The status in every message before the final one is RUNNING.", kInterface},
    {"STREAM-6", kMust,
     "The messages of a stream have the output of the function, complete and in its order, and "
     "come when the function sends it.",
     kInterface},

    // ---- PAYLOAD --------------------------------------------------------------------------------
    {"PAYLOAD-1", kMust,
     "A value that a function returns reaches every reader unchanged, its type and its bytes.",
     kInterface},
    {"PAYLOAD-2", kMust, "Concurrent executions each have their own result.", kAnalysis},

    // ---- LIST -----------------------------------------------------------------------------------
    {"LIST-1", kMust,
     "Pages have no gap and no duplicate while executions are added, and has_more is true exactly "
     "when more entries follow.",
     kInterface},
    {"LIST-2", kMust, "A negative limit is refused; 0 means the default page size.", kDecision},
    {"LIST-3", kMust, "A list with a status_filter contains only executions of that status.",
     kInterface},
    {"LIST-4", kMust, "The counts of GetStats and GetHealth equal those of the lists.", kInterface},
    {"LIST-5", kMust, "DeleteTask without force refuses a task with unfinished executions.",
     kDecision},
    {"LIST-6", kMust, "ListExecutions returns executions in the order of their acceptance.",
     kInterface},
    {"LIST-7", kMust,
     "A list with a task_id contains the executions of that task and no others; for an unknown "
     "task it has no entries.",
     kInterface},
    {"LIST-8", kMust,
     "An entry of a list agrees with the request and the status of its execution: function, mode, "
     "times and error.",
     kInterface},
    {"LIST-9", kMust, "After the retention period an execution is in no list.", kDecision},

    // ---- TASK -----------------------------------------------------------------------------------
    {"TASK-1", kMust,
     "An unspecified invocation_type means EXISTING_TASK if task_id is given, else NEW_TASK if "
     "artifact_spec is; a call that lacks what its type needs is refused with INVALID_ARGUMENT.",
     kDecision},
    {"TASK-2", kMust,
     "NEW_TASK makes a task from task_name and artifact_spec, whose id is in the answer, and is "
     "refused for the id of an existing task.",
     kInterface},
    {"TASK-3", kMust,
     "The flag create_if_not_exists makes the task that task_id names if there is none, and "
     "otherwise uses the existing one.",
     kInterface},
    {"TASK-4", kMust,
     "An error that prevents the start (a malformed request, an unknown function, a full queue) "
     "refuses the call and makes neither a record nor a task.",
     kInterface},
    {"TASK-5", kMust,
     "GetTask returns the task and, if asked for, its newest executions, at most execution_limit "
     "of them; an unknown task is answered with found = false and no error.",
     kInterface},
    {"TASK-6", kMust,
     "ListTasks returns every task whose id starts with the prefix exactly once, in pages with an "
     "exact has_more; include_details adds the artifact_spec.",
     kInterface},
    {"TASK-7", kMust,
     "A TaskInfo counts the records of its task and has the status of the last execution, the time "
     "of the creation and that of the last change, in milliseconds since the Unix epoch.",
     kInterface},
    {"TASK-8", kMust,
     "A deleted task is not found, not listed and takes no invocation, and its id is free; a task "
     "that does not exist is not deleted.",
     kInterface},
    {"TASK-9", kMust,
     "DeleteTask with cleanup_executions removes the finished records of the task and returns "
     "their number; without it they are kept.",
     kInterface},
    {"TASK-10", kMust,
     "DeleteTask with force cancels the unfinished executions of the task at once.", kInterface},
    {"TASK-11", kMust, "ListTasks and GetStats describe a task as GetTask does.", kInterface},

    // ---- STATS ----------------------------------------------------------------------------------
    {"STATS-1", kMust,
     "GetStats counts every execution on record once by its status and once by its function.",
     kInterface},
    {"STATS-2", kMust,
     "The field average_execution_time_ms is the mean over the COMPLETED executions, and "
     "success_rate_percent is the share of COMPLETED among those that have ended.",
     kInterface},
    {"STATS-3", kMust,
     "GetStats counts the tasks in total, by artifact_type, and as active if executions of theirs "
     "wait or run and else as idle.",
     kInterface},
    {"STATS-4", kMust,
     "A positive time_range_hours restricts the execution statistics to executions accepted in "
     "that time, 0 does not, and a negative one is refused.",
     kInterface},
    {"STATS-5", kMust,
     "GetHealth and the service statistics agree with the tasks and executions on record; parts "
     "that were not asked for are left out.",
     kInterface},
    {"STATS-6", kMust,
     "A node that takes new work has the health status SERVING, and uptime_seconds grows by the "
     "seconds that pass.",
     kInterface},
    {"STATS-7", kMust,
     "The list most_active_tasks has tasks that exist, each once, and a task that is more active "
     "in every way comes first.",
     kInterface},

    // ---- DRAIN ----------------------------------------------------------------------------------
    {"DRAIN-1", kMust,
     "A draining node has the health status DRAINING and refuses new invocations with UNAVAILABLE.",
     kDecision},
    {"DRAIN-2", kMust,
     "Executions that were accepted before a node drains wait, run and end as usual.", kDecision},

    // ---- DUR ------------------------------------------------------------------------------------
    {"DUR-1", kMust,
     "After a crash every acknowledged execution is found under its id, and an end that was "
     "reported is the same byte for byte.",
     kDecision},
    {"DUR-2", kMust,
     "After a crash an execution that was PENDING waits again and runs, and one that was RUNNING "
     "ends FAILED with NODE_RESTARTED unless its max_retries allow another attempt.",
     kDecision},
    {"DUR-3", kMust, "After a crash an id that was given before still means the same execution.",
     kDecision},

    // ---- ETA ------------------------------------------------------------------------------------
    {"ETA-1", kMust, "The estimate is positive for ASYNC and 0 for SYNC.", kAnalysis},
    {"ETA-2", kMust,
     "Functions of different durations do not get the same constant estimate once both have run.",
     kAnalysis},
    {"ETA-3", kMust,
     "The estimate grows with the executions queued ahead, by at least 30 % of the time that they "
     "take.",
     kDecision},
    {"ETA-4", kMust,
     "Estimates are calibrated: over many executions, about half complete within the median (not "
     "as few as 15 % or as many as 85 %) and about 90 % within the 90th percentile.",
     kDecision},
    {"ETA-5", kMust,
     "The first answer to an ASYNC call has eta_p90_ms, not less than its estimate, and "
     "eta_estimator in its metrics.",
     kDecision},
    {"ETA-6", kMust,
     "A status answer for an execution that is PENDING or RUNNING has eta_p50_ms and eta_p90_ms in "
     "its metrics, counted from now.",
     kDecision},
    {"ETA-7", kShould,
     "The 90th percentile is near the longest durations: not more than three times as long.",
     kDecision},

    // ---- FIELD ----------------------------------------------------------------------------------
    {"FIELD-1", kMust,
     "Fields that are for the function (session_id, user_id, headers, environment, further "
     "metadata) and force_new_instance do not change how a call is served.",
     kInterface},
    {"FIELD-2", kMust,
     "The entry priority of invocation_metadata is an integer; anything else is refused with "
     "INVALID_ARGUMENT.",
     kInterface},
    {"FIELD-3", kMust,
     "No duration, size or count in an answer is negative, and percentages are from 0 to 100.",
     kInterface},

    // ---- WIRE -----------------------------------------------------------------------------------
    {"WIRE-1", kMust,
     "The target's descriptor has every field of the contract with its number, type and label.",
     kInterface},
    {"WIRE-2", kMust, "Unknown fields are ignored.", kProtobuf},
    {"WIRE-3", kMust, "A method that is not served is answered with UNIMPLEMENTED.", kGrpc},
    {"WIRE-4", kMust, "Malformed and oversized messages get a gRPC error, and the next call works.",
     kGrpc},
    {"WIRE-5", kMust,
     "Every call is answered: at once if it does not wait for an execution, and otherwise when the "
     "execution ends.",
     kDecision},
});

}  // namespace

std::span<const Clause> all_clauses() { return kClauses; }

const Clause* find_clause(std::string_view id) {
  const auto* const found = std::ranges::find(kClauses, id, &Clause::id);
  return found == kClauses.end() ? nullptr : &*found;
}

std::span<const FreePoint> free_points() { return kFreePoints; }

std::span<const ClauseSource> clause_sources() { return kSources; }

}  // namespace quintain::conformance
