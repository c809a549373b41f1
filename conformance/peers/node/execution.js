// One execution: its state machine and all that can be asked about it.

import { Status, isTerminal, statusName } from './status.js';

const NEXT = {
  [Status.PENDING]: [Status.RUNNING, Status.FAILED, Status.CANCELLED, Status.TIMEOUT],
  [Status.RUNNING]: [Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.TIMEOUT],
};

export class Execution {
  #clock;
  #chunkListeners = new Set();
  #resolveEnded;

  // `order` counts acceptances. `spec` is what the execution was asked to be (core.js, submit).
  constructor(clock, order, id, spec) {
    this.#clock = clock;
    this.order = order;
    this.id = id;
    this.spec = spec;
    this.status = Status.PENDING;
    this.acceptedAt = clock.now();
    this.acceptedWall = clock.wall();
    this.instanceId = '';
    // When the function began and when the execution ended: monotonic, and on the wall.
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
    // Resolves at the end, whatever it is.
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });

    // What the core keeps of a live execution.
    this.attempt = null;
    this.cancel = null; // {reason, callOffGrace}
    this.callOffTimeout = null;
    this.callOffNext = null; // the start or the retry that is ahead
    this.holdsSlot = false;
  }

  get live() {
    return !isTerminal(this.status);
  }

  // Whole milliseconds from the start to the end, or so far.
  get executionTimeMs() {
    if (this.startedWall === null) return 0;
    return Math.floor((this.endedWall ?? this.#clock.wall()) - this.startedWall);
  }

  begin() {
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

  // Tells every chunk, those that have come included; returns what ends that.
  onChunk(listener) {
    for (const chunk of this.chunks) listener(chunk);
    this.#chunkListeners.add(listener);
    return () => this.#chunkListeners.delete(listener);
  }

  #move(status) {
    if (!NEXT[this.status]?.includes(status)) {
      const [from, to] = [this.status, status].map(statusName);
      throw new Error(`execution ${this.id}: ${from} -> ${to} is no transition`);
    }
    this.status = status;
  }
}
