import type { Registry } from 'prom-client';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import express from 'express';
import helmet from 'helmet';
import { resolve } from 'node:path';
import { assertEveryRouteIsDeclared } from '../control-plane/accounts/credential.guard.js';
import { makeOperatorCheck } from '../control-plane/accounts/sign-in.service.js';
import { AppModule, type Parts } from './app.module.js';
import { TELLING_APPROVALS } from '../control-plane/approvals/notifications/telling.js';
import { startOrganizationEnds } from '../control-plane/accounts/end/organization-ends.js';
import { TELLING_ALARMS } from '../control-plane/notifications/alarms.js';
import { startDelivery } from '../control-plane/notifications/deliver.js';
import { startRefreshing } from '../control-plane/oauth/upstream/refreshing.js';
import { startOauthUpkeep } from '../control-plane/oauth/upkeep.js';
import { PagesService } from '../control-plane/pages/pages.service.js';
import { startContactDelivery } from '../control-plane/pages/contact/deliver-contact.js';
import { startExpiry } from '../control-plane/approvals/expiry.js';
import { TailsService } from '../record/audit/tails.service.js';
import { EventStore } from '../record/event-store/event-store.js';
import type { EventLog } from '../record/event-log/event-log.js';
import { openKafkaLog } from '../record/event-log/kafka/log.js';
import { bindLog } from '../record/event-log/log-identity.js';
import { openPostgresLog } from '../record/event-log/postgres/log.js';
import { environment, warningsOf, type Config } from '../platform/settings/config.js';
import { makePoolLogins } from '../platform/postgres/database-roles.js';
import { Database } from '../platform/postgres/database.js';
import { makeHttpClient } from '../mcp/http-client/http-client.js';
import { startEmbeddedPostgres } from '../platform/embedded-postgres/embedded-postgres.js';
import { closeFront, listen, makeHttpFront, makeMetrics, type Handle, type Readiness } from './http-front.js';
import { makeHostRule } from '../platform/settings/host-rule.js';
import { log } from '../platform/runtime/log.js';
import { loadMasterKey } from '../platform/crypto/master-key.js';
import { makeSendMail } from '../platform/outbound/mail.js';
import { applyMigrations } from '../platform/postgres/migrations.js';
import { serveDocs } from '../platform/rest/openapi.js';
import { bodyValidation } from '../platform/rest/body-validation.js';
import { ProblemFilter } from '../platform/rest/problem-filter.js';
import { limitUnreadBodies } from '../platform/rest/unread-bodies.js';
import type { PollingLoop } from '../platform/runtime/polling-loop.js';
import { Vault } from '../platform/crypto/vault.js';
import { openOutbound } from './open-outbound.js';
import { CONSOLE_BASE, serveConsole } from './serve-console.js';
import { startGateway } from './start-gateway.js';
import { startRediscovery } from '../control-plane/servers/tools/rediscovery.js';
import { startLogStreams } from './start-log-streams.js';
import { startProjector } from './start-projector.js';
import type { StdioRules } from '../mcp/transports/stdio-channel.js';
import { findStdioIsolation } from '../mcp/transports/stdio-isolation.js';
import { OpenSessions } from '../mcp/transports/open-sessions.js';
import { openTransports } from '../mcp/transports/transports.js';

/**
 * A running Toolgate: `url` is what its clients are told, `listensOn` where it can be reached from this machine.
 * `close` lets running calls end, then stops everything that `startToolgate` started.
 */
export type Toolgate = Readonly<{
  url: string;
  listensOn: string;
  port: number;
  database: Database;
  eventLog: EventLog;
  store: EventStore;
  close: () => Promise<void>;
}>;

const DRAIN_MS = 5000;
const DAY_MS = 86_400_000;

/** Undoes what was started, last first; one failure does not keep the rest from being undone. */
class Cleanup {
  readonly #steps: (() => Promise<void>)[] = [];

  add(step: () => Promise<void>): void {
    this.#steps.push(step);
  }

