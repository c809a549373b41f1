// One run of a function. Once it is over, or killed, nothing that it still says is heard.

export class Attempt {
  #clock;
  #listener;
  #timers = new Set();
  #onStop = null;
  #over = false;

  // The listener hears log(line), chunk(any), and one of completed(any), failed(code, message),
  // stopped().
  constructor({ clock, executionId, number, parameters, listener }) {
    this.#clock = clock;
    this.#listener = listener;
    this.executionId = executionId;
    this.number = number;
    this.parameters = parameters;
  }

  // --- for the function ---

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

  // Called when the function is asked to stop. Without it the function ignores that.
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

  // --- for the core ---

  askToStop() {
    if (!this.#over) this.#onStop?.();
  }

  kill() {
    this.#end();
  }

  #end() {
    if (this.#over) return false;
    this.#over = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    return true;
  }
}
