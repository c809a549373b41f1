// The page's sections, all from the report's JSON.

// The levels that goals refer to.
const JUDGED_LEVELS = [0.5, 0.8, 0.9, 0.95];

const JUDGED_HEADINGS = ['50 %', '80 %', '90 %', '95 %'];

// Levels are decimal fractions and may have been computed: 0.1 + 0.2 is 0.3 here.
function coverageAt(scores, level) {
  const index = study.levels.findIndex((other) => Math.abs(other - level) < 1e-9);
  return scores.coverage[index]?.value ?? null;
}

const linkTo = (index) => element('a', { href: `#workload-${index}` }, workloads[index].name);

// The name with its colour in the pictures, and its role.
function nameCell(result) {
  const name = element(
    'span',
    { class: `name series ${series.get(result.name).kind}` },
    result.name,
  );
  if (isDefault(result)) return [name, role('default')];
  const obvious = result.role === 'estimator' || result.role === result.name;
  return obvious ? [name] : [name, role(result.role)];
}

// A row for each estimator of the workload, that of the default highlighted.
const estimatorTable = ({ estimators }, caption, headings, cells) =>
  table(
    caption,
    ['estimator', ...headings],
    estimators.map((result) => [nameCell(result), ...cells(result)]),
    estimators.findIndex(isDefault),
  );

const isGoal = ({ name }) => name.startsWith('goal/');

// ---- One workload -------------------------------------------------------------------------------

const renderRatios = (workload) =>
  estimatorTable(
    workload,
    'Loss and calibration, with 95 % intervals',
    [
      'pinball / oracle',
      '/ best baseline',
      ...JUDGED_HEADINGS,
      'worst error, pp',
      'worst stratum, pp',
    ],
    (result) => [
      intervalCell(result.to_oracle.ratio, ratio),
      intervalCell(result.to_best_baseline.ratio, ratio),
      ...JUDGED_LEVELS.map((level) => percent(coverageAt(result.terminal, level))),
      intervalCell(result.worst_coverage_error, percentagePoints),
      percentagePoints(result.worst_stratum_error),
    ],
  );

const neverOr = (completions) => (completions === undefined ? 'never' : plain(completions));

const renderAdaptation = (workload) =>
  tableIfAny(
    'After a change of regime',
    [
      'estimator',
      'loss / oracle, first 1000 arrivals',
      'completions until recovered',
      'worst window, pp',
    ],
    workload.estimators
      .filter(({ adaptation }) => adaptation)
      .map((result) => [
        nameCell(result),
        intervalCell(result.adaptation.after_change, ratio),
        neverOr(result.adaptation.completions_until_recovered),
        percentagePoints(result.adaptation.worst_window),
      ]),
  );

const renderScores = (workload, of, caption) =>
  estimatorTable(
    workload,
    caption,
    [
      'pinball',
      'CRPS',
      'interval score 80 %',
      '90 %',
      'MAE of p50',
      'MAPE, %',
      'bias',
      'scored',
      'censored',
    ],
    ({ [of]: scores }) => [
      smallInterval(secondsWithInterval(scores.pinball)),
      smallInterval(secondsWithInterval(scores.crps)),
      seconds(scores.interval_score_80),
      seconds(scores.interval_score_90),
      seconds(scores.mean_absolute_error),
      percent(scores.mean_absolute_percentage_error),
      smallInterval(secondsWithInterval(scores.bias)),
      grouped(scores.scored),
      grouped(scores.censored),
    ],
  );

function depthRange({ from, to }) {
  if (to === undefined) return `${from}+`;
  return to === from ? String(from) : `${from}–${to}`;
}

// Where the loss is. Groups without executions are left out.
function renderDepths(workload) {
  const groups = (workload.estimators[0]?.by_depth ?? [])
    .map((group, i) => ({ ...group, i }))
    .filter(({ executions }) => executions > 0);
  if (groups.length < 2) return null;
  return estimatorTable(
    workload,
    'Mean pinball loss, and its share of the whole loss, by the queue at acceptance',
    groups.map((group) => `${depthRange(group)} (${grouped(group.executions)} executions)`),
    ({ by_depth }) =>
      groups.map(({ i }) => `${seconds(by_depth[i]?.pinball)}, ${percent(by_depth[i]?.share)} %`),
  );
}

const renderResources = (workload) =>
  estimatorTable(
    workload,
    'Sharpness, memory and time',
    ['width 50 %', '80 %', '90 %', 'memory', 'per function', 'prediction p50', 'p99'],
    (result) => {
      const cost = costOf(workload, result);
      return [
        seconds(result.width_50),
        seconds(result.width_80),
        seconds(result.width_90),
        bytes(result.bytes),
        bytes(result.bytes_per_function),
        nanoseconds(cost?.p50_ns),
        nanoseconds(cost?.p99_ns),
      ];
    },
  );

