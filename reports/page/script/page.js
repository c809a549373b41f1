// Draws the page from the report.

const data = JSON.parse(document.getElementById('report').textContent);

function resultLine(report) {
  const parts = report.outcomes.filter(([, count]) => count > 0).map(([outcome, count]) => `${whole(count)} ${outcome}`);
  return `${plural(report.cases, 'case', 'cases')}${parts.length > 0 ? `: ${parts.join(', ')}` : ''}` +
    `${report.warnings > 0 ? `; ${plural(report.warnings, 'warning', 'warnings')}` : ''}`;
}

function header(report) {
  const verdict = report.verdict.replace('_', ' ');
  document.getElementById('header').append(
    element('h1', {}, 'Quintain report ', outcomeBadge(verdict)),
    element('p', { class: 'about' }, resultLine(report)),
    ...(report.incomplete ? [element('p', { class: 'incomplete' }, `The run is incomplete: ${report.incomplete}`)] : []),
    shareBar(report.outcomes),
    element('div', { class: 'command' }, element('pre', { tabindex: 0 }, report.command)),
  );
}

const textOf = (value) => (typeof value === 'string' ? value : JSON.stringify(value));

function footer(report) {
  const clock = report.wall_clock;
  const rate = (value) => (value ? whole(Math.round(value)) : '');
  document.getElementById('footer').append(
    element('h2', {}, 'About this report'),
    facts([
      ['quintain', report.version],
      ['started', clock.started_at],
      ['took', clock.duration_seconds === null ? '' : duration(clock.duration_seconds * 1e9)],
      ['jobs', String(clock.jobs)],
      ['executions per second', rate(clock.executions_per_second)],
      ['events per second', rate(clock.events_per_second)],
      ...Object.entries(clock.environment),
    ]),
    ...(report.target
      ? [element('h3', {}, 'Target'), facts(Object.entries(report.target).map(([name, value]) => [name, textOf(value)]))]
      : []),
    element('p', { class: 'note' }, 'This page contains no configurations and no texts of expectations that passed; the JSON report (--report) does.'),
  );
}

function reportPage() {
  header(data.report);
  const [table, draw] = casesTable(data.cases);
  const sections = [
    failures(data.cases), families(data.cases), clauseMatrix(data.cases), reasons(data.cases), table,
  ].filter(Boolean);
  const omitted = data.omitted === 0 ? [] : [element('p', { class: 'incomplete' },
    `${plural(data.omitted, 'case is', 'cases are')} left out, because the page would be too large; the JSON report has all of them.`)];
  const navigation = element('nav', { 'aria-label': 'Sections' }, element('ul', {}, sections.map((one) => {
    const target = element('button', { type: 'button' }, one.querySelector('h2').textContent);
    target.addEventListener('click', () => one.scrollIntoView());
    return element('li', {}, target);
  })));
  document.getElementById('main').replaceChildren(navigation, ...omitted, ...sections);
  footer(data.report);
  draw();
}

if (data.comparison) comparisonPage(data.comparison);
else if (data.capacity) capacityPage(data.capacity);
else reportPage();
document.documentElement.dataset.drawn = 'all';
