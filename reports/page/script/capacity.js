// The page of `quintain capacity`: times, estimates and cost by the number of slots.

const LINES = [
  { colour: 'var(--accent)', shape: 'circle', dash: [] },
  { colour: 'var(--warn)', shape: 'square', dash: [6, 3] },
  { colour: 'var(--bad)', shape: 'triangle-up', dash: [2, 2] },
];

const seconds = (value) => duration(value * 1e9);
const share = (value) => `${Number((value * 100).toPrecision(3))} %`;

// Lines over the numbers of slots. `series`: a name, the value of a point, and its text. Values that are 0 have
// no place on a logarithmic axis: they are drawn at its lower end, and the tip says 0.
function slotsSpec(points, series, { title, log, mark }, width) {
  const left = 64;
  const inner = width - left - 20;
  const height = 210;
  const values = points.flatMap((point) => series.map(({ value }) => value(point)));
  const positive = values.filter((value) => value > 0);
  const low = positive.length > 0 ? Math.min(...positive) / 2 : 0.5;
  const logarithmic = log && positive.length > 0;
  const domain = logarithmic ? [low, Math.max(...positive) * 1.2] : [0, Math.max(...values, 1e-9) * 1.08];
  const slots = points.map((point) => point.slots);
  const [first, last] = [Math.min(...slots), Math.max(...slots)];
  const data = [];
  const marks = [];
  const add = (type, rows, encoding) => {
    const name = `set-${data.length}`;
    data.push({ name, values: rows });
    marks.push({ type, from: { data: name }, encode: { enter: encoding } });
  };
  const x = { scale: 'x', field: 'slots' };
  const y = { scale: 'y', field: 'value' };
  if (mark !== null) {
    add('rule', [{ slots: mark }], { x, y: { value: 0 }, y2: { value: height }, stroke: { value: 'var(--good)' }, strokeWidth: { value: 2 }, strokeDash: { value: [5, 4] } });
  }
  series.forEach(({ name, value, text }, i) => {
    const look = LINES[i];
    const rows = points.map((point) => ({
      slots: point.slots, value: logarithmic ? Math.max(value(point), low) : value(point),
      tip: `${plural(point.slots, 'slot', 'slots')}, ${name}: ${text(value(point))}`,
    }));
    add('line', rows, { x, y, stroke: { value: look.colour }, strokeWidth: { value: 2 }, strokeDash: { value: look.dash } });
    add('symbol', rows, { x, y, shape: { value: look.shape }, size: { value: 55 }, fill: { value: look.colour }, tooltip: { field: 'tip' } });
  });
  return {
    width, height: height + 52, padding: 0, autosize: 'none', data,
    scales: [
      { name: 'x', type: 'linear', domain: first === last ? [first - 1, last + 1] : [first, last], range: [8, inner - 8], zero: false },
      { name: 'y', type: logarithmic ? 'log' : 'linear', domain, range: [height, 0], zero: false },
    ],
    marks: [{
      type: 'group',
      encode: { enter: { x: { value: left }, y: { value: 10 }, width: { value: inner }, height: { value: height } } },
      axes: [
        { orient: 'bottom', scale: 'x', title: 'slots', format: 'd', tickMinStep: 1 },
        { orient: 'left', scale: 'y', grid: true, title, tickCount: 6, encode: LABELS },
      ],
      marks,
    }],
  };
}

function slotsFigure(capacity, heading, series, options) {
  const canvas = element('div', { class: 'plot', 'aria-hidden': 'true' });
  let view;
  const draw = () => {
    view?.finalize();
    view = picture(slotsSpec(capacity.points, series, { mark: capacity.fewest_slots, ...options }, Math.max(260, canvas.clientWidth)), canvas);
  };
  new ResizeObserver(draw).observe(canvas);
  return element('figure', {},
    element('figcaption', {}, heading),
    element('p', { class: 'keys' }, series.map(({ name }, i) => [element('span', { class: `key line-${i}` }, name), ' '])),
    canvas);
}

function capacityTable({ points, fewest_slots: fewest, price }) {
  const cost = (point) => (price ? Number((point.slot_hours * price).toPrecision(5)) : Number(point.slot_hours.toPrecision(5)));
  return table('What each number of slots gives',
    ['slots', 'busy', 'waited', 'wait p50', 'p95', 'p99', 'response p50', 'p95', 'p99', 'estimate off by', 'ended after p90', price ? 'price' : 'slot-hours'],
    points.map((point) => [
      String(point.slots), share(point.busy), share(point.waited),
      ...['p50', 'p95', 'p99'].map((name) => seconds(point.wait_s[name])),
      ...['p50', 'p95', 'p99'].map((name) => seconds(point.response_s[name])),
      seconds(point.estimate_error_s), share(point.after_p90), String(cost(point)),
    ]), points.findIndex((point) => point.slots === fewest));
}

function capacityPage(capacity) {
  const { points, fewest_slots: fewest, goals, price } = capacity;
  const answer = goals.length === 0
    ? `The calls keep ${Number(capacity.load.toPrecision(4))} slots busy on average.`
    : fewest === null
      ? `No number of slots here reaches ${goals.join(' and ')}.`
      : `${plural(fewest, 'slot is', 'slots are')} the fewest with ${goals.join(' and ')}.`;
  document.getElementById('header').append(
    element('h1', {}, `Capacity for ${capacity.trace}`),
    element('p', { class: 'about' }, answer),
    ...capacity.trace_notes.map((note) => element('p', { class: 'note' }, note)),
    element('div', { class: 'command' }, element('pre', { tabindex: 0 }, capacity.command)));
  const quantiles = (key) => ['p50', 'p95', 'p99'].map((name) => ({ name, value: (point) => point[key][name], text: seconds }));
  const figures = (...some) => element('div', { class: 'figures' }, some);
  const times = section('times', 'Times', figures(
    slotsFigure(capacity, 'Response: from acceptance to the end', quantiles('response_s'), { title: 'seconds', log: true }),
    slotsFigure(capacity, 'Wait: from acceptance to the start', quantiles('wait_s'), { title: 'seconds', log: true })));
  const estimates = section('estimates', 'Estimates', figures(
    slotsFigure(capacity, 'Mean distance between the predicted median and the end',
      [{ name: 'distance', value: (point) => point.estimate_error_s, text: seconds }], { title: 'seconds', log: true }),
    slotsFigure(capacity, 'Calls that ended after the predicted 90th percentile: 10 % where forecasts are calibrated',
      [{ name: 'share of calls', value: (point) => point.after_p90 * 100, text: (value) => share(value / 100) }], { title: '%', log: false })));
  const cost = section('cost', 'Cost', figures(
    slotsFigure(capacity, price ? 'Price' : 'Slots times hours',
      [{ name: price ? 'price' : 'slot-hours', value: (point) => point.slot_hours * (price || 1), text: (value) => String(Number(value.toPrecision(5))) }], { title: price ? 'price' : 'slot-hours', log: false }),
    slotsFigure(capacity, 'Share of the time that a slot was busy',
      [{ name: 'busy', value: (point) => point.busy * 100, text: (value) => share(value / 100) }], { title: '%', log: false })));
  document.getElementById('main').replaceChildren(times, estimates, cost,
    section('points', 'All numbers', capacityTable(capacity)));
  document.getElementById('footer').append(element('h2', {}, 'About this page'),
    element('p', { class: 'note' }, 'The calls of the log were replayed in virtual time on the real execution core, with each number of slots. A dashed line marks the fewest slots that reach the goals.'));
}
