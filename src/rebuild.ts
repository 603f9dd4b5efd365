import { openCommandDatabase } from './app/command-database.js';
import { ConfigError, environment, readConfig } from './platform/settings/config.js';
import { Database } from './platform/postgres/database.js';
import { errorText } from './platform/runtime/log.js';
import { applyMigrations } from './platform/postgres/migrations.js';
import { rebuild, type RebuildProgress } from './record/usage/rebuild.js';
import { usageProjection } from './record/usage/usage.projection.js';

const PROJECTIONS = [usageProjection];
const TELL_EVERY_MS = 2000;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

const progressText = (progress: RebuildProgress): string =>
  `  ${progress.organizations} of ${progress.of} organizations, ${progress.records} records`;

/** `npm run rebuild -- usage`: computes a projection's tables anew from the audit log. */
const main = async (): Promise<void> => {
  const name = process.argv.at(-1);
  const projection = PROJECTIONS.find((one) => one.name === name);
  if (!projection)
    throw new Error(`say what to rebuild: npm run rebuild -- ${PROJECTIONS.map((one) => one.name).join('|')}`);
  const opened = await openCommandDatabase(readConfig(environment()));
  try {
    await applyMigrations(opened.url);
    const db = new Database(opened.url, { app: 1, worker: 2 });
    let told = Date.now();
    const done = await rebuild(db, projection, (progress) => {
      if (Date.now() - told < TELL_EVERY_MS) return;
      told = Date.now();
      say(progressText(progress));
    }).finally(() => db.close());
    say(`Rebuilt ${projection.name}:\n${progressText(done)}`);
  } finally {
    await opened.stop();
  }
};

main().then(
  () => process.exit(0),
  (error: unknown) => {
    say(error instanceof ConfigError ? error.message : `Not rebuilt: ${errorText(error)}`);
    process.exit(1);
  },
);
