// Actual time against p50, and the cost of a prediction.

function scatter(workload, results, width) {
  const own = layered(results)
    .map((result) => ({
      look: result.look,
      points: result.curves.actual_by_p50
        .filter(([x, y]) => x !== null && y !== null)
        .map(([x, y]) => ({
          x,
          y,
          tip: `${result.name}\np50 ${seconds(x)}, actual ${seconds(y)}`,
        })),
    }))
    .filter(({ points }) => points.length > 0);
  if (own.length === 0) return null;
  const inner = plotWidth(width);
  const height = Math.min(inner, 300);
  const values = own.flatMap(({ points }) => points.flatMap(({ x, y }) => [x, y]));
  const low = Math.min(...values);
  const high = Math.max(...values);
  const scale =
    low > 0 && high / low > 30
      ? padded(logarithmic(low, high, 7), 0.02)
      : linear(Math.min(0, low), high * 1.03);
  const sets = own.map(({ points }) => data(points));
  const [from, to] = scale.domain;
  return whole(width, TOP + 18 + height + BOTTOM, [
    panel({
      y: TOP + 18,
      width: inner,
      height,
      xs: scale,
      ys: scale,
      xTitle: 'predicted p50, s',
      yTitle: 'actual, s',
      data: sets,
      marks: [
        ...own.map(({ look }, i) => dots(sets[i], look, 18, { fillOpacity: { value: 0.45 } })),
        rule({
          x: fixed(from, 'x'),
          y: fixed(from, 'y'),
          x2: fixed(to, 'x'),
          y2: fixed(to, 'y'),
          stroke: { value: 'var(--ink)' },
          strokeDash: { value: [4, 3] },
        }),
      ],
    }),
  ]);
}

function cost(workload, results, width) {
  const own = layered(results)
    .map((result) => {
      const found = costOf(workload, result);
      return {
        look: result.look,
        points: (found?.by_depth ?? [])
          .filter(([x, y]) => x !== null && y > 0)
          .map(([x, y]) => ({
            x,
            y: y / 1000,
            defined: true,
            tip: `${result.name}\n${plain(x)} waiting: ${nanoseconds(y)}`,
          })),
      };
    })
    .filter(({ points }) => points.length > 0);
  if (own.length === 0) return null;
  const inner = plotWidth(width);
  const height = 250;
  const all = own.flatMap(({ points }) => points);
  const values = all.map(({ y }) => y);
  const sets = own.map(({ points }) => data(points));
  return whole(width, TOP + 18 + height + BOTTOM, [
    panel({
      y: TOP + 18,
      width: inner,
      height,
      xs: queue(all),
      ys: padded(logarithmic(Math.min(...values), Math.max(...values), 7)),
      xTitle: 'executions waiting',
      yTitle: 'time of a prediction, µs',
      data: sets,
      marks: [
        ...own.map(({ look }, i) => line(sets[i], look)),
        ...own.map(({ look }, i) => dots(sets[i], look, 24)),
      ],
    }),
  ]);
}
