// Draws the pictures into their figures, and again when the selection or the width changes.

const CHARTS = { reliability, pit, ratios, sharpness, depth, rolling, scatter, cost };
// Pictures that name their estimators themselves need no key.
const NAMED = new Set(['pit', 'sharpness']);

const plots = [...document.querySelectorAll('figure[data-chart]')].map((figure) => ({
  kind: figure.dataset.chart,
  workload: workloads[Number(figure.dataset.workload)],
  place: figure.querySelector('.plot'),
  width: 0,
  view: null,
  stale: true,
}));

function keys(results) {
  const key = ({ name, look }) => element('span', { class: `name series ${look.kind}` }, name);
  return element(
    'p',
    { class: 'keys' },
    results.map((result) => [key(result), ' ']),
  );
}

function draw(plot) {
  plot.stale = false;
  plot.width = plot.place.clientWidth;
  plot.view?.finalize();
  plot.view = null;
  const results = shown(plot.workload);
  const spec = CHARTS[plot.kind](plot.workload, results, Math.max(plot.width, 240));
  if (spec === null) {
    const empty = element(
      'div',
      { class: 'empty' },
      'None of the estimators shown has data for this picture.',
    );
    plot.place.replaceChildren(empty);
    return;
  }
  // The figure has a text alternative that says more than a list of marks.
  const canvas = element('div', { 'aria-hidden': true });
  plot.place.replaceChildren(...(NAMED.has(plot.kind) ? [] : [keys(results)]), canvas);
  plot.view = picture(spec, canvas);
}

function drawStale() {
  for (const plot of plots) if (plot.stale) draw(plot);
}

// Draws a few pictures at a time, in the order of the page, so that the page responds while it draws.
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
const links = new Map(
  [...document.querySelectorAll('nav a')].map((link) => [link.hash.slice(1), link]),
);
const seen = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries)
      links.get(target.id)?.classList.toggle('here', isIntersecting);
  },
  { rootMargin: '-20% 0px -70% 0px' },
);
for (const section of document.querySelectorAll('main > section')) seen.observe(section);

// On a phone the long list of estimators would come before the results.
if (matchMedia('(max-width: 900px)').matches) document.querySelector('.legend').open = false;

drawSoon();
