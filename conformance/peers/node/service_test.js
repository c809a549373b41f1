// The service on top of the core, with a clock that the tests move.

import assert from 'node:assert/strict';
import { setImmediate as settle } from 'node:timers/promises';
import { beforeEach, describe, test } from 'node:test';

import { ManualClock } from './clock.js';
import { Core } from './core.js';
import { TASK_ID, functions } from './fixtures.js';
import { Service } from './service.js';
import { Mode, Status } from './status.js';
import { int64Value, stringValue, unwrap } from './values.js';

let clock;
let core;
let service;

beforeEach(() => start());

// Makes a service with the fixtures and `extraFunctions`.
function start(limits = {}, extraFunctions = {}) {
  clock = new ManualClock();
  core = new Core({
    clock,
    functions: new Map([...functions, ...Object.entries(extraFunctions)]),
    limits: { slots: 2, queueLimit: 2, graceMs: 1000, retentionMs: 10_000, ...limits },
  });
  core.addTask({ taskId: TASK_ID, taskName: TASK_ID });
  service = new Service(core, clock, { syncTimeoutMs: 30_000, endpointBase: '' });
}

const parameters = (values) =>
  Object.entries(values).map(([name, value]) => ({ name, value: int64Value(value) }));

function request(functionName, { mode = Mode.ASYNC, id, values = {}, context, ...rest } = {}) {
  return {
    invocation_type: 0,
    task_name: '',
    artifact_spec: null,
    task_id: TASK_ID,
    execution_mode: mode,
    function_name: functionName,
    parameters: parameters(values),
    context: context ? { execution_id: '', timeout_ms: '0', max_retries: 0, ...context } : null,
    create_if_not_exists: false,
    force_new_instance: false,
    invocation_metadata: {},
    ...(id === undefined ? {} : { execution_id: id }),
    ...rest,
  };
}

// A call whose caller can leave.
function caller(deadline = Infinity) {
  let leave;
  const gone = new Promise((resolve) => {
    leave = resolve;
  });
  return { timeLeft: () => deadline - clock.now(), gone, leave };
}

const invoke = (functionName, options, call = caller()) =>
  service.InvokeFunction(request(functionName, options), call);

const statusOf = async (id, options = {}) => {
  const query = { execution_id: id, include_result: true, include_logs: true, ...options };
  return service.GetExecutionStatus(query);
};

const cancel = (id, options = {}) =>
  service.CancelExecution({ execution_id: id, reason: '', force: false, ...options });

const list = (options = {}) =>
  service.ListExecutions({ task_id: '', limit: 0, start_after: '', status_filter: 0, ...options });

// The value of a promise if it is resolved by now, else undefined.
async function now(promise) {
  const pending = Symbol('pending');
  await settle();
  const value = await Promise.race([promise, Promise.resolve(pending)]);
  return value === pending ? undefined : value;
}

const refused = (code, promise) => assert.rejects(promise, { code });

