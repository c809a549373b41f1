// The sample's page in a headless Chromium: its texts, tables and pictures, on screens and in print.
//
// QUINTAIN_SAMPLE_PAGE names the program that writes the page. Without a browser every test is skipped, or
// fails if QUINTAIN_NEEDS_BROWSER is set.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { checkAccess, launch, noBrowser, record } from './browser.js';

// The sample's last workload has no data for three of its pictures.
const CHARTS = ['reliability', 'pit', 'ratios', 'sharpness', 'depth', 'rolling', 'scatter', 'cost'];
const FIGURES = 2 * CHARTS.length + 5;
const HOSTILE = 'replay </script><b>bold</b> & "quoted" <!-- \'x\'';

describe('the page of a study', { skip: noBrowser }, () => {
  let folder;
  let file;
  let browser;

  before(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'quintain-page-'));
    file = path.join(folder, 'page.html');
    writeFileSync(file, execFileSync(process.env.QUINTAIN_SAMPLE_PAGE, { maxBuffer: 1 << 28 }));
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  // Opens the page, calls `look` with it, and checks that it logged nothing and fetched nothing.
  async function visit(options, look, address = pathToFileURL(file).href) {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
    const { said, fetched } = record(page);
    try {
      await page.goto(address);
      if (options.javaScriptEnabled !== false) await drawn(page);
      await look(page);
      assert.deepEqual(said, []);
      assert.deepEqual(
        fetched.filter((url) => !url.startsWith('data:')),
        [address],
      );
    } finally {
      await page.close();
    }
  }

  // The same with another report: `change` returns what the page gets instead of the sample's.
  async function visitChanged(change, look) {
    const [, before, data, after] = /^(.*id="study">)(.*?)(<\/script>.*)$/s.exec(
      readFileSync(file, 'utf8'),
    );
    const changed = path.join(folder, 'changed.html');
    const json = JSON.stringify(change(JSON.parse(data))).replaceAll('<', '\\u003c');
    writeFileSync(changed, before + json + after);
    await visit({}, look, pathToFileURL(changed).href);
  }

  const drawn = (page) => page.waitForSelector('html[data-drawn=all]', { state: 'attached' });

  // The figure of a workload.
  const figure = (page, chart, workload = 0) =>
    page.locator(`figure[data-chart=${chart}][data-workload="${workload}"]`);

  // The number of marks in a picture, of one kind or of all: symbols, bars, lines, areas.
  const marks = (locator, kind = ':is(.mark-symbol,.mark-rect,.mark-line,.mark-area)') =>
    locator.locator(`svg ${kind} path`).count();

  for (const colorScheme of ['light', 'dark']) {
    test(`can be used without seeing it (${colorScheme})`, () => visit({ colorScheme }, checkAccess));
  }

  test('draws every picture as SVG with marks, without messages', () =>
    visit({}, async (page) => {
      assert.equal(await page.locator('figure').count(), FIGURES);
      assert.equal(await page.locator('figure .plot svg').count(), FIGURES);
      assert.equal(await page.locator('canvas').count(), 0);
      for (const locator of await page.locator('figure').all()) {
        const name = await locator.getAttribute('data-chart');
        assert.ok((await marks(locator)) >= 2, `${name} has marks`);
        const text = await locator.locator('svg').innerHTML();
        assert.doesNotMatch(text, /NaN|Infinity|undefined/, name);
      }
    }));

  test('draws a mark for each value of the report', () =>
    visit({}, async (page) => {
      // Three estimators are shown: 20 bars each, and a reliability point for each level in both panels.
      assert.equal(await marks(figure(page, 'pit'), '.mark-rect'), 3 * 20 + 3);
      assert.equal(await marks(figure(page, 'reliability'), '.mark-symbol'), 3 * 19 * 2);
      assert.equal(await marks(figure(page, 'scatter'), '.mark-symbol'), 3 * 240);
      assert.equal(await marks(figure(page, 'sharpness'), '.mark-symbol'), 3);
      // Each of the two changes in the second workload has a label.
      assert.equal(
        await figure(page, 'rolling', 1).locator('svg text', { hasText: 'change' }).count(),
        2,
      );
      assert.equal(
        await figure(page, 'rolling', 0).locator('svg text', { hasText: 'change' }).count(),
        0,
      );
      // The label of the default's bar against the oracle is its ratio.
      assert.equal(
        await figure(page, 'ratios')
          .locator('svg text', { hasText: /^1\.014$/ })
          .count(),
        1,
      );
    }));

  test('keeps every mark within its picture', () =>
    visit({}, async (page) => {
      await page.locator('.legend input').evaluateAll((boxes) =>
        boxes.forEach((box) => {
          if (!box.checked) box.click();
        }),
      );
      await drawn(page);
      const outside = await page.evaluate(() =>
        [...document.querySelectorAll('figure .plot svg')].flatMap((svg) => {
          const frame = svg.getBoundingClientRect();
          return [...svg.querySelectorAll('path, text, line')]
            .map((node) => node.getBoundingClientRect())
            .filter((box) => box.width > 0 || box.height > 0)
            .filter(
              (box) =>
                box.left < frame.left - 2 ||
                box.right > frame.right + 2 ||
                box.top < frame.top - 2 ||
                box.bottom > frame.bottom + 2,
            )
            .map((box) => `${svg.closest('figure').dataset.chart}: ${JSON.stringify(box)}`);
        }),
      );
      assert.deepEqual(outside, []);
    }));

  test('a box adds and removes an estimator', () =>
    visit({}, async (page) => {
      const pit = figure(page, 'pit');
      const names = () => pit.locator('svg .mark-text text').allTextContents();
      assert.ok(!(await names()).includes('ewma'));
      await page.getByLabel('ewma', { exact: true }).check();
      await drawn(page);
      assert.ok((await names()).includes('ewma'));
      assert.equal(await marks(pit, '.mark-rect'), 4 * 21);
      for (const name of ['ewma', 'best', 'oracle', 'queue-length']) {
        await page.getByLabel(name, { exact: true }).uncheck();
      }
      await drawn(page);
      assert.equal(await page.locator('figure svg').count(), 0);
      assert.match(await pit.locator('.plot').textContent(), /None of the estimators shown/);
    }));

  test('a point shows its numbers under the pointer', () =>
    visit({}, async (page) => {
      await figure(page, 'sharpness').scrollIntoViewIfNeeded();
      await figure(page, 'sharpness')
        .locator('svg .mark-symbol path')
        .last()
        .hover({ force: true });
      const tip = page.locator('.tip');
      await tip.waitFor({ state: 'visible' });
      assert.match(await tip.textContent(), /80 % interval .* wide\nworst coverage error/);
    }));

  test('every picture has its text alternative', () =>
    visit({}, async (page) => {
      const labelOf = (chart, workload) =>
        figure(page, chart, workload).locator('[role=img]').getAttribute('aria-label');
      assert.match(
        await labelOf('reliability', 0),
        /^Reliability, stationary\. best: at most 0\.39 pp from the diagonal, at 75\.0 %\. /,
      );
      assert.match(
        await labelOf('rolling', 1),
        /best: the 90 % quantile covers 84\.3 to 90\.5 %; changes at arrivals 4000, 8200\. /,
      );
      assert.match(
        await labelOf('ratios', 0),
        /best: 1\.014 \[1\.009, 1\.019\] times the loss of oracle, 0\.719 \[0\.715, 0\.723\] times the loss of queue-length\./,
      );
      assert.match(
        await labelOf('cost', 0),
        /best: 3\.40 µs with 0 waiting, 21\.5 µs with 64; p99 8\.16 µs\./,
      );
      assert.equal(
        await page.locator('#workload-2 .missing').textContent(),
        'No data for: Coverage by the queue at acceptance, Rolling coverage, Cost of a prediction.',
      );
      for (const locator of await page.locator('figure').all()) {
        const label = await locator.locator('[role=img]').getAttribute('aria-label');
        assert.match(label, /\d/, label);
        assert.ok((await locator.locator('figcaption').innerText()).length > 40);
        assert.ok((await locator.locator('details tbody tr').count()) >= 1, label);
      }
      // A screen reader does not read the marks besides.
      assert.equal(await page.locator('figure .plot > [aria-hidden=true] svg').count(), FIGURES);
    }));

  test('hostile names are text', () =>
    visit({}, async (page) => {
      assert.equal(await page.locator('h2', { hasText: HOSTILE }).count(), 1);
      assert.equal(await page.locator('b, img').count(), 0);
      assert.equal(await page.locator('script').count(), 3);
    }));

  test('links lead to the workloads', () =>
    visit({}, async (page) => {
      await page.getByRole('navigation').getByRole('link', { name: 'regime-change' }).click();
      assert.equal(new URL(page.url()).hash, '#workload-1');
      assert.ok((await page.locator('#workload-1').boundingBox()).y < 100);
    }));

  for (const width of [360, 768, 1280]) {
    test(`nothing is wider than a window of ${width} pixels`, () =>
      visit({ viewport: { width, height: 740 } }, async (page) => {
        const sizes = () => page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.deepEqual(await sizes(), [width, width]);
        await page.locator('details').evaluateAll((all) =>
          all.forEach((details) => {
            details.open = true;
          }),
        );
        assert.deepEqual(await sizes(), [width, width]);
        for (const box of await page
          .locator('figure .plot svg')
          .evaluateAll((all) => all.map((svg) => svg.getBoundingClientRect()))) {
          assert.ok(
            box.left >= 0 && box.right <= width && box.width > Math.min(width, 600) * 0.5,
            JSON.stringify(box),
          );
        }
      }));
  }

  test('pictures follow the width of the window', () =>
    visit({}, async (page) => {
      // The width as drawn, not as scaled by the style.
      const width = () =>
        figure(page, 'depth')
          .locator('svg')
          .evaluate((svg) => Number(svg.getAttribute('width')));
      assert.ok((await width()) > 350);
      await page.setViewportSize({ width: 360, height: 740 });
      const wanted = await figure(page, 'depth')
        .locator('.plot')
        .evaluate((plot) => plot.clientWidth);
      await page.waitForFunction(
        (width) =>
          document.querySelector('figure[data-chart=depth] svg')?.getAttribute('width') ===
          String(width),
        wanted,
        { timeout: 5000 },
      );
      await drawn(page);
      assert.equal(await width(), wanted);
    }));

  const colours = (page) =>
    page.evaluate(() => {
      const style = (selector, property) =>
        getComputedStyle(document.querySelector(selector))[property];
      return {
        page: style('body', 'backgroundColor'),
        ink: style('body', 'color'),
        label: style('figure svg text', 'fill'),
        line: style('figure[data-chart=depth] svg .mark-line path', 'stroke'),
      };
    });

  // Relative luminance as WCAG defines it: 0 is black, 1 white.
  function luminance(rgb) {
    const [r, g, b] = rgb
      .match(/[\d.]+/g)
      .map((value) => Number(value) / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };

  test('light and dark: page, text and pictures', async () => {
    const seen = {};
    for (const colorScheme of ['light', 'dark']) {
      await visit({ colorScheme }, async (page) => {
        const found = await colours(page);
        seen[colorScheme] = found;
        assert.ok(contrast(found.page, found.ink) >= 7);
        assert.ok(contrast(found.page, found.label) >= 4.5);
        assert.ok(contrast(found.page, found.line) >= 3);
      });
    }
    assert.ok(luminance(seen.light.page) > 0.8);
    assert.ok(luminance(seen.dark.page) < 0.05);
    for (const part of ['ink', 'label', 'line'])
      assert.notEqual(seen.light[part], seen.dark[part], part);
  });

  test('pictures follow a change of scheme without being drawn again', () =>
    visit({ colorScheme: 'light' }, async (page) => {
      const before = await colours(page);
      await page
        .locator('figure svg')
        .first()
        .evaluate((svg) => {
          svg.dataset.same = 'yes';
        });
      await page.emulateMedia({ colorScheme: 'dark' });
      assert.notDeepEqual(await colours(page), before);
      assert.equal(await page.locator('figure svg[data-same]').count(), 1);
    }));

  test('prints every picture unbroken and on white', () =>
    visit({ colorScheme: 'dark' }, async (page) => {
      await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
      assert.equal(luminance((await colours(page)).page), 1);
      // The width of A4 without its margins, at 96 dots per inch.
      await page.setViewportSize({ width: 718, height: 1000 });
      const boxes = await page.locator('figure').evaluateAll((all) =>
        all.map((figure) => {
          const frame = figure.getBoundingClientRect();
          const svg = figure.querySelector('svg').getBoundingClientRect();
          return {
            inside: svg.left >= frame.left && svg.right <= frame.right,
            height: frame.height,
          };
        }),
      );
      assert.equal(boxes.length, FIGURES);
      for (const { inside, height } of boxes) {
        assert.ok(inside);
        assert.ok(height < 1000); // fits on one printed page
      }
      const pdf = await page.pdf({ format: 'A4' });
      const pages = pdf.toString('latin1').match(/\/Type\s*\/Page\b/g).length;
      assert.ok(pages >= 6 && pages <= 40, `${pages} pages`);
    }));

  test('draws before it prints, even if nothing was drawn yet', async () => {
    const page = await browser.newPage();
    try {
      // Timers never fire, so no picture is drawn by itself.
      await page.addInitScript(() => {
        globalThis.setTimeout = () => 0;
      });
      await page.goto(pathToFileURL(file).href);
      assert.equal(await page.locator('figure svg').count(), 0);
      await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
      assert.equal(await page.locator('figure svg').count(), FIGURES);
    } finally {
      await page.close();
    }
  });

  test('says where the report is if JavaScript is off', () =>
    visit({ javaScriptEnabled: false }, async (page) => {
      assert.ok(await page.getByText('Without JavaScript').isVisible());
      const report = JSON.parse(await page.locator('#study').textContent());
      assert.equal(report.study.name, 'sample');
    }));

  test('says that there is no report if it could not be written as JSON', () =>
    visitChanged(
      () => null,
      async (page) => {
        assert.ok(await page.getByText('could not be written as JSON').isVisible());
        assert.equal(await page.locator('section, figure').count(), 0);
      },
    ));

  test('shows a study without workloads', () =>
    visitChanged(
      (report) => ({ ...report, workloads: [], costs: [], verdict: 'error' }),
      async (page) => {
        assert.equal(await page.locator('h1 .badge.bad').textContent(), 'error');
        assert.equal(await page.locator('figure').count(), 0);
      },
    ));

  test('the header and the footer describe the study', () =>
    visit({}, async (page) => {
      assert.equal(await page.title(), 'sample · Quintain study');
      const header = await page.locator('header').innerText();
      assert.match(header, /^sample passed\n/);
      assert.match(header, /Made-up numbers, to test what shows them/);
      assert.match(
        header,
        /3 workloads, 7 estimators, 25 replications, 236\u202f900 executions scored/,
      );
      assert.match(header, /2024-05-01T12:00:00Z · studies\/sample\.json · quintain 0\.1\.0/);
      const footer = await page.locator('footer').innerText();
      assert.match(footer, /quintain study studies\/sample\.json --seeds 12/);
      assert.match(footer, /6m52\.5s/);
    }));

  test('shows goals and controls that hold', () =>
    visit({}, async (page) => {
      const overview = page.locator('#overview');
      assert.deepEqual(await overview.locator('.badge.good').allTextContents(), [
        ...['2 of 2', '2 of 2', 'met', 'met', 'met', 'met', 'flagged'],
      ]);
      assert.equal(await overview.locator('.badge.bad').count(), 0);
      assert.equal(await overview.locator('summary').textContent(), '4 of 4 goals met');
      assert.equal(await page.getByText('Goals that are missed').count(), 0);
    }));

  test('shows a missed goal and a control that is not flagged', () =>
    visitChanged(
      (report) => {
        report.verdict = 'failed';
        const { estimators } = report.workloads[0];
        estimators[0].flags[2].holds = false;
        estimators.find(({ role }) => role === 'control').flagged = false;
        return report;
      },
      async (page) => {
        assert.equal(await page.locator('h1 .badge.bad').textContent(), 'failed');
        const overview = page.locator('#overview');
        assert.equal(await overview.locator('summary').textContent(), '3 of 4 goals met');
        assert.deepEqual(await overview.locator('.badge.bad').allTextContents(), [
          ...['1 of 2', 'missed', 'missed', 'not flagged'],
        ]);
        const missed = overview.getByRole('table', { name: 'Goals that are missed' });
        assert.match(await missed.innerText(), /stationary\tbest default\tpinball-to-oracle/);
      },
    ));

  test('at first shows the default, the oracle and the best baseline', () =>
    visit({}, async (page) => {
      const checked = page.locator('.legend input:checked + span');
      assert.deepEqual(await checked.allTextContents(), ['best', 'queue-length', 'oracle']);
    }));

  test('tables show the numbers of the report', () =>
    visit({}, async (page) => {
      const cells = (table, name) =>
        page
          .locator('#workload-0')
          .getByRole('table', { name: table })
          .getByRole('row', { name })
          .locator('td')
          .allTextContents();
      assert.deepEqual(await cells('Loss and calibration', /^best default/), [
        ...['1.014 [1.009, 1.019]', '0.719 [0.715, 0.723]', '50.2', '80.4', '90.3', '95.2'],
        ...['0.38 [0.08, 0.68]', '1.64'],
      ]);
      assert.deepEqual(await cells('Sharpness, memory', /^best default/), [
        ...['374 ms', '811 ms', '1.12 s', '1.19 MiB', '6.08 KiB', '3.40 µs', '8.16 µs'],
      ]);
      assert.match(await page.locator('#workload-2').innerText(), /fedcba9876543210/);
      await page.locator('#workload-2 > details').last().locator('summary').click();
      assert.match(await page.locator('#workload-2').innerText(), /Seeds: 18446744073709551615/);
    }));

  test('an unknown value is a dash', () =>
    visit({}, async (page) => {
      const text = await page.locator('main').innerText();
      assert.doesNotMatch(text, /\b(NaN|Infinity|undefined)\b/);
    }));

  test('the keyboard reaches the boxes, the tables and the data', () =>
    visit({}, async (page) => {
      const reached = new Set();
      for (let i = 0; i < 60; ++i) {
        await page.keyboard.press('Tab');
        reached.add(
          await page.evaluate(
            () => document.activeElement.type ?? document.activeElement.className ?? '',
          ),
        );
        reached.add(await page.evaluate(() => document.activeElement.tagName));
      }
      for (const what of ['checkbox', 'scroll', 'SUMMARY', 'A']) assert.ok(reached.has(what), what);
    }));

  test('headings form an outline', () =>
    visit({}, async (page) => {
      const levels = await page
        .locator('h1, h2, h3, h4')
        .evaluateAll((all) => all.map(({ tagName }) => Number(tagName[1])));
      assert.equal(levels.filter((level) => level === 1).length, 1);
      levels.forEach((level, i) =>
        assert.ok(i === 0 || level <= levels[i - 1] + 1, `h${levels[i - 1]}, then h${level}`),
      );
    }));
});
