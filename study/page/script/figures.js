// The frames of a workload's pictures: title, text alternative, caption, and the data as a table.
// drawing.js draws the pictures into them.

// A table with a column for each curve and a row for each x that any of them has.
function curveTable(caption, xHeading, curves, write) {
  const rows = new Map();
  curves.forEach(([, curve], i) => {
    for (const [x, y] of curve) {
      if (!known(x)) continue;
      if (!rows.has(x))
        rows.set(
          x,
          curves.map(() => '-'),
        );
      rows.get(x)[i] = write(y);
    }
  });
  const sorted = [...rows].sort(([a], [b]) => a - b);
  return table(
    caption,
    [xHeading, ...curves.map(([name]) => name)],
    sorted.map(([x, cells]) => [plain(x), ...cells]),
  );
}

const levelCurves = (results, at50, at90) =>
  results.flatMap(({ name, curves }) => [
    [`${name} 50 %`, curves[at50]],
    [`${name} 90 %`, curves[at90]],
  ]);

// A column for each estimator, a row for each index of the lists that `list` returns.
function listTable(caption, heading, results, list, nameOf, write) {
  const lists = results.map(list);
  const length = Math.max(0, ...lists.map((values) => values.length));
  const rows = Array.from({ length }, (_, i) => [
    nameOf(i),
    ...lists.map((values) => (i < values.length ? write(values[i]) : '-')),
  ]);
  return table(caption, [heading, ...results.map(({ name }) => name)], rows);
}

const xRange = (curve, write) =>
  spread(
    curve.map(([x]) => x),
    write,
  );
const yRange = (curve, write) =>
  spread(
    curve.map(([, y]) => y),
    write,
  );

const coverageByLevel = (result) => result.terminal.coverage.slice(0, study.levels.length);

const isRatioTo = ({ to, ratio: { value } }) => known(value) && to !== '';

// The points of the scatter plot would be no help in a table, so it summarises fifths of p50.
function fifths({ name, curves }) {
  const sample = curves.actual_by_p50
    .filter(([x, y]) => known(x, y))
    .sort(([x1, y1], [x2, y2]) => x1 - x2 || y1 - y2);
  if (sample.length < 5) return [];
  return [0, 1, 2, 3, 4].map((fifth) => {
    const part = sample.slice(
      Math.floor((fifth * sample.length) / 5),
      Math.floor(((fifth + 1) * sample.length) / 5),
    );
    const actual = part.map(([, y]) => y).sort((a, b) => a - b);
    return [
      name,
      String(fifth + 1),
      seconds(part[0][0]),
      seconds(part.at(-1)[0]),
      seconds(actual[Math.floor(actual.length / 2)]),
      percent(part.filter(([x, y]) => y <= x).length / part.length),
    ];
  });
}

