// Checks InvokeFunctionRequests and reads what they ask for.

import { createHash, randomUUID } from 'node:crypto';

import { Refusal } from './refusal.js';
import { InvocationType, Mode } from './status.js';

const ASYNC_TIMEOUT_MS = 3_600_000; // if the request has none
const MAX_TIMEOUT_MS = 24 * 3_600_000;
const ID = /^[A-Za-z0-9._~!$&'()*+,;=:@-]{1,128}$/; // a segment of a URL's path

// The execution id in the request, or null.
export function executionIdOf(request) {
  return request.execution_id || request.context?.execution_id || null;
}

// A digest that is equal for two requests exactly if they are equal, apart from the execution id.
export function fingerprint(request) {
  const context = withoutId(request.context);
  const hash = createHash('sha256');
  digest({ ...request, execution_id: '', context }, hash);
  return hash.digest('base64');
}

// The context without its id; null if nothing is left, as if there had been none.
function withoutId(context) {
  if (!context) return null;
  const rest = { ...context, execution_id: '' };
  const isDefault = (value) =>
    typeof value === 'object' ? Object.keys(value).length === 0 : value === '' || Number(value) === 0;
  return Object.values(rest).every(isDefault) ? null : rest;
}

// Keys are sorted, since the order of a map's entries has no meaning. Lengths separate neighbours.
function digest(value, hash) {
  if (value === null || typeof value !== 'object') {
    const text = String(value);
    hash.update(`${typeof value}${text.length}:${text}`);
  } else if (ArrayBuffer.isView(value)) {
    hash.update(`bytes${value.length}:`).update(value);
  } else {
    const keys = Object.keys(value).sort();
    hash.update(`{${keys.length}:`);
    for (const key of keys) {
      digest(key, hash);
      digest(value[key], hash);
    }
  }
}

// Throws a Refusal that lists everything that is wrong with a request for a call that serves
// `modes`.
export function check(request, modes) {
  const wrong = [];
  const { execution_mode: mode, context } = request;
  if (!modes.includes(mode)) {
    if (mode === Mode.STREAM) {
      wrong.push('execution_mode STREAM is served by StreamFunction');
    } else if (Object.values(Mode).includes(mode)) {
      wrong.push('StreamFunction takes execution_mode STREAM only');
    } else {
      wrong.push(`execution_mode must be SYNC, ASYNC or STREAM, not ${mode}`);
    }
  }
  const outer = request.execution_id;
  const inner = context?.execution_id;
  if (outer && inner && outer !== inner) {
    wrong.push('execution_id and context.execution_id differ');
  }
  for (const id of new Set([outer, inner])) {
    if (id && (!ID.test(id) || id === '.' || id === '..')) {
      wrong.push('an execution_id has 1 to 128 characters of a URL path segment');
    }
  }
  if (context && Number(context.timeout_ms) < 0) wrong.push('context.timeout_ms is negative');
  if (context && context.max_retries < 0) wrong.push('context.max_retries is negative');
  const priority = request.invocation_metadata?.priority;
  if (priority !== undefined && !/^[+-]?\d+$/.test(priority)) {
    wrong.push("invocation_metadata: 'priority' must be an integer");
  }
  if (request.function_name === '') wrong.push('function_name is empty');
  const type = invocationType(request);
  if (type === null) {
    wrong.push('the request has no invocation_type, no task_id and no artifact_spec');
  } else if (!Object.values(InvocationType).includes(type)) {
    wrong.push(`invocation_type must be NEW_TASK or EXISTING_TASK, not ${type}`);
  } else if (type === InvocationType.EXISTING_TASK && request.task_id === '') {
    wrong.push('task_id is empty');
  } else if (type === InvocationType.NEW_TASK && request.artifact_spec === null) {
    wrong.push('artifact_spec is missing');
  }
  if (wrong.length > 0) throw new Refusal('INVALID_ARGUMENT', wrong.join('; '));
}

function invocationType(request) {
  if (request.invocation_type !== InvocationType.UNSPECIFIED) return request.invocation_type;
  if (request.task_id !== '') return InvocationType.EXISTING_TASK;
  if (request.artifact_spec !== null) return InvocationType.NEW_TASK;
  return null;
}

// The task of a checked request, {task, isNew}; a new task is not added yet. Throws if an existing
// task does not exist or a new one does.
export function taskFor(request, core) {
  const existing = core.tasks.get(request.task_id);
  const isNew = invocationType(request) === InvocationType.NEW_TASK;
  if (existing) {
    if (isNew && !request.create_if_not_exists) {
      throw new Refusal('ALREADY_EXISTS', `task '${request.task_id}' exists`);
    }
    return { task: existing, isNew: false };
  }
  if (!isNew && !request.create_if_not_exists) {
    throw new Refusal('NOT_FOUND', `there is no task '${request.task_id}'`);
  }
  const taskId = request.task_id || `task-${randomUUID()}`;
  const task = {
    taskId,
    taskName: request.task_name || taskId,
    artifactSpec: request.artifact_spec,
  };
  return { task, isNew: true };
}

// The timeout of a checked request's execution, in milliseconds from its acceptance. For a call
// that waits, `timeLeft` is the time to the caller's deadline and `syncTimeoutMs` the default
// timeout. Infinity if there is none.
export function timeoutMs(request, timeLeft, syncTimeoutMs, zeroIsUnlimited = false) {
  const waits = request.execution_mode !== Mode.ASYNC;
  const asked = Number(request.context?.timeout_ms ?? 0);
  if (asked === 0 && zeroIsUnlimited) return waits ? timeLeft : Infinity;
  const timeout = asked || (waits ? syncTimeoutMs : ASYNC_TIMEOUT_MS);
  return Math.min(timeout, MAX_TIMEOUT_MS, waits ? timeLeft : Infinity);
}
