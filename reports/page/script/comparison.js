// The page of `quintain compare`.

const CHANGE_MARKS = { worse: '✗', better: '✓', new: '+', gone: '–', changed: '≠' };
const CHANGE_CLASSES = { worse: 'failed', better: 'passed' };
const changeBadge = (change) =>
  element('span', { class: outcomeClass(CHANGE_CLASSES[change] ?? 'skipped') },
    element('span', { 'aria-hidden': 'true' }, `${CHANGE_MARKS[change] ?? ''} `), change);

// How much a metric changed, as a bar to the left or to the right of the middle.
function changeBar(relative, change) {
  const bar = element('div', { class: 'change', 'aria-hidden': 'true' });
  const part = element('span', { class: outcomeClass(CHANGE_CLASSES[change] ?? 'skipped') });
  const size = Math.min(50, Math.abs(relative ?? 1) * 50);
  part.style.width = `${size}%`;
  part.style.left = `${relative < 0 ? 50 - size : 50}%`;
  bar.append(part);
  return bar;
}

const percentText = (relative) =>
  relative === null ? 'from 0' : `${relative > 0 ? '+' : ''}${(relative * 100).toPrecision(3)} %`;
const shortNumber = (value) => (value === null ? 'none' : String(Number(value.toPrecision(6))));

// Table and filter; only the rows with the chosen change and the searched words.
function changes(comparison) {
  const all = [
    ...comparison.outcomes.map((one) => [one.change, one.case,
      [one.case, changeBadge(one.change), 'outcome', one.before || '(absent)', one.after || '(absent)', one.why ? prose(one.why) : '']]),
    ...comparison.metrics.map((one) => [one.change, `${one.case} ${one.metric}`,
      [one.case, changeBadge(one.change), code(one.metric), shortNumber(one.before), shortNumber(one.after),
        [changeBar(one.relative_change, one.change), `${percentText(one.relative_change)}, p = ${shortNumber(one.p)}, ${one.pairs ? plural(one.pairs, 'pair', 'pairs') : 'not paired'}`]]]),
  ];
  const counts = countBy(all, ([change]) => change);
  const choice = (value, ...label) =>
    element('label', {}, element('input', { type: 'radio', name: 'outcome', value }), label);
  const choices = element('fieldset', { class: 'choices' }, element('legend', { class: 'hidden' }, 'Changes of this kind'),
    choice('', element('span', {}, 'all')),
    [...counts].map(([change, count]) => choice(change, changeBadge(change), element('span', { class: 'role' }, ` ${whole(count)}`))));
  const search = element('input', { type: 'search', id: 'search', placeholder: 'case, metric', autocomplete: 'off' });
  choices.addEventListener('change', (event) => replaceState({ ...readState(), outcome: event.target.value }));
  search.addEventListener('input', () => replaceState({ ...readState(), q: search.value }));
  const place = element('div', {});
  const found = element('p', { role: 'status', class: 'note' });
  function draw() {
    const state = readState();
    for (const input of choices.querySelectorAll('input')) input.checked = input.value === (state.outcome ?? '');
    if (search.value !== (state.q ?? '')) search.value = state.q ?? '';
    const words = (state.q ?? '').toLowerCase().split(/\s+/).filter(Boolean);
    const some = all.filter(([change, text]) => (!state.outcome || change === state.outcome) &&
      words.every((word) => text.toLowerCase().includes(word)));
    found.textContent = `${whole(some.length)} of ${plural(all.length, 'change', 'changes')}`;
    const made = table('Changes', ['case', 'change', 'of', 'before', 'after', 'how much, or why'], []);
    const more = growing(made.querySelector('tbody'), some, ([, , [name, ...cells]]) =>
      element('tr', {}, element('th', { scope: 'row' }, name), cells.map((cell) => element('td', {}, cell))), 200);
    place.replaceChildren(made, more);
  }
  window.addEventListener('hashchange', draw);
  draw();
  return section('cases', 'Changes',
    element('div', { class: 'filter' }, choices, element('label', { class: 'search', for: 'search' }, 'Search ', search)), found, place);
}

function comparisonPage(comparison) {
  const header = document.getElementById('header');
  header.append(element('h1', {}, 'Comparison of two reports ', badge(!comparison.worse, comparison.worse ? 'worse' : 'not worse')),
    element('p', { class: 'about' }, data.summary),
    facts([
      ['cases compared', whole(comparison.compared_cases)],
      ['metrics compared', whole(comparison.compared_metrics)],
      ['metrics that differ in too few runs to tell', whole(comparison.undecided_metrics)],
    ]));
  const none = comparison.outcomes.length + comparison.metrics.length === 0;
  document.getElementById('main').replaceChildren(
    none ? section('cases', 'Changes', element('p', {}, 'Nothing changed.')) : changes(comparison));
}
