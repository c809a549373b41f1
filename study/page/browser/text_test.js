// The texts of numbers, as page/script/text.js writes them.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import vm from 'node:vm';

const text = vm.runInThisContext(`(() => {
  ${readFileSync(new URL('../script/text.js', import.meta.url), 'utf8')}
  return { bytes, describeStop, duration, grouped, number, percent, percentagePoints, plain, pValue, ratio,
           seconds, secondsWithInterval, withInterval };
})()`);

// Each row is the name of a function, its argument and the text that it returns.
for (const [name, rows] of Object.entries({
  number: [
    [0, '0'],
    [0.0123456, '0.0123'],
    [-1.41421, '-1.41'],
    [12.3456, '12.3'],
    [1234.4, '1234'],
    [1e-9, '1.00e-9'],
    [2.5e9, '2.50e+9'],
    [null, '-'],
  ],
  plain: [
    [64, '64'],
    [41.3966, '41.4'],
    [0, '0'],
    [12000, '12000'],
    [null, '-'],
  ],
  grouped: [
    [0, '0'],
    [999, '999'],
    [1000, '1\u202f000'],
    [-1234567, '-1\u202f234\u202f567'],
    [-123, '-123'],
  ],
  seconds: [
    [0, '0 s'],
    [75, '75.0 s'],
    [0.0213, '21.3 ms'],
    [-2.1e-6, '-2.10 µs'],
    [1.5e-7, '150 ns'],
    [null, '-'],
  ],
  secondsWithInterval: [
    [{ value: 0.213, low: 0.0998, high: 1.2 }, '213 [99.8, 1200] ms'],
    [{ value: 2, low: null, high: null }, '2.00 s'],
    [{ value: null, low: null, high: null }, '-'],
  ],
  bytes: [
    [92.16, '92.2 B'],
    [18_432, '18.0 KiB'],
    [1_245_184, '1.19 MiB'],
  ],
  pValue: [
    [0.41, '= 0.410'],
    [1e-300, '< 0.001'],
    [null, 'unknown'],
  ],
  percent: [
    [0.9021, '90.2'],
    [1, '100.0'],
    [null, '-'],
  ],
  percentagePoints: [
    [-0.00001, '0.00'],
    [0.0042, '0.42'],
  ],
  ratio: [
    [1.0137, '1.014'],
    [12.04, '12.0'],
  ],
  duration: [
    [0, '0s'],
    [0.412, '412ms'],
    [2.5, '2.5s'],
    [60, '1m'],
    [412.5, '6m52.5s'],
    [90_061, '1d1h1m1s'],
  ],
})) {
  test(name, () => {
    for (const [value, expected] of rows) assert.equal(text[name](value), expected);
  });
}

test('withInterval leaves out an interval that is unknown or a point', () => {
  const write = (value, low, high) => text.withInterval({ value, low, high }, text.ratio);
  assert.equal(write(1.014, 1.009, 1.019), '1.014 [1.009, 1.019]');
  assert.equal(write(1.014, null, null), '1.014');
  assert.equal(write(1, 1, 1), '1.000');
  assert.equal(write(null, null, null), '-');
});

test('describeStop states the reason and the precision', () => {
  const stop = (reason, seeds, wanted = 0.005) =>
    text.describeStop({
      seeds,
      stopped: { reason, relative_half_width: 0.012, wanted_half_width: wanted },
    });
  const precision = '(half-width 1.20 %, wanted 0.500 %)';
  assert.equal(
    stop('most-replications', [1]),
    `after 1 replication, the most allowed ${precision}`,
  );
  assert.equal(stop('precise', [1, 2]), `precise enough after 2 replications ${precision}`);
  assert.equal(
    stop('precise', [1, 2], 0),
    'precise enough after 2 replications (half-width 1.20 %)',
  );
  assert.equal(stop('interrupted', [1, 2]), `interrupted after 2 replications ${precision}`);
  assert.equal(stop('recorded', [1]), 'all recorded predictions are scored');
});