describe('modes', () => {
  test('SYNC answers at the end, with the result', async () => {
    const call = invoke('sleep', { mode: Mode.SYNC, values: { ms: 50 } });
    clock.advance(49.9);
    assert.equal(await now(call), undefined);
    clock.advance(0.1);
    const answer = await now(call);
    assert.equal(answer.success, true);
    assert.equal(answer.result.status, Status.COMPLETED);
    assert.equal(unwrap(answer.result.result).value, 'slept');
    assert.equal(answer.result.execution_time_ms, 50);
    assert.equal(answer.status_endpoint, '');
    assert.equal(answer.estimated_completion_ms, 0);
  });

  test('ASYNC answers at once, even if the function ends at once', async () => {
    const answer = await now(invoke('echo', { id: 'a' }));
    assert.equal(answer.success, true);
    assert.equal(answer.result.status, Status.PENDING);
    assert.equal(answer.result.completed_at, null);
    assert.equal(answer.status_endpoint, '/status/a');
    assert.ok(answer.estimated_completion_ms >= 1);
    clock.advance(0);
    assert.equal((await statusOf('a')).result.status, Status.COMPLETED);
  });

  test('a mode that the call does not serve is refused', async () => {
    for (const mode of [0, -1, 4, Mode.STREAM]) {
      await refused('INVALID_ARGUMENT', invoke('echo', { mode }));
    }
    const stream = request('stream', { mode: Mode.SYNC });
    await refused(
      'INVALID_ARGUMENT',
      service.StreamFunction(stream, caller(), () => {}),
    );
    assert.equal(core.executions.size, 0);
  });

  test('STREAM sends every chunk and one final message', async () => {
    const messages = [];
    const invocation = request('stream', { mode: Mode.STREAM, id: 's', values: { chunks: 2 } });
    const call = service.StreamFunction(invocation, caller(), (message) => messages.push(message));
    clock.advance(20);
    await call;
    assert.deepEqual(
      messages.map(({ is_final: final, status, chunk_data: chunk }) => [
        final,
        status,
        unwrap(chunk).value,
      ]),
      [
        [false, Status.RUNNING, 'chunk 0'],
        [false, Status.RUNNING, 'chunk 1'],
        [true, Status.COMPLETED, 'streamed'],
      ],
    );
  });

  test('everything that is wrong with a request is reported at once', async () => {
    const bad = request('', { mode: 9, id: 'a/b', context: { timeout_ms: '-1', max_retries: -1 } });
    await assert.rejects(service.InvokeFunction(bad, caller()), (error) => {
      for (const word of [
        'execution_mode',
        'execution_id',
        'timeout_ms',
        'max_retries',
        'function_name',
      ]) {
        assert.match(error.message, new RegExp(word));
      }
      return true;
    });
  });
});

describe('failures', () => {
  test('a function that fails is answered with OK and FAILED', async () => {
    const call = invoke('fail', { mode: Mode.SYNC });
    clock.advance(0);
    const answer = await now(call);
    assert.equal(answer.success, false);
    assert.equal(answer.result.status, Status.FAILED);
    assert.equal(answer.result.error_code, 'FIXTURE_FAILURE');
    assert.equal(answer.result.result, null);
  });

  test('retries: 1 + max_retries attempts with growing pauses', async () => {
    invoke('fail', { id: 'r', context: { max_retries: 2 } });
    clock.advance(299);
    assert.equal((await statusOf('r')).result.status, Status.RUNNING);
    clock.advance(1);
    const { result, logs } = await statusOf('r');
    assert.equal(result.status, Status.FAILED);
    assert.deepEqual(logs, ['attempt 1 of r', 'attempt 2 of r', 'attempt 3 of r']);
  });

  test('there is no retry that would start after the timeout', async () => {
    invoke('fail', { id: 'r', context: { max_retries: 5, timeout_ms: '350' } });
    clock.advance(300);
    const { result, logs } = await statusOf('r');
    assert.equal(result.status, Status.FAILED);
    assert.equal(logs.length, 3);
  });

  test('there is no retry after a stream has sent a chunk', async () => {
    const breakOff = (attempt) => {
      attempt.log('attempt');
      attempt.chunk(stringValue('chunk'));
      attempt.fail('BROKEN', 'in the middle');
    };
    start({}, { breakOff });
    const messages = [];
    const context = { max_retries: 2 };
    const streamed = request('breakOff', { mode: Mode.STREAM, id: 't', context });
    const call = service.StreamFunction(streamed, caller(), (message) => messages.push(message));
    clock.advance(1000);
    await call;
    assert.deepEqual(
      messages.map(({ is_final: final }) => final),
      [false, true],
    );
    assert.equal(messages[1].status, Status.FAILED);
    assert.equal(messages[1].metadata.error_code, 'BROKEN');
    assert.deepEqual((await statusOf('t')).logs, ['attempt']);
  });

  test('an unknown task and an unknown function are refused', async () => {
    await refused('NOT_FOUND', invoke('echo', { task_id: 'unknown' }));
    await refused('NOT_FOUND', invoke('nothing'));
    assert.equal(core.executions.size, 0);
  });
});

