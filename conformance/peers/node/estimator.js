// When will an execution end? By playing forward what runs and what waits, each as long as its
// function usually takes.

const HISTORY = 64; // the newest service times of a function that count
const PRIOR_MS = 1000; // of a function that nobody has seen end

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

  // Learns from a function that came to its own end.
  observe(execution) {
    const times = this.#serviceTimes.get(key(execution)) ?? [];
    times.push(execution.endedAt - execution.startedAt);
    if (times.length > HISTORY) times.shift();
    this.#serviceTimes.set(key(execution), times);
  }

  // Milliseconds from now to the end of `subject`, which runs or waits: that quantile of every
  // service time, and everyone ahead in the queue goes first.
  remaining(subject, running, queue, quantile) {
    const free = [...running].map((execution) => this.#rest(execution, quantile));
    if (running.has(subject)) return this.#rest(subject, quantile);
    while (free.length < this.#slots) free.push(0);
    for (const waiting of queue) {
      const first = free.indexOf(Math.min(...free));
      free[first] += this.#service(waiting, quantile);
      if (waiting === subject) return free[first];
    }
    return this.#service(subject, quantile);
  }

  #service(execution, quantile) {
    const times = this.#serviceTimes.get(key(execution));
    if (times === undefined) return quantile > 0.5 ? 2 * PRIOR_MS : PRIOR_MS;
    const sorted = times.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))];
  }

  #rest(execution, quantile) {
    const service = this.#service(execution, quantile);
    if (execution.startedAt === null) return service;
    const elapsed = this.#clock.now() - execution.startedAt;
    // Who is overdue may end at any time; the longer it is, the longer it will take.
    return elapsed < service ? service - elapsed : 0.1 * elapsed;
  }
}
