// Situations that several cases begin with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "conformance/case_run.h"

namespace quintain::conformance {

/// Longer than any case lasts.
inline constexpr std::int64_t kLongMs = 50'000;

/// An execution whose function is at work. Abandons the case if it does not come to that.
std::string start_running(CaseRun& run, const spearlet::InvokeFunctionRequest& request);

/// Takes every slot of the node with executions that sleep, and waits until all of them run. The
/// case must be exclusive and need kSlots. Gives their ids.
std::vector<std::string> fill_slots(CaseRun& run);

/// Ends executions, by force where that can be said, and waits until that is done.
void release(CaseRun& run, const std::vector<std::string>& ids);

/// How many attempts of an execution its log tells of.
int attempts_logged(const spearlet::GetExecutionStatusResponse& status);

/// Reads an execution's status from `clients` clients at once, each again and again, until every
/// one of them has seen it end, or for `patience()`.
void watch_by_many(CaseRun& run, const std::string& id, int clients);

/// A value as text: that of a wrapper (StringValue, BytesValue, Int64Value); of anything else its
/// bytes. What runs as a process has only text to give back.
std::string text_of(const google::protobuf::Any& value);

/// Whether the node takes new work and sees it through: one short call, SYNC.
bool still_serves(CaseRun& run);

/// Whether a call was refused for what it asked: by a status of that code, or, where the target
/// declares that, by an OK answer whose result is FAILED.
bool refused(const CaseRun& run, const InvokeCall& call, absl::StatusCode code);

/// All entries of ListExecutions for the fixtures' tasks, page by page.
std::vector<spearlet::ExecutionInfo> list_all(CaseRun& run, const std::string& task_id,
                                              int page_size);

}  // namespace quintain::conformance
