// A headless Chromium for the tests of pages, and a record of what a page says and fetches.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);
const { chromium } = await import('playwright-core').catch(() => ({}));

function whyNot() {
  if (!CHROMIUM) return 'no browser: chromium is not installed';
  if (!chromium) return 'no browser: `npm ci` has not been run here';
  return false;
}

// Why there is no browser; false if there is one. Fails if there is none and QUINTAIN_NEEDS_BROWSER is set.
export const noBrowser = whyNot();
if (noBrowser && process.env.QUINTAIN_NEEDS_BROWSER) throw new Error(noBrowser);

export function launch() {
  // Chromium's sandbox does not run as root.
  const args = process.getuid() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: CHROMIUM, args });
}

// Collects from now on what the page logs, the errors in it and the dialogs it opens, which are dismissed,
// and the addresses of its requests.
export function record(page) {
  const said = [];
  const fetched = [];
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(error.stack));
  page.on('dialog', (dialog) => {
    said.push(`dialog: ${dialog.message()}`);
    return dialog.dismiss();
  });
  page.on('request', (request) => fetched.push(request.url()));
  return { said, fetched };
}

// Checks the page, as it is now, by the rules of axe-core: WCAG 2.2 at the levels A and AA, and good practice.
export async function checkAccess(page) {
  const rules = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
  await page.evaluate(readFileSync(rules, 'utf8'));
  const { violations, passes } = await page.evaluate(() => globalThis.axe.run());
  assert.ok(passes.length > 10, 'hardly any rule was applied');
  assert.deepEqual(violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target }) => target).join(', ')}`), []);
}
