// A headless Chromium for the tests of pages, and a record of what a page says and fetches.

import { existsSync } from 'node:fs';

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
