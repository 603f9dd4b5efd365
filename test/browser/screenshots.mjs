/**
 * Takes a picture of each kind of page, on a desktop and on a phone, light and dark.
 *
 *   node test/browser/screenshots.mjs --url http://127.0.0.1:8080 [--out folder] [--only part-of-a-path]
 *
 * The pictures go into a new folder below the temporary one unless told otherwise.
 */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { launchChromium } from './support/chromium.mjs';
import { PAGES } from './support/pages.mjs';

const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 360, height: 740 } };

const { values } = parseArgs({
  options: { url: { type: 'string' }, out: { type: 'string' }, only: { type: 'string', default: '' } },
});
if (values.url === undefined) throw new Error('--url is missing');
const folder = values.out ?? mkdtempSync(join(tmpdir(), 'toolgate-pages-'));
mkdirSync(folder, { recursive: true });

const nameOf = (path) => path.replaceAll(/[^a-z0-9]+/gi, '-').replaceAll(/^-|-$/g, '') || 'start';

const browser = await launchChromium();
try {
  for (const path of PAGES.filter((one) => one.includes(values.only)))
    for (const [size, viewport] of Object.entries(SIZES))
      for (const colorScheme of ['light', 'dark']) {
        const page = await browser.newPage({ viewport, colorScheme });
        await page.goto(values.url + path);
        await page.screenshot({ path: join(folder, `${nameOf(path)}-${size}-${colorScheme}.png`), fullPage: true });
        await page.close();
      }
} finally {
  await browser.close();
}
process.stdout.write(`${folder}\n`);
