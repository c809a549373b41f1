// Texts for numbers and outcomes.

// The mark and the word carry the meaning; the colour only helps the eye.
const MARKS = {
  passed: '✓',
  failed: '✗',
  'unexpected pass': '‼',
  error: '!',
  warning: '⚠',
  'not judged': '?',
  'known failure': '~',
  skipped: '–',
};
const OUTCOMES = Object.keys(MARKS);
const isFailure = (outcome) => ['failed', 'unexpected pass', 'error'].includes(outcome);

const outcomeClass = (outcome) => `outcome o-${outcome.replaceAll(' ', '-')}`;

const outcomeBadge = (outcome) =>
  element(
    'span',
    { class: outcomeClass(outcome) },
    element('span', { 'aria-hidden': 'true' }, `${MARKS[outcome] ?? '·'} `),
    outcome,
  );

const whole = (n) => n.toLocaleString('en-US');
const plural = (n, one, many) => `${whole(n)} ${n === 1 ? one : many}`;

function duration(ns) {
  const units = [
    [3600e9, 'h'],
    [60e9, 'min'],
    [1e9, 's'],
    [1e6, 'ms'],
    [1e3, 'µs'],
  ];
  const [size, unit] = units.find(([least]) => Math.abs(ns) >= least) ?? [1, 'ns'];
  return `${Number((ns / size).toPrecision(4))} ${unit}`;
}

function metricText(value, unit) {
  if (value === null) return 'none';
  if (unit === 'ns') return duration(value);
  const text = Number.isInteger(value) ? whole(value) : String(Number(value.toPrecision(5)));
  return unit === '1' || unit === '' ? text : `${text} ${unit}`;
}

// A bar in which each part is as long as its share. The parts' texts are beside it.
function shareBar(parts) {
  const bar = element('div', { class: 'bar', 'aria-hidden': 'true' });
  for (const [outcome, count] of parts) {
    if (count === 0) continue;
    const part = element('span', { class: outcomeClass(outcome) });
    part.style.flexGrow = count;
    bar.append(part);
  }
  return bar;
}

const section = (id, heading, ...inside) =>
  element('section', { id, 'aria-labelledby': `${id}-heading` },
    element('h2', { id: `${id}-heading` }, heading), inside);

// The choices that a link keeps: they are in the address, after '#'.
const readState = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

function address(state) {
  const kept = Object.entries(state).filter(([, value]) => value);
  return `#${new URLSearchParams(kept)}`;
}

const link = (state, ...inside) => element('a', { href: address(state) }, inside);

// Writes the choices into the address without a new entry in the history: typing would make many.
function replaceState(state) {
  history.replaceState(null, '', address(state));
  window.dispatchEvent(new HashChangeEvent('hashchange'));
}

// Adds the nodes of many items to a parent a few at a time: more of them when the button below comes
// near the visible part of the page, or is pressed.
function growing(parent, items, make, step, first = step) {
  let shown = 0;
  const button = element('button', { type: 'button', class: 'more' });
  const watcher = new IntersectionObserver(
    (entries) => entries.some((entry) => entry.isIntersecting) && more(step),
    { rootMargin: '600px' },
  );
  function more(count) {
    const next = items.slice(shown, shown + count);
    shown += next.length;
    parent.append(...next.map(make));
    const left = items.length - shown;
    button.hidden = left === 0;
    button.textContent = `Show more (${whole(left)} left)`;
    // Observed anew, so that it reports again while it stays visible.
    watcher.unobserve(button);
    if (left > 0) watcher.observe(button);
  }
  button.addEventListener('click', () => more(step));
  more(first);
  return button;
}
