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
import { headServices } from './head.js';

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

// Differs from the contract only in field numbers and in the names of the enums' zero values.
function spear202601(service) {
  const json = parse('profiles/spear_2026_01.proto');
  const { spearlet, quintain } = json.nested;
  Object.assign(spearlet.nested, quintain.nested.profile.nested.spear_2026_01.nested);
  delete json.nested.quintain;
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
function spearHead(service, core) {
  const json = parse('profiles/spear_head.proto');
  json.nested.spearlet = json.nested.quintain.nested.profile.nested.spear_head;
  delete json.nested.quintain;
  return describe(headServices(service, core), json);
}

const profiles = { contract, 'spear-2026-01': spear202601, 'spear-head': spearHead };

export const profileNames = Object.keys(profiles);

export const profile = (name, service, core) => profiles[name](service, core);
