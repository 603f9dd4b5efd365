import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.js';
import { startProduct, type Product } from '../support/product.js';
import { signUp, type Tenant } from '../support/tenant.js';
import { makeCertificates, type Certificates } from './support/certificates.js';
import { destinations, withoutRepeats, type Receiver } from './support/destinations.js';
import { makeStream, until } from './support/streams.js';

const here = destinations.filter(({ isHere }) => isHere);
const RECORDS = 8;
/** Each stream that can't save holds a connection to the database, of which there are few: the others wait for one. */
const SENT_AT_LEAST = 3;

/** Nobody can save that a batch was delivered until the lock is given back; whoever waits for it then is gone. */
const lockProgress = async (url: string): Promise<() => Promise<void>> => {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('begin; lock table log_stream_hours in share row exclusive mode');
  return async () => {
    await client.query(
      'select pg_terminate_backend(pid) from pg_stat_activity ' +
        'where datname = current_database() and pid <> pg_backend_pid()',
    );
    await client.query('rollback');
    await client.end();
  };
};

describe('a Toolgate that is killed while it sends to every kind of receiver', () => {
  const receivers = new Map<string, Receiver>();
  let certificates: Certificates;
  let database: Awaited<ReturnType<typeof testDatabase>>;
  let product: Product | undefined;
  let ids: readonly string[];
  /** Receivers that held records of which nobody had saved that they do. */
  let unsaved: readonly string[] = [];

  const settings = () => ({
    DATABASE_URL: database.url,
    MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
    UPSTREAM_ALLOW: '127.0.0.0/8',
    SIGNUP: 'open',
    SHUTDOWN_DELAY_SECONDS: '0',
  });
  const holdsAll = async (receiver: Receiver): Promise<boolean> =>
    withoutRepeats(await receiver.stored()).length >= ids.length;

  /** Streams to all receivers, and records that all of them hold; then more, which nobody can save as delivered. */
  const sendUntilKilled = async (running: Product): Promise<void> => {
    const tenant: Tenant = await signUp(running.url);
    for (const [name, receiver] of receivers) await makeStream(tenant, name, receiver.stream());
    await tenant.identity('before');
    ids = (await tenant.events()).map(({ id }) => String(id));
    for (const [name, receiver] of receivers) await until(() => holdsAll(receiver), `${name} holds the first`);
    const before = (await tenant.events()).length;
    const unlock = await lockProgress(database.url);
    for (let count = 0; count < RECORDS; count += 1) await tenant.identity(`agent ${count}`);
    const made = async () => (await tenant.events('&type=identity.created')).length;
    await until(async () => (await made()) === RECORDS + 1, 'all is on record');
    ids = (await tenant.events()).map(({ id }) => String(id));
    const sent = async () => {
      const counts = await Promise.all(
        [...receivers].map(async ([name, receiver]) => [name, withoutRepeats(await receiver.stored()).length] as const),
      );
      return counts.filter(([, count]) => count > before).map(([name]) => name);
    };
    await until(async () => (await sent()).length >= SENT_AT_LEAST, 'receivers hold what nobody can save');
    unsaved = await sent();
    await running.killGroup();
    await unlock();
  };

  beforeAll(async () => {
    certificates = await makeCertificates();
    database = await testDatabase();
    for (const destination of here) receivers.set(destination.name, await destination.start(certificates, false));
    await sendUntilKilled(await startProduct(settings()));
    product = await startProduct(settings());
  }, 240_000);
  afterAll(async () => {
    await product?.killGroup();
    await Promise.all([...receivers.values()].map((receiver) => receiver.stop()));
    await database?.drop();
    await certificates?.remove();
  });

  test.each(here.map(({ name }) => name))(
    '%s holds every record in order, and what nobody saved as sent again under its id',
    async (name) => {
      const receiver = receivers.get(name)!;
      await expect.poll(() => holdsAll(receiver), { timeout: 45_000 }).toBe(true);
      const stored = await receiver.stored();
      expect(withoutRepeats(stored).slice(0, ids.length)).toEqual(ids);
      if (receiver.dropsRepeats) expect(stored).toEqual(withoutRepeats(stored));
      else if (unsaved.includes(name)) expect(stored.length).toBeGreaterThan(withoutRepeats(stored).length);
    },
  );
});
