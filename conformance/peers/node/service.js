// The ten calls of the contract on top of the core, without a transport: each takes a contract
// message as a plain object and returns a promise of the answer; a Refusal is thrown.

import os from 'node:os';

import { Refusal } from './refusal.js';
import { check, executionIdOf, fingerprint, taskFor, timeoutMs } from './request.js';
import {
  executionInfo,
  executionResult,
  firstEstimate,
  invokeResponse,
  refusedResponse,
  taskInfo,
} from './messages.js';
import { orderOf, page, pageSize, tokenAfter } from './lists.js';
import { policiesOf } from './policies.js';
import { Mode, Status } from './status.js';

const MAX_TASKS_SHOWN = 10;

// A client measures its deadline by its own clock, and in finer units than it sends to the server.
// So it may leave before the server's deadline, by this share of the whole time; its execution then
// ends by the timeout, not by a cancel.
const DEADLINE_SLACK = 0.02;
const DEADLINE_SLACK_MS = 25;

// Deadlines are sent in whole milliseconds, rounded up: one that has 1 ms left may have passed.
const DEADLINE_UNIT_MS = 1;

// `call` has `timeLeft()`, the milliseconds to the caller's deadline or Infinity, and `gone`, a
// promise that resolves if the caller leaves before it is answered.
export class Service {
  #core;
  #clock;
  #settings;
  #policies;

  // settings: syncTimeoutMs, the default timeout of a call that waits; endpointBase, the URL before
  // the path of a status_endpoint, or ''; their values may change later. policies: policies.js.
  constructor(core, clock, settings) {
    this.#core = core;
    this.#clock = clock;
    this.#settings = settings;
    this.#policies = settings.policies ?? policiesOf();
  }

