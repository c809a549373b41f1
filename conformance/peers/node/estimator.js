// Estimates when an execution ends, by simulating the running and the waiting executions, each with
// a quantile of the service times of its function.

const MAX_HISTORY = 64; // service times per function, the newest ones
const PRIOR_MS = 1000; // the median of a function without history

const key = (execution) => `${execution.spec.taskId}/${execution.spec.functionName}`;

export class Estimator {
  #clock;
  #slots;
  #serviceTimes = new Map();

  static name = 'play-forward';

  constructor(clock, slots) {
    this.#clock = clock;
    this.#slots = slots;
  }

  // Learns from an execution whose function ended by itself.
  observe(execution) {
    const times = this.#serviceTimes.get(key(execution)) ?? [];
    times.push(execution.endedAt - execution.startedAt);
    if (times.length > MAX_HISTORY) times.shift();
    this.#serviceTimes.set(key(execution), times);
  }

  // Milliseconds from now to the end of `target`, which runs or waits, if every service time is at
  // that quantile.
  remaining(target, running, queue, quantile) {
    const freeAt = [...running].map((execution) => this.#remainingService(execution, quantile));
    if (running.has(target)) return this.#remainingService(target, quantile);
    while (freeAt.length < this.#slots) freeAt.push(0);
    for (const waiting of queue) {
      const first = freeAt.indexOf(Math.min(...freeAt));
      freeAt[first] += this.#service(waiting, quantile);
      if (waiting === target) return freeAt[first];
    }
    return this.#service(target, quantile);
  }

  #service(execution, quantile) {
    const times = this.#serviceTimes.get(key(execution));
    if (times === undefined) return quantile > 0.5 ? 2 * PRIOR_MS : PRIOR_MS;
    const sorted = times.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))];
  }

  #remainingService(execution, quantile) {
    const service = this.#service(execution, quantile);
    if (execution.startedAt === null) return service;
    const elapsed = this.#clock.now() - execution.startedAt;
    // The rest of an overdue execution is unknown; it is taken as proportional to the elapsed time.
    return elapsed < service ? service - elapsed : 0.1 * elapsed;
  }
}