// `finding` is a sentence about one estimator, empty if there is none; `reading` says how to read the
// picture.
const FIGURES = [
  {
    kind: 'reliability',
    title: 'Reliability',
    reading:
      'The share of executions that ended within each predicted quantile; calibrated forecasts lie on the ' +
      'diagonal. Below, the distance from it, enlarged. Bands are 95 % confidence.',
    hasData: (result) => coverageByLevel(result).length > 0,
    finding: (result) => {
      const errors = coverageByLevel(result)
        .map(({ value }, i) => ({ level: study.levels[i], value }))
        .filter(({ value }) => known(value))
        .map(({ level, value }) => ({ level, error: Math.abs(value - level) }));
      if (errors.length === 0) return '';
      const worst = errors.reduce((a, b) => (b.error > a.error ? b : a));
      return `at most ${percentagePoints(worst.error)} pp from the diagonal, at ${percent(worst.level)} %`;
    },
    table: ({ estimators }) =>
      listTable(
        'Coverage in %, by level',
        'level, %',
        estimators,
        coverageByLevel,
        (i) => percent(study.levels[i]),
        (coverage) => withInterval(coverage, percent),
      ),
  },
  {
    kind: 'pit',
    title: 'PIT histogram',
    reading:
      'Where in its predicted distribution each actual time fell. Flat within the grey band: calibrated. ' +
      'A hump: forecasts too wide; a bowl: too narrow; a slope: biased.',
    hasData: ({ pit }) => pit.bins.length > 0,
    finding: ({ pit }) =>
      `bars from ${spread(pit.bins, precisePercent)} %, band from ` +
      `${precisePercent(pit.null_low)} to ${precisePercent(pit.null_high)} %, p ${pValue(pit.p_value)}`,
    table: ({ estimators }) =>
      listTable(
        'Share of executions in each bin, in %',
        'bin',
        estimators,
        ({ pit }) => pit.bins,
        (i) => String(i + 1),
        precisePercent,
      ),
  },
  {
    kind: 'ratios',
    title: "Loss against the oracle's and the baselines'",
    reading:
      "Pinball loss divided by another's on the same executions; left of 1 is better. Whiskers are 95 % " +
      'confidence.',
    hasData: ({ to_oracle: toOracle, to_baselines: toBaselines }) =>
      [toOracle, ...toBaselines].some((to) => known(to.ratio.value)),
    finding: (result) =>
      [
        ...(['oracle', 'reference'].includes(result.role) ? [] : [result.to_oracle]),
        ...(result.to_best_baseline.to === result.name ? [] : [result.to_best_baseline]),
      ]
        .filter(isRatioTo)
        .map((to) => `${withInterval(to.ratio, ratio)} times the loss of ${to.to}`)
        .join(', '),
    table: ({ estimators }) => {
      const others = [
        ...new Set(estimators.flatMap((result) => result.to_baselines.map(({ to }) => to))),
      ];
      const cell = (to) => (to ? withInterval(to.ratio, ratio) : '-');
      return table(
        "Pinball loss divided by another's",
        ['estimator', 'oracle', ...others],
        estimators.map((result) => [
          result.name,
          cell(result.to_oracle),
          ...others.map((other) => cell(result.to_baselines.find(({ to }) => to === other))),
        ]),
      );
    },
  },
  {
    kind: 'sharpness',
    title: 'Sharpness against calibration',
    reading:
      'The mean width of the central 80 % interval, against the worst coverage error at 50, 80, 90 and ' +
      '95 %. Best is the lower left corner; narrow but far to the right is false certainty.',
    hasData: (result) => known(result.width_80, result.worst_coverage_error.value),
    finding: (result) =>
      `${seconds(result.width_80)} wide, ${percentagePoints(result.worst_coverage_error.value)} pp off`,
    table: ({ estimators }) =>
      table(
        'Mean widths of central intervals, and coverage error',
        ['estimator', '50 %', '80 %', '90 %', 'worst coverage error, pp'],
        estimators.map((result) => [
          result.name,
          seconds(result.width_50),
          seconds(result.width_80),
          seconds(result.width_90),
          withInterval(result.worst_coverage_error, percentagePoints),
        ]),
      ),
  },
  {
    kind: 'depth',
    title: 'Coverage by the queue at acceptance',
    reading:
      'Solid: the 90 % quantile; dashed: the median. Calibrated forecasts stay at their level ' +
      'for every queue.',
    hasData: ({ curves }) => curves.coverage_90_by_depth.length > 0,
    finding: ({ curves: { coverage_90_by_depth: curve } }) =>
      `the 90 % quantile covers ${yRange(curve, percent)} % over queues of ${xRange(curve, plain)}`,
    table: ({ estimators }) =>
      curveTable(
        'Coverage in %, by the mean queue of a bin',
        'queue',
        levelCurves(estimators, 'coverage_50_by_depth', 'coverage_90_by_depth'),
        percent,
      ),
  },
  {
    kind: 'rolling',
    title: 'Rolling coverage',
    reading:
      'Coverage in windows of 500 arrivals of the first replication. Solid: the 90 % quantile; dashed: ' +
      'the median; vertical lines: changes of regime.',
    hasData: ({ curves }) => curves.rolling_90.length > 0,
    finding: ({ curves }, { changes }) =>
      `the 90 % quantile covers ${yRange(curves.rolling_90, percent)} %` +
      (changes.length > 0 ? `; changes at arrivals ${changes.map(plain).join(', ')}` : ''),
    table: ({ estimators }) =>
      curveTable(
        "Coverage in %, by the window's arrival",
        'arrival',
        levelCurves(estimators, 'rolling_50', 'rolling_90'),
        percent,
      ),
  },
  {
    kind: 'scatter',
    title: 'Actual time against p50',
    reading:
      'A sample of executions. Half of the points of calibrated forecasts lie below the diagonal, at every p50.',
    hasData: ({ curves }) => curves.actual_by_p50.length > 0,
    finding: ({ curves: { actual_by_p50: sample } }) =>
      `${percent(sample.filter(([x, y]) => known(x, y) && y <= x).length / sample.length)} % of ` +
      `${sample.length} executions ended within their p50`,
    table: ({ estimators }) =>
      table(
        'By fifths of the sample, from the shortest p50 to the longest',
        ['estimator', 'fifth', 'p50 from', 'to', 'median actual time', 'within p50, %'],
        estimators.flatMap(fifths),
      ),
  },
  {
    kind: 'cost',
    title: 'Cost of a prediction',
    reading: 'The median wall-clock time of a prediction against the executions waiting.',
    hasData: (result, workload) => (costOf(workload, result)?.by_depth.length ?? 0) > 0,
    finding: (result, workload) => {
      const { by_depth: curve, p99_ns: p99 } = costOf(workload, result);
      const [first, last] = [curve[0], curve.at(-1)];
      return (
        `${nanoseconds(first[1])} with ${plain(first[0])} waiting, ` +
        `${nanoseconds(last[1])} with ${plain(last[0])}; p99 ${nanoseconds(p99)}`
      );
    },
    table: (workload) =>
      curveTable(
        'Median time of a prediction, by the executions waiting',
        'waiting',
        workload.estimators
          .map((result) => [result.name, costOf(workload, result)?.by_depth])
          .filter(([, curve]) => curve),
        nanoseconds,
      ),
  },
];

