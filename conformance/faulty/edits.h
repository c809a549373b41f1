// Faults that are a change to what goes into a service or comes out of it, and nothing more.
#pragma once

#include "conformance/faulty/faulty_core.h"
#include "core/answer.h"
#include "spearlet/function.pb.h"

namespace quintain::conformance::faulty {

/// What is changed on its way; each may be left out. Refusals pass unchanged.
struct Edits {
  // On the way in; `invocation` is InvokeFunction's alone.
  void (*invocation)(spearlet::InvokeFunctionRequest&, core::CallContext&) = nullptr;
  void (*status_query)(spearlet::GetExecutionStatusRequest&) = nullptr;
  void (*list_query)(spearlet::ListExecutionsRequest&) = nullptr;
  void (*deletion)(spearlet::DeleteTaskRequest&) = nullptr;

  // On the way out.
  void (*invoked)(const spearlet::InvokeFunctionRequest&,
                  spearlet::InvokeFunctionResponse&) = nullptr;
  void (*status)(spearlet::GetExecutionStatusResponse&) = nullptr;
  void (*cancelled)(spearlet::CancelExecutionResponse&) = nullptr;
  void (*chunk)(spearlet::StreamExecutionResult&) = nullptr;
  void (*list)(const spearlet::ListExecutionsRequest&, spearlet::ListExecutionsResponse&) = nullptr;
  void (*tasks)(spearlet::ListTasksResponse&) = nullptr;
  void (*health)(spearlet::GetHealthResponse&) = nullptr;
  void (*stats)(spearlet::GetStatsResponse&) = nullptr;

  // Wherever they come out: the result of an invocation or a status query that found something, an
  // entry of a list, an execution's status in any answer.
  void (*result)(spearlet::ExecutionResult&) = nullptr;
  void (*entry)(spearlet::ExecutionInfo&) = nullptr;
  spearlet::ExecutionStatus (*any_status)(spearlet::ExecutionStatus) = nullptr;
};

/// The decorator that makes these changes.
FaultyCore::Decorate editing(const Edits& edits);

}  // namespace quintain::conformance::faulty
