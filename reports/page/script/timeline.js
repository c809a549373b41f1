// The timeline of a case: a lane for each execution, on an axis of virtual time.

const ROW = 20;
// How each phase of an execution looks; the height tells them apart without the colour.
const PHASES = {
  waits: { text: 'waits', height: 3, fill: 'var(--muted)' },
  starts: { text: 'its instance starts', height: 9, fill: 'var(--band)' },
  runs: { text: 'runs', height: 13, fill: 'var(--accent)' },
};

// What an execution does, one phase after the other. What has not ended goes on until `end`.
function phasesOf(lane, end) {
  const phases = [];
  const add = (phase, from, to) => {
    if (to > from) phases.push({ phase, from, to });
  };
  let free = lane.accepted_ns;
  for (const attempt of lane.attempts) {
    const over = attempt.end_ns ?? end;
    add('waits', free, attempt.start_ns);
    add('starts', attempt.start_ns, attempt.running_ns ?? over);
    if (attempt.running_ns !== undefined) add('runs', attempt.running_ns, over);
    free = over;
  }
  add('waits', free, lane.ended_ns ?? end);
  return phases;
}

const estimateText = (lane) =>
  lane.eta_p50_ns === undefined ? '' : `${duration(lane.eta_p50_ns)} to ${duration(lane.eta_p90_ns)}`;

const endText = (lane) =>
  lane.ended_ns === undefined ? 'has not ended' : `${lane.outcome} at ${duration(lane.ended_ns)}`;

// The largest unit of which the span has at least ten.
const unitOf = (span) =>
  [[3600e9, 'h'], [1e9, 's'], [1e6, 'ms'], [1e3, 'µs']].find(([size]) => span >= 10 * size) ?? [1, 'ns'];

