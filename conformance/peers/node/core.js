// The execution core: tasks, the queue and its slots, attempts, timeouts, cancels, retries and the
// retention of records. It has no transport; its time is that of the clock that it is given.

import { randomUUID } from 'node:crypto';

import { Attempt } from './attempt.js';
import { Estimator } from './estimator.js';
import { Execution } from './execution.js';
import { policiesOf } from './policies.js';
import { Refusal } from './refusal.js';
import { Status } from './status.js';

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 10_000;
const MAX_LOG_LINES = 1000;

export class Core {
  #clock;
  #functions;
  #limits;
  #policies;
  #estimator;
  #queue = [];
  #running = new Set(); // the executions that hold a slot
  #idleInstances = new Map();
  #accepted = 0;
  #instances = 0;
  #onEmpty = null;

  // functions: a Map from name to (attempt) => void, the same for every task.
  // limits: slots, queueLimit, graceMs, retentionMs. policies: policies.js.
  constructor({ clock, functions, limits, policies = policiesOf() }) {
    this.#clock = clock;
    this.#functions = functions;
    this.#limits = limits;
    this.#policies = policies;
    this.#estimator = new Estimator(clock, limits.slots);
    this.tasks = new Map();
    this.executions = new Map(); // in the order of acceptance
    this.draining = false;
    this.startedAt = clock.now();
  }

  get runningCount() {
    return this.#countLive(Status.RUNNING);
  }

  get pendingCount() {
    return this.#countLive(Status.PENDING);
  }

  get uptimeMs() {
    return this.#clock.now() - this.startedAt;
  }

  hasFunction(name) {
    return this.#functions.has(name);
  }

  addTask({ taskId, taskName, artifactSpec = null }) {
    const now = this.#clock.wall();
    const task = { taskId, taskName, artifactSpec, createdAt: now, updatedAt: now };
    this.tasks.set(taskId, task);
    return task;
  }

  isBusy(taskId) {
    return this.#liveOf(taskId).length > 0;
  }

  // Cancels the unfinished executions of the task, removes the task and, if `cleanup` is set, its
  // records. Returns the number of removed records.
  removeTask(taskId, cleanup) {
    for (const execution of this.#liveOf(taskId)) {
      this.#conclude(execution, Status.CANCELLED, 'CANCELLED', 'the task was deleted');
    }
    this.tasks.delete(taskId);
    this.#idleInstances.delete(taskId);
    if (!cleanup) return 0;
    const records = [...this.executions.values()].filter(({ spec }) => spec.taskId === taskId);
    for (const { id } of records) this.executions.delete(id);
    return records.length;
  }

  // The Refusal of a new execution now; null if one can be accepted.
  obstacle() {
    if (this.draining) return new Refusal('UNAVAILABLE', 'the server is shutting down');
    if (this.#running.size >= this.#limits.slots && this.#queue.length >= this.#limits.queueLimit) {
      return new Refusal(
        'RESOURCE_EXHAUSTED',
        `all ${this.#limits.slots} slots are taken and ${this.#queue.length} executions wait`,
      );
    }
    return null;
  }

  // Accepts an execution. Requires: no obstacle(). spec: id (or null), taskId, functionName,
  // parameters, mode, timeoutMs, maxRetries, forceNewInstance, keepChunks, and further members that
  // the caller keeps in the record.
  submit(spec) {
    const execution = new Execution(this.#clock, ++this.#accepted, spec.id ?? randomUUID(), spec);
    this.executions.set(execution.id, execution);
    this.#touch(execution);
    if (this.#policies.timeout_from === 'acceptance') this.#startTimeout(execution);
    this.#queue.push(execution);
    this.#fillSlots();
    return execution;
  }

  // The estimated milliseconds from now to the end of a live execution, at that quantile.
  estimate(execution, quantile) {
    return this.#estimator.remaining(execution, this.#running, this.#queue, quantile);
  }

  get estimatorName() {
    return Estimator.name;
  }

  // Milliseconds to an execution's timeout, at least.
  timeLeft(execution) {
    const from =
      this.#policies.timeout_from === 'acceptance' ? execution.acceptedAt : execution.startedAt;
    return (from ?? this.#clock.now()) + execution.spec.timeoutMs - this.#clock.now();
  }

  // Cancels a live execution. Resolves once it has ended, to whether this or an earlier cancel
  // ended it.
  async cancel(execution, reason, force) {
    const isRunning = execution.status === Status.RUNNING && execution.attempt !== null;
    const text = execution.cancel?.reason ?? (reason || 'cancelled by a caller');
    const kill = () => this.#conclude(execution, Status.CANCELLED, 'CANCELLED', text);
    if (!isRunning || force || this.#policies.cancel_running === 'immediate') {
      kill();
    } else if (execution.cancel === null) {
      const cancelGrace = this.#clock.after(this.#limits.graceMs, kill);
      execution.cancel = { reason: text, cancelGrace };
      execution.attempt.askToStop();
    }
    await execution.ended;
    return execution.status === Status.CANCELLED;
  }

  // Accepts nothing from now on. Resolves when no execution waits or runs; those that remain after
  // `ms` are cancelled.
  async drain(ms) {
    this.draining = true;
    if (this.#busy()) {
      await new Promise((resolve) => {
        const cancelTimer = this.#clock.after(ms, () => {
          for (const execution of [...this.#running, ...this.#queue]) {
            this.#conclude(execution, Status.CANCELLED, 'CANCELLED', 'the server is shutting down');
          }
        });
        this.#onEmpty = () => {
          cancelTimer();
          resolve();
        };
      });
    }
  }

  #startTimeout(execution) {
    const { timeoutMs } = execution.spec;
    if (timeoutMs === Infinity) return;
    execution.cancelTimeout = this.#clock.after(timeoutMs, () => this.#timeOut(execution));
  }

