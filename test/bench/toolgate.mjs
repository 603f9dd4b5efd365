/**
 * One Toolgate process of the bench, of the build in argv[2]. argv[3] `on`: the product as `ROLES` and the rest of the
 * environment say. `off`: the gateway over a log that acknowledges at once and keeps nothing. That log exists only
 * here: no setting of the product leads to it.
 */
import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { answer } from './child.mjs';

const [, , dist, logIs] = process.argv;
const from = (path) => import(pathToFileURL(`${dist}/${path}`).href);

await import('reflect-metadata');
const { readConfig } = await from('platform/settings/config.js');
const config = readConfig(process.env);

const withoutLog = async () => {
  const [
    { startGateway },
    { Database },
    { EventStore },
    { Vault },
    { loadMasterKey },
    { makeOutbound },
    { listen, makeHttpFront, makeMetrics },
  ] = await Promise.all([
    from('app/start-gateway.js'),
    from('platform/postgres/database.js'),
    from('record/event-store/event-store.js'),
    from('platform/crypto/vault.js'),
    from('platform/crypto/master-key.js'),
    from('platform/outbound/outbound.js'),
    from('app/http-front.js'),
  ]);
  const database = new Database(config.databaseUrl);
  const own = { port: 0 };
  const acknowledged = Promise.resolve({ partition: 0, offset: 0 });
  const eventLog = {
    append: () => acknowledged,
    read: () => Promise.resolve([]),
    subscribe: () => Promise.resolve({ stop: () => Promise.resolve() }),
    ready: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const metrics = makeMetrics();
  const gateway = await startGateway({
    config,
    database,
    store: new EventStore(database),
    vault: new Vault(await loadMasterKey(config)),
    outbound: makeOutbound({ allow: config.upstreamAllow, ownPorts: () => [own.port] }),
    publicUrl: () => `http://127.0.0.1:${own.port}`,
    eventLog,
    stdio: { allow: [], variables: [], environment: {}, isolation: undefined },
    metrics,
  });
  // A build from before the rule has no such file, and asks for none.
  const hosts = await from('platform/settings/host-rule.js').then(
    ({ makeHostRule }) => makeHostRule(config),
    () => undefined,
  );
  own.port = await listen(
    makeHttpFront({ hosts, isOperator: () => Promise.resolve(false), gateway: gateway.handle, readiness: {}, metrics }),
    0,
    '127.0.0.1',
  );
  return own.port;
};

const port = logIs === 'off' ? await withoutLog() : (await (await from('app/toolgate.js')).startToolgate(config)).port;
let session;

const startProfile = async () => {
  const { Session } = await import('node:inspector/promises');
  session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  return {};
};

const stopProfile = async ({ file }) => {
  const { profile } = await session.post('Profiler.stop');
  await writeFile(file, JSON.stringify(profile));
  return {};
};

answer({ port }, { startProfile, stopProfile });
