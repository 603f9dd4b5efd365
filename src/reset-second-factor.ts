import { openCommandDatabase } from './app/command-database.js';
import { endSecondFactorOf } from './control-plane/accounts/totp.store.js';
import { Database } from './platform/postgres/database.js';
import { applyMigrations } from './platform/postgres/migrations.js';
import { errorText } from './platform/runtime/log.js';
import { ConfigError, environment, readConfig } from './platform/settings/config.js';
import { EventStore } from './record/event-store/event-store.js';

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** `npm run reset-second-factor -- person@example.com`: the person signs in with their password alone again. */
const main = async (): Promise<void> => {
  const email = process.argv.at(-1) ?? '';
  if (!email.includes('@')) throw new Error('say whose: npm run reset-second-factor -- person@example.com');
  const opened = await openCommandDatabase(readConfig(environment()));
  try {
    await applyMigrations(opened.url);
    const db = new Database(opened.url, { app: 1, worker: 2 });
    const ended = await endSecondFactorOf(db, new EventStore(db), email).finally(() => db.close());
    if (!ended) throw new Error('no account with this e-mail address has a second factor');
    say('The second factor is gone. Ask the person to add a new one after they have signed in.');
  } finally {
    await opened.stop();
  }
};

main().then(
  () => process.exit(0),
  (error: unknown) => {
    say(error instanceof ConfigError ? error.message : `Nothing is changed: ${errorText(error)}`);
    process.exit(1);
  },
);
