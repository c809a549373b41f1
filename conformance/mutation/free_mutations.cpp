// The generated faults that a server may have: what the contract leaves open, and what no client
// can see.
#include <array>

#include "conformance/mutation/mutation.h"

namespace quintain::conformance {
namespace {

constexpr auto kFree = std::to_array<FreeMutations>({
    // ---- Answers --------------------------------------------------------------------------------
    {"*Response.message/*", "a message is text for a person"},
    {"*.instance_id/*", "no other answer shows instances"},
    {"*.memory_used_bytes/*", "what is measured, and how, depends on the platform"},
    {"*.total_memory_used/*", "what is measured, and how, depends on the platform"},
    {"*.cpu_usage_percent/*", "what is measured, and how, depends on the platform"},
    {"*.memory_usage_percent/*", "what is measured, and how, depends on the platform"},
    {"*.executions.metadata/*", "the interface names no keys"},
    {"*.task.metadata/*", "the interface names no keys"},
    {"*.tasks.metadata/*", "the interface names no keys"},
    {"*.most_active_tasks.metadata/*", "the interface names no keys"},
    {"StreamExecutionResult.metadata/*", "the interface names no keys"},
    {"*.system_info/*", "the interface names no keys"},
    {"*Response.result.metrics/doubled", "a server may have further metrics"},
    {"InvokeFunctionResponse.estimated_completion_ms/another",
     "no estimate is the only right one; that they are no constants is judged"},
    {"ListTasksResponse.tasks/reversed", "the interface names no order of tasks"},
    {"List*Response.next_start_after/invented", "without has_more the token has no meaning"},
    {"GetExecutionStatusResponse.result.metrics/first-dropped",
     "the first is eta_estimator, which only the answer to InvokeFunction must have"},
    {"GetExecutionStatusResponse.logs/another", "what a line says is for the function to decide"},
    {"GetStatsResponse.task_stats.most_active_tasks/last-dropped",
     "the interface does not say how many tasks are meant"},
    {"GetStatsResponse.task_stats.most_active_tasks.artifact_spec*",
     "the interface does not say whether these tasks have details; if they have, they are judged"},
    {"*.uptime_seconds/another", "one second more is within the rounding"},

    // ---- Requests -------------------------------------------------------------------------------
    {"*InvokeFunctionRequest.task_name/invented", "a task that exists keeps its name"},
    {"List*Request.limit/invented", "the default size of a page is not fixed"},
    {"*.task_description/*", "no answer has to show it"},
    {"*.parameters/doubled", "a function finds its parameters by their names"},
    {"*.parameters.type/*", "it is for the function"},
    {"*.parameters.required/*", "it is for the function"},
    {"*.parameters.description/*", "it is for the function"},
    {"*.context.session_id/*", "it is for the function"},
    {"*.context.user_id/*", "it is for the function"},
    {"*.context.environment/*", "it is for the function"},
    {"*.context.headers/*", "it is for the function"},
    {"*.invocation_metadata/doubled", "further entries are for the function"},
    {"StreamFunction/*.execution_mode/invented", "an unspecified mode is refused like SYNC"},
    {"CancelExecutionRequest.reason/invented",
     "what a record says of a cancel without a reason is free"},
    {"*.force_new_instance/*", "no answer shows whether an instance is new"},

    // ---- Calls ----------------------------------------------------------------------------------
    {"Get*/effect-twice", "a query has no effect"},
    {"List*/effect-twice", "a query has no effect"},
    {"CancelExecution/effect-twice", "a second cancel is harmless"},
    {"DeleteTask/effect-twice", "there is nothing left to delete"},
    {"GetExecutionStatus/refus*", "the contract has no refusal of this call"},
    {"CancelExecution/refus*", "the contract has no refusal of this call"},
    {"DeleteTask/refus*", "the contract has no refusal of this call"},
    {"GetHealth/refus*", "the contract has no refusal of this call"},

    // never_unset(); the pattern matches no name.
    {"*/invented where it is never unset", "every right message has the field"},
});

}  // namespace

std::span<const FreeMutations> free_mutations() { return kFree; }

const FreeMutations& never_unset() { return kFree.back(); }

}  // namespace quintain::conformance
