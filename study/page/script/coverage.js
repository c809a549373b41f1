// Coverage by the queue met and by arrival.

// Coverage at 90 % (solid) and 50 % (dashed) along x.
function coverage(results, width, { curves: [at50, at90], xsOf, xTitle, what, extra = () => [] }) {
  const own = layered(results)
    .flatMap((result) =>
      [
        [at50, 50, [5, 4]],
        [at90, 90, []],
      ].map(([key, nominal, dash]) => ({
        look: result.look,
        dash,
        points: result.curves[key]
          .filter(([x, y]) => x !== null && y !== null)
          .map(([x, y]) => ({
            x,
            y: y * 100,
            defined: true,
            tip: `${result.name}\n${what} ${plain(x)}: ${nominal} % quantile covers ${percent(y)} %`,
          })),
      })),
    )
    .filter(({ points }) => points.length > 0);
  if (own.length === 0) return null;
  const inner = plotWidth(width);
  const height = 250;
  const all = own.flatMap(({ points }) => points);
  const low = Math.max(0, Math.min(40, ...all.map(({ y }) => y)) - 3);
  const sets = own.map(({ points }) => data(points));
  return whole(width, TOP + 18 + height + BOTTOM, [
    panel({
      y: TOP + 18,
      width: inner,
      height,
      xs: xsOf(all),
      ys: linear(low, 100),
      xTitle,
      yTitle: 'coverage, %',
      data: sets,
      marks: [
        level(90, inner),
        level(50, inner),
        ...extra(height),
        ...own.map(({ look, dash }, i) => line(sets[i], look, dash)),
        ...own.map(({ look }, i) => dots(sets[i], look, sets[i].values.length > 40 ? 6 : 16)),
      ],
    }),
  ]);
}

const depth = (workload, results, width) =>
  coverage(results, width, {
    curves: ['coverage_50_by_depth', 'coverage_90_by_depth'],
    xsOf: queue,
    xTitle: 'executions waiting when it was accepted',
    what: 'queue',
  });

const rolling = (workload, results, width) =>
  coverage(results, width, {
    curves: ['rolling_50', 'rolling_90'],
    xsOf: (points) => linear(0, Math.max(...points.map(({ x }) => x)), width < 360 ? 4 : 6),
    xTitle: 'arrival',
    what: 'arrival',
    extra: (height) =>
      workload.changes
        .filter((change) => change !== null)
        .flatMap((change) => [
          rule({
            x: fixed(change, 'x'),
            y: { value: 0 },
            y2: { value: height },
            stroke: { value: 'var(--ink)' },
            strokeWidth: { value: 1.2 },
          }),
          text('change', {
            x: { scale: 'x', value: change, offset: 4 },
            y: { value: height - 6 },
            fill: { value: 'var(--ink)' },
          }),
        ]),
  });
