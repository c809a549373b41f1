// google.protobuf.Any values of the well-known wrapper types. Every other Any passes through the
// server as the type URL and the bytes that it came with.

import protobuf from 'protobufjs';

const wrappers = protobuf.Root.fromJSON(protobuf.common.get('google/protobuf/wrappers.proto'));
const PREFIX = 'type.googleapis.com/';

const INTEGERS = ['Int64Value', 'UInt64Value', 'Int32Value', 'UInt32Value'];

function wrap(name, value) {
  const type = wrappers.lookupType(`google.protobuf.${name}`);
  return {
    type_url: `${PREFIX}google.protobuf.${name}`,
    value: Buffer.from(type.encode(type.create({ value })).finish()),
  };
}

export const stringValue = (text) => wrap('StringValue', text);
export const bytesValue = (bytes) => wrap('BytesValue', bytes);
export const int64Value = (number) => wrap('Int64Value', number);

// {name, value} of an Any that holds a wrapper, or null.
export function unwrap(any) {
  const name = any.type_url.slice(any.type_url.lastIndexOf('/') + 1);
  const short = name.replace(/^google\.protobuf\./, '');
  if (short === name || !wrappers.lookup(name)) return null;
  const type = wrappers.lookupType(name);
  try {
    const { value } = type.toObject(type.decode(any.value), { longs: String, defaults: true });
    return { name: short, value };
  } catch {
    return null;
  }
}

// The integer in an Any: an integer wrapper, or a StringValue of digits. Null if it holds none.
export function integerIn(any) {
  const held = any ? unwrap(any) : null;
  if (held === null) return null;
  if (INTEGERS.includes(held.name)) return Number(held.value);
  if (held.name === 'StringValue' && /^-?\d+$/.test(held.value)) return Number(held.value);
  return null;
}

// The protobuf-JSON of an Any, or undefined if its type is not known here.
export function anyToJson(any) {
  const held = unwrap(any);
  if (held === null) return undefined;
  let { value } = held;
  if (Buffer.isBuffer(value) || value instanceof Uint8Array) {
    value = Buffer.from(value).toString('base64');
  } else if (typeof value === 'number' && !Number.isFinite(value)) {
    value = String(value);
  }
  return { '@type': any.type_url, value };
}
