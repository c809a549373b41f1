// One run of a function. Reports that the function makes after its end, or after it was killed, are
// ignored.

export class Attempt {
  #clock;
  #listener;
  #timers = new Set();
  #onStop = null;
  #over = false;

  // The listener gets any number of calls of log(line) and chunk(any), then one of completed(any),
  // failed(code, message) and stopped().
  constructor({ clock, executionId, number, parameters, listener }) {
    this.#clock = clock;
    this.#listener = listener;
    this.executionId = executionId;
    this.number = number;
    this.parameters = parameters;
  }

  // --- called by the function ---

  log(line) {
    if (!this.#over) this.#listener.log(line);
  }

  chunk(any) {
    if (!this.#over) this.#listener.chunk(any);
  }

  after(ms, action) {
    if (this.#over) return;
    const cancel = this.#clock.after(ms, () => {
      this.#timers.delete(cancel);
      action();
    });
    this.#timers.add(cancel);
  }

  // Sets the action for a request to stop. Without one the function ignores such requests.
  onStop(action) {
    this.#onStop = action;
  }

  complete(any) {
    if (this.#end()) this.#listener.completed(any);
  }

  fail(code, message) {
    if (this.#end()) this.#listener.failed(code, message);
  }

  stopped() {
    if (this.#end()) this.#listener.stopped();
  }

  // --- called by the core ---

  askToStop() {
    if (!this.#over) this.#onStop?.();
  }

  kill() {
    this.#end();
  }

  // Returns false if the attempt was over already.
  #end() {
    if (this.#over) return false;
    this.#over = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    return true;
  }
}
