// Messages of the contract, made from the core's tasks and executions.

import { Mode, Status } from './status.js';

const timestamp = (wallMs) => {
  if (wallMs === null) return null;
  const seconds = Math.floor(wallMs / 1000);
  return { seconds, nanos: Math.floor((wallMs - seconds * 1000) * 1e6) };
};

// The URL of an execution's status below `base`; a path if `base` is empty, which means that HTTP
// is not served. Ids need no escaping (request.js).
export const statusEndpoint = (base, id) => `${base}/status/${id}`;

const atLeastOne = (ms) => Math.max(1, Math.ceil(ms));

export function executionResult(core, execution, { payload = true } = {}) {
  return {
    status: execution.status,
    result: payload ? execution.payload : null,
    error_message: execution.errorMessage,
    error_code: execution.errorCode,
    execution_time_ms: execution.executionTimeMs,
    memory_used_bytes: 0,
    metrics: execution.live ? estimates(core, execution) : {},
    started_at: timestamp(execution.startedWall),
    completed_at: timestamp(execution.endedWall),
  };
}

// The answer to a call that was refused, for servers that say so in an answer.
export function refusedResponse(request, refusal) {
  return {
    success: false,
    message: refusal.message,
    execution_id: request.execution_id,
    task_id: request.task_id,
    instance_id: '',
    result: {
      status: Status.FAILED,
      result: null,
      error_message: refusal.message,
      error_code: refusal.code,
      execution_time_ms: 0,
      memory_used_bytes: 0,
      metrics: {},
      started_at: null,
      completed_at: null,
    },
    status_endpoint: '',
    estimated_completion_ms: 0,
  };
}

function estimates(core, execution) {
  const p50 = atLeastOne(core.estimate(execution, 0.5));
  // The rest of an overdue execution is a guess, which may be longer than the 90th percentile's.
  const p90 = Math.max(p50, atLeastOne(core.estimate(execution, 0.9)));
  return {
    eta_p50_ms: String(p50),
    eta_p90_ms: String(p90),
    eta_estimator: core.estimatorName,
  };
}

// `successIfServed`: `success` says that the call was served, and not that the function completed.
export function invokeResponse(core, execution, endpointBase, successIfServed = false) {
  const async = execution.spec.mode === Mode.ASYNC;
  const result = executionResult(core, execution);
  if (async && execution.live) {
    // Time has passed since the estimate was made, which must not contradict the metrics beside it.
    const p90 = Math.max(Number(result.metrics.eta_p90_ms), execution.estimatedMs);
    result.metrics.eta_p90_ms = String(p90);
  }
  return {
    success: async || successIfServed || execution.status === Status.COMPLETED,
    message: async ? 'accepted' : execution.errorMessage,
    execution_id: execution.id,
    task_id: execution.spec.taskId,
    instance_id: execution.instanceId,
    result,
    status_endpoint: async ? statusEndpoint(endpointBase, execution.id) : '',
    estimated_completion_ms: async ? execution.estimatedMs : 0,
  };
}

// The estimate in the answer to an ASYNC call, in whole milliseconds.
export const firstEstimate = (core, execution, quantile = 0.5) =>
  atLeastOne(core.estimate(execution, quantile));

export function executionInfo(execution) {
  return {
    execution_id: execution.id,
    task_id: execution.spec.taskId,
    function_name: execution.spec.functionName,
    execution_mode: execution.spec.mode,
    status: execution.status,
    started_at: timestamp(execution.startedWall),
    completed_at: timestamp(execution.endedWall),
    execution_time_ms: execution.executionTimeMs,
    memory_used_bytes: 0,
    error_message: execution.errorMessage,
    metadata: execution.spec.metadata,
  };
}

export function taskInfo(core, task, details = true) {
  const executions = [...core.executions.values()].filter(
    ({ spec }) => spec.taskId === task.taskId,
  );
  return {
    task_id: task.taskId,
    task_name: task.taskName,
    artifact_spec: details ? task.artifactSpec : null,
    created_at: Math.floor(task.createdAt),
    updated_at: Math.floor(task.updatedAt),
    execution_count: executions.length,
    last_status: executions.at(-1)?.status ?? Status.UNSPECIFIED,
    metadata: (details && task.artifactSpec?.metadata) || {},
  };
}
