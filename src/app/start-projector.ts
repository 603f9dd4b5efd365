import { join } from 'node:path';
import { Counter, Gauge, type Registry } from 'prom-client';
import { giveBackUnmade } from '../control-plane/approvals/unmade-uses.js';
import { startRetention } from '../record/audit/retention.js';
import { startAuditWriter, type AuditWriter } from '../record/audit/writer.js';
import { startSweep } from '../record/crash-recovery/sweep.js';
import type { EventLog } from '../record/event-log/event-log.js';
import type { EventStore } from '../record/event-store/event-store.js';
import { startRelay } from '../record/event-store/relay.js';
import { loadLogSigningSeed, loadPreviousLogSigningSeeds } from '../platform/crypto/log-signing-key.js';
import { loadMasterKey } from '../platform/crypto/master-key.js';
import { forgetEnded, openCheckpointMemory } from '../record/proof/checkpoint-memory.js';
import { signingKeyOf } from '../record/proof/signed-note.js';
import { startTrees, type TreeParts } from '../record/proof/build-trees.js';
import { startSelfChecks } from '../record/proof/self-check.js';
import { tellAlarm } from '../control-plane/notifications/alarms.js';
import type { Config } from '../platform/settings/config.js';
import type { Database } from '../platform/postgres/database.js';
import { startPollingLoop, type PollingLoop } from '../platform/runtime/polling-loop.js';
import { startProjections } from '../record/usage/run.js';
import { usageProjection } from '../record/usage/usage.projection.js';

const FORGET_INTERVAL_MS = 600_000;

type ProjectorParts = Readonly<{
  config: Config;
  database: Database;
  eventLog: EventLog;
  store: EventStore;
  metrics: Registry;
  /** Something was recorded: a hint. */
  onRecorded: () => void;
  publicUrl: () => string;
}>;

/** Numbers of the audit writer, read when they are scraped. */
const addMetrics = (registry: Registry, writer: AuditWriter): void => {
  const counts = {
    recorded: 'Events recorded',
    duplicates: 'Deliveries dropped because their event was recorded before',
    poison: 'Log records that are no events',
    lost: 'Log records gone before they were recorded',
  } as const;
  for (const [name, help] of Object.entries(counts) as [keyof typeof counts, string][]) {
    const counter: Counter = new Counter({
      name: `toolgate_audit_${name}_total`,
      help,
      registers: [registry],
      collect: () => {
        counter.reset();
        counter.inc(writer[name]());
      },
    });
  }
  const lag: Gauge = new Gauge({
    name: 'toolgate_audit_lag_records',
    help: 'Log records not yet recorded',
    registers: [registry],
    collect: async () => lag.set((await writer.lag()) ?? Number.NaN),
  });
};

/** The host and port of a URL; undefined while the port is not known. */
const hostOf = (url: string): string | undefined => {
  const { host, port } = new URL(url);
  return port === '0' ? undefined : host;
};

/** Where the newest checkpoints are kept, outside the database. */
const checkpointsOf = ({ dataDir }: Config): string => join(dataDir, 'checkpoints');

/** What a deleted organization leaves on this node's disk goes after what it has in the database. */
const startForgetting = ({ config, database }: ProjectorParts): PollingLoop =>
  startPollingLoop(() => forgetEnded(checkpointsOf(config), database).then(() => FORGET_INTERVAL_MS), {
    failed: 'forgetting the checkpoints of deleted organizations failed',
    retryDelayMs: FORGET_INTERVAL_MS,
  });

/** What signs the audit log: the keys and the memory of what was signed lie outside the database. */
const treePartsOf = async ({ config, database: db, store, publicUrl }: ProjectorParts): Promise<TreeParts> => {
  const masterKey = await loadMasterKey(config);
  return {
    db,
    store,
    tellAlarm,
    keys: {
      key: signingKeyOf(await loadLogSigningSeed(config, masterKey)),
      previous: (await loadPreviousLogSigningSeeds(config, masterKey)).map(signingKeyOf),
    },
    memory: openCheckpointMemory(checkpointsOf(config)),
    host: () => hostOf(publicUrl()),
  };
};

/**
 * The `projector` role: control events to the log, the log to the audit log, the audit log to the counters and
 * to the trees that prove it; and retention.
 */
export const startProjector = async (parts: ProjectorParts): Promise<Readonly<{ stop: () => Promise<void> }>> => {
  const { config, database: db, eventLog, store } = parts;
  const retention = startRetention({ db, auditDays: config.auditRetentionDays, logDays: config.logRetentionDays });
  const projections = startProjections({ db, projections: [usageProjection] });
  const treeParts = await treePartsOf(parts);
  const trees = startTrees(treeParts);
  const forgetting = startForgetting(parts);
  const selfChecks = startSelfChecks({ ...treeParts, metrics: parts.metrics });
  const onRecorded = (): void => {
    projections.wake();
    parts.onRecorded();
  };
  const writer = await startAuditWriter({ db, log: eventLog, onRecorded });
  addMetrics(parts.metrics, writer);
  const sweep = startSweep({ db, eventLog, giveBackUnmade });
  const relay = startRelay(db, eventLog);
  store.onCommitted(() => relay.wake());
  return {
    stop: async () => {
      await sweep.stop();
      await relay.stop();
      await writer.stop();
      await forgetting.stop();
      await selfChecks.stop();
      await trees.stop();
      await projections.stop();
      await retention.stop();
    },
  };
};
