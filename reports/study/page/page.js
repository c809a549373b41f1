// Draws the pictures of a study's page. The text, the tables and the places for the pictures are in the page
// already; the numbers are in its JSON. A picture is a Vega specification that is made from them here: scales
// are worked out in full, names never become part of an expression, and colours are the style's properties.
'use strict';

(() => {
  const modules = globalThis.vegaModules;
  const study = JSON.parse(document.getElementById('study').textContent);
  if (study === null) return;

  const { transforms } = modules['vega-dataflow'];
  for (const name of ['vega-transforms', 'vega-view-transforms', 'vega-encode']) {
    Object.assign(transforms, modules[name]);
  }

  // -- Estimators -------------------------------------------------------------------------------------

  const SHAPES = ['circle', 'square', 'diamond', 'triangle-up', 'cross', 'triangle-down'];

  // By name, in the legend's order: the box, and how its marks look in every picture.
  const series = new Map();
  for (const box of document.querySelectorAll('.legend input')) {
    series.set(box.dataset.estimator, {
      name: box.dataset.estimator,
      kind: box.dataset.series,
      box,
      colour: `var(--${box.dataset.series})`,
      shape: SHAPES[series.size % SHAPES.length],
    });
  }

  // The estimators of a workload that are to be shown, each with its look.
  const shown = (workload) => workload.estimators
    .filter((result) => series.get(result.name)?.box.checked)
    .map((result) => ({ ...result, look: series.get(result.name) }));

  // As they are painted: the oracle at the bottom, the default on top of all.
  const layered = (results) => {
    const layer = ({ look: { kind } }) => (kind === 'oracle' ? 0 : kind === 'default' ? 2 : 1);
    return [...results].sort((a, b) => layer(a) - layer(b));
  };

  // -- Numbers ----------------------------------------------------------------------------------------

  const known = (...values) => values.every((value) => Number.isFinite(value));

  const short = (value) => String(Number(value.toPrecision(3)));

  function seconds(value) {
    const size = Math.abs(value);
    if (size >= 1 || size === 0) return `${short(value)} s`;
    if (size >= 1e-3) return `${short(value * 1e3)} ms`;
    return size >= 1e-6 ? `${short(value * 1e6)} µs` : `${short(value * 1e9)} ns`;
  }

  // Ticks at round numbers, and a domain that holds low and high.
  function linear(low, high, count = 5) {
    if (high <= low) [low, high] = [low - 1, high + 1];
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
    const values = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i) {
      values.push(Number((i * step).toPrecision(12)));
    }
    return { type: 'linear', domain: [low, high], values };
  }

  // Ticks at 1, 2 and 5, or at powers of ten where those are too many.
  function logarithmic(low, high, most = 8) {
    let values = [];
    for (const factors of [[1, 2, 5], [1, 3], [1]]) {
      values = [];
      for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); ++power) {
        for (const factor of factors) {
          const value = Number((factor * 10 ** power).toPrecision(12));
          if (value >= low * 0.999 && value <= high * 1.001) values.push(value);
        }
      }
      if (values.length <= most) break;
    }
    return { type: 'log', domain: [low, high], values };
  }

  // For queues: zero is common, and so are hundreds.
  function queue(points) {
    const high = Math.max(1, ...points.map((point) => point.x));
    if (high <= 12) return linear(0, high);
    return { ...logarithmic(1, high, 7), type: 'symlog', domain: [0, high], values: [0, ...logarithmic(1, high, 6).values] };
  }

  const padded = (scale, share = 0.06) => {
    const [low, high] = scale.domain;
    if (scale.type === 'log') {
      const factor = (high / low) ** share;
      return { ...scale, domain: [low / factor, high * factor] };
    }
    const more = (high - low) * share;
    return { ...scale, domain: [low - more, high + more] };
  };

  // -- Parts of a specification -----------------------------------------------------------------------

  const LEFT = 46;
  const RIGHT = 14;
  const TOP = 10;
  const BOTTOM = 40;

  const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif';
  const CONFIG = {
    background: null,
    aria: false,
    text: { font: FONT, fontSize: 11, fill: 'var(--muted)' },
    axis: {
      labelFont: FONT,
      titleFont: FONT,
      labelFontSize: 11,
      titleFontSize: 11.5,
      titleFontWeight: 'normal',
      labelColor: 'var(--muted)',
      titleColor: 'var(--muted)',
      domainColor: 'var(--line)',
      tickColor: 'var(--line)',
      gridColor: 'var(--grid)',
      labelOverlap: true,
      labelPadding: 4,
      titlePadding: 7,
    },
  };

  // As they are: the library's own formats turn 100 into 1e+2 beside 20.
  const LABELS = { labels: { update: { text: { signal: "format(datum.value, ',~r')" } } } };

  const at = (field, scale = field) => ({ scale, field });
  const fixed = (value, scale) => ({ scale, value });

  // A plot with its own scales and axes, as a group.
  function panel({ x = LEFT, y = TOP, width, height, xs, ys, xTitle, yTitle, data = [], marks, xAxis = true, yAxis = true }) {
    const axes = [];
    if (yAxis) {
      axes.push({ orient: 'left', scale: 'y', values: ys.values, encode: LABELS, grid: true, gridScale: 'x', domain: false, ticks: false, title: yTitle ?? null, titleAngle: 0, titleAlign: 'left', titleX: -LEFT + 6, titleY: -10, titleBaseline: 'bottom' });
    }
    if (xAxis) {
      axes.push({ orient: 'bottom', scale: 'x', values: xs.values, encode: LABELS, labelFlush: 16, title: xTitle ?? null });
    }
    return {
      type: 'group',
      encode: { enter: { x: { value: x }, y: { value: y }, width: { value: width }, height: { value: height } } },
      data,
      scales: [
        { name: 'x', type: xs.type, domain: xs.domain, range: [0, width], zero: false, nice: false },
        { name: 'y', type: ys.type, domain: ys.domain, range: [height, 0], zero: false, nice: false },
      ],
      axes,
      marks,
    };
  }

  const whole = (width, height, marks) => ({ width, height, padding: 0, autosize: 'none', marks });

  const plotWidth = (width) => width - LEFT - RIGHT;

  // Names of data sets need only differ within a picture.
  let serial = 0;
  const data = (values) => ({ name: `d${++serial}`, values });

  const rule = (encode) => ({
    type: 'rule',
    interactive: false,
    encode: { enter: { stroke: { value: 'var(--muted)' }, strokeWidth: { value: 1 }, ...encode } },
  });

  const level = (y, width) => rule({
    y: fixed(y, 'y'), x: { value: 0 }, x2: { value: width }, strokeDash: { value: [2, 3] },
  });

  // The oracle's is broad and pale, so that a line that keeps to it stays visible upon it.
  const line = (set, look, dash = []) => ({
    type: 'line',
    from: { data: set.name },
    interactive: false,
    encode: {
      enter: {
        x: at('x'), y: at('y'), stroke: { value: look.colour },
        strokeWidth: { value: look.kind === 'oracle' ? 6 : 1.8 }, strokeOpacity: { value: look.kind === 'oracle' ? 0.25 : 1 },
        strokeDash: { value: look.kind === 'oracle' ? [] : dash }, strokeJoin: { value: 'round' }, defined: { field: 'defined' },
      },
    },
  });

  const band = (set, look) => ({
    type: 'area',
    from: { data: set.name },
    interactive: false,
    encode: {
      enter: {
        x: at('x'), y: at('low', 'y'), y2: at('high', 'y'), fill: { value: look.colour }, fillOpacity: { value: 0.16 },
        defined: { field: 'banded' },
      },
    },
  });

  const dots = (set, look, size = 26, more = {}) => ({
    type: 'symbol',
    from: { data: set.name },
    encode: {
      enter: {
        x: at('x'), y: at('y'), shape: { value: look.shape }, size: { value: size }, fill: { value: look.colour },
        tooltip: { field: 'tip' }, ...more,
      },
    },
  });

  const text = (value, encode) => ({ type: 'text', interactive: false, encode: { enter: { text: { value }, ...encode } } });

  // -- The pictures: each takes a workload, what to show of it, and a width; null if there is nothing ----

  function reliability(workload, results, width) {
    const sets = layered(results).map((result) => {
      const points = result.terminal.coverage.slice(0, study.levels.length).map((coverage, i) => ({
        x: study.levels[i] * 100,
        y: coverage.value * 100,
        low: coverage.low * 100,
        high: coverage.high * 100,
        banded: known(coverage.low, coverage.high) && coverage.low !== null,
        defined: true,
        tip: `${result.name}\n${short(study.levels[i] * 100)} % quantile covers ${short(coverage.value * 100)} %`
          + (coverage.low === null ? '' : ` [${short(coverage.low * 100)}, ${short(coverage.high * 100)}]`),
        known: coverage.value !== null,
      })).filter((point) => point.known);
      return { look: result.look, points };
    }).filter(({ points }) => points.length > 0);
    if (sets.length === 0) return null;

    const inner = plotWidth(width);
    const height = Math.min(inner, 250);
    const xs = { type: 'linear', domain: [0, 100], values: [0, 20, 40, 60, 80, 100] };
    const diagonal = rule({
      x: fixed(0, 'x'), y: fixed(0, 'y'), x2: fixed(100, 'x'), y2: fixed(100, 'y'), strokeDash: { value: [2, 3] },
    });
    const marksOf = (shift) => {
      const own = sets.map(({ look, points }) => ({ look, set: data(points.map((point) => shift(point))) }));
      return {
        data: own.map(({ set }) => set),
        marks: [
          ...own.map(({ set, look }) => band(set, look)),
          ...own.map(({ set, look }) => line(set, look)),
          ...own.map(({ set, look }) => dots(set, look, 20)),
        ],
      };
    };
    const main = marksOf((point) => point);
    const difference = marksOf((point) => ({
      ...point, y: point.y - point.x, low: point.low - point.x, high: point.high - point.x,
    }));
    const ends = difference.data.flatMap(({ values }) => values.flatMap((point) => (point.banded ? [point.low, point.high] : [point.y])));
    const reach = Math.max(1, ...ends.map(Math.abs)) * 1.08;
    return whole(width, TOP + 18 + height + 52 + 100 + BOTTOM, [
      panel({
        y: TOP + 18, width: inner, height, xs, ys: { ...xs }, yTitle: 'coverage, %', xAxis: true,
        data: main.data, marks: [diagonal, ...main.marks],
      }),
      panel({
        y: TOP + 18 + height + 52, width: inner, height: 100, xs, ys: linear(-reach, reach, 4),
        xTitle: 'predicted quantile, %', yTitle: 'coverage less level, pp',
        data: difference.data, marks: [level(0, inner), ...difference.marks],
      }),
    ]);
  }

  function pit(workload, results, width) {
    const own = results.filter((result) => result.pit.bins.length > 0);
    if (own.length === 0) return null;
    const columns = own.length === 1 ? 1 : width > 560 ? 3 : 2;
    const gap = 16;
    const inner = (plotWidth(width) - gap * (columns - 1)) / columns;
    const height = columns === 1 ? 220 : 118;
    const top = Math.max(...own.flatMap(({ pit: { bins, null_high: high } }) => [...bins, high])) * 105;
    const ys = linear(0, top, 3);
    const rows = Math.ceil(own.length / columns);
    const groups = own.map((result, i) => {
      const { bins, null_low: low, null_high: high } = result.pit;
      const column = i % columns;
      const set = data(bins.map((share, bin) => ({
        left: bin / bins.length,
        right: (bin + 1) / bins.length,
        y: share * 100,
        tip: `${result.name}\nbin ${bin + 1} of ${bins.length}: ${short(share * 100)} %\n`
          + (low !== null && high !== null ? `band ${short(low * 100)} to ${short(high * 100)} %` : ''),
      })));
      const banded = low !== null && high !== null;
      const marks = [{
        type: 'rect',
        from: { data: set.name },
        encode: {
          enter: {
            x: { scale: 'x', field: 'left', offset: 0.5 }, x2: { scale: 'x', field: 'right', offset: -0.5 },
            y: at('y'), y2: fixed(0, 'y'), fill: { value: result.look.colour }, fillOpacity: { value: 0.7 },
            tooltip: { field: 'tip' },
          },
        },
      }];
      if (banded) {
        marks.unshift({
          type: 'rect',
          interactive: false,
          encode: {
            enter: {
              x: { value: 0 }, x2: { value: inner }, y: fixed(high * 100, 'y'), y2: fixed(low * 100, 'y'),
              fill: { value: 'var(--band)' },
            },
          },
        });
        for (const edge of [low, high]) {
          marks.push(rule({ x: { value: 0 }, x2: { value: inner }, y: fixed(edge * 100, 'y'), stroke: { value: 'var(--ink)' }, strokeWidth: { value: 0.8 } }));
        }
      }
      marks.push(text(result.name, {
        x: { value: 0 }, y: { value: -5 }, limit: { value: inner }, fill: { value: 'var(--ink)' }, fontSize: { value: 11.5 },
      }));
      return panel({
        x: LEFT + column * (inner + gap),
        y: 34 + Math.floor(i / columns) * (height + 52),
        width: inner, height, ys, data: [set], marks,
        xs: { type: 'linear', domain: [0, 1], values: [0, 0.5, 1] },
        yAxis: column === 0,
        xTitle: i >= own.length - columns ? 'PIT' : undefined,
      });
    });
    return whole(width, 34 + rows * (height + 52) - 12, [
      text('share, %', { x: { value: 6 }, y: { value: 12 }, fontSize: { value: 11.5 } }), ...groups,
    ]);
  }

  // Bars from 1, in rows; each row may hold several.
  function ratios(workload, results, width) {
    const blocks = [];
    const bar = (result, ratio) => ({ look: result.look, ratio: ratio.ratio, tip: `${result.name} / ${ratio.to}` });
    const toOracle = results
      .filter((result) => result.role !== 'oracle' && known(result.to_oracle.ratio.value) && result.to_oracle.ratio.value !== null)
      .map((result) => ({ name: result.name, bars: [bar(result, result.to_oracle)] }));
    if (toOracle.length > 0) blocks.push({ title: 'loss / oracle’s', rows: toOracle });
    const judged = results.filter((result) => result.role === 'estimator');
    const baselines = [...new Set(judged.flatMap((result) => result.to_baselines.map(({ to }) => to)))];
    const toBaselines = baselines.map((name) => ({
      name,
      bars: judged.flatMap((result) => result.to_baselines
        .filter(({ to, ratio }) => to === name && ratio.value !== null)
        .map((ratio) => bar(result, ratio))),
    })).filter(({ bars }) => bars.length > 0);
    if (toBaselines.length > 0) blocks.push({ title: 'loss / the baseline’s', rows: toBaselines });
    if (blocks.length === 0) return null;

    const left = Math.min(150, width * 0.34);
    const inner = width - left - 56;
    const marks = [];
    let y = TOP;
    for (const { title, rows } of blocks) {
      const ends = rows.flatMap(({ bars }) => bars.flatMap(({ ratio }) => [ratio.value, ratio.low ?? ratio.value, ratio.high ?? ratio.value]));
      const low = Math.max(1e-3, Math.min(1, ...ends));
      const high = Math.max(1, ...ends);
      const xs = padded(high / low > 1.6 ? logarithmic(low, high, inner > 260 ? 7 : 5) : linear(low, high, 4), 0.03);
      const thickness = 13;
      const spots = [];
      let height = 4;
      for (const row of rows) {
        spots.push({ name: row.name, middle: height + 3 + (row.bars.length * thickness) / 2 });
        for (const b of row.bars) {
          b.y = height + 3 + thickness / 2;
          height += thickness;
        }
        height += 9;
      }
      const inside = [
        rule({ x: fixed(1, 'x'), y: { value: 0 }, y2: { value: height }, stroke: { value: 'var(--ink)' } }),
        ...spots.map(({ name, middle }) => text(name, {
          x: { value: -8 }, y: { value: middle }, align: { value: 'right' }, baseline: { value: 'middle' },
          limit: { value: left - 12 }, fill: { value: 'var(--ink)' },
        })),
      ];
      const sets = [];
      for (const { bars } of rows) {
        for (const { look, ratio, tip, y: middle } of bars) {
          const whiskers = ratio.low !== null && ratio.high !== null;
          const set = data([{
            value: ratio.value,
            low: ratio.low,
            high: ratio.high,
            label: ratio.value < 10 ? ratio.value.toFixed(3) : short(ratio.value),
            end: whiskers ? Math.max(ratio.high, 1) : Math.max(ratio.value, 1),
            tip: `${tip}: ${ratio.value.toFixed(3)}${whiskers ? ` [${ratio.low.toFixed(3)}, ${ratio.high.toFixed(3)}]` : ''}`,
          }]);
          sets.push(set);
          inside.push({
            type: 'rect',
            from: { data: set.name },
            encode: {
              enter: {
                x: fixed(1, 'x'), x2: { scale: 'x', field: 'value' }, y: { value: middle - 4.5 }, height: { value: 9 },
                fill: { value: look.colour }, fillOpacity: { value: 0.8 }, tooltip: { field: 'tip' },
              },
            },
          });
          if (whiskers) {
            inside.push({
              type: 'rule',
              from: { data: set.name },
              interactive: false,
              encode: {
                enter: {
                  x: { scale: 'x', field: 'low' }, x2: { scale: 'x', field: 'high' }, y: { value: middle },
                  stroke: { value: 'var(--ink)' }, strokeWidth: { value: 1.6 },
                },
              },
            });
          }
          inside.push({
            type: 'text',
            from: { data: set.name },
            interactive: false,
            encode: {
              enter: {
                text: { field: 'label' }, x: { scale: 'x', field: 'end', offset: 5 }, y: { value: middle },
                baseline: { value: 'middle' }, fill: { value: 'var(--ink)' },
              },
            },
          });
        }
      }
      marks.push(panel({
        x: left, y, width: inner, height, xs, ys: { type: 'linear', domain: [0, 1], values: [] },
        yAxis: false, xTitle: title, data: sets, marks: inside,
      }));
      y += height + 50;
    }
    return whole(width, y, marks);
  }

  function sharpness(workload, results, width) {
    const points = results
      .filter((result) => result.width_80 !== null && result.worst_coverage_error.value !== null)
      .map((result) => ({
        look: result.look,
        x: result.worst_coverage_error.value * 100,
        low: result.worst_coverage_error.low === null ? null : result.worst_coverage_error.low * 100,
        high: result.worst_coverage_error.high === null ? null : result.worst_coverage_error.high * 100,
        y: result.width_80,
        name: result.name,
        tip: `${result.name}\n80 % interval ${seconds(result.width_80)} wide\nworst coverage error ${short(result.worst_coverage_error.value * 100)} pp`,
      }));
    if (points.length === 0) return null;
    const inner = plotWidth(width);
    const height = 250;
    const right = Math.max(0.5, ...points.map((point) => Math.max(point.x, point.high ?? 0)));
    const xs = { ...linear(0, right * 1.08), domain: [-right * 0.03, right * 1.08] };
    const widths = points.map(({ y }) => y);
    const wide = Math.max(...widths);
    const narrow = Math.min(...widths);
    const ys = narrow > 0 && wide / narrow > 20
      ? padded(logarithmic(narrow, wide, 6))
      : linear(0, wide > 0 ? wide * 1.12 : 1);
    const sets = [];
    const marks = [];
    for (const point of points) {
      const set = data([{ x: point.x, y: point.y, low: point.low, high: point.high, tip: point.tip }]);
      sets.push(set);
      if (point.low !== null && point.high !== null) {
        marks.push({
          type: 'rule',
          from: { data: set.name },
          interactive: false,
          encode: {
            enter: {
              x: { scale: 'x', field: 'low' }, x2: { scale: 'x', field: 'high' }, y: at('y'),
              stroke: { value: point.look.colour }, strokeWidth: { value: 1.5 },
            },
          },
        });
      }
      marks.push(dots(set, point.look, 90));
    }
    for (const place of labelled(points, xs, ys, inner, height)) marks.push(text(...place));
    return whole(width, TOP + 18 + height + BOTTOM, [panel({
      y: TOP + 18, width: inner, height, xs, ys, xTitle: 'worst coverage error, pp', yTitle: 'mean width of the 80 % interval, s',
      data: sets, marks,
    })]);
  }

  // The points' names, each at the first place around its point where it covers no point and no other name.
  function labelled(points, xs, ys, width, height) {
    const share = (scale, value) => {
      const [from, to] = scale.domain;
      return scale.type === 'log' ? Math.log(value / from) / Math.log(to / from) : (value - from) / (to - from);
    };
    const limit = width * 0.45;
    const spots = points.map(({ x, y, name }) => ({
      name, x: share(xs, x) * width, y: (1 - share(ys, y)) * height, size: Math.min(limit, name.length * 6.4),
    }));
    const taken = spots.map(({ x, y }) => ({ left: x - 6, right: x + 6, top: y - 6, bottom: y + 6 }));
    const around = [];
    for (const dy of [0, -14, 14, -27, 27, -40, 40]) {
      for (const align of ['left', 'right']) around.push({ dy, align });
    }
    return spots.map(({ name, x, y, size }) => {
      const boxes = around.map(({ dy, align }) => {
        const left = align === 'left' ? x + 9 : x - 9 - size;
        return { left, right: left + size, top: y + dy - 6, bottom: y + dy + 6, align, middle: y + dy };
      });
      const inside = boxes.filter((box) => box.left >= -4 && box.right <= width + RIGHT && box.top >= 0 && box.bottom <= height);
      const free = inside.find((box) => !taken.some((other) => box.left < other.right && other.left < box.right
        && box.top < other.bottom && other.top < box.bottom));
      const box = free ?? inside[0] ?? boxes[0];
      taken.push(box);
      return [name, {
        x: { value: box.align === 'left' ? box.left : box.right }, y: { value: box.middle }, align: { value: box.align },
        baseline: { value: 'middle' }, limit: { value: limit }, fill: { value: 'var(--ink)' },
      }];
    });
  }

  // Coverage at 90 % (solid) and 50 % (dashed) along x.
  function coverage(results, width, { curves: [at50, at90], xsOf, xTitle, what, extra = () => [] }) {
    const own = layered(results).flatMap((result) => [[at50, 50, [5, 4]], [at90, 90, []]].map(([key, nominal, dash]) => ({
      look: result.look,
      dash,
      points: result.curves[key].filter(([x, y]) => x !== null && y !== null).map(([x, y]) => ({
        x, y: y * 100, defined: true, tip: `${result.name}\n${what} ${short(x)}: ${nominal} % quantile covers ${short(y * 100)} %`,
      })),
    }))).filter(({ points }) => points.length > 0);
    if (own.length === 0) return null;
    const inner = plotWidth(width);
    const height = 250;
    const all = own.flatMap(({ points }) => points);
    const low = Math.max(0, Math.min(40, ...all.map(({ y }) => y)) - 3);
    const sets = own.map(({ points }) => data(points));
    return whole(width, TOP + 18 + height + BOTTOM, [panel({
      y: TOP + 18, width: inner, height, xs: xsOf(all), ys: linear(low, 100), xTitle, yTitle: 'coverage, %', data: sets,
      marks: [
        level(90, inner), level(50, inner), ...extra(height),
        ...own.map(({ look, dash }, i) => line(sets[i], look, dash)),
        ...own.map(({ look }, i) => dots(sets[i], look, sets[i].values.length > 40 ? 6 : 16)),
      ],
    })]);
  }

  const depth = (workload, results, width) => coverage(results, width, {
    curves: ['coverage_50_by_depth', 'coverage_90_by_depth'],
    xsOf: queue,
    xTitle: 'executions waiting when it was accepted',
    what: 'queue',
  });

  const rolling = (workload, results, width) => coverage(results, width, {
    curves: ['rolling_50', 'rolling_90'],
    xsOf: (points) => linear(0, Math.max(...points.map(({ x }) => x)), width < 360 ? 4 : 6),
    xTitle: 'arrival',
    what: 'arrival',
    extra: (height) => workload.changes.filter((change) => change !== null).flatMap((change) => [
      rule({ x: fixed(change, 'x'), y: { value: 0 }, y2: { value: height }, stroke: { value: 'var(--ink)' }, strokeWidth: { value: 1.2 } }),
      text('change', {
        x: { scale: 'x', value: change, offset: 4 }, y: { value: height - 6 }, fill: { value: 'var(--ink)' },
      }),
    ]),
  });

  function scatter(workload, results, width) {
    const own = layered(results).map((result) => ({
      look: result.look,
      points: result.curves.actual_by_p50.filter(([x, y]) => x !== null && y !== null).map(([x, y]) => ({
        x, y, tip: `${result.name}\np50 ${seconds(x)}, actual ${seconds(y)}`,
      })),
    })).filter(({ points }) => points.length > 0);
    if (own.length === 0) return null;
    const inner = plotWidth(width);
    const height = Math.min(inner, 300);
    const values = own.flatMap(({ points }) => points.flatMap(({ x, y }) => [x, y]));
    const low = Math.min(...values);
    const high = Math.max(...values);
    const scale = low > 0 && high / low > 30 ? padded(logarithmic(low, high, 7), 0.02) : linear(Math.min(0, low), high * 1.03);
    const sets = own.map(({ points }) => data(points));
    const [from, to] = scale.domain;
    return whole(width, TOP + 18 + height + BOTTOM, [panel({
      y: TOP + 18, width: inner, height, xs: scale, ys: scale, xTitle: 'predicted p50, s', yTitle: 'actual, s', data: sets,
      marks: [
        ...own.map(({ look }, i) => dots(sets[i], look, 18, { fillOpacity: { value: 0.45 } })),
        rule({ x: fixed(from, 'x'), y: fixed(from, 'y'), x2: fixed(to, 'x'), y2: fixed(to, 'y'), stroke: { value: 'var(--ink)' }, strokeDash: { value: [4, 3] } }),
      ],
    })]);
  }

  function cost(workload, results, width) {
    const own = layered(results).map((result) => {
      const found = study.costs.find((entry) => entry.workload === workload.name && entry.estimator === result.name);
      return {
        look: result.look,
        points: (found?.by_depth ?? []).filter(([x, y]) => x !== null && y > 0).map(([x, y]) => ({
          x, y: y / 1000, defined: true, tip: `${result.name}\n${short(x)} waiting: ${seconds(y * 1e-9)}`,
        })),
      };
    }).filter(({ points }) => points.length > 0);
    if (own.length === 0) return null;
    const inner = plotWidth(width);
    const height = 250;
    const all = own.flatMap(({ points }) => points);
    const values = all.map(({ y }) => y);
    const sets = own.map(({ points }) => data(points));
    return whole(width, TOP + 18 + height + BOTTOM, [panel({
      y: TOP + 18, width: inner, height, xs: queue(all), ys: padded(logarithmic(Math.min(...values), Math.max(...values), 7)),
      xTitle: 'executions waiting', yTitle: 'time of a prediction, µs', data: sets,
      marks: [
        ...own.map(({ look }, i) => line(sets[i], look)),
        ...own.map(({ look }, i) => dots(sets[i], look, 24)),
      ],
    })]);
  }

  const CHARTS = { reliability, pit, ratios, sharpness, depth, rolling, scatter, cost };
  // These name their estimators themselves.
  const NAMED = new Set(['pit', 'sharpness']);

  // -- Tooltips ---------------------------------------------------------------------------------------

  const tip = document.createElement('div');
  tip.className = 'tip';
  tip.hidden = true;
  document.body.append(tip);

  function showTip(handler, event, item, value) {
    tip.hidden = value === null || value === undefined || value === '';
    if (tip.hidden) return;
    tip.textContent = String(value);
    const { clientWidth, scrollLeft, scrollTop } = document.documentElement;
    const left = Math.min(event.clientX + 14, clientWidth - tip.offsetWidth - 6);
    tip.style.left = `${Math.max(6, left) + scrollLeft}px`;
    tip.style.top = `${event.clientY + 16 + scrollTop}px`;
  }

  // -- Drawing ----------------------------------------------------------------------------------------

  const plots = [...document.querySelectorAll('figure[data-chart]')].map((figure) => ({
    kind: figure.dataset.chart,
    workload: study.workloads[Number(figure.dataset.workload)],
    place: figure.querySelector('.plot'),
    width: 0,
    view: null,
    stale: true,
  }));

  // Nothing is ever fetched.
  const loader = {
    load: () => Promise.reject(new Error('this page loads nothing')),
    sanitize: () => Promise.reject(new Error('this page loads nothing')),
  };

  function keys(results) {
    const list = document.createElement('p');
    list.className = 'keys';
    for (const { name, look } of results) {
      const key = document.createElement('span');
      key.className = `name series ${look.kind}`;
      key.textContent = name;
      list.append(key, ' ');
    }
    return list;
  }

  function draw(plot) {
    plot.stale = false;
    plot.width = plot.place.clientWidth;
    plot.view?.finalize();
    plot.view = null;
    const results = shown(plot.workload);
    const spec = CHARTS[plot.kind](plot.workload, results, Math.max(plot.width, 240));
    const canvas = document.createElement('div');
    // The place has a text that says more than a list of marks.
    canvas.setAttribute('aria-hidden', 'true');
    if (spec === null) {
      canvas.removeAttribute('aria-hidden');
      canvas.className = 'empty';
      canvas.textContent = 'None of the estimators shown has this.';
      plot.place.replaceChildren(canvas);
      return;
    }
    plot.place.replaceChildren(...(NAMED.has(plot.kind) ? [] : [keys(results)]), canvas);
    const runtime = modules['vega-parser'].parse(spec, CONFIG, { ast: true });
    plot.view = new modules['vega-view'].View(runtime, {
      container: canvas,
      renderer: 'svg',
      loader,
      hover: true,
      tooltip: showTip,
      expr: modules['vega-interpreter'].expressionInterpreter,
      logLevel: 1,
    });
    plot.view.run();
  }

  function drawStale() {
    for (const plot of plots) if (plot.stale) draw(plot);
  }

  // A few at a time, so that the page answers while it draws; in the order of the page.
  let timer = 0;
  function drawSoon() {
    clearTimeout(timer);
    timer = setTimeout(function some() {
      const until = performance.now() + 30;
      for (const plot of plots) {
        if (plot.stale) draw(plot);
        if (performance.now() > until) break;
      }
      if (plots.some(({ stale }) => stale)) timer = setTimeout(some, 0);
      else document.documentElement.dataset.drawn = 'all';
    }, 0);
  }

  function redraw() {
    delete document.documentElement.dataset.drawn;
    for (const plot of plots) plot.stale = true;
    drawSoon();
  }

  for (const { box } of series.values()) box.addEventListener('change', redraw);

  let resizing = 0;
  addEventListener('resize', () => {
    clearTimeout(resizing);
    resizing = setTimeout(() => {
      if (plots.some((plot) => plot.place.clientWidth !== plot.width)) redraw();
    }, 150);
  });
  addEventListener('beforeprint', drawStale);

  // The navigation shows where the reader is.
  const links = new Map([...document.querySelectorAll('nav a')].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) links.get(target.id)?.classList.toggle('here', isIntersecting);
  }, { rootMargin: '-20% 0px -70% 0px' });
  for (const section of document.querySelectorAll('main > section')) seen.observe(section);

  // On a phone the long list of estimators would stand before the results.
  if (matchMedia('(max-width: 900px)').matches) document.querySelector('.legend').open = false;

  drawSoon();
})();
