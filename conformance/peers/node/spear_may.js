// What a spearlet of May 2026 does (commit b583009), as it was seen on the running program:
// docs/spear-findings.md has the places in its source. `sleep` and `stubborn` take no parameters;
// `echo` returns its input or, without one, a constant.

import { randomUUID } from 'node:crypto';

import { Refusal } from './refusal.js';
import { Mode, Status } from './status.js';

const NO_TYPE = 'application/octet-stream';
const STOP_MS = 20; // from a termination until the function has stopped

const timestamp = (ms) =>
  ms === null ? null : { seconds: Math.floor(ms / 1000), nanos: Math.floor((ms % 1000) * 1e6) };
const noData = Buffer.alloc(0);

// settings: takesMs, the duration of `sleep` and `stubborn`; loseEvery: of the ASYNC executions that
// end at once, the completion of each so-many-th is lost.
export function mayServices({ takesMs, loseEvery }) {
  const tasks = new Map([
    ['echo', { ms: 0, output: ({ input }) => input?.data ?? Buffer.from('Process execution completed') }],
    ['sleep', { ms: takesMs, output: () => Buffer.from('slept') }],
    ['stubborn', { ms: takesMs, output: () => Buffer.from('slept'), stubborn: true }],
    ['fail', { ms: 0, error: 'Runtime error: wasmedge exec error: unreachable' }],
    ['flood', { ms: 0, output: () => Buffer.alloc(2 ** 20, 'x') }],
  ]);
  const records = new Map();
  let instant = 0;

  // started_at moves to the end of a completed execution.
  const shown = (record) => ({
    invocation_id: record.invocationId,
    execution_id: record.id,
    instance_id: record.instanceId,
    status: record.status,
    output: { content_type: NO_TYPE, data: record.output },
    error: record.error && { code: 'EXECUTION_ERROR', message: record.error },
    started_at: timestamp(record.endedAt ?? record.startedAt),
    completed_at: timestamp(record.status === Status.CANCELLED ? null : record.endedAt),
  });

  function end(record, status, { output = noData, error = null } = {}) {
    if (record.endedAt !== null) return;
    Object.assign(record, { status, output, error, endedAt: Date.now() });
    record.timers.forEach(clearTimeout);
    record.resolve();
  }

  function start(request) {
    const id = request.execution_id || randomUUID();
    const record = {
      id,
      request,
      invocationId: request.invocation_id || randomUUID(),
      instanceId: `inst-${randomUUID()}`,
      status: Status.RUNNING,
      output: noData,
      error: null,
      startedAt: Date.now(),
      endedAt: null,
      timers: [],
    };
    record.ended = new Promise((resolve) => {
      record.resolve = resolve;
    });
    records.set(id, record);
    const task = tasks.get(request.task_id);
    if (!task) {
      end(record, Status.FAILED, { error: `Task not found: ${request.task_id}` });
      return record;
    }
    record.task = task;
    const sync = request.mode !== Mode.ASYNC;
    // A race in the real program, which a server for tests must lose every time.
    const lost = !sync && task.ms === 0 && ++instant % loseEvery === 0;
    const after = (ms, action) => record.timers.push(setTimeout(action, ms));
    if (!lost) {
      after(task.ms, () =>
        task.error
          ? end(record, Status.FAILED, { error: task.error })
          : end(record, Status.COMPLETED, { output: task.output(request) }),
      );
    }
    const timeoutMs = Number(request.timeout_ms);
    if (sync && timeoutMs === 0) {
      end(record, Status.FAILED, { error: 'Execution timeout: 0ms' });
    } else if (timeoutMs > 0 && !lost) {
      after(timeoutMs, () =>
        end(record, Status.FAILED, { error: 'Runtime error: wasmedge exec error: timeout' }),
      );
    }
    return record;
  }

  function find(id) {
    const record = records.get(id);
    if (!record) throw new Refusal('NOT_FOUND', `execution not found: ${id}`);
    return record;
  }

  return {
    'spearlet.InvocationService': {
      // Every mode but ASYNC waits. Whatever keeps an execution from COMPLETED is INTERNAL.
      async Invoke(request) {
        const record = start(request);
        if (request.mode !== Mode.ASYNC || !record.task) {
          await record.ended;
          if (record.status !== Status.COMPLETED) throw new Refusal('INTERNAL', record.error);
        }
        return shown(record);
      },
    },

    'spearlet.ExecutionService': {
      async GetExecution({ execution_id: id }) {
        const record = find(id);
        const { task_id: taskId, function_name: functionName } = record.request;
        return { ...shown(record), task_id: taskId, function_name: functionName };
      },

      // The status stays RUNNING until the function has stopped, and is FAILED then; with a SYNC
      // caller it is TERMINATED.
      async TerminateExecution({ execution_id: id, reason }) {
        const record = find(id);
        if (!record.task?.stubborn) {
          const status = record.request.mode === Mode.ASYNC ? Status.FAILED : Status.CANCELLED;
          const stop = () => end(record, status, { error: `Execution terminated: ${reason}` });
          record.timers.push(setTimeout(stop, STOP_MS));
        }
        return { success: true, final_status: Status.CANCELLED, message: 'terminate requested' };
      },

      // No pages: the newest executions, and no token.
      async ListExecutions({ task_id: task, limit }) {
        const all = [...records.values()].filter(({ request }) => !task || request.task_id === task);
        const newest = all.reverse().slice(0, limit || 100);
        return {
          executions: newest.map((record) => ({
            ...shown(record),
            task_id: record.request.task_id,
            function_name: record.request.function_name,
          })),
          next_page_token: '',
        };
      },
    },
  };
}
