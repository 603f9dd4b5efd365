import { readFile, writeFile } from 'node:fs/promises';
import { settingsTable } from './platform/settings/config.js';
import { errorText } from './platform/runtime/log.js';

const README = new URL('../README.md', import.meta.url);
const BETWEEN_MARKERS = /(<!-- settings -->\n)[^]*?(<!-- \/settings -->)/;

/**
 * Puts the table of settings between README's `settings` markers; with `--check` only compares, and fails when it is
 * stale.
 */
const main = async (): Promise<void> => {
  const text = await readFile(README, 'utf8');
  if (!BETWEEN_MARKERS.test(text))
    throw new Error('README.md has no "<!-- settings -->" … "<!-- /settings -->" markers');
  const fresh = text.replace(
    BETWEEN_MARKERS,
    (_all, open: string, close: string) => `${open}${settingsTable()}\n${close}`,
  );
  if (!process.argv.includes('--check')) return writeFile(README, fresh);
  if (fresh !== text) throw new Error('the settings table in README.md is stale: run "npm run settings" and commit it');
};

main().catch((error: unknown) => {
  process.stderr.write(`${errorText(error)}\n`);
  process.exitCode = 1;
});
