import { openCommandDatabase } from './app/command-database.js';
import { insertReset, RESET_MINUTES, resetUrl } from './control-plane/accounts/password-resets.store.js';
import { findUserTyped } from './control-plane/accounts/users.store.js';
import { Database } from './platform/postgres/database.js';
import { applyMigrations } from './platform/postgres/migrations.js';
import { errorText } from './platform/runtime/log.js';
import { ConfigError, environment, readConfig } from './platform/settings/config.js';

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** `npm run reset-password -- person@example.com`: prints a link that sets the person's password, once. */
const main = async (): Promise<void> => {
  const email = process.argv.at(-1) ?? '';
  if (!email.includes('@')) throw new Error('say whose: npm run reset-password -- person@example.com');
  const config = readConfig(environment());
  const opened = await openCommandDatabase(config);
  try {
    await applyMigrations(opened.url);
    const db = new Database(opened.url, { app: 1, worker: 2 });
    const reset = await db
      .asStranger('operator', async (tx) => {
        const user = await findUserTyped(tx, email);
        return user && insertReset(tx, user.id);
      })
      .finally(() => db.close());
    if (!reset) throw new Error('no account has this e-mail address');
    const publicUrl = config.publicUrl ?? `http://${config.host}:${config.port}`;
    process.stdout.write(`${resetUrl(publicUrl, reset.token)}\n`);
    say(`The link sets a new password, once, within ${RESET_MINUTES} minutes. Without a browser:`);
    say(`curl ${publicUrl}/v1/password-reset/confirm --json '{"token":"${reset.token}","password":"…"}'`);
  } finally {
    await opened.stop();
  }
};

main().then(
  () => process.exit(0),
  (error: unknown) => {
    say(error instanceof ConfigError ? error.message : `No link: ${errorText(error)}`);
    process.exit(1);
  },
);
