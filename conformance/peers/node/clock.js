// The time of the core: milliseconds as a double, exact to a microsecond.

const MAX_TIMER_MS = 2 ** 31 - 1; // the maximum of setTimeout

export class RealClock {
  // Monotonic.
  now() {
    return performance.now();
  }

  // Milliseconds since the Unix epoch. Never goes back, so the timestamps of an execution are in
  // order.
  wall() {
    return performance.timeOrigin + performance.now();
  }

  // Calls `action` once `ms` have passed, never earlier. Returns a function that cancels the call.
  after(ms, action) {
    const due = this.now() + ms;
    let timer;
    const arm = () => {
      // setTimeout may fire up to a millisecond early: round up, and check again.
      const rest = Math.max(0, Math.ceil(due - this.now()));
      timer = setTimeout(
        () => (this.now() < due ? arm() : action()),
        Math.min(rest, MAX_TIMER_MS),
      );
    };
    arm();
    return () => clearTimeout(timer);
  }

  // Calls `action` after the current event. Returns a function that cancels the call.
  soon(action) {
    const immediate = setImmediate(action);
    return () => clearImmediate(immediate);
  }
}

// A clock for tests, which moves only by advance().
export class ManualClock {
  #now = 0;
  #order = 0;
  #events = [];

  now() {
    return this.#now;
  }

  wall() {
    return 1_700_000_000_000 + this.#now;
  }

  after(ms, action) {
    const event = { at: this.#now + ms, order: this.#order++, action };
    this.#events.push(event);
    return () => {
      const index = this.#events.indexOf(event);
      if (index >= 0) this.#events.splice(index, 1);
    };
  }

  soon(action) {
    return this.after(0, action);
  }

  // Lets `ms` pass and runs everything that is due in that time.
  advance(ms) {
    const end = this.#now + ms;
    for (;;) {
      const due = this.#events.filter((event) => event.at <= end);
      if (due.length === 0) break;
      const next = due.reduce((a, b) =>
        b.at < a.at || (b.at === a.at && b.order < a.order) ? b : a,
      );
      this.#events.splice(this.#events.indexOf(next), 1);
      this.#now = Math.max(this.#now, next.at);
      next.action();
    }
    this.#now = end;
  }
}
