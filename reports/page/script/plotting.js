// Pictures by Vega, with the text that a mark shows while the pointer is over it. Colours are properties of
// the style sheet, and text from a report never becomes part of an expression.

const modules = globalThis.vegaModules;
if (modules) {
  for (const name of ['vega-transforms', 'vega-view-transforms', 'vega-encode']) {
    Object.assign(modules['vega-dataflow'].transforms, modules[name]);
  }
}

const FONT =
  'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif';
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

// Labels in plain notation: the library's default formats write 100 as 1e+2 beside 20.
const LABELS = { labels: { update: { text: { signal: "format(datum.value, ',~r')" } } } };

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

// The page fetches nothing.
const loader = {
  load: () => Promise.reject(new Error('this page loads nothing')),
  sanitize: () => Promise.reject(new Error('this page loads nothing')),
};

// Draws the specification into the element.
function picture(spec, container) {
  const runtime = modules['vega-parser'].parse(spec, CONFIG, { ast: true });
  const view = new modules['vega-view'].View(runtime, {
    container,
    renderer: 'svg',
    loader,
    hover: true,
    tooltip: showTip,
    expr: modules['vega-interpreter'].expressionInterpreter,
    logLevel: 1,
  });
  return view.run();
}