// A sentence for each estimator that a reader wants to see first; for all, if those have no data.
function findings(figure, workload) {
  const sentences = (results) =>
    results
      .filter((result) => figure.hasData(result, workload))
      .map((result) => [result.name, figure.finding(result, workload)])
      .filter(([, text]) => text !== '')
      .map(([name, text]) => `${name}: ${text}.`);
  const first = sentences(leading(workload));
  return first.length > 0 ? first : sentences(workload.estimators);
}

function renderFigure(figure, workload, index) {
  const sentences = findings(figure, workload);
  return element(
    'figure',
    { 'data-chart': figure.kind, 'data-workload': index },
    element('h3', {}, figure.title),
    element('div', {
      class: 'plot',
      role: 'img',
      'aria-label': `${figure.title}, ${workload.name}. ${sentences.join(' ')}`,
    }),
    element(
      'figcaption',
      {},
      element('p', {}, figure.reading),
      element(
        'ul',
        { class: 'finding' },
        sentences.map((sentence) => element('li', {}, sentence)),
      ),
    ),
    folded('The data', figure.table(workload)),
  );
}

// A picture without data is left out; a sentence names those.
function renderFigures(workload, index) {
  const hasData = (figure) =>
    workload.estimators.some((result) => figure.hasData(result, workload));
  const missing = FIGURES.filter((figure) => !hasData(figure)).map(({ title }) => title);
  return [
    element(
      'div',
      { class: 'figures' },
      FIGURES.filter(hasData).map((figure) => renderFigure(figure, workload, index)),
    ),
    missing.length > 0
      ? element('p', { class: 'missing' }, `No data for: ${missing.join(', ')}.`)
      : null,
  ];
}
