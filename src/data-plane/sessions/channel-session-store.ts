import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionOwner, SessionSnapshot, SessionStore } from '../../mcp/transports/session-store.js';
import { parseObject } from '../../platform/json/json-object.js';
import type { SecretPlace, Vault } from '../../platform/crypto/vault.js';
import type { Database, Tx } from '../../platform/postgres/database.js';
import { organizationKey } from '../../platform/postgres/organization-key.js';
import { errorText, log } from '../../platform/runtime/log.js';
import { within } from '../../platform/runtime/within.js';
import type { EventStore } from '../../record/event-store/event-store.js';

/** As long as the id that the client has is good. */
const LIFETIME = '24 hours';
/** A gateway whose heartbeat is older has lost its sessions. Heartbeats come every five seconds. */
const LEASE = '15 seconds';
const CLAIM_RETRY_DELAY_MS = 500;
const MAX_CLAIM_WAIT_MS = 20_000;
/** A client waits for these writes, and its session is of use without them. */
const WRITE_TIMEOUT_MS = 2000;

export type ChannelSessionStoreDeps = Readonly<{
  database: Database;
  store: EventStore;
  vault: Vault;
  bootId: string;
  /** Whether no other gateway can be running, so that what an earlier boot left is free at once. */
  isOnlyGateway: boolean;
  discoveredTools: (serverId: string) => string | undefined;
}>;

const placeOf = ({ organizationId, id }: SessionOwner): SecretPlace => ({
  organizationId,
  table: 'channel_sessions',
  column: 'sealed',
  row: id,
});

/** Discovery and probes have sessions of their own, which are not kept. */
const isKept = ({ grantId }: SessionOwner): boolean => grantId.startsWith('grt_');

const CLAIM = `update channel_sessions s set boot_id = $5
  where s.organization_id = $1 and s.id = $2 and s.grant_id = $3 and s.server_id = $4 and s.expires_at > now()
    and (s.boot_id is null or s.boot_id = $5 or $6 or not exists (
      select 1 from gateway_boots b where b.boot_id = s.boot_id and not b.stopped
        and b.last_seen > clock_timestamp() - interval '${LEASE}'))
  returning s.sealed`;

const HOLDER = `select b.last_seen::text as seen from channel_sessions s left join gateway_boots b using (boot_id)
  where s.organization_id = $1 and s.id = $2 and s.grant_id = $3 and s.server_id = $4 and s.expires_at > now()`;

/** The sealed session, nothing when there is none, or the last heartbeat of the gateway that holds it. */
type Claim = Readonly<{ sealed: Buffer | undefined }> | Readonly<{ seen: string | null }>;

/** The sessions at stdio and SSE servers, in the database: sealed, and leased to the gateway that runs them. */
export class ChannelSessionStore implements SessionStore {
  readonly #deps: ChannelSessionStoreDeps;

  constructor(deps: ChannelSessionStoreDeps) {
    this.#deps = deps;
  }

  async save(owner: SessionOwner, snapshot: SessionSnapshot): Promise<boolean> {
    if (!isKept(owner)) return false;
    const saved = this.#change(owner, async (tx) => {
      const { organizationId, id, grantId, serverId } = owner;
      const wrapped = await organizationKey(tx, organizationId);
      const sealed = this.#deps.vault.seal(wrapped, placeOf(owner), JSON.stringify(snapshot));
      await tx.query(
        `insert into channel_sessions as s (organization_id, id, grant_id, server_id, sealed, boot_id, expires_at)
         values ($1, $2, $3, $4, $5, $6, now() + interval '${LIFETIME}')
           on conflict (organization_id, id) do update set sealed = excluded.sealed where s.boot_id = excluded.boot_id`,
        [organizationId, id, grantId, serverId, sealed, this.#deps.bootId],
      );
      return true;
    });
    return (await this.#bounded(owner, saved, 'a session could not be saved, and ends with its channel')) ?? false;
  }

