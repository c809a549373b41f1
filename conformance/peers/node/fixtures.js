// The functions that every task of this server has. A function is called with the attempt that it
// runs in (attempt.js) and says through it how it ends.

import { bytesValue, integerIn, stringValue } from './values.js';

export const TASK_ID = 'fixtures';

// The integer parameter of that name. One that is no integer ends the attempt.
function integer(attempt, name, otherwise) {
  const parameter = attempt.parameters.find((candidate) => candidate.name === name);
  if (parameter === undefined) return otherwise;
  const value = integerIn(parameter.value);
  if (value === null || value < 0) {
    attempt.fail('BAD_PARAMETER', `parameter ${name} must be an integer of at least 0`);
    return null;
  }
  return value;
}

// Calls `then` after the parameter `ms`.
function pause(attempt, otherwise, then) {
  const ms = integer(attempt, 'ms', otherwise);
  if (ms !== null) attempt.after(ms, then);
}

const obey = (attempt) => attempt.onStop(() => attempt.stopped());

const fixtures = {
  echo(attempt) {
    attempt.complete(attempt.parameters[0]?.value ?? null);
  },

  sleep(attempt) {
    obey(attempt);
    pause(attempt, 100, () => attempt.complete(stringValue('slept')));
  },

  fail(attempt) {
    obey(attempt);
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
    obey(attempt);
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

// By name. Each first logs which attempt of which execution it is.
export const functions = new Map(
  Object.entries(fixtures).map(([name, run]) => [
    name,
    (attempt) => {
      attempt.log(`attempt ${attempt.number} of ${attempt.executionId}`);
      run(attempt);
    },
  ]),
);
