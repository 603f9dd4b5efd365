/** `npm run backup -- <target folder>`: copies the data folder, with its keys, while Toolgate is stopped. */
import { backUpDataFolder, restoreHelp } from './platform/embedded-postgres/backup-data-folder.js';
import { environment, readConfig } from './platform/settings/config.js';

const say = (text: string): boolean => process.stderr.write(`${text}\n`);

async function main(target: string | undefined): Promise<void> {
  if (target === undefined) throw new Error('usage: npm run backup -- <target folder>');
  const { dataDir, databaseUrl } = readConfig(environment());
  if (databaseUrl !== undefined)
    say(
      'DATABASE_URL is set: its PostgreSQL is not in DATA_DIR; back it up with pg_dump. Copying ' +
        'DATA_DIR (keys, run files) …',
    );
  const backup = await backUpDataFolder({ dataDir, target, now: new Date(), onNotice: say });
  process.stdout.write(`${restoreHelp(backup, dataDir)}\n`);
}

await main(process.argv[2]).catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
