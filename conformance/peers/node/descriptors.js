// The FileDescriptorProtos for server reflection, as protoc would make them. Those of
// @grpc/proto-loader lack imports, full type names and proto3's `optional`.

import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor/index.js';

const SCALARS = {
  double: 1,
  int64: 3,
  uint64: 4,
  int32: 5,
  bool: 8,
  string: 9,
  bytes: 12,
  uint32: 13,
};
const MESSAGE = 11;
const ENUM = 14;
const OPTIONAL = 1;
const REPEATED = 3;

const GOOGLE_FILES = {
  'google.protobuf.Any': 'google/protobuf/any.proto',
  'google.protobuf.Timestamp': 'google/protobuf/timestamp.proto',
};

// `.full.Name`, without the leading dot.
const nameOf = (type) => type.fullName.slice(1);

function typeOf(field) {
  const resolved = field.resolvedType;
  if (resolved === null) return { type: SCALARS[field.type] };
  const type = resolved instanceof protobuf.Enum ? ENUM : MESSAGE;
  return { type, typeName: `.${nameOf(resolved)}` };
}

const camel = (name) => name.replace(/(?:^|_)([a-z])/g, (_, letter) => letter.toUpperCase());
const jsonName = (name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());

function fieldProto(field, owner) {
  const common = { name: field.name, number: field.id, jsonName: jsonName(field.name) };
  if (field.map) {
    const typeName = `.${nameOf(owner)}.${camel(field.name)}Entry`;
    return { ...common, label: REPEATED, type: MESSAGE, typeName };
  }
  const oneof = field.partOf && owner.oneofsArray.indexOf(field.partOf);
  return {
    ...common,
    label: field.repeated ? REPEATED : OPTIONAL,
    ...typeOf(field),
    ...(field.partOf ? { oneofIndex: oneof, proto3Optional: field.partOf.isProto3Optional } : {}),
  };
}

// The message of a map field: a map is a repeated field of entries.
function entryProto(field) {
  const key = { name: 'key', number: 1, jsonName: 'key', label: OPTIONAL };
  const value = { name: 'value', number: 2, jsonName: 'value', label: OPTIONAL };
  return {
    name: `${camel(field.name)}Entry`,
    field: [
      { ...key, type: SCALARS[field.keyType] },
      { ...value, ...typeOf(field) },
    ],
    options: { mapEntry: true },
  };
}

function messageProto(type) {
  const fields = type.fieldsArray.toSorted((a, b) => a.id - b.id);
  return {
    name: type.name,
    field: fields.map((field) => fieldProto(field, type)),
    nestedType: fields.filter((field) => field.map).map(entryProto),
    oneofDecl: type.oneofsArray.map(({ name }) => ({ name })),
  };
}

const enumProto = (type) => ({
  name: type.name,
  value: Object.entries(type.values).map(([name, number]) => ({ name, number })),
});

const serviceProto = (service) => ({
  name: service.name,
  method: service.methodsArray.map((method) => ({
    name: method.name,
    inputType: `.${nameOf(method.resolvedRequestType)}`,
    outputType: `.${nameOf(method.resolvedResponseType)}`,
    serverStreaming: Boolean(method.responseStream),
  })),
});

function encode(file) {
  const { FileDescriptorProto } = descriptor;
  return FileDescriptorProto.encode(FileDescriptorProto.fromObject(file)).finish();
}

// The encoded descriptors of the files of a protobufjs JSON: `name`, which has the package
// `packageName`, and the google.protobuf files that it uses.
export function fileDescriptors(json, packageName, name) {
  const root = protobuf.Root.fromJSON(json).resolveAll();
  const members = root.lookup(packageName).nestedArray;
  const google = Object.entries(GOOGLE_FILES)
    .filter(([type]) => root.lookup(type) !== null)
    .map(([type, file]) => ({
      name: file,
      package: 'google.protobuf',
      messageType: [messageProto(root.lookupType(type))],
      syntax: 'proto3',
    }));
  const own = {
    name,
    package: packageName,
    dependency: google.map((file) => file.name),
    messageType: members.filter((type) => type instanceof protobuf.Type).map(messageProto),
    enumType: members.filter((type) => type instanceof protobuf.Enum).map(enumProto),
    service: members.filter((type) => type instanceof protobuf.Service).map(serviceProto),
    syntax: 'proto3',
  };
  return [...google, own].map(encode);
}