describe('timeouts', () => {
  test('count from acceptance, exactly', async () => {
    invoke('stubborn', { id: 't', values: { ms: 1000 }, context: { timeout_ms: '100' } });
    clock.advance(99.9);
    assert.equal((await statusOf('t')).result.status, Status.RUNNING);
    clock.advance(0.1);
    const { result } = await statusOf('t');
    assert.equal(result.status, Status.TIMEOUT);
    assert.equal(result.error_code, 'TIMEOUT');
    assert.equal(core.runningCount, 0);
    clock.advance(5000);
    assert.deepEqual((await statusOf('t')).result, result);
  });

  test('a request without a timeout has the default of its mode', async () => {
    invoke('sleep', { id: 's', mode: Mode.SYNC, values: { ms: 40_000 } });
    invoke('sleep', { id: 'a', values: { ms: 40_000 } });
    clock.advance(30_000);
    assert.equal((await statusOf('s')).result.status, Status.TIMEOUT);
    clock.advance(10_000);
    assert.equal((await statusOf('a')).result.status, Status.COMPLETED);
  });

  test('in the queue: the function never starts', async () => {
    for (const id of ['a', 'b']) invoke('sleep', { id, values: { ms: 500 } });
    invoke('sleep', { id: 'c', context: { timeout_ms: '100' } });
    clock.advance(600);
    const { result, logs } = await statusOf('c');
    assert.equal(result.status, Status.TIMEOUT);
    assert.equal(result.started_at, null);
    assert.deepEqual(logs, []);
  });

  test('a deadline bounds a SYNC execution, not an ASYNC one', async () => {
    invoke('sleep', { id: 's', mode: Mode.SYNC, values: { ms: 200 } }, caller(100));
    invoke('sleep', { id: 'a', values: { ms: 200 } }, caller(100));
    clock.advance(200);
    assert.equal((await statusOf('s')).result.status, Status.TIMEOUT);
    assert.equal((await statusOf('a')).result.status, Status.COMPLETED);
  });

  test('the execution of a client that leaves at its deadline ends as TIMEOUT', async () => {
    const call = caller(1000);
    invoke('sleep', { id: 's', mode: Mode.SYNC, values: { ms: 2000 } }, call);
    clock.advance(990);
    call.leave();
    await settle();
    clock.advance(10);
    assert.equal((await statusOf('s')).result.status, Status.TIMEOUT);
  });

  test('a call with an expired deadline starts nothing', async () => {
    for (const left of [-5, 0, 1]) {
      await refused('DEADLINE_EXCEEDED', invoke('echo', { id: 'x' }, caller(left)));
    }
    assert.equal(core.executions.size, 0);
  });
});