  async InvokeFunction(request, call) {
    const mode = request.execution_mode;
    if (mode === Mode.STREAM && this.#policies.stream_via_invoke === 'unimplemented') {
      throw new Refusal('UNIMPLEMENTED', 'execution_mode STREAM is served by StreamFunction');
    }
    if (this.#policies.mode_unspecified === 'sync' && ![1, 2, 3].includes(mode)) {
      request = { ...request, execution_mode: Mode.SYNC };
    }
    let execution;
    try {
      execution = this.#accept(request, [Mode.SYNC, Mode.ASYNC], call);
    } catch (refusal) {
      if (!(refusal instanceof Refusal) || this.#policies.start_errors === 'grpc_status') {
        throw refusal;
      }
      return refusedResponse(request, refusal);
    }
    if (request.execution_mode === Mode.SYNC) await this.#waitFor(execution, call);
    const { endpointBase } = this.#settings;
    const successIfServed = this.#policies.success_sync === 'served';
    return invokeResponse(this.#core, execution, endpointBase, successIfServed);
  }

  async StreamFunction(request, call, write) {
    const execution = this.#accept(request, [Mode.STREAM], call);
    const message = (fields) =>
      write({
        execution_id: execution.id,
        status: Status.RUNNING,
        chunk_data: null,
        is_final: false,
        error_message: '',
        metadata: {},
        ...fields,
      });
    const unsubscribe = execution.onChunk((chunk) => message({ chunk_data: chunk }));
    await this.#waitFor(execution, call);
    unsubscribe();
    message({
      status: execution.status,
      chunk_data: execution.payload,
      is_final: true,
      error_message: execution.errorMessage,
      metadata: execution.errorCode ? { error_code: execution.errorCode } : {},
    });
  }

  async GetExecutionStatus(request) {
    const execution = this.#core.executions.get(request.execution_id);
    if (!execution) return { found: false, result: null, logs: [], message: 'no such execution' };
    return {
      found: true,
      result: executionResult(this.#core, execution, { payload: request.include_result }),
      logs: request.include_logs ? [...execution.logs] : [],
      message: '',
    };
  }

  async CancelExecution(request) {
    const execution = this.#core.executions.get(request.execution_id);
    if (!execution) {
      if (this.#policies.cancel_unknown === 'not_found') {
        throw new Refusal('NOT_FOUND', 'no such execution');
      }
      return { success: false, message: 'no such execution', final_status: Status.UNSPECIFIED };
    }
    if (!execution.live) {
      return { success: false, message: 'the execution has ended', final_status: execution.status };
    }
    const success = await this.#core.cancel(execution, request.reason, request.force);
    const message = success ? '' : 'the execution ended before it could be cancelled';
    return { success, message, final_status: execution.status };
  }

  async ListTasks(request) {
    const size = pageSize(request.limit);
    const { prefix, start_after: after, include_details: details } = request;
    const all = [...this.#core.tasks.values()]
      .filter(({ taskId }) => taskId.startsWith(prefix) && taskId > after)
      .sort((a, b) => (a.taskId < b.taskId ? -1 : 1));
    const { entries, hasMore } = page(all, size);
    return {
      tasks: entries.map((task) => taskInfo(this.#core, task, details)),
      has_more: hasMore,
      next_start_after: hasMore ? entries.at(-1).taskId : '',
    };
  }

  async GetTask(request) {
    const size = pageSize(request.execution_limit, 'execution_limit');
    const task = this.#core.tasks.get(request.task_id);
    if (!task) return { found: false, task: null, executions: [], message: 'no such task' };
    const newest = this.#executionsOf(request.task_id).reverse().slice(0, size);
    return {
      found: true,
      task: taskInfo(this.#core, task),
      executions: request.include_executions ? newest.map(executionInfo) : [],
      message: '',
    };
  }

  async DeleteTask(request) {
    const { task_id: id, force, cleanup_executions: cleanup } = request;
    const refuse = (message) => ({
      success: false,
      message,
      deleted: false,
      cleaned_executions: 0,
    });
    if (!this.#core.tasks.has(id)) return refuse('no such task');
    if (this.#core.isBusy(id) && !force) return refuse('the task has unfinished executions');
    const cleaned = this.#core.removeTask(id, cleanup);
    return { success: true, message: '', deleted: true, cleaned_executions: cleaned };
  }

  async ListExecutions(request) {
    const size = pageSize(request.limit);
    const { task_id: taskId, status_filter: status } = request;
    if (!Object.values(Status).includes(status)) {
      throw new Refusal('INVALID_ARGUMENT', `status_filter is not a status: ${status}`);
    }
    const after = orderOf(request.start_after, this.#core.executions);
    const all = this.#executionsOf(taskId).filter(
      (execution) =>
        execution.order > after && (status === Status.UNSPECIFIED || execution.status === status),
    );
    const { entries, hasMore } = page(all, size);
    return {
      executions: entries.map(executionInfo),
      has_more: hasMore,
      next_start_after: hasMore ? tokenAfter(entries.at(-1)) : '',
    };
  }

  async GetHealth(request) {
    const core = this.#core;
    const details = {
      active_tasks: this.#activeTasks().length,
      running_executions: core.runningCount,
      pending_executions: core.pendingCount,
      total_memory_used: process.memoryUsage.rss(),
      total_executions: core.executions.size,
      system_info: { node: process.version },
    };
    return {
      status: core.draining ? 'DRAINING' : 'SERVING',
      message: '',
      uptime_seconds: Math.floor(core.uptimeMs / 1000),
      details: request.include_details ? details : null,
    };
  }

  async GetStats(request) {
    const hours = request.time_range_hours;
    if (hours < 0) throw new Refusal('INVALID_ARGUMENT', 'time_range_hours is negative');
    const since = hours === 0 ? -Infinity : this.#clock.now() - hours * 3_600_000;
    const executions = this.#executionsOf('').filter(({ acceptedAt }) => acceptedAt >= since);
    return {
      service_stats: this.#serviceStats(executions),
      task_stats: request.include_task_stats ? this.#taskStats() : null,
      execution_stats: request.include_execution_stats ? executionStats(executions) : null,
    };
  }

  // Returns the execution of a request: a new one, or the existing one with the same id and
  // request.
  #accept(request, modes, call) {
    check(request, modes);
    const core = this.#core;
    const id = executionIdOf(request);
    const digest = fingerprint(request);
    const known = id === null ? undefined : core.executions.get(id);
    if (known) {
      const isSame = known.spec.fingerprint === digest && known.spec.id === id;
      if (isSame && this.#policies.duplicate_id === 'same_record') return known;
      throw new Refusal('ALREADY_EXISTS', `the id of execution '${id}' is taken`);
    }
    const timeLeft = call.timeLeft();
    if (timeLeft <= DEADLINE_UNIT_MS)
      throw new Refusal('DEADLINE_EXCEEDED', 'the deadline has passed');
    const { task, isNew } = taskFor(request, core);
    if (!core.hasFunction(request.function_name)) {
      throw new Refusal('NOT_FOUND', `there is no function '${request.function_name}'`);
    }
    const obstacle = core.obstacle();
    if (obstacle) throw obstacle;
    if (isNew) core.addTask(task);
    const execution = core.submit({
      id,
      fingerprint: digest,
      taskId: task.taskId,
      functionName: request.function_name,
      parameters: request.parameters,
      mode: request.execution_mode,
      timeoutMs: timeoutMs(
        request,
        timeLeft,
        this.#settings.syncTimeoutMs,
        this.#policies.timeout_zero === 'unlimited',
      ),
      maxRetries: request.context?.max_retries ?? 0,
      forceNewInstance: request.force_new_instance,
      keepChunks: request.execution_mode === Mode.STREAM,
      metadata: request.invocation_metadata,
      watchers: 0,
    });
    execution.estimatedMs = firstEstimate(core, execution, Number(this.#policies.eta_quantile));
    return execution;
  }

  // Waits for the end of the execution. It is cancelled when the last caller that waits for it
  // leaves.
  async #waitFor(execution, call) {
    execution.spec.watchers += 1;
    const allowed = call.timeLeft();
    let waiting = true;
    call.gone.then(() => {
      if (!waiting) return;
      waiting = false;
      execution.spec.watchers -= 1;
      if (execution.spec.watchers > 0 || !execution.live) return;
      if (this.#policies.sync_caller_gone === 'continues') return;
      const hasDeadline = allowed < Infinity;
      const slack = hasDeadline ? Math.max(DEADLINE_SLACK_MS, DEADLINE_SLACK * allowed) : 0;
      if (this.#core.timeLeft(execution) > slack) {
        this.#core.cancel(execution, 'the caller went away', false);
      }
    });
    await execution.ended;
    if (waiting) execution.spec.watchers -= 1;
    waiting = false;
  }

  #executionsOf(taskId) {
    const all = [...this.#core.executions.values()];
    return taskId === '' ? all : all.filter(({ spec }) => spec.taskId === taskId);
  }

  #activeTasks() {
    return [...this.#core.tasks.keys()].filter((taskId) => this.#core.isBusy(taskId));
  }

  #serviceStats(executions) {
    const { user, system } = process.cpuUsage();
    const rss = process.memoryUsage.rss();
    return {
      uptime_seconds: Math.floor(this.#core.uptimeMs / 1000),
      total_tasks: this.#core.tasks.size,
      total_executions: executions.length,
      total_memory_used: rss,
      cpu_usage_percent: Math.min(100, (user + system) / 1e4 / process.uptime()),
      memory_usage_percent: (100 * rss) / os.totalmem(),
    };
  }

  #taskStats() {
    const core = this.#core;
    const tasks = [...core.tasks.values()];
    const active = this.#activeTasks().length;
    const byType = tally(tasks.map(({ artifactSpec }) => artifactSpec?.artifact_type ?? ''));
    const infos = tasks.map((task) => taskInfo(core, task));
    infos.sort((a, b) => b.execution_count - a.execution_count);
    return {
      active_tasks: active,
      idle_tasks: tasks.length - active,
      tasks_by_type: byType,
      most_active_tasks: infos.filter((info) => info.execution_count > 0).slice(0, MAX_TASKS_SHOWN),
    };
  }
}

function tally(keys) {
  const counts = {};
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1;
  return counts;
}

function executionStats(executions) {
  const of = (status) => executions.filter((execution) => execution.status === status);
  const completed = of(Status.COMPLETED);
  const ended = executions.filter(({ live }) => !live);
  const times = completed.map(({ executionTimeMs }) => executionTimeMs);
  const total = times.reduce((sum, ms) => sum + ms, 0);
  return {
    running_executions: of(Status.RUNNING).length,
    pending_executions: of(Status.PENDING).length,
    completed_executions: completed.length,
    failed_executions: of(Status.FAILED).length,
    average_execution_time_ms: completed.length === 0 ? 0 : total / completed.length,
    success_rate_percent: ended.length === 0 ? 0 : (100 * completed.length) / ended.length,
    executions_by_function: tally(executions.map(({ spec }) => spec.functionName)),
  };
}
