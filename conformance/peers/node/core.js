// The execution core: tasks, the queue and its slots, attempts, timeouts, cancels, retries and
// what stays on record. It knows no transport; time is the clock that it is given.

import { randomUUID } from 'node:crypto';

import { Attempt } from './attempt.js';
import { Estimator } from './estimator.js';
import { Execution } from './execution.js';
import { Refusal } from './refusal.js';
import { Status } from './status.js';

const RETRY_FIRST_MS = 100;
const RETRY_LONGEST_MS = 10_000;
const LOG_LINES = 1000;

export class Core {
  #clock;
  #functions;
  #limits;
  #estimator;
  #queue = [];
  #running = new Set(); // who holds a slot
  #idleInstances = new Map();
  #accepted = 0;
  #instances = 0;
  #onEmpty = null;

  // functions: name -> (attempt) => void; the same for every task.
  // limits: slots, queueLimit, graceMs, retentionMs.
  constructor({ clock, functions, limits }) {
    this.#clock = clock;
    this.#functions = functions;
    this.#limits = limits;
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

  // Kills what still waits or runs of the task, forgets the task and, if asked, its records.
  // Gives how many records are gone.
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

  // Why nothing can be accepted now, as a Refusal, or null.
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

  // Accepts an execution, for which there must be no obstacle(). spec: id (or null), taskId,
  // functionName, parameters, mode, timeoutMs, maxRetries, forceNewInstance, and whatever its
  // caller wants to find in the record.
  submit(spec) {
    const execution = new Execution(this.#clock, ++this.#accepted, spec.id ?? randomUUID(), spec);
    this.executions.set(execution.id, execution);
    this.#touch(execution);
    execution.callOffTimeout = this.#clock.after(spec.timeoutMs, () => this.#timeOut(execution));
    this.#queue.push(execution);
    this.#fillSlots();
    return execution;
  }

  // Milliseconds from now to the end of a live execution, at that quantile.
  estimate(execution, quantile) {
    return this.#estimator.remaining(execution, this.#running, this.#queue, quantile);
  }

  get estimatorName() {
    return Estimator.name;
  }

  // Milliseconds to an execution's timeout.
  timeLeft(execution) {
    return execution.acceptedAt + execution.spec.timeoutMs - this.#clock.now();
  }

  // Asks for the end of a live execution; resolves once it has ended, to whether it was this (or
  // an earlier) cancel that ended it.
  async cancel(execution, reason, force) {
    const began = execution.status === Status.RUNNING && execution.attempt !== null;
    const text = execution.cancel?.reason ?? (reason || 'cancelled by a caller');
    const kill = () => this.#conclude(execution, Status.CANCELLED, 'CANCELLED', text);
    if (!began || force) {
      kill();
    } else if (execution.cancel === null) {
      const callOffGrace = this.#clock.after(this.#limits.graceMs, kill);
      execution.cancel = { reason: text, callOffGrace };
      execution.attempt.askToStop();
    }
    await execution.ended;
    return execution.status === Status.CANCELLED;
  }

  // Accepts nothing from now on; resolves when nothing waits or runs any more, at the latest after
  // `ms`, when what is left is killed.
  async drain(ms) {
    this.draining = true;
    if (this.#busy()) {
      await new Promise((resolve) => {
        const callOff = this.#clock.after(ms, () => {
          for (const execution of [...this.#running, ...this.#queue]) {
            this.#conclude(execution, Status.CANCELLED, 'CANCELLED', 'the server is shutting down');
          }
        });
        this.#onEmpty = () => {
          callOff();
          resolve();
        };
      });
    }
  }

  #timeOut(execution) {
    const { timeoutMs } = execution.spec;
    this.#conclude(execution, Status.TIMEOUT, 'TIMEOUT', `no end within ${timeoutMs} ms`);
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
      // Not at once: whoever submitted it is told first, and it is PENDING until its function runs.
      execution.callOffNext = this.#clock.soon(() => {
        execution.instanceId = this.#takeInstance(execution.spec);
        execution.begin();
        this.#touch(execution);
        this.#startAttempt(execution);
      });
    }
  }

  #takeInstance({ taskId, forceNewInstance }) {
    const idle = this.#idleInstances.get(taskId) ?? [];
    return (!forceNewInstance && idle.pop()) || `${taskId}-instance-${++this.#instances}`;
  }

  // An instance whose function was killed or broke off is not used again.
  #giveInstanceBack({ spec: { taskId }, instanceId, status }) {
    if (![Status.COMPLETED, Status.FAILED].includes(status) || !this.tasks.has(taskId)) return;
    const idle = this.#idleInstances.get(taskId) ?? [];
    // More than there are slots cannot be in use at once.
    if (idle.length < this.#limits.slots) idle.push(instanceId);
    this.#idleInstances.set(taskId, idle);
  }

  #startAttempt(execution) {
    execution.callOffNext = null;
    const { spec } = execution;
    const attempt = new Attempt({
      clock: this.#clock,
      executionId: execution.id,
      number: ++execution.attempts,
      parameters: spec.parameters,
      listener: {
        log: (line) => {
          execution.logs.push(line);
          if (execution.logs.length > LOG_LINES) execution.logs.shift();
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
    const pause = Math.min(RETRY_FIRST_MS * 2 ** (execution.attempts - 1), RETRY_LONGEST_MS);
    const again =
      execution.attempts <= execution.spec.maxRetries &&
      execution.cancel === null &&
      execution.chunks.length === 0 &&
      pause < this.timeLeft(execution);
    if (again) {
      execution.callOffNext = this.#clock.after(pause, () => this.#startAttempt(execution));
      return;
    }
    this.#conclude(execution, Status.FAILED, code, message);
    this.#estimator.observe(execution);
  }

  // The one way to a terminal status.
  #conclude(execution, status, errorCode, errorMessage, payload = null) {
    execution.attempt?.kill();
    execution.attempt = null;
    execution.callOffTimeout();
    execution.callOffNext?.();
    execution.cancel?.callOffGrace();
    if (execution.holdsSlot) {
      this.#running.delete(execution);
    } else {
      this.#queue.splice(this.#queue.indexOf(execution), 1);
    }
    execution.end(status, { payload, errorCode, errorMessage });
    this.#giveInstanceBack(execution);
    this.#touch(execution);
    this.#clock.after(this.#limits.retentionMs, () => {
      // The id may name another execution by now.
      if (this.executions.get(execution.id) === execution) this.executions.delete(execution.id);
    });
    this.#fillSlots();
    if (!this.#busy() && this.#onEmpty !== null) this.#onEmpty();
  }
}