describe('cancel', () => {
  test('of a running execution is answered when it has stopped', async () => {
    invoke('sleep', { id: 'c', values: { ms: 500 } });
    clock.advance(1);
    const answer = await now(cancel('c', { reason: 'please' }));
    assert.deepEqual(answer, { success: true, message: '', final_status: Status.CANCELLED });
    const { result } = await statusOf('c');
    assert.equal(result.error_message, 'please');
    assert.equal(result.error_code, 'CANCELLED');
  });

  test('of a stubborn function kills it when the grace ends; a second has no effect', async () => {
    invoke('stubborn', { id: 'c', values: { ms: 5000 } });
    clock.advance(1);
    const first = cancel('c', { reason: 'first' });
    clock.advance(500);
    const second = cancel('c', { reason: 'second' });
    clock.advance(499);
    assert.equal(await now(first), undefined);
    clock.advance(1);
    assert.equal((await now(first)).success, true);
    assert.equal((await now(second)).success, true);
    assert.equal((await statusOf('c')).result.error_message, 'first');
  });

  test('by force ends the grace, and the first reason stays', async () => {
    invoke('stubborn', { id: 'c', values: { ms: 5000 } });
    clock.advance(1);
    const first = cancel('c', { reason: 'please' });
    assert.equal((await now(cancel('c', { reason: 'now', force: true }))).success, true);
    assert.equal((await now(first)).success, true);
    assert.equal((await statusOf('c')).result.error_message, 'please');
  });

  test('of a function that fails within the grace: there is no retry', async () => {
    const breaks = (attempt) => attempt.after(500, () => attempt.fail('BROKEN', ''));
    start({}, { breaks });
    invoke('breaks', { id: 'c', context: { max_retries: 3 } });
    clock.advance(1);
    const call = cancel('c');
    clock.advance(500);
    assert.equal((await now(call)).final_status, Status.FAILED);
  });

  test('between two attempts ends the execution at once', async () => {
    invoke('fail', { id: 'c', context: { max_retries: 3 } });
    clock.advance(1);
    assert.equal((await now(cancel('c'))).success, true);
    clock.advance(1000);
    assert.deepEqual((await statusOf('c')).logs, ['attempt 1 of c']);
  });

  test('of a function that ends within the grace is no success', async () => {
    invoke('stubborn', { id: 'c', values: { ms: 500 } });
    clock.advance(1);
    const call = cancel('c');
    clock.advance(500);
    const answer = await now(call);
    assert.equal(answer.success, false);
    assert.equal(answer.final_status, Status.COMPLETED);
  });

  test('of a queued execution: it never starts', async () => {
    for (const id of ['a', 'b', 'c']) invoke('sleep', { id, values: { ms: 100 } });
    clock.advance(1);
    assert.equal((await now(cancel('c'))).success, true);
    clock.advance(500);
    const { result, logs } = await statusOf('c');
    assert.equal(result.started_at, null);
    assert.deepEqual(logs, []);
  });

  test('of an execution that has a slot but has not started: it never starts', async () => {
    invoke('sleep', { id: 'c' });
    assert.equal((await now(cancel('c'))).success, true);
    clock.advance(500);
    assert.deepEqual((await statusOf('c')).logs, []);
  });

  test('of an unknown or a finished execution has no effect', async () => {
    assert.deepEqual(await cancel('x'), {
      success: false,
      message: 'no such execution',
      final_status: Status.UNSPECIFIED,
    });
    invoke('echo', { id: 'e' });
    clock.advance(0);
    const before = await statusOf('e');
    const answer = await cancel('e', { force: true });
    assert.equal(answer.success, false);
    assert.equal(answer.final_status, Status.COMPLETED);
    assert.deepEqual(await statusOf('e'), before);
  });

  test('is caused by the leaving of a SYNC caller, not of an ASYNC caller', async () => {
    const sync = caller();
    const async = caller();
    invoke('sleep', { id: 's', mode: Mode.SYNC, values: { ms: 500 } }, sync);
    invoke('sleep', { id: 'a', values: { ms: 500 } }, async);
    clock.advance(1);
    sync.leave();
    async.leave();
    await settle();
    clock.advance(500);
    assert.equal((await statusOf('s')).result.status, Status.CANCELLED);
    assert.equal((await statusOf('a')).result.status, Status.COMPLETED);
  });
});

test('an execution with two SYNC callers is cancelled when the last one leaves', async () => {
  const callers = [caller(), caller()];
  const options = { id: 's', mode: Mode.SYNC, values: { ms: 500 } };
  for (const call of callers) invoke('sleep', options, call);
  clock.advance(1);
  callers[0].leave();
  await settle();
  assert.equal((await statusOf('s')).result.status, Status.RUNNING);
  callers[1].leave();
  await settle();
  assert.equal((await statusOf('s')).result.status, Status.CANCELLED);
});

describe('queue', () => {
  test('has a limit, and a refused call leaves no record', async () => {
    for (const id of ['a', 'b', 'c', 'd']) invoke('sleep', { id });
    await refused('RESOURCE_EXHAUSTED', invoke('sleep', { id: 'e' }));
    assert.equal((await statusOf('e')).found, false);
  });

  test('a queued execution is PENDING, and starts when a slot is free', async () => {
    for (const id of ['a', 'b', 'c', 'd']) invoke('sleep', { id, values: { ms: 100 } });
    clock.advance(50);
    assert.equal((await statusOf('c')).result.status, Status.PENDING);
    clock.advance(51);
    assert.equal((await statusOf('c')).result.status, Status.RUNNING);
  });

  test('draining refuses new executions and waits for the others', async () => {
    invoke('sleep', { id: 'a', values: { ms: 100 } });
    const drained = core.drain(1000).then(() => true);
    await refused('UNAVAILABLE', invoke('echo'));
    assert.equal(await now(drained), undefined);
    clock.advance(100);
    assert.equal(await now(drained), true);
    assert.equal((await statusOf('a')).result.status, Status.COMPLETED);
  });
});