  async claim(owner: SessionOwner): Promise<SessionSnapshot | undefined> {
    if (!isKept(owner)) return undefined;
    let seen: string | null | undefined;
    for (const endsAt = performance.now() + MAX_CLAIM_WAIT_MS; performance.now() < endsAt;) {
      const tried = await this.#tryClaim(owner);
      if ('sealed' in tried) return tried.sealed && this.#open(owner, tried.sealed);
      // Another gateway holds it. One that has died since shows no further heartbeat.
      if (seen !== undefined && tried.seen !== seen) return undefined;
      seen = tried.seen;
      await sleep(CLAIM_RETRY_DELAY_MS);
    }
    return undefined;
  }

  async release(owner: SessionOwner): Promise<void> {
    await this.#change(owner, (tx) =>
      tx.query('update channel_sessions set boot_id = null where organization_id = $1 and id = $2 and boot_id = $3', [
        owner.organizationId,
        owner.id,
        this.#deps.bootId,
      ]),
    );
  }

  async delete(owner: SessionOwner): Promise<void> {
    if (!isKept(owner)) return;
    await this.#change(owner, (tx) =>
      tx.query('delete from channel_sessions where organization_id = $1 and id = $2 and grant_id = $3', [
        owner.organizationId,
        owner.id,
        owner.grantId,
      ]),
    );
  }

  async recordRestart(owner: SessionOwner): Promise<void> {
    const { organizationId, id: sessionId, grantId, serverId } = owner;
    const recorded = this.#deps.store.change({ organizationId, actor: { type: 'grant', id: grantId } }, (change) =>
      change.appendFact(sessionId, { type: 'session.restarted', sessionId, grantId, serverId }),
    );
    await this.#bounded(owner, recorded, 'the restart of a session could not be recorded');
  }

  async findLost(owners: readonly SessionOwner[]): Promise<readonly string[]> {
    const { rows } = await this.#deps.database.worker.query<{ id: string }>(
      `select o.id from unnest($1::text[], $2::text[]) o(organization_id, id)
        left join channel_sessions s using (organization_id, id) where s.boot_id is distinct from $3`,
      [owners.map(({ organizationId }) => organizationId), owners.map(({ id }) => id), this.#deps.bootId],
    );
    return rows.map(({ id }) => id);
  }

  discoveredTools(serverId: string): string | undefined {
    return this.#deps.discoveredTools(serverId);
  }

  /** Boots belong to no organization, and the role of requests can't read them: a claim runs as the worker. */
  #tryClaim(owner: SessionOwner): Promise<Claim> {
    const keys = [owner.organizationId, owner.id, owner.grantId, owner.serverId];
    return this.#deps.database.asWorker(async (tx) => {
      const claimed = await tx.query<{ sealed: Buffer }>(CLAIM, [...keys, this.#deps.bootId, this.#deps.isOnlyGateway]);
      const [row] = claimed.rows;
      if (row) return { sealed: row.sealed };
      const held = await tx.query<{ seen: string | null }>(HOLDER, keys);
      return held.rows[0] ? { seen: held.rows[0].seen } : { sealed: undefined };
    });
  }

  async #open(owner: SessionOwner, sealed: Buffer): Promise<SessionSnapshot | undefined> {
    const wrapped = await this.#change(owner, (tx) => organizationKey(tx, owner.organizationId));
    return readSnapshot(this.#deps.vault.open(wrapped, placeOf(owner), sealed));
  }

  #change<T>({ organizationId }: SessionOwner, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#deps.database.changeInOrganization(organizationId, work, 'enforcement');
  }

  async #bounded<T>({ id, serverId }: SessionOwner, work: Promise<T>, failure: string): Promise<T | undefined> {
    const logged = work.catch((error: unknown): undefined => {
      log.warn(failure, { sessionId: id, serverId, error: errorText(error) });
      return undefined;
    });
    return within(logged, WRITE_TIMEOUT_MS);
  }
}

/** Ours alone: it was sealed. */
const readSnapshot = (text: string): SessionSnapshot | undefined => parseObject(text) as SessionSnapshot | undefined;
