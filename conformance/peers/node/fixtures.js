// The functions of every task of this server. A function is called with its attempt (attempt.js),
// by which it reports how it ends.

import { bytesValue, integerIn, stringValue } from './values.js';

export const TASK_ID = 'fixtures';

// The integer parameter of that name, or `fallback` without one. If the parameter is not an
// integer, fails the attempt and returns null.
function integer(attempt, name, fallback) {
  const parameter = attempt.parameters.find((candidate) => candidate.name === name);
  if (parameter === undefined) return fallback;
  const value = integerIn(parameter.value);
  if (value === null || value < 0) {
    attempt.fail('BAD_PARAMETER', `parameter ${name} must be an integer of at least 0`);
    return null;
  }
  return value;
}

// Calls `then` after the milliseconds in the parameter `ms`.
function pause(attempt, fallbackMs, then) {
  const ms = integer(attempt, 'ms', fallbackMs);
  if (ms !== null) attempt.after(ms, then);
}

const stopWhenAsked = (attempt) => attempt.onStop(() => attempt.stopped());

const fixtures = {
  echo(attempt) {
    attempt.complete(attempt.parameters[0]?.value ?? null);
  },

  sleep(attempt) {
    stopWhenAsked(attempt);
    pause(attempt, 100, () => attempt.complete(stringValue('slept')));
  },

  fail(attempt) {
    stopWhenAsked(attempt);
    pause(attempt, 0, () => attempt.fail('FIXTURE_FAILURE', 'this function always fails'));
  },

  stubborn(attempt) {
    pause(attempt, 100, () => attempt.complete(stringValue('slept')));
  },

  flood(attempt) {
    const bytes = integer(attempt, 'bytes', 1_048_576);
    if (bytes !== null) attempt.complete(bytesValue(Buffer.alloc(bytes, 'x')));
  },

  stream(attempt) {
    stopWhenAsked(attempt);
    const chunks = integer(attempt, 'chunks', 3);
    const ms = integer(attempt, 'ms', 10);
    if (chunks === null || ms === null) return;
    const send = (index) => {
      if (index === chunks) {
        attempt.complete(stringValue('streamed'));
        return;
      }
      attempt.after(ms, () => {
        attempt.chunk(stringValue(`chunk ${index}`));
        send(index + 1);
      });
    };
    send(0);
  },
};

// The functions by name. Each first logs its attempt and execution.
export const functions = new Map(
  Object.entries(fixtures).map(([name, run]) => [
    name,
    (attempt) => {
      attempt.log(`attempt ${attempt.number} of ${attempt.executionId}`);
      run(attempt);
    },
  ]),
);