// The picture of the instants from `from` to `to`, as a specification for the plotting library.
function timelineSpec({ executions, faults }, end, [from, to], width) {
  const left = Math.min(170, width * 0.3);
  const inner = width - left - 16;
  const height = executions.length * ROW;
  const [size, unit] = unitOf(to - from);
  const middle = (i) => i * ROW + ROW / 2;
  const data = [];
  const marks = [];
  // A mark for each of the values; `encoding` gives what is not the same for all of them a field.
  const add = (type, values, encoding) => {
    const name = `set-${data.length}`;
    data.push({ name, values });
    marks.push({ type, from: { data: name }, encode: { enter: { tooltip: { field: 'tip' }, ...encoding } } });
  };
  const x = (field) => ({ scale: 'x', field });

  add('rule', faults.map(({ at_ns, text }) => ({ at: at_ns / size, tip: `${text} at ${duration(at_ns)}` })), {
    x: x('at'), y: { value: 0 }, y2: { value: height }, stroke: { value: 'var(--bad)' },
    strokeDash: { value: [4, 3] }, strokeWidth: { value: 1.5 },
  });
  add('rect', executions.flatMap((lane, i) => (lane.eta_p50_ns === undefined ? [] : [{
    from: lane.eta_p50_ns / size, to: lane.eta_p90_ns / size, y: middle(i) + 8,
    tip: `${lane.name}: estimated to end between ${estimateText(lane)} (p50 to p90); ${endText(lane)}`,
  }])), {
    x: x('from'), x2: x('to'), y: { field: 'y' }, height: { value: 3 }, fill: { value: 'var(--warn)' },
    stroke: { value: 'var(--warn)' },
  });
  for (const [phase, look] of Object.entries(PHASES)) {
    add('rect', executions.flatMap((lane, i) => phasesOf(lane, end).filter((one) => one.phase === phase).map((one) => ({
      from: one.from / size, to: one.to / size, y: middle(i) - look.height / 2,
      tip: `${lane.name}: ${look.text} from ${duration(one.from)} to ${duration(one.to)} (${duration(one.to - one.from)})`,
    }))), {
      x: x('from'), x2: x('to'), y: { field: 'y' }, height: { value: look.height }, fill: { value: look.fill },
      ...(phase === 'starts' ? { stroke: { value: 'var(--muted)' } } : {}),
    });
  }
  const point = (lane, i, at, tip, more = {}) => ({ at: at / size, y: middle(i), tip: `${lane.name}: ${tip}`, ...more });
  add('rule', executions.flatMap((lane, i) => (lane.deadline_ns === undefined ? []
    : [point(lane, i, lane.deadline_ns, `deadline at ${duration(lane.deadline_ns)}`)])), {
    x: x('at'), y: { field: 'y', offset: -9 }, y2: { field: 'y', offset: 9 }, stroke: { value: 'var(--bad)' },
    strokeWidth: { value: 2 },
  });
  add('symbol', executions.flatMap((lane, i) => lane.marks.map(({ at_ns, text }) =>
    point(lane, i, at_ns, `${text} at ${duration(at_ns)}`))), {
    x: x('at'), y: { field: 'y', offset: -6 }, shape: { value: 'triangle-down' }, size: { value: 60 },
    fill: { value: 'var(--warn)' }, stroke: { value: 'var(--page)' },
  });
  for (const good of [true, false]) {
    const ended = (lane) => lane.ended_ns !== undefined && (lane.outcome === 'COMPLETED') === good;
    add('symbol', executions.flatMap((lane, i) => (ended(lane) ? [point(lane, i, lane.ended_ns, endText(lane))] : [])), {
      x: x('at'), y: { field: 'y' }, shape: { value: good ? 'circle' : 'cross' }, size: { value: good ? 45 : 90 },
      angle: { value: good ? 0 : 45 }, fill: { value: good ? 'var(--good)' : 'var(--bad)' }, stroke: { value: 'var(--page)' },
    });
  }

  const names = executions.map((lane, i) => ({
    y: middle(i), text: lane.function ? `${lane.name} · ${lane.function}` : lane.name, tip: `${lane.name} ${lane.function ?? ''}`,
  }));
  const box = { x: { value: left }, y: { value: 4 }, width: { value: inner }, height: { value: height } };
  return {
    width, height: height + 46, padding: 0, autosize: 'none',
    data: [...data, { name: 'names', values: names }],
    scales: [{ name: 'x', type: 'linear', domain: [from / size, to / size], range: [0, inner], zero: false, nice: false }],
    marks: [
      {
        type: 'group', encode: { enter: box },
        axes: [{ orient: 'bottom', scale: 'x', grid: true, title: `virtual time, ${unit}`, tickCount: Math.max(2, Math.floor(inner / 90)), encode: LABELS }],
      },
      { type: 'group', encode: { enter: { ...box, clip: { value: true } } }, marks },
      {
        type: 'text', from: { data: 'names' },
        encode: { enter: {
          x: { value: left - 8 }, y: { field: 'y', offset: 4 }, align: { value: 'right' }, baseline: { value: 'middle' },
          text: { field: 'text' }, limit: { value: left - 12 }, fill: { value: 'var(--ink)' }, tooltip: { field: 'tip' },
        } },
      },
    ],
  };
}

// The last instant at which something happens. A deadline or an estimate that is far behind it would make
// everything else small; one can zoom out to it.
function lastInstants(timeline, one) {
  const known = (times) => times.filter((time) => time !== undefined);
  const happened = Math.max(1, one.time_ns, ...timeline.executions.flatMap((lane) =>
    known([lane.ended_ns, ...lane.attempts.map((attempt) => attempt.end_ns)])));
  const promised = Math.max(happened, ...timeline.executions.flatMap((lane) => known([lane.deadline_ns, lane.eta_p90_ns])));
  return { happened, all: promised <= 2 * happened ? promised : happened, furthest: promised };
}

function timelineTable(timeline, end) {
  const time = (lane, phase) => {
    const sum = phasesOf(lane, end).filter((one) => one.phase === phase).reduce((all, one) => all + one.to - one.from, 0);
    return sum > 0 ? duration(sum) : '';
  };
  return table('What each execution did',
    ['execution', 'function', 'accepted at', 'waited', 'started for', 'ran', 'attempts', 'end', 'estimated end (p50 to p90)', 'deadline', 'events'],
    timeline.executions.map((lane) => [
      lane.name, lane.function ?? '', duration(lane.accepted_ns), time(lane, 'waits'), time(lane, 'starts'), time(lane, 'runs'),
      whole(lane.attempts.length), endText(lane), estimateText(lane),
      lane.deadline_ns === undefined ? '' : duration(lane.deadline_ns),
      lane.marks.map(({ at_ns, text }) => `${text} at ${duration(at_ns)}`).join('; '),
    ]));
}