describe('execution ids and retention', () => {
  test('the same id and request name the same execution', async () => {
    const first = invoke('sleep', { id: 'i', mode: Mode.SYNC });
    // The id may be in either place: it is not what makes two requests differ.
    const second = invoke('sleep', { mode: Mode.SYNC, context: { execution_id: 'i' } });
    const third = invoke('sleep', { id: 'i', mode: Mode.SYNC });
    clock.advance(100);
    assert.deepEqual(await now(second), await now(first));
    assert.deepEqual(await now(third), await now(first));
    assert.deepEqual((await statusOf('i')).logs, ['attempt 1 of i']);
  });

  test('the same id with another request is refused', async () => {
    invoke('sleep', { id: 'i', values: { ms: 100 } });
    await refused('ALREADY_EXISTS', invoke('sleep', { id: 'i', values: { ms: 101 } }));
    await refused('ALREADY_EXISTS', invoke('echo', { id: 'i', values: { ms: 100 } }));
    clock.advance(100);
    assert.equal((await statusOf('i')).result.status, Status.COMPLETED);
  });

  test('the order of map entries does not matter', async () => {
    const invocation = (metadata) => invoke('sleep', { id: 'm', invocation_metadata: metadata });
    const first = await invocation({ a: '1', b: '2' });
    assert.equal((await invocation({ b: '2', a: '1' })).execution_id, first.execution_id);
    await refused('ALREADY_EXISTS', invocation({ a: '2', b: '1' }));
  });

  test('an id that the server made cannot be used in a request', async () => {
    const { execution_id: id } = await invoke('sleep');
    await refused('ALREADY_EXISTS', invoke('sleep', { id }));
  });

  test('a repeated stream is sent from its start', async () => {
    const streamed = request('stream', { mode: Mode.STREAM, id: 's', values: { chunks: 2 } });
    const call = service.StreamFunction(streamed, caller(), () => {});
    clock.advance(20);
    await call;
    const again = [];
    await service.StreamFunction(streamed, caller(), (message) => again.push(message));
    assert.deepEqual(
      again.map(({ is_final: final }) => final),
      [false, false, true],
    );
  });

  test('the retention of a record does not end the next one with its id', async () => {
    invoke('echo', { id: 'i' });
    clock.advance(0);
    await service.DeleteTask({ task_id: TASK_ID, force: false, cleanup_executions: true });
    assert.equal((await statusOf('i')).found, false);
    core.addTask({ taskId: TASK_ID, taskName: TASK_ID });
    invoke('sleep', { id: 'i', values: { ms: 20_000 } });
    clock.advance(15_000);
    assert.equal((await statusOf('i')).found, true);
  });

  test('two ids that differ are refused', async () => {
    const call = invoke('echo', { id: 'a', context: { execution_id: 'b' } });
    await refused('INVALID_ARGUMENT', call);
  });

  test('past retention a record is gone and its id is free', async () => {
    invoke('sleep', { id: 'i', values: { ms: 100 } });
    clock.advance(10_099);
    assert.equal((await statusOf('i')).found, true);
    clock.advance(1);
    assert.equal((await statusOf('i')).found, false);
    invoke('echo', { id: 'i' });
    assert.equal((await statusOf('i')).found, true);
  });

  test('payloads are returned unchanged, and only with include_result', async () => {
    const value = { type_url: 'example.com/what.Ever', value: Buffer.from([255, 0]) };
    invoke('echo', { id: 'e', parameters: [{ name: 'x', value }] });
    clock.advance(0);
    const { result } = await statusOf('e');
    assert.deepEqual(result.result, value);
    const without = await statusOf('e', { include_result: false });
    assert.deepEqual(without.result, { ...result, result: null });
  });
});

