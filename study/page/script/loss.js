// Ratios of losses, as bars from 1.
function ratios(workload, results, width) {
  const blocks = [];
  const bar = ({ name, look }, to) => ({
    look,
    ratio: to.ratio,
    tip: `${name} / ${to.to}: ${withInterval(to.ratio, ratio)}`,
  });
  const toOracle = results
    .filter((result) => result.role !== 'oracle' && known(result.to_oracle.ratio.value))
    .map((result) => ({ name: result.name, bars: [bar(result, result.to_oracle)] }));
  if (toOracle.length > 0) blocks.push({ title: 'loss / oracle’s', rows: toOracle });
  const judged = results.filter((result) => result.role === 'estimator');
  const baselines = [
    ...new Set(judged.flatMap((result) => result.to_baselines.map(({ to }) => to))),
  ];
  const toBaselines = baselines
    .map((name) => ({
      name,
      bars: judged.flatMap((result) =>
        result.to_baselines
          .filter(({ to, ratio: { value } }) => to === name && known(value))
          .map((to) => bar(result, to)),
      ),
    }))
    .filter(({ bars }) => bars.length > 0);
  if (toBaselines.length > 0) blocks.push({ title: 'loss / the baseline’s', rows: toBaselines });
  if (blocks.length === 0) return null;

  const left = Math.min(150, width * 0.34);
  const inner = width - left - 56;
  const marks = [];
  let y = TOP;
  for (const { title, rows } of blocks) {
    const ends = rows.flatMap(({ bars }) =>
      bars.flatMap(({ ratio: { value, low, high } }) => [value, low ?? value, high ?? value]),
    );
    const low = Math.max(1e-3, Math.min(1, ...ends));
    const high = Math.max(1, ...ends);
    const xs = padded(
      high / low > 4 ? logarithmic(low, high, inner > 260 ? 7 : 5) : linear(low, high, 4),
      0.03,
    );
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
      rule({
        x: fixed(1, 'x'),
        y: { value: 0 },
        y2: { value: height },
        stroke: { value: 'var(--ink)' },
      }),
      ...spots.map(({ name, middle }) =>
        text(name, {
          x: { value: -8 },
          y: { value: middle },
          align: { value: 'right' },
          baseline: { value: 'middle' },
          limit: { value: left - 12 },
          fill: { value: 'var(--ink)' },
        }),
      ),
    ];
    const sets = [];
    for (const { bars } of rows) {
      for (const {
        look,
        ratio: { value, low, high },
        tip,
        y: middle,
      } of bars) {
        const whiskers = known(low, high);
        const end = Math.max(whiskers ? high : value, 1);
        const set = data([{ value, low, high, label: ratio(value), end, tip }]);
        sets.push(set);
        inside.push({
          type: 'rect',
          from: { data: set.name },
          encode: {
            enter: {
              x: fixed(1, 'x'),
              x2: { scale: 'x', field: 'value' },
              y: { value: middle - 4.5 },
              height: { value: 9 },
              fill: { value: look.colour },
              fillOpacity: { value: 0.8 },
              tooltip: { field: 'tip' },
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
                x: { scale: 'x', field: 'low' },
                x2: { scale: 'x', field: 'high' },
                y: { value: middle },
                stroke: { value: 'var(--ink)' },
                strokeWidth: { value: 1.6 },
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
              text: { field: 'label' },
              x: { scale: 'x', field: 'end', offset: 5 },
              y: { value: middle },
              baseline: { value: 'middle' },
              fill: { value: 'var(--ink)' },
            },
          },
        });
      }
    }
    marks.push(
      panel({
        x: left,
        y,
        width: inner,
        height,
        xs,
        ys: { type: 'linear', domain: [0, 1], values: [] },
        yAxis: false,
        xTitle: title,
        data: sets,
        marks: inside,
      }),
    );
    y += height + 50;
  }
  return whole(width, y, marks);
}
