// The wire profiles: the gRPC services of a version of Spear, and how their messages become those
// of the contract.
//
// A profile is {services, definition, descriptors}: the handlers by full service name and method,
// as in Service; the definition by @grpc/proto-loader of the profile's .proto; its descriptors.

import path from 'node:path';
import { fileURLToPath } from 'node:url';

import protobuf from 'protobufjs';
import { fromJSON } from '@grpc/proto-loader';

import { fileDescriptors } from './descriptors.js';
import { invocationServices } from './invocation.js';
import { januaryService } from './spear_january.js';
import { mayServices } from './spear_may.js';

const PROTO_ROOT = fileURLToPath(new URL('../../../proto', import.meta.url));

// The .proto file as protobufjs JSON, which the profiles change.
function parse(file) {
  const root = new protobuf.Root();
  root.resolvePath = (_, target) =>
    protobuf.common.get(target) ? target : path.join(PROTO_ROOT, target);
  return root.loadSync(file, { keepCase: true }).resolveAll().toJSON();
}

// Enums stay numbers, since a request may have any number; 64-bit integers become strings.
const OPTIONS = { keepCase: true, longs: String, defaults: true, arrays: true, objects: true };

const describe = (services, json) => ({
  services,
  definition: fromJSON(json, OPTIONS),
  descriptors: fileDescriptors(json, 'spearlet', 'spearlet/function.proto'),
});

function contract(service) {
  return describe({ 'spearlet.FunctionService': service }, parse('spearlet/function.proto'));
}

// The JSON of a profile's file with its declarations in the package spearlet, in place of the
// contract's of the same name.
function insert(json, ...packages) {
  const own = json.nested.quintain.nested.profile.nested;
  delete json.nested.quintain;
  json.nested.spearlet ??= { nested: {} };
  for (const name of packages) Object.assign(json.nested.spearlet.nested, own[name].nested);
  return JSON.parse(JSON.stringify(json).replace(/"spear_2026_05\./g, '"'));
}

// Differs from the contract only in field numbers and in the names of the enums' zero values.
function spear202601(service) {
  const json = insert(parse('profiles/spear_2026_01.proto'), 'spear_2026_01');
  const { spearlet } = json.nested;
  for (const name of ['InvocationType', 'ExecutionMode', 'ExecutionStatus']) {
    const type = spearlet.nested[name];
    type.values = Object.fromEntries(
      Object.entries(type.values).map(([value, number]) => [
        value.replace(/_UNSPECIFIED$/, '_UNKNOWN'),
        number,
      ]),
    );
  }
  return describe({ 'spearlet.FunctionService': service }, json);
}

// A different interface to the same executions.
function spear202603(service, core) {
  const json = insert(parse('profiles/spear_2026_03.proto'), 'spear_2026_05', 'spear_2026_03');
  delete json.nested.spearlet.nested.TerminateExecutionRequest;
  delete json.nested.spearlet.nested.TerminateExecutionResponse;
  return describe(invocationServices(service, core, { march: true }), json);
}

function may(services) {
  return describe(services, insert(parse('profiles/spear_2026_05.proto'), 'spear_2026_05'));
}

const profiles = {
  contract,
  'spear-2026-01': spear202601,
  'spear-2026-03': spear202603,
  'spear-2026-05': (service, core) => may(invocationServices(service, core)),
};

// What the running programs do (spear_january.js, spear_may.js), on the wire of their time.
const ages = {
  '2026-01': (settings) => spear202601(januaryService(settings)),
  '2026-05': (settings) => may(mayServices(settings)),
};

export const ageNames = Object.keys(ages);

export const age = (name, settings) => ages[name](settings);

export const profileNames = Object.keys(profiles);

export const profile = (name, service, core) => profiles[name](service, core);