function timelineKey() {
  const key = (name, text) => element('span', { class: `key key-${name}` }, text);
  return element('p', { class: 'keys' },
    Object.entries(PHASES).map(([name, { text }]) => [key(name, text), ' ']),
    key('estimate', 'estimated end, p50 to p90'), ' ', key('deadline', 'deadline'), ' ', key('mark', 'cancel'), ' ',
    key('completed', 'COMPLETED'), ' ', key('other', 'another end'), ' ', key('fault', 'fault'));
}

// The picture with buttons that zoom and move; drawn when it comes into sight, and again when its width changes.
function timelinePicture(timeline, one) {
  const { all, furthest } = lastInstants(timeline, one);
  const wholeRun = [0, all * 1.02];
  let shown = wholeRun;
  const canvas = element('div', { class: 'plot', 'aria-hidden': 'true' });
  let view;
  const draw = () => {
    const width = Math.max(260, canvas.clientWidth);
    view?.finalize();
    view = picture(timelineSpec(timeline, Math.max(1, one.time_ns), shown, width), canvas);
    canvas.dataset.width = canvas.clientWidth;
  };
  const show = ([from, to]) => {
    const span = Math.min(Math.max(to - from, 10), furthest * 1.1);
    const start = Math.max(0, Math.min(from, furthest * 1.1 - span));
    shown = [start, start + span];
    draw();
  };
  // `factor` of the span around the point that lies at the share `around` of the picture.
  const zoom = (factor, around = 0.5) => {
    const [from, to] = shown;
    const fixed = from + (to - from) * around;
    show([fixed - (fixed - from) * factor, fixed + (to - fixed) * factor]);
  };
  const move = (share) => show(shown.map((time) => time + (shown[1] - shown[0]) * share));
  const button = (text, label, act) => {
    const made = element('button', { type: 'button', 'aria-label': label, title: label }, text);
    made.addEventListener('click', act);
    return made;
  };
  canvas.addEventListener('wheel', (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const { left, width } = canvas.getBoundingClientRect();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, Math.min(1, Math.max(0, (event.clientX - left) / width)));
  }, { passive: false });

  const watcher = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watcher.disconnect();
    draw();
  }, { rootMargin: '300px' });
  watcher.observe(canvas);
  new ResizeObserver(() => {
    if (canvas.dataset.width !== undefined && canvas.dataset.width !== String(canvas.clientWidth)) draw();
  }).observe(canvas);
  addEventListener('beforeprint', () => canvas.isConnected && canvas.dataset.width === undefined && draw());
  return [
    element('p', { class: 'zoom' },
      button('+', 'Zoom in', () => zoom(0.5)), ' ', button('−', 'Zoom out', () => zoom(2)), ' ',
      button('◀', 'Earlier', () => move(-0.5)), ' ', button('▶', 'Later', () => move(0.5)), ' ',
      button('whole run', 'Show the whole run', () => show(wholeRun)),
      element('span', { class: 'note' }, ' Ctrl and the wheel zoom too.')),
    timelineKey(), canvas,
  ];
}

function timelineOf(one) {
  const { timeline } = one;
  if (!timeline || timeline.executions.length === 0) return null;
  const made = folded(`Timeline of ${plural(timeline.executions.length, 'execution', 'executions')}`);
  const omitted = [
    [timeline.omitted_executions, 'further execution', 'further executions'],
    [timeline.omitted_faults, 'further fault', 'further faults'],
  ].filter(([count]) => count > 0).map(([count, single, several]) => plural(count, single, several));
  const fill = () => made.append(
    ...timelinePicture(timeline, one),
    ...(omitted.length > 0 ? [element('p', { class: 'note' }, `Not shown: ${omitted.join(' and ')}.`)] : []),
    folded('As a table', timelineTable(timeline, Math.max(1, one.time_ns)),
      timeline.faults.length > 0
        ? table('Faults', ['fault', 'at'], timeline.faults.map(({ at_ns, text }) => [text, duration(at_ns)]))
        : null));
  made.classList.add('timeline');
  made.addEventListener('toggle', () => made.open && made.childElementCount === 1 && fill());
  made.open = true;
  return made;
}
