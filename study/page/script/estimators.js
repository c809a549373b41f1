// The report, and how each of its estimators looks in the pictures.

const study = JSON.parse(document.getElementById('study').textContent);

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

// The estimators of a workload that are to be shown, each with its look; the default comes first.
const shown = (workload) =>
  workload.estimators
    .filter((result) => series.get(result.name)?.box.checked)
    .map((result) => ({ ...result, look: series.get(result.name) }))
    .sort((a, b) => (b.look.kind === 'default') - (a.look.kind === 'default'));

// As they are painted: the oracle at the bottom, the default on top of all.
const layered = (results) => {
  const layer = ({ look: { kind } }) => (kind === 'oracle' ? 0 : kind === 'default' ? 2 : 1);
  return [...results].sort((a, b) => layer(a) - layer(b));
};
