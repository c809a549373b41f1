// Pictures of the whole: families of cases, and clauses by verdict.

const folderOf = (one) => (one.name.includes('/') ? one.name.slice(0, one.name.indexOf('/')) : '');

function countBy(items, key) {
  const counts = new Map();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}

function families(cases) {
  const groups = new Map();
  for (const one of cases) groups.set(folderOf(one), [...(groups.get(folderOf(one)) ?? []), one]);
  if (groups.size < 2) return null;
  const rows = [...groups].map(([folder, group]) => {
    const counts = countBy(group, (one) => one.outcome);
    const parts = OUTCOMES.filter((outcome) => counts.has(outcome)).map((outcome) => [outcome, counts.get(outcome)]);
    return [folder === '' ? '(no folder)' : link({ folder }, folder), shareBar(parts),
      element('span', { class: 'counts' }, parts.map(([outcome, count]) => [outcomeBadge(outcome), ` ${whole(count)} `]))];
  });
  return section('families', 'Families', table('Outcomes of the cases by their folder', ['folder', 'share', 'outcomes'], rows));
}

const VERDICTS = ['failed', 'error', 'warning', 'skipped', 'passed'];

// For each clause: in how many cases it has which verdict, the worst of its checks in the case.
function collectClauses(cases) {
  const clauses = new Map();
  const increase = (counts, key) => counts.set(key, (counts.get(key) ?? 0) + 1);
  const add = (name, verdict, text, one) => {
    if (!clauses.has(name)) clauses.set(name, { text: data.checks[name]?.[1] ?? text, verdicts: new Map(), folders: new Map(), cases: new Map() });
    const { verdicts, folders, cases: byCase } = clauses.get(name);
    byCase.set(one, verdict);
    const folder = folderOf(one);
    if (!folders.has(folder)) folders.set(folder, new Map());
    increase(verdicts, verdict);
    increase(folders.get(folder), verdict);
  };
  for (const one of cases) {
    const seen = new Set();
    const checks = one.checks.filter((check) => check.kind === 'clause');
    for (const verdict of VERDICTS) {
      for (const check of checks) {
        const name = clauseOf(check.name);
        if (check.verdict !== verdict || seen.has(name)) continue;
        seen.add(name);
        add(name, verdict, check.expected, one);
      }
    }
    for (const name of one.passed) {
      if (data.checks[name]?.[0] === 'clause' && !seen.has(clauseOf(name))) add(clauseOf(name), 'passed', '', one);
    }
  }
  return [...clauses].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
}

const worst = (counts) => VERDICTS.find((verdict) => counts.has(verdict));

function clauseMatrix(cases) {
  const clauses = collectClauses(cases);
  if (clauses.length === 0) return null;
  const used = VERDICTS.filter((verdict) => clauses.some(([, clause]) => clause.verdicts.has(verdict)));
  const bad = (clause) => VERDICTS.indexOf(worst(clause.verdicts));
  const rows = [...clauses].sort(([, a], [, b]) => bad(a) - bad(b)).map(([name, clause]) => [
    link({ check: name }, code(name)),
    outcomeBadge(worst(clause.verdicts)),
    ...used.map((verdict) => {
      const count = clause.verdicts.get(verdict);
      return count ? link({ check: name, as: verdict }, whole(count)) : '';
    }),
    prose(clause.text),
  ]);
  const folders = [...new Set(cases.map(folderOf))].filter((folder) => clauses.some(([, clause]) => clause.folders.has(folder)));
  const mark = (verdict, state, label) =>
    element('a', { class: outcomeClass(verdict), href: address(state), 'aria-label': label, title: label }, MARKS[verdict]);
  const grid = clauses.map(([name, clause]) => [
    link({ check: name }, code(name)),
    ...folders.map((folder) => {
      const cell = clause.folders.get(folder);
      if (!cell) return '';
      const text = VERDICTS.filter((some) => cell.has(some)).map((some) => `${some} ${cell.get(some)}`).join(', ');
      return mark(worst(cell), { check: name, folder }, `${name} in ${folder}: ${text}`);
    }),
  ]);
  // The clauses that cases of this family judge, by case; made when it is opened.
  const byCase = (folder) => {
    const of = cases.filter((one) => folderOf(one) === folder);
    const some = of.slice(0, 200);
    const made = folded(`Clauses by case: ${folder === '' ? '(no folder)' : folder}`);
    made.addEventListener('toggle', () => {
      if (!made.open || made.childElementCount > 1) return;
      const judged = clauses.filter(([, clause]) => clause.folders.has(folder));
      const inside = table(`The verdict of each clause in each case of ${folder}`,
        ['clause', ...some.map((one) => link({ case: caseKey(one) }, caseKey(one).slice(folder.length + (folder === '' ? 0 : 1))))],
        judged.map(([name, clause]) => [link({ check: name }, code(name)), ...some.map((one) => {
          const verdict = clause.cases.get(one);
          return verdict ? mark(verdict, { check: name, case: caseKey(one) }, `${name} in ${caseKey(one)}: ${verdict}`) : '';
        })]));
      inside.querySelector('table').classList.add('grid', 'slanted');
      made.append(inside, ...(of.length > some.length ? [element('p', { class: 'note' }, `The first ${whole(some.length)} of ${whole(of.length)} cases.`)] : []));
    });
    return made;
  };
  const failed = clauses.filter(([, clause]) => clause.verdicts.has('failed')).length;
  const made = folded('Clauses by family of cases', table('The worst verdict of each clause in each family', ['clause', ...folders], grid));
  made.querySelector('table').classList.add('grid');
  return section('clauses', 'Clauses',
    element('p', {}, `${plural(clauses.length, 'clause was', 'clauses were')} judged; ${failed} violated.`),
    table('Cases that judged each clause, the worst first', ['clause', 'worst', ...used, 'what it says'], rows), made, folders.map(byCase));
}
