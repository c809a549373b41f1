// Parts of the pictures' Vega specifications. An estimator's name never becomes part of an expression, and
// colours are properties of the style sheet.

const LEFT = 46;
// Room for half the label of the last tick.
const RIGHT = 22;
const TOP = 10;
const BOTTOM = 40;

const at = (field, scale = field) => ({ scale, field });
const fixed = (value, scale) => ({ scale, value });

// A plot with its own scales and axes, as a group.
function panel({
  x = LEFT,
  y = TOP,
  width,
  height,
  xs,
  ys,
  xTitle,
  yTitle,
  data = [],
  marks,
  xAxis = true,
  yAxis = true,
}) {
  const axes = [];
  if (yAxis) {
    axes.push({
      orient: 'left',
      scale: 'y',
      values: ys.values,
      encode: LABELS,
      grid: true,
      gridScale: 'x',
      domain: false,
      ticks: false,
      title: yTitle ?? null,
      titleAngle: 0,
      titleAlign: 'left',
      titleX: -LEFT + 6,
      titleY: -10,
      titleBaseline: 'bottom',
    });
  }
  if (xAxis) {
    axes.push({
      orient: 'bottom',
      scale: 'x',
      values: xs.values,
      encode: LABELS,
      title: xTitle ?? null,
    });
  }
  return {
    type: 'group',
    encode: {
      enter: {
        x: { value: x },
        y: { value: y },
        width: { value: width },
        height: { value: height },
      },
    },
    data,
    scales: [
      {
        name: 'x',
        type: xs.type,
        domain: xs.domain,
        range: [0, width],
        zero: false,
        nice: false,
      },
      {
        name: 'y',
        type: ys.type,
        domain: ys.domain,
        range: [height, 0],
        zero: false,
        nice: false,
      },
    ],
    axes,
    marks,
  };
}

const whole = (width, height, marks) => ({ width, height, padding: 0, autosize: 'none', marks });

const plotWidth = (width) => width - LEFT - RIGHT;

// Names of data sets must be unique within a picture.
let serial = 0;
const data = (values) => ({ name: `d${++serial}`, values });

const rule = (encode) => ({
  type: 'rule',
  interactive: false,
  encode: { enter: { stroke: { value: 'var(--muted)' }, strokeWidth: { value: 1 }, ...encode } },
});

const level = (y, width) =>
  rule({
    y: fixed(y, 'y'),
    x: { value: 0 },
    x2: { value: width },
    strokeDash: { value: [2, 3] },
  });

// The oracle's line is broad and pale, so that a line on top of it stays visible.
const line = (set, look, dash = []) => ({
  type: 'line',
  from: { data: set.name },
  interactive: false,
  encode: {
    enter: {
      x: at('x'),
      y: at('y'),
      stroke: { value: look.colour },
      strokeWidth: { value: look.kind === 'oracle' ? 6 : 1.8 },
      strokeOpacity: { value: look.kind === 'oracle' ? 0.25 : 1 },
      strokeDash: { value: look.kind === 'oracle' ? [] : dash },
      strokeJoin: { value: 'round' },
      defined: { field: 'defined' },
    },
  },
});

const band = (set, look) => ({
  type: 'area',
  from: { data: set.name },
  interactive: false,
  encode: {
    enter: {
      x: at('x'),
      y: at('low', 'y'),
      y2: at('high', 'y'),
      fill: { value: look.colour },
      fillOpacity: { value: 0.16 },
      defined: { field: 'banded' },
    },
  },
});

const dots = (set, look, size = 26, more = {}) => ({
  type: 'symbol',
  from: { data: set.name },
  encode: {
    enter: {
      x: at('x'),
      y: at('y'),
      shape: { value: look.shape },
      size: { value: size },
      fill: { value: look.colour },
      tooltip: { field: 'tip' },
      ...more,
    },
  },
});

const text = (value, encode) => ({
  type: 'text',
  interactive: false,
  encode: { enter: { text: { value }, ...encode } },
});
