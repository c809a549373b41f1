// The report, and how each of its estimators looks in legend, tables and pictures.

// Integers that a double cannot hold exactly, such as seeds of 64 bits, become texts. The pattern matches
// whole strings too, so that digits within them stay as they are.
const study = JSON.parse(
  document
    .getElementById('study')
    .textContent.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) =>
      /^-?\d{16,}$/.test(token) ? `"${token}"` : token,
    ),
);
const workloads = study?.workloads ?? [];

const isDefault = ({ name }) => name === study.default_estimator;
const defaultOf = (workload) => workload.estimators.find(isDefault);

// The estimators that a reader wants to see first: the default, the best baseline of the workload, the
// oracle.
function leading({ estimators }) {
  const chosen = estimators.find(isDefault);
  const best = chosen && estimators.find(({ name }) => name === chosen.to_best_baseline.to);
  const oracles = estimators.filter(({ role }) => role === 'oracle' || role === 'reference');
  return [...new Set([chosen, best, ...oracles])].filter((result) => result !== undefined);
}

const SHAPES = ['circle', 'square', 'diamond', 'triangle-up', 'cross', 'triangle-down'];

// By name, in the order in which the workloads first name them: the box that shows or hides the
// estimator, and how its marks look in every picture.
const series = (() => {
  const found = new Map();
  const checked = new Set(workloads.flatMap(leading).map(({ name }) => name));
  let controls = 0;
  let others = 0;
  const kindOf = (result) => {
    if (isDefault(result)) return 'default';
    if (result.role === 'oracle' || result.role === 'reference') return 'oracle';
    return result.role === 'control' ? `control-${controls++ % 3}` : `other-${others++ % 10}`;
  };
  for (const result of workloads.flatMap(({ estimators }) => estimators)) {
    const { name } = result;
    if (found.has(name)) continue;
    const kind = kindOf(result);
    const box = element('input', { type: 'checkbox', 'data-estimator': name });
    box.checked = checked.has(name);
    const shape = SHAPES[found.size % SHAPES.length];
    found.set(name, { name, kind, box, shape, colour: `var(--${kind})` });
  }
  return found;
})();

// The estimators of a workload whose boxes are checked, each with its look; the default comes first.
const shown = (workload) =>
  workload.estimators
    .filter(({ name }) => series.get(name).box.checked)
    .map((result) => ({ ...result, look: series.get(result.name) }))
    .sort((a, b) => (b.look.kind === 'default') - (a.look.kind === 'default'));

// In painting order: the oracle first, the default last, on top of all.
const layered = (results) => {
  const layer = ({ look: { kind } }) => (kind === 'oracle' ? 0 : kind === 'default' ? 2 : 1);
  return [...results].sort((a, b) => layer(a) - layer(b));
};

const costOf = (workload, { name }) =>
  study.costs.find((cost) => cost.workload === workload.name && cost.estimator === name);
