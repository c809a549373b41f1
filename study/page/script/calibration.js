// Reliability and the PIT histogram. As all pictures, they take a workload, the results to show and a width,
// and return a Vega specification, or null if there is nothing to draw.

function reliability(workload, results, width) {
  const sets = layered(results)
    .map((result) => {
      const points = coverageByLevel(result)
        .map((coverage, i) => ({
          x: study.levels[i] * 100,
          y: coverage.value * 100,
          low: coverage.low * 100,
          high: coverage.high * 100,
          banded: known(coverage.low, coverage.high),
          defined: true,
          tip:
            `${result.name}\n${percent(study.levels[i])} % quantile covers ` +
            `${withInterval(coverage, percent)} %`,
          known: known(coverage.value),
        }))
        .filter((point) => point.known);
      return { look: result.look, points };
    })
    .filter(({ points }) => points.length > 0);
  if (sets.length === 0) return null;

  const inner = plotWidth(width);
  const height = Math.min(inner, 250);
  const xs = { type: 'linear', domain: [0, 100], values: [0, 20, 40, 60, 80, 100] };
  const diagonal = rule({
    x: fixed(0, 'x'),
    y: fixed(0, 'y'),
    x2: fixed(100, 'x'),
    y2: fixed(100, 'y'),
    strokeDash: { value: [2, 3] },
  });
  const marksOf = (shift) => {
    const own = sets.map(({ look, points }) => ({
      look,
      set: data(points.map((point) => shift(point))),
    }));
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
    ...point,
    y: point.y - point.x,
    low: point.low - point.x,
    high: point.high - point.x,
  }));
  const ends = difference.data.flatMap(({ values }) =>
    values.flatMap((point) => (point.banded ? [point.low, point.high] : [point.y])),
  );
  const reach = Math.max(1, ...ends.map(Math.abs)) * 1.08;
  return whole(width, TOP + 18 + height + 52 + 100 + BOTTOM, [
    panel({
      y: TOP + 18,
      width: inner,
      height,
      xs,
      ys: { ...xs },
      yTitle: 'coverage, %',
      xAxis: true,
      data: main.data,
      marks: [diagonal, ...main.marks],
    }),
    panel({
      y: TOP + 18 + height + 52,
      width: inner,
      height: 100,
      xs,
      ys: linear(-reach, reach, 4),
      xTitle: 'predicted quantile, %',
      yTitle: 'coverage less level, pp',
      data: difference.data,
      marks: [level(0, inner), ...difference.marks],
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
  const top =
    Math.max(...own.flatMap(({ pit: { bins, null_high: high } }) => [...bins, high])) * 105;
  const ys = linear(0, top, 3);
  const rows = Math.ceil(own.length / columns);
  const groups = own.map((result, i) => {
    const { bins, null_low: low, null_high: high } = result.pit;
    const banded = known(low, high);
    const column = i % columns;
    const set = data(
      bins.map((share, bin) => ({
        left: bin / bins.length,
        right: (bin + 1) / bins.length,
        y: share * 100,
        tip:
          `${result.name}\nbin ${bin + 1} of ${bins.length}: ${precisePercent(share)} %\n` +
          (banded ? `band ${precisePercent(low)} to ${precisePercent(high)} %` : ''),
      })),
    );
    const marks = [
      {
        type: 'rect',
        from: { data: set.name },
        encode: {
          enter: {
            x: { scale: 'x', field: 'left', offset: 0.5 },
            x2: { scale: 'x', field: 'right', offset: -0.5 },
            y: at('y'),
            y2: fixed(0, 'y'),
            fill: { value: result.look.colour },
            fillOpacity: { value: 0.7 },
            tooltip: { field: 'tip' },
          },
        },
      },
    ];
    if (banded) {
      marks.unshift({
        type: 'rect',
        interactive: false,
        encode: {
          enter: {
            x: { value: 0 },
            x2: { value: inner },
            y: fixed(high * 100, 'y'),
            y2: fixed(low * 100, 'y'),
            fill: { value: 'var(--band)' },
          },
        },
      });
      for (const edge of [low, high]) {
        marks.push(
          rule({
            x: { value: 0 },
            x2: { value: inner },
            y: fixed(edge * 100, 'y'),
            stroke: { value: 'var(--ink)' },
            strokeWidth: { value: 0.8 },
          }),
        );
      }
    }
    marks.push(
      text(result.name, {
        x: { value: 0 },
        y: { value: -5 },
        limit: { value: inner },
        fill: { value: 'var(--ink)' },
        fontSize: { value: 11.5 },
      }),
    );
    return panel({
      x: LEFT + column * (inner + gap),
      y: 34 + Math.floor(i / columns) * (height + 52),
      width: inner,
      height,
      ys,
      data: [set],
      marks,
      xs: { type: 'linear', domain: [0, 1], values: [0, 0.5, 1] },
      yAxis: column === 0,
      xTitle: i >= own.length - columns ? 'PIT' : undefined,
    });
  });
  return whole(width, 34 + rows * (height + 52) - 12, [
    text('share, %', { x: { value: 6 }, y: { value: 12 }, fontSize: { value: 11.5 } }),
    ...groups,
  ]);
}
