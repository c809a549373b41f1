// What an InvokeFunctionRequest asks for, checked: everything that is wrong is said at once.

import { createHash, randomUUID } from 'node:crypto';

import { Refusal } from './refusal.js';
import { InvocationType, Mode } from './status.js';

const ASYNC_TIMEOUT_MS = 3_600_000; // if the request names none
const LONGEST_TIMEOUT_MS = 24 * 3_600_000;
const ID = /^[A-Za-z0-9._~!$&'()*+,;=:@-]{1,128}$/; // a segment of a URL's path

// The caller's id for the execution, or null.
export function executionIdOf(request) {
  return request.execution_id || request.context?.execution_id || null;
}

// A text that two requests share exactly if they ask for the same, whatever id they give it.
export function fingerprint(request) {
  const context = request.context && { ...request.context, execution_id: '' };
  const hash = createHash('sha256');
  digest({ ...request, execution_id: '', context }, hash);
  return hash.digest('base64');
}

// The order of a map's entries says nothing, so keys are sorted; lengths keep neighbours apart.
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

// Throws what is wrong with the request for a call that serves `modes`.
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
  if (request.function_name === '') wrong.push('function_name is empty');
  const type = invocationType(request);
  if (type === null) {
    wrong.push('neither invocation_type, nor task_id, nor artifact_spec says which task is meant');
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

// The task that a checked request means, {task, isNew}; throws if there is no such task, or one
// that should be new. A new task is not added yet.
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

// Milliseconds that a checked request's execution has from its acceptance. `timeLeft` is what the
// caller's deadline leaves a call that waits; `syncTimeoutMs`, what such a call has if it names no
// timeout.
export function timeoutMs(request, timeLeft, syncTimeoutMs) {
  const waits = request.execution_mode !== Mode.ASYNC;
  const asked = Number(request.context?.timeout_ms ?? 0);
  const own = asked || (waits ? syncTimeoutMs : ASYNC_TIMEOUT_MS);
  return Math.min(own, LONGEST_TIMEOUT_MS, waits ? timeLeft : Infinity);
}
