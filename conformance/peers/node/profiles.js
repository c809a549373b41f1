// The wire profiles: which gRPC services a Spear of a certain age has, and how their messages
// become those of the contract.
//
// A profile is {services, definition, descriptors}: the handlers by full service name and method,
// in the style of Service; what @grpc/proto-loader makes of the profile's .proto; its descriptors.

import path from 'node:path';
import { fileURLToPath } from 'node:url';

import protobuf from 'protobufjs';
import { fromJSON } from '@grpc/proto-loader';

import { fileDescriptors } from './descriptors.js';
import { headServices } from './head.js';

const PROTO_ROOT = fileURLToPath(new URL('../../../proto', import.meta.url));

// The .proto as protobufjs' JSON, so that it can be changed before it is used.
function parse(file) {
  const root = new protobuf.Root();
  root.resolvePath = (_, target) =>
    protobuf.common.get(target) ? target : path.join(PROTO_ROOT, target);
  return root.loadSync(file, { keepCase: true }).resolveAll().toJSON();
}

// Enums stay numbers, since any number may come; 64-bit integers become texts.
const OPTIONS = { keepCase: true, longs: String, defaults: true, arrays: true, objects: true };

const describe = (services, json) => ({
  services,
  definition: fromJSON(json, OPTIONS),
  descriptors: fileDescriptors(json, 'spearlet', 'spearlet/function.proto'),
});

function analysis(service) {
  return describe({ 'spearlet.FunctionService': service }, parse('spearlet/function.proto'));
}

// Only field numbers differ, and the names of zero values.
function spear202601(service) {
  const json = parse('profiles/spear_2026_01.proto');
  const { spearlet, quintain } = json.nested;
  Object.assign(spearlet.nested, quintain.nested.profile.nested.spear_2026_01.nested);
  delete json.nested.quintain;
  for (const name of ['InvocationType', 'ExecutionMode', 'ExecutionStatus']) {
    const its = spearlet.nested[name];
    its.values = Object.fromEntries(
      Object.entries(its.values).map(([value, number]) => [
        value.replace(/_UNSPECIFIED$/, '_UNKNOWN'),
        number,
      ]),
    );
  }
  return describe({ 'spearlet.FunctionService': service }, json);
}

// Another interface to the same executions.
function spearHead(service, core) {
  const json = parse('profiles/spear_head.proto');
  json.nested.spearlet = json.nested.quintain.nested.profile.nested.spear_head;
  delete json.nested.quintain;
  return describe(headServices(service, core), json);
}

const profiles = { analysis, 'spear-2026-01': spear202601, 'spear-head': spearHead };

export const profileNames = Object.keys(profiles);

export const profile = (name, service, core) => profiles[name](service, core);
