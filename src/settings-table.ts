import { readFile, writeFile } from 'node:fs/promises';
import { settingsTable } from './platform/settings/config.js';
import { errorText } from './platform/runtime/log.js';

const PAGE = 'docs/operating.md';
const PAGE_URL = new URL(`../${PAGE}`, import.meta.url);
const BETWEEN_MARKERS = /(<!-- settings -->\n)[^]*?(<!-- \/settings -->)/;

/**
 * Puts the table of settings between the `settings` markers of docs/operating.md; with `--check` only compares, and
 * fails when it is stale.
 */
const main = async (): Promise<void> => {
  const text = await readFile(PAGE_URL, 'utf8');
  if (!BETWEEN_MARKERS.test(text)) throw new Error(`${PAGE} has no "<!-- settings -->" … "<!-- /settings -->" markers`);
  const fresh = text.replace(
    BETWEEN_MARKERS,
    (_all, open: string, close: string) => `${open}${settingsTable()}\n${close}`,
  );
  if (!process.argv.includes('--check')) return writeFile(PAGE_URL, fresh);
  if (fresh !== text) throw new Error(`the settings table in ${PAGE} is stale: run "npm run settings" and commit it`);
};

main().catch((error: unknown) => {
  process.stderr.write(`${errorText(error)}\n`);
  process.exitCode = 1;
});
