// All that the report has on one case.

function copyButton(text) {
  const button = element('button', { type: 'button', class: 'copy' }, 'Copy');
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = 'Copied';
    } catch {
      // A page from a file may have no clipboard; the text can be selected.
      button.textContent = 'Select the text to copy it';
    }
  });
  return button;
}

const command = (text) =>
  text === ''
    ? null
    : element('div', { class: 'command' }, element('pre', { tabindex: 0 }, text), copyButton(text));

// The instants of the events as ticks on a line; the list below it has their texts.
function instants(events) {
  const times = events.map(([at]) => at);
  const first = Math.min(...times);
  const span = Math.max(...times) - first;
  if (span <= 0) return null;
  const line = element('div', { class: 'instants', 'aria-hidden': 'true' });
  for (const [at, text] of events) {
    const tick = element('span', { title: `${duration(at)}: ${text}` });
    tick.style.left = `${((at - first) / span) * 100}%`;
    line.append(tick);
  }
  return line;
}

function evidence(check) {
  const events = check.events ?? [];
  if (events.length === 0) return null;
  return element('div', { class: 'evidence' },
    element('h5', {}, 'Evidence'),
    instants(events),
    element('ol', {}, events.map(([at, text]) =>
      element('li', {}, element('span', { class: 'at' }, duration(at)), element('span', {}, text)))),
    check.omitted ? element('p', { class: 'note' }, `${plural(check.omitted, 'further event is', 'further events are')} omitted.`) : null,
  );
}

function checkDetails(check) {
  return element('div', { class: 'check' },
    element('h4', {}, outcomeBadge(check.verdict), ' ', code(check.name), role(check.kind)),
    facts([
      ['expected', check.expected],
      ['observed', check.observed],
      ['where', check.where ?? ''],
    ]),
    evidence(check));
}

function passedChecks(one) {
  if (one.passed.length === 0) return null;
  const list = folded(`${plural(one.passed.length, 'check', 'checks')} passed`);
  list.addEventListener('toggle', () => {
    if (!list.open || list.childElementCount > 1) return;
    list.append(element('ul', {}, one.passed.map((name) =>
      element('li', {}, code(name), ' ', data.checks[name]?.[1] ?? ''))));
  });
  return list;
}

function metricsOf(one) {
  if (one.metrics.length === 0) return null;
  const list = folded(plural(one.metrics.length, 'metric', 'metrics'));
  list.addEventListener('toggle', () => {
    if (!list.open || list.childElementCount > 1) return;
    list.append(table('Metrics', ['metric', 'value'], one.metrics.map(([name, value, unit]) =>
      [name, metricText(value, unit)])));
  });
  return list;
}

function caseDetails(one) {
  return [
    facts([
      ['skipped because', one.skip_reason ?? ''],
      ['not judged because', one.not_judged_reason ?? ''],
      ['error', one.error_message ?? ''],
      ['known failure', one.known_failure ?? ''],
    ]),
    one.checks.filter((check) => check.verdict !== 'skipped').map(checkDetails),
    timelineOf(one),
    one.reproduce ? element('h4', {}, 'Repeat it') : null,
    command(one.reproduce),
    facts([
      ['seed', one.seed === '0' ? '' : one.seed],
      ['file', one.file],
      ['time', duration(one.time_ns)],
      ['events', one.events === 0 ? '' : whole(one.events)],
    ]),
    one.checks.filter((check) => check.verdict === 'skipped').map(checkDetails),
    metricsOf(one),
    passedChecks(one),
  ];
}