  #timeOut(execution) {
    const { timeoutMs } = execution.spec;
    this.#conclude(execution, Status.TIMEOUT, 'TIMEOUT', `not ended within ${timeoutMs} ms`);
  }

  #busy() {
    return this.#running.size + this.#queue.length > 0;
  }

  #countLive(status) {
    const count = (executions) =>
      [...executions].filter((execution) => execution.status === status).length;
    return count(this.#running) + count(this.#queue);
  }

  #liveOf(taskId) {
    return [...this.#running, ...this.#queue].filter(({ spec }) => spec.taskId === taskId);
  }

  #touch(execution) {
    const task = this.tasks.get(execution.spec.taskId);
    if (task) task.updatedAt = this.#clock.wall();
  }

  #fillSlots() {
    while (this.#running.size < this.#limits.slots && this.#queue.length > 0) {
      const execution = this.#queue.shift();
      this.#running.add(execution);
      execution.holdsSlot = true;
      // Not at once: the caller of submit() must see it PENDING.
      execution.cancelNextAttempt = this.#clock.soon(() => {
        execution.instanceId = this.#takeInstance(execution.spec);
        execution.start();
        if (this.#policies.timeout_from === 'start') this.#startTimeout(execution);
        this.#touch(execution);
        this.#startAttempt(execution);
      });
    }
  }

  #takeInstance({ taskId, forceNewInstance }) {
    const idle = this.#idleInstances.get(taskId) ?? [];
    return (!forceNewInstance && idle.pop()) || `${taskId}-instance-${++this.#instances}`;
  }

  // An instance is used again only if its function ended by itself.
  #returnInstance({ spec: { taskId }, instanceId, status }) {
    if (![Status.COMPLETED, Status.FAILED].includes(status) || !this.tasks.has(taskId)) return;
    const idle = this.#idleInstances.get(taskId) ?? [];
    // No more instances than slots can be in use at once.
    if (idle.length < this.#limits.slots) idle.push(instanceId);
    this.#idleInstances.set(taskId, idle);
  }

  #startAttempt(execution) {
    execution.cancelNextAttempt = null;
    const { spec } = execution;
    const attempt = new Attempt({
      clock: this.#clock,
      executionId: execution.id,
      number: ++execution.attempts,
      parameters: spec.parameters,
      listener: {
        log: (line) => {
          execution.logs.push(line);
          if (execution.logs.length > MAX_LOG_LINES) execution.logs.shift();
        },
        chunk: (chunk) => {
          if (spec.keepChunks) execution.addChunk(chunk);
        },
        completed: (payload) => {
          this.#conclude(execution, Status.COMPLETED, '', '', payload);
          this.#estimator.observe(execution);
        },
        failed: (code, message) => this.#attemptFailed(execution, code, message),
        stopped: () =>
          this.#conclude(execution, Status.CANCELLED, 'CANCELLED', execution.cancel.reason),
      },
    });
    execution.attempt = attempt;
    try {
      this.#functions.get(spec.functionName)(attempt);
    } catch (error) {
      attempt.fail('FUNCTION_FAILED', String(error?.message ?? error));
    }
  }

  #attemptFailed(execution, code, message) {
    execution.attempt = null;
    const delay = Math.min(FIRST_RETRY_MS * 2 ** (execution.attempts - 1), MAX_RETRY_MS);
    const retry =
      execution.attempts <= execution.spec.maxRetries &&
      execution.cancel === null &&
      execution.chunks.length === 0 &&
      delay < this.timeLeft(execution);
    if (retry) {
      execution.cancelNextAttempt = this.#clock.after(delay, () => this.#startAttempt(execution));
      return;
    }
    this.#conclude(execution, Status.FAILED, code, message);
    this.#estimator.observe(execution);
  }

  // The only way to a terminal status.
  #conclude(execution, status, errorCode, errorMessage, payload = null) {
    execution.attempt?.kill();
    execution.attempt = null;
    execution.cancelTimeout?.();
    execution.cancelNextAttempt?.();
    execution.cancel?.cancelGrace();
    if (execution.holdsSlot) {
      this.#running.delete(execution);
    } else {
      this.#queue.splice(this.#queue.indexOf(execution), 1);
    }
    execution.end(status, { payload, errorCode, errorMessage });
    this.#returnInstance(execution);
    this.#touch(execution);
    this.#clock.after(this.#limits.retentionMs, () => {
      // The id may belong to another execution by now.
      if (this.executions.get(execution.id) === execution) this.executions.delete(execution.id);
    });
    this.#fillSlots();
    if (!this.#busy() && this.#onEmpty !== null) this.#onEmpty();
  }
}
