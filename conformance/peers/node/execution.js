// One execution: its state machine and its record.

import { Status, isTerminal, statusName } from './status.js';

const NEXT = {
  [Status.PENDING]: [Status.RUNNING, Status.FAILED, Status.CANCELLED, Status.TIMEOUT],
  [Status.RUNNING]: [Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.TIMEOUT],
};

export class Execution {
  #clock;
  #chunkListeners = new Set();
  #resolveEnded;

  // `order` is the number of executions accepted so far. `spec`: see submit() in core.js.
  constructor(clock, order, id, spec) {
    this.#clock = clock;
    this.order = order;
    this.id = id;
    this.spec = spec;
    this.status = Status.PENDING;
    this.acceptedAt = clock.now();
    this.acceptedWall = clock.wall();
    this.instanceId = '';
    // The start of the function and the end of the execution, in monotonic and in wall time.
    this.startedAt = null;
    this.startedWall = null;
    this.endedAt = null;
    this.endedWall = null;
    this.payload = null;
    this.errorCode = '';
    this.errorMessage = '';
    this.logs = [];
    this.chunks = [];
    this.attempts = 0;
    // Resolves at the end, whatever the outcome.
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });

    // For the core, while the execution is live.
    this.attempt = null;
    this.cancel = null; // {reason, cancelGrace}
    this.cancelTimeout = null;
    this.cancelNextAttempt = null; // of the start or the retry that is scheduled
    this.holdsSlot = false;
  }

  get live() {
    return !isTerminal(this.status);
  }

  // Whole milliseconds from the start to the end, or to now.
  get executionTimeMs() {
    if (this.startedWall === null) return 0;
    return Math.floor((this.endedWall ?? this.#clock.wall()) - this.startedWall);
  }

  start() {
    this.#move(Status.RUNNING);
    this.startedAt = this.#clock.now();
    this.startedWall = this.#clock.wall();
  }

  end(status, { payload = null, errorCode = '', errorMessage = '' } = {}) {
    this.#move(status);
    this.endedAt = this.#clock.now();
    this.endedWall = this.#clock.wall();
    this.payload = payload;
    this.errorCode = errorCode;
    this.errorMessage = errorMessage;
    this.#resolveEnded();
  }

  addChunk(chunk) {
    this.chunks.push(chunk);
    for (const listener of this.#chunkListeners) listener(chunk);
  }

  // Calls `listener` for every chunk, past ones included. Returns a function that ends this.
  onChunk(listener) {
    for (const chunk of this.chunks) listener(chunk);
    this.#chunkListeners.add(listener);
    return () => this.#chunkListeners.delete(listener);
  }

  #move(status) {
    if (!NEXT[this.status]?.includes(status)) {
      const [from, to] = [this.status, status].map(statusName);
      throw new Error(`execution ${this.id}: ${from} -> ${to} is not a transition`);
    }
    this.status = status;
  }
}
