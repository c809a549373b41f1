// The page of run, conform, explore and compare in a headless Chromium.
//
// QUINTAIN_SAMPLE_PAGE names the program that writes the pages. Without a browser every test is skipped, or
// fails if QUINTAIN_NEEDS_BROWSER is set.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { checkAccess, launch, noBrowser, record } from './browser.js';

describe('the page of a report', { skip: noBrowser }, () => {
  let folder;
  let browser;

  before(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'quintain-page-'));
    for (const [name, ...args] of [['small', 'report'], ['many', 'report', '10000'], ['comparison', 'comparison'], ['capacity', 'capacity']]) {
      const page = execFileSync(process.env.QUINTAIN_SAMPLE_PAGE, args, { maxBuffer: 1 << 28 });
      writeFileSync(path.join(folder, `${name}.html`), page);
    }
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  // Opens the page, calls `look` with it, and checks that it logged nothing and fetched nothing.
  async function visit(name, look, { hash = '', ...options } = {}) {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
    page.setDefaultTimeout(5000);
    const { said, fetched } = record(page);
    const address = pathToFileURL(path.join(folder, `${name}.html`)).href;
    try {
      await page.goto(address + hash);
      await page.waitForSelector('html[data-drawn=all]', { state: 'attached' });
      await look(page);
      assert.deepEqual(said, []);
      const other = fetched.filter((url) => !url.startsWith('data:') && url.split('#')[0] !== address);
      assert.deepEqual(other, []);
    } finally {
      await page.close();
    }
  }

  const rows = (page) => page.locator('table.cases > tbody > tr:not(.details)');
  const status = (page) => page.locator('#cases [role=status]').innerText();

  test('shows the verdict, the failures with their evidence, and every case', () =>
    visit('small', async (page) => {
      assert.match(await page.locator('h1').innerText(), /failed/);
      assert.match(await page.locator('.about').innerText(), /^6 cases: 1 failed, 1 unexpected pass, 1 error/);
      assert.equal(await page.locator('article.failure').count(), 3);
      const failure = page.locator('article.failure', { hasText: 'cancel/while-running' });
      for (const text of ['a is CANCELLED at 150ms', 'never cancelled', 'scenarios/cancel.json:41', 'a finished', '12 further events', '--only cancel/while-running']) {
        assert.ok((await failure.innerText()).includes(text), text);
      }
      assert.equal(await rows(page).count(), 6);
      assert.match(await page.locator('#reasons').innerText(), /the target has no HTTP interface/);
    }));

  test('shows markup in a report as text', () =>
    visit('small', async (page) => {
      assert.equal(await page.locator('img').count(), 0);
      assert.ok((await page.locator('#failures').innerText()).includes('</script><img src=x onerror=alert(1)>'));
    }));

  test('filters by outcome and by words, and keeps both in the address', () =>
    visit('small', async (page) => {
      await page.getByRole('radio', { name: 'failed' }).check();
      assert.equal(await rows(page).count(), 1);
      await page.getByRole('radio', { name: 'all' }).check();
      await page.locator('#search').fill('CANCEL twice');
      assert.equal(await rows(page).count(), 1);
      assert.match(await rows(page).innerText(), /cancel\/twice/);
      await page.reload();
      assert.equal(await page.locator('#search').inputValue(), 'CANCEL twice');
      assert.equal(await rows(page).count(), 1);
    }));

  test('opens a case by keyboard, and its link survives a reload', () =>
    visit('small', async (page) => {
      await page.locator('table.cases a', { hasText: 'while-running' }).focus();
      await page.keyboard.press('Enter');
      const details = page.locator('tr.details');
      await details.waitFor();
      await page.reload();
      await details.waitFor();
      assert.match(await details.innerText(), /never cancelled/);
      assert.equal(await page.locator('tr.chosen a').getAttribute('aria-expanded'), 'true');
      await page.goBack();
      await details.waitFor({ state: 'detached' });
    }));

  test('opens 10,000 cases within 2 s, and a link to the last of them', async () => {
    // The best of three: other programs may take the processor meanwhile.
    let best = Infinity;
    for (let i = 0; i < 3 && best >= 2000; ++i) {
      const start = performance.now();
      await visit('many', () => {
        best = Math.min(best, performance.now() - start);
      });
    }
    console.log(`10,000 cases: ${Math.round(best)} ms`);
    assert.ok(best < 2000, `${best} ms`);
    await visit('many', async (page) => {
      assert.ok((await rows(page).count()) < 2000);
      assert.match(await status(page), /^10,000 of 10,000 cases/);
      await page.locator('#search').fill('case-9999');
      assert.match(await status(page), /^1 of 10,000/);
    });
    await visit('many', async (page) => {
      await page.locator('tr.details').waitFor();
      assert.ok(await page.locator('tr.chosen').isVisible());
    }, { hash: '#case=many-9%2Fcase-9999' });
  });

  test('the clauses lead to the cases that violate them', () =>
    visit('many', async (page) => {
      const row = page.locator('#clauses tbody tr', { hasText: 'clause 3 holds' }).first();
      assert.match(await row.innerText(), /CANCEL-3.*failed.*200/s);
      await row.getByRole('link', { name: '200' }).click();
      assert.match(await status(page), /^200 of 10,000 cases with the check CANCEL-3 failed/);
      await row.getByRole('link', { name: '9,794' }).click();
      assert.match(await status(page), /^9,794 of 10,000 cases with the check CANCEL-3 passed/);
    }));

  test('shows each clause by family and by case', () =>
    visit('many', async (page) => {
      const family = page.locator('#clauses details', { hasText: 'Clauses by case: many-3' }).first();
      await family.locator('summary').click();
      const row = family.locator('tbody tr', { hasText: 'CANCEL-3' }).first();
      await row.getByRole('link', { name: 'CANCEL-3 in many-3/case-3007: failed' }).click();
      assert.ok(await page.locator('tr.details').isVisible());
      assert.match(await page.locator('tr.chosen').innerText(), /case-3007/);
      assert.match(await family.innerText(), /The first 200 of 1,000 cases/);
    }));

  test('draws the timeline of a case, and zooms by buttons and wheel', () =>
    visit('small', async (page) => {
      const timeline = page.locator('article.failure .timeline');
      assert.match(await timeline.locator('summary').first().innerText(), /Timeline of 2 executions/);
      await timeline.scrollIntoViewIfNeeded();
      const svg = timeline.locator('svg');
      await svg.waitFor();
      const axis = async () => (await svg.locator('.mark-text.role-axis-label text').allTextContents()).join(' ');
      const before = await axis();
      await timeline.getByRole('button', { name: 'Zoom in' }).click();
      const near = await axis();
      assert.notEqual(near, before);
      await timeline.getByRole('button', { name: 'Later' }).focus();
      await page.keyboard.press('Enter');
      assert.notEqual(await axis(), near);
      await timeline.getByRole('button', { name: 'Show the whole run' }).click();
      assert.equal(await axis(), before);
      await svg.hover();
      await page.keyboard.down('Control');
      await page.mouse.wheel(0, -100);
      await page.keyboard.up('Control');
      await page.waitForFunction((old) => ![...document.querySelectorAll('.timeline svg .role-axis-label text')].map((one) => one.textContent).join(' ').startsWith(old), before);
    }));

  test('prints on white, without what only a screen needs, and draws timelines first', () =>
    visit('small', async (page) => {
      await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
      const colours = await page.evaluate(() => {
        const { backgroundColor, color } = getComputedStyle(document.body);
        return [backgroundColor, color];
      });
      assert.deepEqual(colours, ['rgb(255, 255, 255)', 'rgb(0, 0, 0)']);
      for (const hidden of ['nav', '.filter', '.copy', '.zoom']) {
        const shown = await page.locator(hidden).evaluateAll((all) => all.filter((one) => one.checkVisibility()).length);
        assert.equal(shown, 0, hidden);
      }
      assert.ok(await page.locator('article.failure').first().isVisible());
      // The width of A4 without its margins, at 96 dots per inch.
      await page.setViewportSize({ width: 718, height: 1000 });
      await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
      await page.locator('article.failure .timeline svg').waitFor({ state: 'attached' });
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
      const pdf = await page.pdf({ format: 'A4' });
      assert.ok(pdf.length > 10_000);
    }));

  test('has the facts of the timeline as a table, and what is left out', () =>
    visit('small', async (page) => {
      const timeline = page.locator('article.failure .timeline');
      await timeline.getByText('As a table').click();
      const rowsOf = timeline.getByRole('row');
      const text = (await rowsOf.allInnerTexts()).join('\n');
      for (const part of ['#1 \'a\'', '</script><b>f', 'COMPLETED at 1 s', 'has not ended', '900 ms to 1.2 s', 'cancel at 150 ms', 'the node crashes']) {
        assert.ok(text.includes(part), `${part} in ${text}`);
      }
      assert.match(await timeline.innerText(), /Not shown: 3 further executions/);
    }));

  test('has the plotting library only if there is something to draw', () => {
    const size = (name) => readFileSync(path.join(folder, `${name}.html`), 'utf8').includes('vegaModules =');
    assert.ok(size('small'));
    assert.ok(!size('comparison'));
  });

  for (const colorScheme of ['light', 'dark']) {
    test(`can be used without seeing it (${colorScheme})`, async () => {
      await visit('small', async (page) => {
        await page.locator('tr.details .timeline svg').waitFor();
        await page.locator('tr.details').getByText('As a table').click();
        await checkAccess(page);
      }, { colorScheme, hash: '#case=cancel%2Fwhile-running' });
      await visit('comparison', checkAccess, { colorScheme });
      await visit('capacity', checkAccess, { colorScheme });
    });
  }

  test('shows what became worse between two reports', () =>
    visit('comparison', async (page) => {
      assert.match(await page.locator('h1').innerText(), /worse/);
      await page.getByRole('radio', { name: 'worse' }).check();
      assert.equal(await page.locator('#cases tbody tr').count(), 1);
      assert.match(await page.locator('#cases tbody').innerText(), /many-0\/case-7/);
    }));

  test('shows what each number of slots gives', () =>
    visit('capacity', async (page) => {
      assert.match(await page.locator('.about').innerText(), /^4 slots are the fewest with response.p95 <= 2s/);
      assert.equal(await page.locator('figure svg').count(), 6);
      // Three lines with a point for each of the five numbers of slots.
      assert.equal(await page.locator('figure').first().locator('svg .mark-symbol path').count(), 15);
      assert.match(await page.locator('tr.chosen').innerText(), /^4.*37\.5 %.*0\.4$/s);
    }));

  for (const [name, options] of [
    ['a phone', { viewport: { width: 360, height: 700 } }],
    ['a dark screen', { colorScheme: 'dark' }],
  ]) {
    test(`fits ${name}`, () =>
      visit('small', async (page) => {
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(width <= page.viewportSize().width, `${width} px`);
        if (process.env.QUINTAIN_SCREENSHOTS) {
          await page.screenshot({ path: `${process.env.QUINTAIN_SCREENSHOTS}/${name.replaceAll(' ', '-')}.png`, fullPage: true });
        }
      }, options));
  }
});
