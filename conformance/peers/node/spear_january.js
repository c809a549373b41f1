// What a spearlet of January 2026 does (commits d3c2924 to 0c3f54c), as it was seen on the running
// program: docs/spear-findings.md has the places in its source. Fixtures take no parameters.
//
// A record is null while the execution has not ended, which is what a status query shows of it.

import { randomUUID } from 'node:crypto';

import { Mode, Status } from './status.js';
import { stringValue } from './values.js';

const POOL_REST_MS = 150_000; // how long a task with too many instances refuses
const DATA_TYPE = 'type.googleapis.com/spearlet.ExecutionData';

const data = (text) => ({ type_url: DATA_TYPE, value: Buffer.from(text) });
const now = () => ({ seconds: Math.floor(Date.now() / 1000), nanos: (Date.now() % 1000) * 1e6 });
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const result = (fields) => ({
  status: Status.UNSPECIFIED,
  result: null,
  error_message: '',
  error_code: '',
  execution_time_ms: 0,
  memory_used_bytes: 0,
  metrics: {},
  started_at: null,
  completed_at: null,
  ...fields,
});

// settings: takesMs, the duration of `sleep`; instances, how many a task may have.
export function januaryService({ takesMs, instances }) {
  // `process` tasks end at once and answer a constant; those of WASM run in the background.
  const tasks = new Map([
    ['echo', { process: true, text: 'Process execution completed' }],
    ['sleep', { ms: takesMs, text: '[]' }],
    ['fail', { ms: 0, error: 'Runtime error: wasmedge exec error: unreachable' }],
    ['flood', { process: true, text: 'x'.repeat(2 ** 20) }],
  ]);
  for (const task of tasks.values()) Object.assign(task, { used: 0, fullSince: null });
  const records = new Map();

  // The error that keeps a task from starting; null if it starts. No instance is ever used again.
  function obstacle(request) {
    const task = tasks.get(request.task_id);
    if (request.invocation_type === 1 || !task) return `Task not found: ${request.task_id}`;
    if (task.fullSince !== null && Date.now() - task.fullSince > POOL_REST_MS) {
      Object.assign(task, { used: 0, fullSince: null });
    }
    if (task.used === instances) {
      task.fullSince ??= Date.now();
      return 'Maximum instances per task limit reached';
    }
    task.used += 1;
    return null;
  }

  const fail = (id, message, tookMs) =>
    records.set(id, {
      status: Status.FAILED,
      result: data(''),
      error_message: message,
      error_code: 'EXECUTION_ERROR',
      execution_time_ms: tookMs,
      started_at: now(),
    });
  const complete = (id, text, tookMs) =>
    records.set(id, { status: Status.COMPLETED, result: data(text), execution_time_ms: tookMs });

  const answer = (id, fields) => ({
    success: false,
    message: '',
    execution_id: id,
    task_id: randomUUID(),
    instance_id: '',
    result: null,
    status_endpoint: '',
    estimated_completion_ms: 0,
    ...fields,
  });
  const failed = (id, code, message) =>
    answer(id, {
      message: 'Function execution failed',
      result: result({
        status: Status.FAILED,
        error_code: code,
        error_message: message,
        started_at: now(),
        completed_at: now(),
      }),
    });
  const syncFailed = (id) => failed(id, 'SYNC_EXECUTION_FAILED', 'Sync execution failed');

  async function sync(id, request) {
    if (!request.artifact_spec) return syncFailed(id);
    const error = obstacle(request);
    if (error !== null) {
      fail(id, error, 13);
      return syncFailed(id);
    }
    const task = tasks.get(request.task_id);
    if (!task.process && !request.wait) {
      records.set(id, null);
      return answer(id, {
        success: true,
        message: 'Function executed successfully',
        result: result({ status: Status.FAILED, result: data(''), started_at: now(), completed_at: now() }),
      });
    }
    records.set(id, null);
    if (!task.process) await sleep(task.ms);
    if (task.error) {
      fail(id, task.error, task.ms);
      return syncFailed(id);
    }
    complete(id, task.text, task.ms ?? 0);
    return answer(id, {
      success: true,
      message: 'Function executed successfully',
      result: result({ ...records.get(id), started_at: now(), completed_at: now() }),
    });
  }

  function async(id, request) {
    // Without an artifact nothing is recorded. The end of what runs in the background is dropped.
    if (request.artifact_spec) {
      const error = obstacle(request);
      const task = tasks.get(request.task_id);
      records.set(id, null);
      if (error !== null) fail(id, error, 13);
      else if (task.process) complete(id, task.text, 0);
    }
    return answer(id, {
      success: true,
      message: 'Async function execution started',
      result: result({ status: Status.PENDING, started_at: now() }),
      status_endpoint: `/api/v1/executions/${id}/status`,
      estimated_completion_ms: 5000,
    });
  }

  return {
    async InvokeFunction(request) {
      const id = request.execution_id || randomUUID();
      if (request.execution_mode === Mode.SYNC) return sync(id, request);
      if (request.execution_mode === Mode.ASYNC) return async(id, request);
      return request.execution_mode === Mode.STREAM
        ? failed(id, 'STREAM_MODE_NOT_SUPPORTED', 'Stream mode not supported')
        : failed(id, 'UNKNOWN_EXECUTION_MODE', 'Unknown execution mode');
    },

    // include_result and include_logs are ignored.
    async GetExecutionStatus({ execution_id: id }) {
      const record = records.get(id);
      if (record === undefined) {
        return { found: false, result: null, logs: [], message: 'Execution not found' };
      }
      if (record === null || record.status !== Status.COMPLETED) {
        const shown = record && result(record);
        return { found: true, result: shown, logs: [], message: 'Execution in progress' };
      }
      const times = { started_at: now(), completed_at: now() };
      return { found: true, result: result({ ...record, ...times }), logs: [], message: 'Execution completed' };
    },

    async CancelExecution() {
      return { success: true, message: 'Execution cancelled', final_status: Status.FAILED };
    },

    async StreamFunction(request, call, write) {
      const id = randomUUID();
      const chunk = (status, text, isFinal) =>
        write({
          execution_id: id,
          status,
          chunk_data: stringValue(text),
          is_final: isFinal,
          error_message: '',
          metadata: {},
        });
      chunk(Status.RUNNING, 'First data chunk', false);
      chunk(Status.COMPLETED, 'Last data chunk', true);
    },

    async ListTasks() {
      return { tasks: [], has_more: false, next_start_after: '' };
    },
    async GetTask({ task_id: id }) {
      return { found: false, task: null, executions: [], message: `Task ${id} not found` };
    },
    async DeleteTask() {
      return { success: true, message: 'Task deleted', deleted: true, cleaned_executions: 0 };
    },
    async ListExecutions() {
      return { executions: [], has_more: false, next_start_after: '' };
    },
    async GetHealth() {
      const details = {
        active_tasks: 10,
        running_executions: 3,
        pending_executions: 5,
        total_memory_used: 104857600,
        total_executions: 100,
        system_info: {},
      };
      return { status: 'Healthy', message: 'running normally', uptime_seconds: 40, details };
    },
    async GetStats() {
      return {
        service_stats: {
          uptime_seconds: 40,
          total_tasks: 50,
          total_executions: 100,
          total_memory_used: 104857600,
          cpu_usage_percent: 25,
          memory_usage_percent: 25,
        },
        task_stats: { active_tasks: 50, idle_tasks: 5, tasks_by_type: {}, most_active_tasks: [] },
        execution_stats: {
          running_executions: 3,
          pending_executions: 5,
          completed_executions: 95,
          failed_executions: 5,
          average_execution_time_ms: 500,
          success_rate_percent: 95,
          executions_by_function: {},
        },
      };
    },
  };
}
