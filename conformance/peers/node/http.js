// The status endpoint: GET /status/{execution_id} returns the protobuf-JSON of a
// GetExecutionStatusResponse.

import http from 'node:http';

import { statusName } from './status.js';
import { anyToJson } from './values.js';

function timestamp({ seconds, nanos }) {
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  return `${whole}.${String(nanos).padStart(9, '0')}Z`;
}

function resultToJson(result) {
  const json = {
    status: `EXECUTION_STATUS_${statusName(result.status)}`,
    errorMessage: result.error_message,
    errorCode: result.error_code,
    executionTimeMs: String(result.execution_time_ms),
    memoryUsedBytes: String(result.memory_used_bytes),
    metrics: result.metrics,
  };
  // An Any of an unknown type has no JSON form and is left out.
  const payload = result.result && anyToJson(result.result);
  if (payload) json.result = payload;
  if (result.started_at) json.startedAt = timestamp(result.started_at);
  if (result.completed_at) json.completedAt = timestamp(result.completed_at);
  return json;
}

async function answer(service, method, url) {
  const id = /^\/status\/([^/?]+)$/.exec(url)?.[1];
  if (id === undefined) return [404, { message: 'only /status/{execution_id} is served' }];
  if (method !== 'GET') return [405, { message: 'only GET is served' }];
  const query = { execution_id: decodeURIComponent(id), include_result: true, include_logs: false };
  const { found, result, message } = await service.GetExecutionStatus(query);
  if (!found) return [404, { found, message }];
  return [200, { found, result: resultToJson(result), message }];
}

export function createHttpServer(service) {
  return http.createServer(async (request, response) => {
    const [code, body] = await answer(service, request.method, request.url).catch(() => [
      400,
      { message: 'malformed URL' },
    ]);
    response.writeHead(code, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  });
}

// What a spearlet of January 2026 serves of executions: nothing at the endpoint in its answers, and
// elsewhere the same text for every id.
export function createSpearHttpServer() {
  return http.createServer((request, response) => {
    const id = /^\/functions\/executions\/([^/?]+)$/.exec(request.url)?.[1];
    response.writeHead(id ? 200 : 404, { 'content-type': 'application/json' });
    const message = 'Execution status endpoint - Not implemented yet';
    response.end(id ? JSON.stringify({ execution_id: id, message, status: 'pending' }) : '');
  });
}

export function listen(server, host, port) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve(`${host}:${server.address().port}`));
  });
}