function workloadFacts(workload) {
  const { counts } = workload;
  const named = {
    predicted: counts.predicted,
    refused: counts.refused,
    completed: counts.completed,
    failed: counts.failed,
    'timed out': counts.timed_out,
    cancelled: counts.cancelled,
    censored: counts.censored,
    unfinished: counts.unfinished,
    'in the warm-up': counts.dropped,
    scored: counts.scored,
  };
  return facts([
    ...Object.entries(named).map(([name, count]) => [name, grouped(count)]),
    ['warm-up', describeWarmUp(workload.warm_up)],
    ['stopped', describeStop(workload)],
    ['trace', workload.trace_digest ? code(workload.trace_digest) : ''],
  ]);
}

const renderClosedForms = ({ analytic }) =>
  tableIfAny(
    'Closed forms that the workload must match',
    ['model', 'quantity', 'exact', 'measured', 'standard errors away'],
    analytic.map((check) => [
      check.model,
      check.quantity,
      number(check.reference),
      intervalCell(check.measured, number),
      number(check.z),
      badge(check.holds, check.holds ? 'met' : 'missed'),
    ]),
  );

// null: there are too few executions to tell.
const tellFlag = ({ holds }, yes, no) => (holds === null ? 'too few' : holds ? yes : no);

function renderFlags({ estimators }) {
  const rows = estimators.flatMap((result) =>
    result.flags.map((flag) => [
      nameCell(result),
      flag.name,
      badge(flag.holds !== false, tellFlag(flag, 'holds', 'does not hold')),
      prose(flag.expected),
      prose(flag.observed),
    ]),
  );
  if (rows.length === 0) return null;
  const broken = estimators.flatMap(({ flags }) => flags).filter(({ holds }) => holds === false).length;
  return folded(
    `${counted(rows.length, 'flag')}, ${broken} do not hold`,
    table(
      'Conditions on each estimator',
      ['estimator', 'condition', 'result', 'expected', 'observed'],
      rows,
    ),
  );
}

// Of the default alone: the strata of all estimators would be hundreds of rows.
function renderStrata(workload) {
  const result = defaultOf(workload);
  if (!result || result.strata.length === 0) return null;
  return folded(
    'Coverage by stratum',
    table(
      `Coverage of ${result.name} by stratum, in %`,
      ['queue, fifth', 'start', 'popularity, third', 'executions', ...JUDGED_HEADINGS],
      result.strata.map((stratum) => [
        String(stratum.depth_quintile),
        stratum.cold ? 'cold' : 'warm',
        String(stratum.popularity_tercile),
        grouped(stratum.executions),
        ...stratum.coverage.map(percent),
      ]),
    ),
  );
}

const renderAbout = (about) => (about === '' ? null : element('p', { class: 'about' }, about));

const renderWorkload = (workload, index) =>
  element(
    'section',
    { class: 'workload', id: `workload-${index}` },
    element('h2', {}, workload.name),
    renderAbout(workload.about),
    renderRatios(workload),
    renderAdaptation(workload),
    renderFigures(workload, index),
    element('h3', {}, 'Scores'),
    renderScores(workload, 'terminal', 'Time to the end of any kind'),
    renderScores(
      workload,
      'success',
      'Time to success; executions that were cut short are censored',
    ),
    renderDepths(workload),
    renderResources(workload),
    element('h3', {}, 'The runs'),
    workloadFacts(workload),
    renderClosedForms(workload),
    renderFlags(workload),
    renderStrata(workload),
    folded(
      'Configuration and seeds',
      element('pre', {}, JSON.stringify(workload.config)),
      element('p', {}, `Seeds: ${workload.seeds.join(', ')}`),
    ),
  );

// ---- The whole study ----------------------------------------------------------------------------

function renderHeader() {
  const sum = (values) => values.reduce((a, b) => a + b, 0);
  const replications = sum(workloads.map(({ seeds }) => seeds.length));
  const scored = sum(workloads.map(({ counts }) => counts.scored));
  const { name, about, file } = study.study;
  return [
    element('h1', {}, `${name || 'study'} `, badge(study.verdict === 'passed', study.verdict)),
    renderAbout(about),
    element(
      'p',
      { class: 'extent' },
      `${counted(workloads.length, 'workload')}, ${counted(series.size, 'estimator')}, ` +
        `${counted(replications, 'replication')}, ${grouped(scored)} executions scored`,
    ),
    element(
      'p',
      { class: 'extent' },
      `${study.wall_clock.started_at} · `,
      code(file),
      ` · quintain ${study.tool.version}`,
    ),
  ];
}

