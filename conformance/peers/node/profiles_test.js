// The profiles' descriptors, as reflection shows them.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import descriptor from 'protobufjs/ext/descriptor/index.js';

import { profile } from './profiles.js';

// The decoded descriptor of the file with package spearlet.
function described(name) {
  const files = profile(name, {}, {}).descriptors.map((bytes) =>
    descriptor.FileDescriptorProto.decode(bytes),
  );
  return files.find((file) => file.package === 'spearlet');
}

const message = (file, name) => file.messageType.find((entry) => entry.name === name);
const numbers = ({ field: fields }) =>
  Object.fromEntries(fields.map((field) => [field.name, field.number]));

test('contract: the request has the field numbers of the contract', () => {
  const request = message(described('contract'), 'InvokeFunctionRequest');
  const { execution_mode: mode, function_name: name, parameters } = numbers(request);
  assert.deepEqual([mode, name, parameters], [6, 7, 8]);
});

test('spear-2026-01: the request has its own field numbers and `wait`', () => {
  const file = described('spear-2026-01');
  const request = message(file, 'InvokeFunctionRequest');
  const { execution_mode: mode, function_name: name, parameters, wait } = numbers(request);
  assert.deepEqual([mode, name, parameters, wait], [8, 6, 7, 13]);
  const modes = file.enumType.find((type) => type.name === 'ExecutionMode');
  assert.equal(modes.value[0].name, 'EXECUTION_MODE_UNKNOWN');
});

test('spear-2026-05: the descriptor has its services', () => {
  const { service } = described('spear-2026-05');
  assert.deepEqual(
    service.map(({ name, method }) => [name, method.map((m) => m.name)]),
    [
      ['InvocationService', ['Invoke']],
      ['ExecutionService', ['GetExecution', 'TerminateExecution', 'ListExecutions']],
    ],
  );
});

test('maps, optional fields and references are described as by protoc', () => {
  const file = described('contract');
  assert.deepEqual(file.dependency, [
    'google/protobuf/any.proto',
    'google/protobuf/timestamp.proto',
  ]);
  const request = message(file, 'InvokeFunctionRequest');
  const field = (name) => request.field.find((entry) => entry.name === name);
  assert.equal(
    field('invocation_metadata').typeName,
    '.spearlet.InvokeFunctionRequest.InvocationMetadataEntry',
  );
  assert.equal(request.nestedType[0].options.mapEntry, true);
  assert.equal(field('execution_id').proto3Optional, true);
  assert.equal(request.oneofDecl[field('execution_id').oneofIndex].name, '_execution_id');
});
