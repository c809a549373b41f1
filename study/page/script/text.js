// Numbers, durations and sentences as text. A value that the report does not know is null; its text
// is "-".

const known = (...values) => values.every((value) => Number.isFinite(value));

// `digits` after the point, without a sign on a zero.
const decimals = (value, digits) =>
  known(value) ? value.toFixed(digits).replace(/^-(?=[0.]+$)/, '') : '-';

// Three significant digits, but never fewer than the integer part has: "0.0123", "1.41", "1235".
function number(value) {
  if (!known(value)) return '-';
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size < 1e-4 || size >= 1e7) return value.toExponential(2);
  return decimals(value, Math.max(0, 2 - Math.floor(Math.log10(size))));
}

const scaled = (write, factor) => (value) => (known(value) ? write(value * factor) : '-');

// A whole number in full, any other with three digits: "64", "12000", "41.4".
const plain = (value) =>
  Number.isInteger(value) && Math.abs(value) < 1e15 ? String(value) : number(value);

// "12345678" as "12 345 678", with thin spaces that do not break.
const grouped = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, '\u202f');

const counted = (n, noun) => `${n} ${noun}${n === 1 ? '' : 's'}`;

// "1.014".
const ratio = (value) => decimals(value, Math.abs(value) < 10 ? 3 : 1);

// A share in per cent, without the sign: "90.2"; the same with three digits; a difference of shares in
// percentage points: "0.42".
const percent = scaled((value) => decimals(value, 1), 100);
const precisePercent = scaled(number, 100);
const percentagePoints = scaled((value) => decimals(value, 2), 100);

const pValue = (p) => (!known(p) ? 'unknown' : p < 0.001 ? '< 0.001' : `= ${number(p)}`);

function bytes(value) {
  const size = Math.abs(value);
  if (!known(value)) return '-';
  if (size < 1024) return `${number(value)} B`;
  return size < 1024 ** 2 ? `${number(value / 1024)} KiB` : `${number(value / 1024 ** 2)} MiB`;
}

// "1.014 [1.009, 1.019]": the value alone where the interval is not known or has no width.
const withInterval = ({ value, low, high }, write) =>
  known(low, high) && low !== high
    ? `${write(value)} [${write(low)}, ${write(high)}]`
    : write(value);

// The largest unit of which there is at least one, and how many of it are in a second.
function unitOf(seconds) {
  const size = Math.abs(seconds);
  if (size >= 1 || size === 0) return ['s', 1];
  if (size >= 1e-3) return ['ms', 1e3];
  return size >= 1e-6 ? ['µs', 1e6] : ['ns', 1e9];
}

// "21.3 ms".
function seconds(value) {
  if (!known(value)) return '-';
  const [unit, factor] = unitOf(value);
  return `${number(value * factor)} ${unit}`;
}

// Value and interval in one unit, the value's: "213 [211, 215] ms".
function secondsWithInterval(interval) {
  if (!known(interval.value)) return '-';
  const [unit, factor] = unitOf(interval.value);
  return `${withInterval(interval, scaled(number, factor))} ${unit}`;
}

const nanoseconds = scaled(seconds, 1e-9);

// Whole milliseconds in the notation of scenario files: "412ms", "2.5s", "1h30m".
function duration(value) {
  let left = Math.trunc(value * 1000);
  if (left < 1000) return left === 0 ? '0s' : `${left}ms`;
  let text = '';
  for (const [unit, size] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
  ]) {
    if (left >= size) text += `${Math.floor(left / size)}${unit}`;
    left %= size;
  }
  return left > 0 ? `${text}${left / 1000}s` : text;
}

// The smallest and the largest of the known values: "84.3 to 90.5".
function spread(values, write) {
  const all = values.filter((value) => known(value));
  return all.length === 0 ? '-' : `${write(Math.min(...all))} to ${write(Math.max(...all))}`;
}

const describeWarmUp = ({ found, cut }) =>
  `MSER-5 found ${plain(found)} arrivals, ${plain(cut)} were cut`;

function describeStop({ seeds, stopped }) {
  const after = counted(seeds.length, 'replication');
  const wanted = stopped.wanted_half_width;
  const precision =
    `half-width ${precisePercent(stopped.relative_half_width)} %` +
    (wanted > 0 ? `, wanted ${precisePercent(wanted)} %` : '');
  switch (stopped.reason) {
    case 'precise':
      return `precise enough after ${after} (${precision})`;
    case 'most-replications':
      return `after ${after}, the most allowed (${precision})`;
    case 'interrupted':
      return `interrupted after ${after} (${precision})`;
    default:
      return 'all recorded predictions are scored';
  }
}
