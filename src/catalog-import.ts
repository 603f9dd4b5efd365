import { openCommandDatabase } from './app/command-database.js';
import { openOutbound } from './app/open-outbound.js';
import { ImportStopped } from './control-plane/catalog/import/fetch-page.js';
import { importFiles } from './control-plane/catalog/import/import-files.js';
import { importRegistry } from './control-plane/catalog/import/import-registry.js';
import type { ImportProgress } from './control-plane/catalog/import/save-imported.js';
import { Database } from './platform/postgres/database.js';
import { applyMigrations } from './platform/postgres/migrations.js';
import { errorText } from './platform/runtime/log.js';
import { ConfigError, environment, readConfig, type Config } from './platform/settings/config.js';

const TELL_EVERY_MS = 1000;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

const textOf = ({ read, saved, removed, leftOut }: ImportProgress, began: number): string =>
  `${read} entries read, ${saved} saved, ${removed} removed, ${leftOut} left out; ` +
  `${Math.round((1000 * read) / Math.max(1, performance.now() - began))} a second`;

/** Tells of progress, at most once a second. */
const teller = (began: number): ((progress: ImportProgress) => void) => {
  let told = began;
  return (progress) => {
    if (performance.now() - told < TELL_EVERY_MS) return;
    told = performance.now();
    say(`  ${textOf(progress, began)}`);
  };
};

const fromRegistry = async (
  { config, url, db }: Readonly<{ config: Config; url: string; db: Database }>,
  { registry, onProgress }: Readonly<{ registry: string; onProgress: (progress: ImportProgress) => void }>,
): Promise<ImportProgress> => {
  const { outbound, stop } = await openOutbound(config, url, { port: config.port });
  return importRegistry({ db, outbound, registry, onProgress }).finally(stop);
};

/** `npm run catalog:import -- <MCP Registry URL, file or folder>`: takes servers into the catalog. */
const main = async (source: string | undefined): Promise<void> => {
  if (source === undefined) throw new Error('say what to import: an MCP Registry by its URL, a file or a folder');
  const config = readConfig(environment());
  const opened = await openCommandDatabase(config);
  try {
    await applyMigrations(opened.url);
    const db = new Database(opened.url, { app: 1, worker: 2 });
    const began = performance.now();
    const onProgress = teller(began);
    const work = /^https?:/i.test(source)
      ? fromRegistry({ config, url: opened.url, db }, { registry: source, onProgress })
      : importFiles({ db, onProgress, now: new Date() }, source);
    say(`Imported: ${textOf(await work.finally(() => db.close()), began)}`);
  } finally {
    await opened.stop();
  }
};

main(process.argv[2]).then(
  () => process.exit(0),
  (error: unknown) => {
    const known = error instanceof ConfigError || error instanceof ImportStopped;
    say(known ? error.message : `Not imported: ${errorText(error)}`);
    process.exit(1);
  },
);
