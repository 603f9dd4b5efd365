import { appendGaps } from '../audit/gaps.js';
import { missingSince, withoutRange, type Missing, type Numbering } from '../audit/numbering.js';
import type { EventLog } from '../event-log/event-log.js';
import type { Database, Tx } from '../../platform/postgres/database.js';
import { errorText, log } from '../../platform/runtime/log.js';

type Parts = Readonly<{ db: Database; eventLog: EventLog }>;
type Hole = Readonly<{ bootId: string; missing: Missing }>;

/**
 * A refusal may wait in its gateway's queue for as long as the log is away; when later ones are recorded, the log is
 * back.
 */
const OVERDUE = `interval '10 minutes'`;
const ORGANIZATION_BATCH_SIZE = 100;

/** Boots that are over are remembered for as long as something of them may come late. */
const CLOSED_BOOT_RETENTION_MS = 7 * 86_400_000;

const holesOf = (numbering: Numbering, wanted: (hole: Hole) => boolean): readonly Hole[] =>
  Object.entries(numbering).flatMap(([bootId, { missing }]) =>
    missing.map((one) => ({ bootId, missing: one })).filter(wanted),
  );

const save = async (tx: Tx, organizationId: string, numbering: Numbering): Promise<void> => {
  await tx.query('update audit_heads set numbering = $2, missing_since = $3 where organization_id = $1', [
    organizationId,
    JSON.stringify(numbering),
    missingSince(numbering),
  ]);
};

const read = async (tx: Pick<Tx, 'query'>, organizationId: string, lock: '' | 'for update'): Promise<Numbering> =>
  (
    await tx.query<{ numbering: Numbering }>(`select numbering from audit_heads where organization_id = $1 ${lock}`, [
      organizationId,
    ])
  ).rows[0]?.numbering ?? {};

/**
 * A gateway that was counted as dead and lives is not forgotten: its next number would look like the first one of a
 * boot that lost all before it.
 */
const forget = async (tx: Tx, numbering: Numbering, nowMs: number): Promise<void> => {
  const old = Object.entries(numbering).flatMap(([bootId, { closedMs }]) =>
    closedMs !== undefined && closedMs < nowMs - CLOSED_BOOT_RETENTION_MS ? [bootId] : [],
  );
  if (old.length === 0) return;
  const { rows } = await tx.query<{ over: string }>(
    'select o as over from unnest($1::text[]) o where not exists (select 1 from gateway_boots b where b.boot_id = o)',
    [old],
  );
  for (const { over } of rows) delete numbering[over];
};

/**
 * Puts an organization's wanted holes on record, and only then takes them from what is missing; `over` is a boot that
 * is over.
 */
const report = async (
  { db, eventLog }: Parts,
  organizationId: string,
  wanted: (hole: Hole) => boolean,
  over?: string,
): Promise<void> => {
  const holes = holesOf(
    await read({ query: (text, values) => db.worker.query(text, values as unknown[]) }, organizationId, ''),
    wanted,
  );
  for (const { bootId, missing } of holes)
    log.error('decisions of a gateway never came to the audit log', {
      organizationId,
      bootId,
      from: missing[0],
      to: missing[1],
    });
  await appendGaps(
    eventLog,
    organizationId,
    holes.map(({ bootId, missing: [from, to] }) => ({
      type: 'audit.gap',
      reason: 'decisions_missing',
      bootId,
      from,
      to,
    })),
  );
  await db.asWorker(async (tx) => {
    const numbering = await read(tx, organizationId, 'for update');
    for (const { bootId, missing } of holes) {
      const boot = numbering[bootId];
      if (boot) boot.missing = withoutRange(boot.missing, missing[0], missing[1]);
    }
    const ended = over === undefined ? undefined : numbering[over];
    if (ended) ended.closedMs = Date.now();
    await forget(tx, numbering, Date.now());
    await save(tx, organizationId, numbering);
  });
};

/** Reports what is missing of a boot that is over and whose records are all in the audit log. */
export const closeNumbering = async (parts: Parts, bootId: string): Promise<void> => {
  const { rows } = await parts.db.worker.query<{ id: string }>(
    'select organization_id as id from audit_heads where numbering ? $1',
    [bootId],
  );
  const failures: unknown[] = [];
  for (const { id } of rows)
    await report(parts, id, (hole) => hole.bootId === bootId, bootId).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, failures.map(errorText).join('; '));
};

/**
 * Reports what has been missing for ten minutes although its gateway lives. Should it come after all, it is recorded
 * beside the gap.
 */
export const reportOverdue = async (parts: Parts): Promise<void> => {
  const { rows } = await parts.db.worker.query<{ id: string; before: Date }>(
    `select organization_id as id, now() - ${OVERDUE} as before from audit_heads
      where missing_since < now() - ${OVERDUE} order by random() limit $1`,
    [ORGANIZATION_BATCH_SIZE],
  );
  for (const { id, before } of rows) {
    await report(parts, id, ({ missing: [, , since] }) => since < before.getTime()).catch((error: unknown) =>
      log.warn('missing decisions of an organization could not be reported; trying again', {
        organizationId: id,
        error: errorText(error),
      }),
    );
  }
};
