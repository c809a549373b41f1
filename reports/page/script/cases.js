// The failures, and the table of all cases.

const caseKey = (one) => (data.report.several_seeds ? `${one.name} seed=${one.seed}` : one.name);

function failures(cases) {
  const failed = cases.filter((one) => isFailure(one.outcome));
  if (failed.length === 0) return null;
  const list = element('div', {});
  const make = (one) =>
    element('article', { class: 'failure' },
      element('h3', {}, outcomeBadge(one.outcome), ' ',
        link({ case: caseKey(one) }, caseKey(one))),
      one.headline ? element('p', { class: 'headline' }, one.headline) : null,
      caseDetails(one));
  return section('failures', plural(failed.length, 'failure', 'failures'), list,
    growing(list, failed, make, 20));
}

// Cases by the reason why they have no verdict.
function reasons(cases) {
  const groups = new Map();
  for (const one of cases) {
    const reason = one.skip_reason ?? one.not_judged_reason;
    if (!reason || isFailure(one.outcome)) continue;
    const key = JSON.stringify([one.outcome, reason]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  if (groups.size === 0) return null;
  const rows = [...groups].map(([key, group]) => {
    const [outcome, reason] = JSON.parse(key);
    const few = group.slice(0, 20).map((one, i) => [i > 0 ? ', ' : '', link({ case: caseKey(one) }, caseKey(one))]);
    return [prose(reason), outcomeBadge(outcome), whole(group.length),
      element('span', { class: 'text' }, few, group.length > 20 ? ', …' : '')];
  });
  return section('reasons', 'Without a verdict',
    table('Why cases were skipped or not judged', ['reason', 'outcome', 'cases', 'which'], rows));
}

// What the search looks through.
const searched = (one) =>
  (one.searched ??= [one.name, one.seed, one.file, one.headline, ...one.checks.flatMap((check) => [check.name, check.observed])]
    .join('\n').toLowerCase());

// A clause that a case violates in several ways has a check for each: ASYNC-9, ASYNC-9/2.
const clauseOf = (name) => name.replace(/\/\d+$/, '');

// Whether the case has a check of this name, or of this clause, with this verdict or with any.
const hasCheck = (one, name, verdict) =>
  one.checks.some((check) => (check.name === name || clauseOf(check.name) === name) && (!verdict || check.verdict === verdict)) ||
  ((!verdict || verdict === 'passed') && one.passed.includes(name));

function matching(cases, state) {
  const words = (state.q ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  return cases.filter((one) => {
    if (state.outcome && one.outcome !== state.outcome) return false;
    if (state.folder && !one.name.startsWith(`${state.folder}/`)) return false;
    if (state.check && !hasCheck(one, state.check, state.as)) return false;
    return words.every((word) => searched(one).includes(word));
  });
}

// A row, and below it the details of the case that is open.
function caseRows(one, state) {
  const key = caseKey(one);
  const open = state.case === key;
  const row = element('tr', open ? { class: 'chosen', id: 'chosen' } : {},
    element('th', { scope: 'row' },
      element('a', { href: address({ ...state, case: open ? '' : key }), 'aria-expanded': String(open) }, key)),
    element('td', {}, outcomeBadge(one.outcome)),
    element('td', {}, one.headline ? prose(one.headline) : ''),
    element('td', {}, duration(one.time_ns)),
    element('td', {}, whole(one.passed.length + one.checks.length)));
  if (!open) return row;
  const both = document.createDocumentFragment();
  both.append(row, element('tr', { class: 'details' },
    element('td', { colspan: 5 }, element('h3', { class: 'hidden' }, key), caseDetails(one).flat(Infinity).filter(Boolean))));
  return both;
}

function outcomeFilter(counts) {
  const choice = (value, ...label) =>
    element('label', {}, element('input', { type: 'radio', name: 'outcome', value }), label);
  return element('fieldset', { class: 'choices' },
    element('legend', { class: 'hidden' }, 'Cases of this outcome'),
    choice('', element('span', {}, 'all')),
    counts.filter(([, count]) => count > 0).map(([outcome, count]) =>
      choice(outcome, outcomeBadge(outcome), element('span', { class: 'role' }, ` ${whole(count)}`))));
}

function casesTable(cases) {
  const choices = outcomeFilter(data.report.outcomes);
  const search = element('input', { type: 'search', id: 'search', placeholder: 'name, seed, check, text', autocomplete: 'off' });
  const found = element('p', { role: 'status', class: 'note' });
  const place = element('div', {});
  const set = (change) => replaceState({ ...readState(), case: '', ...change });
  choices.addEventListener('change', (event) => set({ outcome: event.target.value }));
  search.addEventListener('input', () => set({ q: search.value }));

  let drawn;
  function draw(jump) {
    const state = readState();
    for (const input of choices.querySelectorAll('input')) input.checked = input.value === (state.outcome ?? '');
    if (search.value !== (state.q ?? '')) search.value = state.q ?? '';
    const now = address(state);
    if (now === drawn) return;
    drawn = now;
    const some = matching(cases, state);
    const limits = [
      state.check ? `with the check ${state.check}${state.as ? ` ${state.as}` : ''}` : '',
      state.folder ? `in ${state.folder}` : '',
    ].filter(Boolean);
    found.replaceChildren(`${whole(some.length)} of ${plural(cases.length, 'case', 'cases')} ${limits.join(', ')} `,
      limits.length > 0 ? link({ ...state, check: '', as: '', folder: '', case: '' }, 'show all') : '');
    const body = element('tbody', {});
    const heading = ['case', 'outcome', 'reason', 'time', 'checks'].map((text) => element('th', { scope: 'col' }, text));
    const chosen = some.findIndex((one) => caseKey(one) === state.case);
    const more = growing(body, some, (one) => caseRows(one, state), 200, Math.max(200, chosen + 20));
    place.replaceChildren(
      element('div', { class: 'scroll', role: 'group', tabindex: 0, 'aria-label': 'Cases' },
        element('table', { class: 'cases' }, element('caption', { class: 'hidden' }, 'Cases'),
          element('thead', {}, element('tr', {}, heading)), body)),
      more);
    if (jump && state.case) document.getElementById('chosen')?.scrollIntoView({ block: 'start' });
    else if (jump && now !== '#') document.getElementById('cases')?.scrollIntoView();
    if (jump && state.case) document.querySelector('#chosen a')?.focus({ preventScroll: true });
  }
  window.addEventListener('hashchange', (event) => draw(event.isTrusted));
  const made = section('cases', 'Cases',
    element('div', { class: 'filter' }, choices,
      element('label', { class: 'search', for: 'search' }, 'Search ', search)),
    found, place);
  // The table is drawn when it is in the page, so that the browser can scroll to the case in the address.
  return [made, () => draw(location.hash.length > 1)];
}