  async run(): Promise<void> {
    for (let step = this.#steps.pop(); step; step = this.#steps.pop())
      await step().catch((error: unknown) => log.warn('stopping a part failed', { error: String(error) }));
  }
}

type Api = Readonly<{ handle: Handle; drain: () => void; close: () => Promise<void> }>;

const startApi = async (parts: Parts): Promise<Api> => {
  const adapter = new ExpressAdapter(
    express()
      .disable('x-powered-by')
      .set('trust proxy', [...parts.config.trustedProxies]),
  );
  const app = await NestFactory.create<NestExpressApplication>(AppModule.with(parts), adapter, {
    logger: false,
    bodyParser: false,
    abortOnError: false,
  });
  // Over plain http, on a name of the local network, nothing of ours is there to upgrade to.
  app.use(
    helmet({ contentSecurityPolicy: { directives: { 'upgrade-insecure-requests': null, 'style-src': ["'self'"] } } }),
  );
  app.use(limitUnreadBodies);
  app.useGlobalPipes(bodyValidation());
  const pages = app.get(PagesService, { strict: false });
  app.useGlobalFilters(new ProblemFilter((...exchange) => pages.fault(...exchange)));
  serveDocs(app);
  app.use(CONSOLE_BASE, serveConsole());
  await app.init();
  assertEveryRouteIsDeclared(app);
  return {
    handle: adapter.getInstance<Handle>(),
    drain: () => app.get(TailsService, { strict: false }).endAll(),
    close: () => app.close(),
  };
};

type OpenedDatabase = Readonly<{ url: string; database: Database }>;

/**
 * The database with this release's schema. The pools of the embedded one don't connect as its owner, who is a
 * superuser.
 */
const openDatabase = async (config: Config, cleanup: Cleanup): Promise<OpenedDatabase> => {
  if (config.databaseUrl) {
    await applyMigrations(config.databaseUrl);
    return { url: config.databaseUrl, database: new Database(config.databaseUrl) };
  }
  const postgres = await startEmbeddedPostgres({
    dataDir: resolve(config.dataDir),
    onNotice: (text) => log.info(text),
  });
  cleanup.add(() => postgres.stop());
  await applyMigrations(postgres.url);
  return { url: postgres.url, database: new Database(await makePoolLogins(postgres.url)) };
};

/** How commands are run. What they can read of ours is said at the start, where somebody may still change it. */
const stdioRulesOf = async (config: Config): Promise<StdioRules> => {
  const rules = { allow: config.allowStdio, variables: config.stdioVariables, environment: environment() };
  if (config.allowStdio.length === 0) return { ...rules, isolation: undefined };
  const hiddenFiles = [config.masterKeyFile, config.logSigningKeyFile, config.previousLogSigningKeyFile].filter(
    (file) => file !== undefined,
  );
  const { isolation, exposed } = await findStdioIsolation({
    sandbox: config.stdioSandbox,
    user: config.stdioUser,
    hiddenFolder: config.dataDir,
    hiddenFiles,
    path: environment()['PATH'] ?? '',
  });
  if (exposed !== undefined) log.warn(exposed);
  return { ...rules, isolation };
};

/** Where approvals can be decided they also end, and people are told of them, of alarms and of messages to us. */
const startTelling = ({ config, database, store, vault, outbound, publicUrl }: Parts): readonly PollingLoop[] => {
  const sendMail = config.mail && makeSendMail(config.mail);
  const delivery = { db: database, vault, outbound, sendMail, publicUrl };
  const loops = [TELLING_APPROVALS, TELLING_ALARMS].map((told) => startDelivery(delivery, told));
  store.onCommitted(() => loops.forEach((loop) => loop.wake()));
  const contact = startContactDelivery({ db: database, sendMail, operators: config.operators });
  return [startExpiry(database, store), contact, ...loops];
};

const openLog = async (config: Config, database: Database): Promise<EventLog> => {
  const eventLog = await (config.kafka
    ? openKafkaLog(config.kafka, config.partitions, config.logRetentionDays * DAY_MS)
    : openPostgresLog(database.log, config.partitions));
  await bindLog(database.worker, eventLog.identity);
  return eventLog;
};

/**
 * Starts the roles of a configuration in this process and resolves when they may take traffic.
 * @throws ConfigError, or what kept a part from starting; what was already started is stopped again.
 */
export const startToolgate = async (config: Config): Promise<Toolgate> => {
  const cleanup = new Cleanup();
  try {
    return await start(config, cleanup);
  } catch (error) {
    await cleanup.run();
    throw error;
  }
};

type Opened = Readonly<{ parts: Parts; eventLog: EventLog; listensOn: () => string }>;

/** What every role needs. `own.port` is our own port, once it is known. */
const openParts = async (config: Config, cleanup: Cleanup, own: Readonly<{ port: number }>): Promise<Opened> => {
  const { url: databaseUrl, database } = await openDatabase(config, cleanup);
  cleanup.add(() => database.close());
  const vault = new Vault(await loadMasterKey(config));
  await database.worker.query('select ensure_partitions(2)');
  const eventLog = await openLog(config, database);
  cleanup.add(() => eventLog.close());
  const store = new EventStore(database);
  const listensOn = (): string => `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${own.port}`;
  const publicUrl = (): string => config.publicUrl ?? listensOn();
  const { outbound, stop } = await openOutbound(config, databaseUrl, own);
  cleanup.add(stop);
  const stdio = await stdioRulesOf(config);
  const transports = openTransports({ http: makeHttpClient(outbound.connector), stdio, isGrantActive: () => true });
  cleanup.add(async () => transports.stop());
  const openSessions = new OpenSessions();
  const parts: Parts = {
    config,
    database,
    store,
    vault,
    outbound,
    forward: transports.forward,
    stdio,
    openSessions,
    publicUrl,
  };
  return { parts, eventLog, listensOn };
};

/** The `api` role: the REST API, and what runs in the background beside it. */
const startControlPlane = async (parts: Parts, cleanup: Cleanup): Promise<Api> => {
  const { config, database: db, store, vault, outbound, forward, openSessions } = parts;
  const api = await startApi(parts);
  cleanup.add(api.close);
  for (const loop of startTelling(parts)) cleanup.add(loop.stop);
  cleanup.add(startOauthUpkeep(db).stop);
  cleanup.add(startRefreshing({ db, store, vault, outbound }).stop);
  cleanup.add(startOrganizationEnds({ db, store, logRetentionDays: config.logRetentionDays }).stop);
  const discovery = {
    outbound,
    forward,
    findOpenSession: openSessions.find,
    keepOnlySession: openSessions.keep,
    allowStdio: config.allowStdio,
    stdioVariables: config.stdioVariables,
  };
  cleanup.add(startRediscovery({ db, store, vault, discovery }).stop);
  return api;
};

const readinessOf = ({ database }: Parts, eventLog: EventLog): Record<string, () => Promise<void>> => ({
  database: async () => void (await database.worker.query('select 1')),
  log: () => eventLog.ready(),
});

/** The roles that read the event log and the audit log. */
const startRecord = async (
  { parts, eventLog, metrics }: Readonly<{ parts: Parts; eventLog: EventLog; metrics: Registry }>,
  cleanup: Cleanup,
): Promise<void> => {
  const { config, database, store, publicUrl } = parts;
  const streams = startLogStreams(parts, metrics, (stop) => cleanup.add(stop));
  if (!config.roles.has('projector')) return;
  const onRecorded = (): void => streams?.wake();
  const projector = { config, database, eventLog, store, metrics, publicUrl, onRecorded };
  cleanup.add((await startProjector(projector)).stop);
};

const start = async (config: Config, cleanup: Cleanup): Promise<Toolgate> => {
  for (const warning of warningsOf(config)) log.warn(warning);
  const own = { port: 0 };
  const { parts, eventLog, listensOn } = await openParts(config, cleanup, own);
  const { database, store, publicUrl } = parts;
  const metrics = makeMetrics();
  const readiness = readinessOf(parts, eventLog);
  await startRecord({ parts, eventLog, metrics }, cleanup);
  const api = config.roles.has('api') ? await startControlPlane(parts, cleanup) : undefined;
  const gateway = config.roles.has('gateway')
    ? await startGateway({ ...parts, store: store.inLane('enforcement'), eventLog, metrics })
    : undefined;
  if (gateway) {
    cleanup.add(gateway.stop);
    readiness['directory'] = gateway.ready;
  }
  const isOperator = makeOperatorCheck(database, publicUrl, config.operators);
  const front = makeHttpFront({
    hosts: makeHostRule(config),
    isOperator,
    ...(gateway ? { gateway: gateway.handle } : {}),
    ...(api ? { api: api.handle } : {}),
    readiness: readiness as Readiness,
    metrics,
  });
  own.port = await listen(front, config.port, config.host);
  cleanup.add(() => closeFront(front, DRAIN_MS));
  if (gateway) cleanup.add(async () => gateway.drain());
  if (api) cleanup.add(async () => api.drain());
  return {
    url: publicUrl(),
    listensOn: listensOn(),
    port: own.port,
    database,
    eventLog,
    store,
    close: () => cleanup.run(),
  };
};
