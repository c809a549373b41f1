// Follows the status_endpoint of ASYNC answers (clause ASYNC-2).
#pragma once

#include "conformance/case_run.h"

namespace quintain::conformance {

/// GETs the endpoints of up to three ASYNC executions of the run, and judges ASYNC-2: the answer is
/// HTTP 200 with the protobuf-JSON of a GetExecutionStatusResponse that shows what status queries
/// before and after it show of that execution, while they find it. An
/// endpoint that cannot be reached violates the clause. Judges nothing where endpoints are paths
/// and the target declares no base URL (policies.status_endpoint_http). Called after the script of
/// the case, so every case judges the endpoints that it got.
void judge_endpoints(CaseRun& run);

}  // namespace quintain::conformance