describe('lists', () => {
  test('pages have no gap and no duplicate while executions are added and expire', async () => {
    start({ slots: 100, retentionMs: 50 });
    for (let i = 0; i < 5; i += 1) invoke('sleep', { id: `e${i}`, values: { ms: 10 * (i + 1) } });
    assert.deepEqual(
      (await list({ start_after: 'e1' })).executions.map((info) => info.execution_id),
      ['e2', 'e3', 'e4'],
    );
    const first = await list({ limit: 2 });
    assert.deepEqual(
      first.executions.map((info) => info.execution_id),
      ['e0', 'e1'],
    );
    assert.equal(first.has_more, true);
    clock.advance(75); // e0 and e1 expire
    invoke('echo', { id: 'new' });
    const second = await list({ limit: 4, start_after: first.next_start_after });
    assert.deepEqual(
      second.executions.map((info) => info.execution_id),
      ['e2', 'e3', 'e4', 'new'],
    );
    assert.equal(second.has_more, false);
    assert.equal(second.next_start_after, '');
    await refused('INVALID_ARGUMENT', list({ limit: -1 }));
  });

  test('can be filtered by status, and the statistics count what is listed', async () => {
    invoke('echo', { id: 'ok' });
    invoke('fail', { id: 'bad' });
    clock.advance(0);
    invoke('sleep', { id: 'busy' });
    clock.advance(1);
    const failed = await list({ status_filter: Status.FAILED });
    assert.deepEqual(
      failed.executions.map((info) => info.execution_id),
      ['bad'],
    );
    const { execution_stats: stats } = await service.GetStats({
      include_task_stats: true,
      include_execution_stats: true,
      time_range_hours: 0,
    });
    assert.deepEqual(
      [stats.running_executions, stats.completed_executions, stats.failed_executions],
      [1, 1, 1],
    );
    const { details } = await service.GetHealth({ include_details: true });
    assert.equal(details.total_executions, 3);
    assert.equal(details.running_executions, 1);
  });

  test('a task with a running execution is deleted by force only', async () => {
    invoke('stubborn', { id: 'a' });
    clock.advance(1);
    const unforced = { task_id: TASK_ID, force: false, cleanup_executions: false };
    assert.equal((await service.DeleteTask(unforced)).deleted, false);
    assert.equal((await service.DeleteTask({ ...unforced, force: true })).deleted, true);
    assert.equal((await statusOf('a')).result.status, Status.CANCELLED);
    await refused('NOT_FOUND', invoke('echo'));
  });
});

describe('estimates', () => {
  test('learn the duration of each function', async () => {
    for (let i = 0; i < 3; i += 1) {
      invoke('sleep', { values: { ms: 400 } });
      invoke('echo');
      clock.advance(400);
    }
    assert.equal((await invoke('sleep', { id: 'a' })).estimated_completion_ms, 400);
    assert.equal((await invoke('echo')).estimated_completion_ms, 1);
    clock.advance(50);
    const again = await invoke('sleep', { id: 'a' });
    assert.equal(again.estimated_completion_ms, 400);
    assert.equal(again.result.metrics.eta_p90_ms, '400');
  });

  test('grow with the length of the queue, and shrink as time passes', async () => {
    start({ slots: 1, queueLimit: 10 });
    const estimates = [];
    for (const id of ['a', 'b', 'c']) {
      estimates.push((await invoke('sleep', { id })).estimated_completion_ms);
    }
    assert.deepEqual(estimates, [1000, 2000, 3000]);
    clock.advance(50);
    const { metrics } = (await statusOf('c')).result;
    assert.equal(metrics.eta_p50_ms, '2950');
    assert.ok(Number(metrics.eta_p90_ms) >= Number(metrics.eta_p50_ms));
  });
});

test('an integer parameter may be a StringValue of digits', async () => {
  const ms = { name: 'ms', value: stringValue('30') };
  invoke('sleep', { id: 'p', parameters: [ms] });
  clock.advance(30);
  assert.equal((await statusOf('p')).result.status, Status.COMPLETED);
});
