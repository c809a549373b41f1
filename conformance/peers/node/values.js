// Values of the well-known wrapper types in a google.protobuf.Any. The server passes every other
// Any on unchanged.

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

// {name, value} of the wrapper in an Any; null if it contains none.
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

// The integer in an Any: of an integer wrapper or a StringValue of digits; null if it contains
// none.
export function integerIn(any) {
  const wrapped = any ? unwrap(any) : null;
  if (wrapped === null) return null;
  if (INTEGERS.includes(wrapped.name)) return Number(wrapped.value);
  if (wrapped.name === 'StringValue' && /^-?\d+$/.test(wrapped.value)) return Number(wrapped.value);
  return null;
}

// The protobuf-JSON of an Any; undefined if it contains no wrapper.
export function anyToJson(any) {
  const wrapped = unwrap(any);
  if (wrapped === null) return undefined;
  let { value } = wrapped;
  if (Buffer.isBuffer(value) || value instanceof Uint8Array) {
    value = Buffer.from(value).toString('base64');
  } else if (typeof value === 'number' && !Number.isFinite(value)) {
    value = String(value);
  }
  return { '@type': any.type_url, value };
}
