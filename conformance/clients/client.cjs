// Does what docs/server.md describes for a client, with grpc-js. Started by `run`.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const https = require('node:https');
const { setTimeout: sleep } = require('node:timers/promises');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const { ADDRESS, CA, HTTP, TOKEN, READER, PROTO_ROOT } = process.env;
const { spearlet } = grpc.loadPackageDefinition(
  loader.loadSync('spearlet/function.proto', {
    includeDirs: [PROTO_ROOT], keepCase: true, enums: String, longs: Number, defaults: true,
  }));
const client = new spearlet.FunctionService(
  ADDRESS, grpc.credentials.createSsl(fs.readFileSync(CA)));

function metadata(token) {
  const entries = new grpc.Metadata();
  if (token) entries.set('authorization', `Bearer ${token}`);
  return entries;
}

// Calls a method with a deadline and the token.
function call(name, request, token = TOKEN) {
  return new Promise((resolve, reject) => {
    client[name](request, metadata(token), { deadline: Date.now() + 30_000 },
      (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

// google.protobuf.StringValue and BytesValue have one field of number 1.
function pack(text) {
  const bytes = Buffer.from(text);
  assert(bytes.length < 128);
  return {
    type_url: 'type.googleapis.com/google.protobuf.StringValue',
    value: bytes.length ? Buffer.concat([Buffer.from([0x0a, bytes.length]), bytes]) : bytes,
  };
}
function textOf(payload) {
  assert.match(payload.type_url, /google\.protobuf\.(StringValue|BytesValue)$/);
  return payload.value.subarray(2).toString();
}

function invocation(functionName, mode, text = '') {
  return {
    invocation_type: 'INVOCATION_TYPE_EXISTING_TASK', task_id: 'demo', function_name: functionName,
    execution_mode: mode, parameters: [{ name: 'text', value: pack(text) }],
  };
}

async function refusal(request, token) {
  try {
    await call('InvokeFunction', request, token);
  } catch (error) {
    return error.code;
  }
  return grpc.status.OK;
}

function statusOverHttp(path) {
  return new Promise((resolve, reject) => {
    https.get(HTTP + path, { headers: { Authorization: `Bearer ${TOKEN}` }, timeout: 30_000 }, (answer) => {
      let text = '';
      answer.on('data', (part) => { text += part; });
      answer.on('end', () => resolve(JSON.parse(text)));
    }).on('error', reject);
  });
}

async function until(condition) {
  const last = Date.now() + 30_000;
  while (!(await condition())) {
    assert(Date.now() < last, 'it took longer than 30 s');
    await sleep(50);
  }
}

async function main() {
  const answer = await call('InvokeFunction', invocation('echo', 'EXECUTION_MODE_SYNC', 'hello'));
  assert.equal(answer.result.status, 'EXECUTION_STATUS_COMPLETED');
  assert.equal(textOf(answer.result.result), 'hello');

  const accepted = await call('InvokeFunction', invocation('echo', 'EXECUTION_MODE_ASYNC', 'later'));
  assert(accepted.success && accepted.status_endpoint);
  await until(async () =>
    (await statusOverHttp(accepted.status_endpoint)).result.status === 'EXECUTION_STATUS_COMPLETED');

  const endless = await call('InvokeFunction', invocation('sleep', 'EXECUTION_MODE_ASYNC'));
  assert((await call('CancelExecution', { execution_id: endless.execution_id })).success);
  await until(async () =>
    (await call('GetExecutionStatus', { execution_id: endless.execution_id })).result.status ===
    'EXECUTION_STATUS_CANCELLED');

  let chunks = '';
  let last;
  const stream = client.StreamFunction(invocation('count', 'EXECUTION_MODE_STREAM'), metadata(TOKEN),
    { deadline: Date.now() + 30_000 });
  for await (const message of stream) {
    if (message.chunk_data && message.chunk_data.value.length) chunks += textOf(message.chunk_data);
    last = message;
  }
  assert.deepEqual(chunks.trim().split(/\s+/), ['1', '2', '3']);
  assert(last.is_final);

  assert.deepEqual((await call('ListTasks', {})).tasks.map((task) => task.task_id), ['demo']);
  const { executions } = await call('ListExecutions', { task_id: 'demo' });
  assert(executions.some((execution) => execution.execution_id === endless.execution_id));

  const request = invocation('echo', 'EXECUTION_MODE_SYNC');
  assert.equal(await refusal(request, ''), grpc.status.UNAUTHENTICATED);
  assert.equal(await refusal(request, 'wrong'), grpc.status.UNAUTHENTICATED);
  assert.equal(await refusal(request, READER), grpc.status.PERMISSION_DENIED);
  assert.equal(await refusal({ ...request, task_id: 'none' }), grpc.status.NOT_FOUND);
  client.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
