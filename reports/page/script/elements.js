// Elements of the page. Texts become text nodes, so a name in a report can never become markup.

// A child is a node, a text, or a list of them; null is left out.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.flat(Infinity).filter((child) => child !== null));
  return made;
}

// The word carries the meaning; the colour only helps the eye.
const badge = (good, word) => element('span', { class: `badge ${good ? 'good' : 'bad'}` }, word);

// Text of any length, which may be broken into lines.
const prose = (text) => element('span', { class: 'text' }, text);

const role = (text) => [' ', element('span', { class: 'role' }, text)];

const code = (text) => element('code', {}, text);

// Scrolls sideways where it is too wide, also by keyboard. The first cell of a row names it. `chosen` is the
// index of the row that is highlighted.
function table(caption, headings, rows, chosen = -1) {
  const header = headings.map((heading) => element('th', { scope: 'col' }, heading));
  const body = rows.map(([name, ...cells], i) =>
    element(
      'tr',
      i === chosen ? { class: 'chosen' } : {},
      element('th', { scope: 'row' }, name),
      cells.map((cell) => element('td', {}, cell)),
    ),
  );
  return element(
    'div',
    { class: 'scroll', role: 'group', tabindex: 0, 'aria-label': caption },
    element(
      'table',
      {},
      element('caption', {}, caption),
      element('thead', {}, element('tr', {}, header)),
      element('tbody', {}, body),
    ),
  );
}

const tableIfAny = (caption, headings, rows) =>
  rows.length > 0 ? table(caption, headings, rows) : null;

const folded = (summary, ...inside) =>
  element('details', {}, element('summary', {}, summary), inside);

// Pairs of a name and its value; an empty value is left out.
const facts = (pairs) =>
  element(
    'dl',
    { class: 'facts' },
    pairs
      .filter(([, value]) => value !== '')
      .map(([name, value]) =>
        element('div', {}, element('dt', {}, name), element('dd', {}, value)),
      ),
  );
