// The service over gRPC.

import { createRequire } from 'node:module';

import grpc from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';

const { HealthImplementation } = createRequire(import.meta.url)('grpc-health-check');

// Decodes a message; throws if it is malformed. The first decoding is for its check only:
// protobufjs detects a string that is cut off by the end of a Uint8Array, but not of a Buffer.
function deserialize(method, bytes) {
  method.requestDeserialize(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const message = method.requestDeserialize(bytes);
  requireUtf8(message, bytes);
  return message;
}

// Throws if a string of the message was not UTF-8; protobufjs replaces wrong bytes by U+FFFD.
function requireUtf8(message, bytes) {
  const replaced = Buffer.from('\uFFFD');
  const contains = (value) => {
    if (typeof value === 'string') return value.includes('\uFFFD');
    if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return false;
    return Object.entries(value).some(([key, member]) => contains(key) || contains(member));
  };
  if (contains(message) && !bytes.includes(replaced)) throw new Error('a string is not UTF-8');
}

// The `call` of a handler (service.js).
function callContext(call) {
  const deadline = Number(call.getDeadline()); // Infinity without one
  return {
    timeLeft: () => deadline - Date.now(),
    gone: new Promise((resolve) => {
      call.once('cancelled', resolve);
    }),
  };
}

// The gRPC status of an error: that of a Refusal, else INTERNAL.
function statusOf(error) {
  const code = grpc.status[error.code];
  if (code !== undefined) return { code, details: error.message };
  console.error(error);
  return { code: grpc.status.INTERNAL, details: 'internal error' };
}

function unary(handler) {
  return (call, answer) => {
    handler(call.request, callContext(call)).then(
      (response) => answer(null, response),
      (error) => answer(statusOf(error)),
    );
  };
}

function streaming(handler) {
  return (call) => {
    const write = (message) => {
      if (!call.cancelled) call.write(message);
    };
    handler(call.request, callContext(call), write).then(
      () => call.end(),
      (error) => call.emit('error', statusOf(error)),
    );
  };
}

function addService(server, definition, service) {
  const methods = Object.entries(definition).map(([name, method]) => [
    name,
    {
      ...method,
      requestDeserialize: (bytes) => deserialize(method, bytes),
    },
  ]);
  const handlers = Object.entries(definition).map(([name, method]) => {
    const handler = (...args) => service[name](...args);
    return [name, method.responseStream ? streaming(handler) : unary(handler)];
  });
  server.addService(Object.fromEntries(methods), Object.fromEntries(handlers));
}

// A gRPC server of a profile (profiles.js), with reflection and the standard health service.
export function createServer({ services, definition, descriptors }, { maxMessageBytes }) {
  const server = new grpc.Server({
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': -1,
  });
  for (const [name, service] of Object.entries(services)) {
    addService(server, definition[name], service);
  }
  const statuses = ['', ...Object.keys(services)].map((name) => [name, 'SERVING']);
  const health = new HealthImplementation(Object.fromEntries(statuses));
  health.addToServer(server);
  const described = { files: { fileDescriptorProtos: descriptors } };
  new ReflectionService(described, { services: Object.keys(services) }).addToServer(server);
  return { server, health, serviceNames: Object.keys(services) };
}

// Binds "host:port" or "unix:path"; resolves to the address with the actual port.
export async function bind(server, address) {
  const port = await new Promise((resolve, reject) => {
    server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return address.startsWith('unix:') ? address : `${hostOf(address)}:${port}`;
}

export const hostOf = (address) => address.slice(0, address.lastIndexOf(':'));
export const portOf = (address) => Number(address.slice(address.lastIndexOf(':') + 1));