const renderNavigation = () =>
  [element('a', { href: '#overview' }, 'Overview'), ...workloads.map((_, i) => linkTo(i))].map(
    (link) => element('li', {}, link),
  );

const renderLegend = () =>
  [...series.values()].map(({ name, kind, box }) =>
    element('label', { class: `series ${kind}` }, box, ' ', element('span', {}, name)),
  );

function renderSummary() {
  const cells = (result) => {
    if (!result) return ['-', '-', '-', '-'];
    const goals = result.flags.filter(isGoal);
    const met = goals.filter(({ holds }) => holds !== false).length;
    return [
      intervalCell(result.to_oracle.ratio, ratio),
      [intervalCell(result.to_best_baseline.ratio, ratio), role(result.to_best_baseline.to)],
      intervalCell(result.worst_coverage_error, percentagePoints),
      goals.length === 0 ? 'none' : badge(met === goals.length, `${met} of ${goals.length}`),
    ];
  };
  return table(
    `${study.default_estimator}, the default estimator`,
    ['workload', 'pinball / oracle', '/ best baseline', 'worst coverage error, pp', 'goals'],
    workloads.map((workload, i) => [linkTo(i), ...cells(defaultOf(workload))]),
  );
}

// The missed goals; all goals folded up below.
function renderGoals() {
  const goals = workloads.flatMap(({ estimators }, i) =>
    estimators.flatMap((result) =>
      result.flags.filter(isGoal).map((flag) => ({ i, result, flag })),
    ),
  );
  if (goals.length === 0) return null;
  const goalTable = (caption, some) =>
    tableIfAny(
      caption,
      ['workload', 'estimator', 'goal', 'result', 'expected', 'observed'],
      some.map(({ i, result, flag }) => [
        linkTo(i),
        nameCell(result),
        flag.name.slice('goal/'.length),
        badge(flag.holds !== false, tellFlag(flag, 'met', 'missed')),
        prose(flag.expected),
        prose(flag.observed),
      ]),
    );
  const missed = goals.filter(({ flag }) => flag.holds === false);
  return [
    goalTable('Goals that are missed', missed),
    folded(
      `${goals.length - missed.length} of ${counted(goals.length, 'goal')} met`,
      goalTable('All goals', goals),
    ),
  ];
}

function renderControls() {
  const outcomes = new Map();
  for (const { name: workload, estimators } of workloads) {
    for (const { name, flagged } of estimators.filter(({ role }) => role === 'control')) {
      if (!outcomes.has(name)) outcomes.set(name, { flaggedOn: [], missedOn: [] });
      outcomes.get(name)[flagged ? 'flaggedOn' : 'missedOn'].push(workload);
    }
  }
  const names = (list) => (list.length === 0 ? '-' : prose(list.join(', ')));
  return tableIfAny(
    'Negative controls: wrong on purpose, to be flagged',
    ['control', 'result', 'flagged on', 'not flagged on'],
    [...outcomes].map(([name, { flaggedOn, missedOn }]) => {
      const good = missedOn.length === 0;
      return [
        name,
        badge(good, good ? 'flagged' : 'not flagged'),
        names(flaggedOn),
        names(missedOn),
      ];
    }),
  );
}

function renderColophon() {
  const wall = study.wall_clock;
  return facts([
    ['command', code(study.command)],
    ['study file', code(study.study.file)],
    ['quintain', study.tool.version],
    ['started', wall.started_at],
    ['took', known(wall.duration_seconds) ? duration(wall.duration_seconds) : ''],
    ['jobs', String(wall.jobs)],
    ...Object.entries(wall.environment),
  ]);
}

function renderStudy() {
  const fill = (id, ...children) =>
    document.getElementById(id).append(...children.flat().filter((child) => child !== null));
  fill('header', renderHeader());
  fill('navigation', renderNavigation());
  fill('legend', renderLegend());
  fill(
    'main',
    element(
      'section',
      { id: 'overview' },
      element('h2', {}, 'Overview'),
      renderSummary(),
      renderGoals(),
      renderControls(),
    ),
    workloads.map(renderWorkload),
  );
  fill('colophon', renderColophon());
}

const note = document.getElementById('note');
if (study === null) {
  note.textContent = 'The report could not be written as JSON.';
} else {
  note.remove();
  renderStudy();
}
