// The profiles' descriptors, as reflection tells them.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import descriptor from 'protobufjs/ext/descriptor/index.js';

import { profile } from './profiles.js';

// The file of package spearlet, decoded.
function described(name) {
  const files = profile(name, {}, {}).descriptors.map((bytes) =>
    descriptor.FileDescriptorProto.decode(bytes),
  );
  return files.find((file) => file.package === 'spearlet');
}

const message = (file, name) => file.messageType.find((its) => its.name === name);
const numbers = (its) => Object.fromEntries(its.field.map((field) => [field.name, field.number]));

test('analysis: the request has the numbers of the contract', () => {
  const request = message(described('analysis'), 'InvokeFunctionRequest');
  const { execution_mode: mode, function_name: name, parameters } = numbers(request);
  assert.deepEqual([mode, name, parameters], [6, 7, 8]);
});

test('spear-2026-01: the numbers of that age, and `wait`', () => {
  const file = described('spear-2026-01');
  const request = message(file, 'InvokeFunctionRequest');
  const { execution_mode: mode, function_name: name, parameters, wait } = numbers(request);
  assert.deepEqual([mode, name, parameters, wait], [8, 6, 7, 13]);
  const modes = file.enumType.find((its) => its.name === 'ExecutionMode');
  assert.equal(modes.value[0].name, 'EXECUTION_MODE_UNKNOWN');
});

test('spear-head: its services', () => {
  const { service } = described('spear-head');
  assert.deepEqual(
    service.map(({ name, method }) => [name, method.map((its) => its.name)]),
    [
      ['InvocationService', ['Invoke']],
      ['ExecutionService', ['GetExecution', 'TerminateExecution', 'ListExecutions']],
    ],
  );
});

test('maps, optional fields and references are told as protoc does', () => {
  const file = described('analysis');
  assert.deepEqual(file.dependency, [
    'google/protobuf/any.proto',
    'google/protobuf/timestamp.proto',
  ]);
  const request = message(file, 'InvokeFunctionRequest');
  const field = (name) => request.field.find((its) => its.name === name);
  assert.equal(
    field('invocation_metadata').typeName,
    '.spearlet.InvokeFunctionRequest.InvocationMetadataEntry',
  );
  assert.equal(request.nestedType[0].options.mapEntry, true);
  assert.equal(field('execution_id').proto3Optional, true);
  assert.equal(request.oneofDecl[field('execution_id').oneofIndex].name, '_execution_id');
});
