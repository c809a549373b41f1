// The program over sockets, in every profile and with every fault.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { after, afterEach, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import grpc from '@grpc/grpc-js';

import { profile } from './profiles.js';
import { TASK_ID } from './fixtures.js';
import { Mode, Status } from './status.js';
import { int64Value, unwrap } from './values.js';

const LIMIT = { timeout: 30_000 };

// Starts the program; address() reads the next address that it prints.
async function start(...flags) {
  const script = fileURLToPath(new URL('server.js', import.meta.url));
  const child = spawn(process.execPath, [script, ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const address = async () => (await lines.next()).value.replace('listening on ', '');
  return { child, address };
}

async function stop({ child }) {
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  return code;
}

// A client of a profile's services: client.Method(request) resolves to the answer.
function connect(address, profileName = 'contract') {
  const { services, definition } = profile(profileName, {}, {});
  const channel = new grpc.Client(address, grpc.credentials.createInsecure());
  const raw = (method, bytes, options = {}) =>
    new Promise((resolve, reject) => {
      const same = (buffer) => buffer;
      channel.makeUnaryRequest(method, same, same, bytes, options, (error, answer) =>
        error ? reject(error) : resolve(answer),
      );
    });
  const client = { raw, close: () => channel.close(), channel };
  for (const name of Object.keys(services)) {
    for (const [method, rpc] of Object.entries(definition[name])) {
      client[method] = async (request, options) =>
        rpc.responseDeserialize(await raw(rpc.path, rpc.requestSerialize(request), options));
      client[`${method}Bytes`] = (request) => rpc.requestSerialize(request);
    }
  }
  return client;
}

const invocation = (functionName, mode, values = {}) => ({
  task_id: TASK_ID,
  function_name: functionName,
  execution_mode: mode,
  parameters: Object.entries(values).map(([name, value]) => ({ name, value: int64Value(value) })),
});

// Calls `ask` until its answer satisfies `wanted`.
async function until(ask, wanted) {
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
  }
}

describe('the correct server', LIMIT, () => {
  let server;
  let client;
  let grpcAddress;
  let httpAddress;

  before(async () => {
    server = await start('--http', '127.0.0.1:0');
    grpcAddress = await server.address();
    client = connect(grpcAddress);
    httpAddress = await server.address();
  });

  after(async () => {
    client.close();
    assert.equal(await stop(server), 0);
  });

  test('SYNC answers at the end, ASYNC before it', async () => {
    const sync = await client.InvokeFunction(invocation('sleep', Mode.SYNC, { ms: 5 }));
    assert.equal(sync.success, true);
    assert.equal(unwrap(sync.result.result).value, 'slept');

    const async = await client.InvokeFunction(invocation('sleep', Mode.ASYNC, { ms: 5 }));
    assert.equal(async.result.status, Status.PENDING);
    const { result } = await until(
      () => client.GetExecutionStatus({ execution_id: async.execution_id }),
      (answer) => answer.result.status === Status.COMPLETED,
    );
    assert.ok(Number(result.completed_at.seconds) > 0);
  });

  test('status_endpoint shows the status as JSON', async () => {
    const { status_endpoint: endpoint } = await client.InvokeFunction({
      ...invocation('echo', Mode.ASYNC, { x: 7 }),
      execution_id: "it's(me)",
    });
    assert.equal(endpoint, `${httpAddress}/status/it's(me)`);
    const json = await until(
      async () => (await fetch(endpoint)).json(),
      (answer) => answer.result.status === 'EXECUTION_STATUS_COMPLETED',
    );
    assert.equal(json.found, true);
    assert.equal(json.result.result.value, '7');
    assert.match(json.result.completedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    assert.equal((await fetch(`${httpAddress}/status/unknown`)).status, 404);
  });

  test('a client that cancels its SYNC call cancels the execution', async () => {
    const request = { ...invocation('sleep', Mode.SYNC, { ms: 20_000 }), execution_id: 'left' };
    const call = client.channel.makeUnaryRequest(
      '/spearlet.FunctionService/InvokeFunction',
      client.InvokeFunctionBytes,
      (buffer) => buffer,
      request,
      () => {},
    );
    const query = () => client.GetExecutionStatus({ execution_id: 'left' });
    await until(query, ({ result }) => result?.status === Status.RUNNING);
    call.cancel();
    await until(query, ({ result }) => result.status === Status.CANCELLED);
  });

  test('a SYNC call whose deadline passes ends as TIMEOUT', async () => {
    const request = { ...invocation('sleep', Mode.SYNC, { ms: 20_000 }), execution_id: 'late' };
    const call = client.InvokeFunction(request, { deadline: Date.now() + 200 });
    await assert.rejects(call, { code: grpc.status.DEADLINE_EXCEEDED });
    const { result } = await until(
      () => client.GetExecutionStatus({ execution_id: 'late' }),
      (answer) => answer.result.status !== Status.RUNNING,
    );
    assert.equal(result.status, Status.TIMEOUT);
  });

  test('a stream has all chunks and a final message', async () => {
    const call = client.channel.makeServerStreamRequest(
      '/spearlet.FunctionService/StreamFunction',
      client.StreamFunctionBytes,
      (buffer) => buffer,
      invocation('stream', Mode.STREAM, { ms: 1 }),
    );
    let messages = 0;
    for await (const message of call) messages += message.length > 0 ? 1 : 0;
    assert.equal(messages, 4);
  });

  test('unknown fields are ignored, malformed messages refused, the next call works', async () => {
    const method = '/spearlet.FunctionService/InvokeFunction';
    const good = client.InvokeFunctionBytes({
      ...invocation('echo', Mode.SYNC),
      execution_id: 'good',
    });
    const unknown = Buffer.from([0xfa, 0x3e, 3, 1, 2, 3]); // field 1007, three bytes
    await client.raw(method, Buffer.concat([good, unknown]));

    await assert.rejects(client.raw(method, Buffer.from([0xff, 0xff, 0xff])));
    const cutShort = client.raw(method, good.subarray(0, -3));
    await assert.rejects(cutShort, { code: grpc.status.INTERNAL });
    const notText = Buffer.from([0x2a, 2, 0xc3, 0x28]); // task_id
    await assert.rejects(client.raw(method, notText), { code: grpc.status.INTERNAL });
    await assert.rejects(client.raw(method, Buffer.alloc(5_000_000)), {
      code: grpc.status.RESOURCE_EXHAUSTED,
    });
    await client.raw(method, good);
  });

  test('bytes that are not HTTP/2 harm no other client', async () => {
    const [host, port] = grpcAddress.split(':');
    for (const bytes of ['GET / HTTP/1.1\r\n\r\n', Buffer.alloc(2000, 0xa5), Buffer.alloc(1)]) {
      const socket = net.connect(Number(port), host);
      socket.on('error', () => {}); // the server may close it at any time
      socket.write(bytes);
      assert.equal((await client.GetHealth({})).status, 'SERVING');
      socket.destroy();
    }
  });

  test('an unknown method is UNIMPLEMENTED', async () => {
    const code = grpc.status.UNIMPLEMENTED;
    await assert.rejects(client.raw('/spearlet.FunctionService/Nothing', Buffer.alloc(0)), {
      code,
    });
    await assert.rejects(client.raw('/spearlet.InvocationService/Invoke', Buffer.alloc(0)), {
      code,
    });
  });

  test('the health service answers SERVING', async () => {
    const answer = await client.raw('/grpc.health.v1.Health/Check', Buffer.alloc(0));
    assert.deepEqual([...answer], [0x08, 1]);
  });
});

test('a unix socket is served', LIMIT, async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'peer-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const server = await start('--listen', `unix:${folder}/socket`);
  const client = connect(await server.address());
  assert.equal((await client.GetHealth({})).status, 'SERVING');
  client.close();
  assert.equal(await stop(server), 0);
});

test('a call before SIGTERM is answered', LIMIT, async () => {
  const server = await start();
  const client = connect(await server.address());
  const request = { ...invocation('sleep', Mode.SYNC, { ms: 300 }), execution_id: 'last' };
  const call = client.InvokeFunction(request);
  await until(
    () => client.GetExecutionStatus({ execution_id: 'last' }),
    ({ result }) => result?.status === Status.RUNNING,
  );
  const code = stop(server);
  assert.equal((await call).success, true);
  assert.equal(await code, 0);
  client.close();
});

test('a bad command line is a usage error', LIMIT, async () => {
  const script = fileURLToPath(new URL('server.js', import.meta.url));
  const child = spawn(process.execPath, [script, '--fault', 'M9', '--slots', '0']);
  let text = '';
  child.stderr.on('data', (data) => {
    text += data;
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 2);
  assert.match(text, /--slots takes an integer of at least 1/);
  assert.match(text, /--fault is one of M1/);
});

describe('profiles', LIMIT, () => {
  let server;
  let client;

  const open = async (name, ...flags) => {
    server = await start('--profile', name, ...flags);
    client = connect(await server.address(), name);
  };

  afterEach(async () => {
    client.close();
    await stop(server);
  });

  test('spear-2026-01: the request has its own field numbers', async () => {
    await open('spear-2026-01');
    const bytes = client.InvokeFunctionBytes(invocation('echo', Mode.SYNC));
    assert.ok(bytes.includes(Buffer.from([0x32, 4, ...Buffer.from('echo')]))); // field 6
    assert.ok(bytes.includes(Buffer.from([0x40, Mode.SYNC]))); // field 8
    const answer = await client.InvokeFunction(invocation('sleep', Mode.SYNC, { ms: 5 }));
    assert.equal(unwrap(answer.result.result).value, 'slept');
  });

  test('spear-2026-05: its services', async () => {
    await open('spear-2026-05');
    const number = int64Value(42);
    const input = { content_type: number.type_url, data: number.value };
    const request = { task_id: TASK_ID, function_name: 'echo', mode: Mode.SYNC, input };
    const echo = await client.Invoke(request);
    assert.equal(echo.status, Status.COMPLETED);
    assert.deepEqual(echo.output, input);
    assert.notEqual(echo.invocation_id, '');

    const metadata = { 'parameter.ms': '60000' };
    const sleep = await client.Invoke({
      ...request,
      function_name: 'sleep',
      mode: Mode.ASYNC,
      metadata,
      invocation_id: 'mine',
    });
    assert.equal(sleep.status, Status.PENDING);
    const query = { execution_id: sleep.execution_id };
    await until(
      () => client.GetExecution(query),
      ({ status }) => status === Status.RUNNING,
    );
    const terminated = await client.TerminateExecution({ ...query, reason: 'enough' });
    assert.equal(terminated.success, true);
    const { error, invocation_id: invocationId } = await client.GetExecution(query);
    assert.deepEqual(error, { code: 'CANCELLED', message: 'enough' });
    assert.equal(invocationId, 'mine');

    const first = await client.ListExecutions({ limit: 1 });
    assert.equal(first.executions[0].execution_id, echo.execution_id);
    const second = await client.ListExecutions({ limit: 1, page_token: first.next_page_token });
    assert.equal(second.executions[0].status, Status.CANCELLED);
    assert.equal(second.next_page_token, '');
    const mine = await client.ListExecutions({ invocation_id: 'mine' });
    assert.equal(mine.executions.length, 1);

    const code = grpc.status.NOT_FOUND;
    await assert.rejects(client.GetExecution({ execution_id: 'unknown' }), { code });
    const unknown = await client.TerminateExecution({ execution_id: 'unknown' });
    assert.equal(unknown.success, false);
  });
});

describe('faults', LIMIT, () => {
  const cases = {
    M1: async (client) => {
      const answer = await client.InvokeFunction(invocation('echo', Mode.SYNC));
      assert.notEqual(answer.status_endpoint, '');
    },
    M2: async (client) => {
      const answer = await client.InvokeFunction(invocation('echo', Mode.ASYNC));
      assert.equal(answer.estimated_completion_ms, '0');
    },
    M3: async (client) => {
      const answer = await client.InvokeFunction(invocation('echo', Mode.SYNC));
      assert.equal(answer.success, false);
      assert.equal(answer.result.status, Status.FAILED);
    },
    M4: async (client) => {
      const answer = await client.InvokeFunction(invocation('echo', Mode.ASYNC));
      assert.equal(answer.result.status, Status.COMPLETED);
    },
    M5: async (client) => {
      const { execution_id: id } = await client.InvokeFunction(invocation('echo', Mode.ASYNC));
      assert.equal((await client.GetExecutionStatus({ execution_id: id })).found, false);
    },
    M6: async (client) => {
      const { execution_id: id } = await client.InvokeFunction(
        invocation('sleep', Mode.ASYNC, { ms: 200 }),
      );
      const { result } = await client.GetExecutionStatus({ execution_id: id });
      assert.equal(result.status, Status.COMPLETED);
    },
    M7: async (client) => {
      const { execution_id: id } = await client.InvokeFunction(invocation('echo', Mode.SYNC));
      const { result } = await client.GetExecutionStatus({
        execution_id: id,
        include_result: true,
      });
      assert.equal(result.status, Status.RUNNING);
      assert.equal(result.result, null);
      assert.equal(result.completed_at, null);
    },
  };
  for (const [name, observe] of Object.entries(cases)) {
    test(name, async () => {
      const server = await start('--fault', name);
      const client = connect(await server.address());
      await observe(client);
      client.close();
      await stop(server);
    });
  }
});
