import { startTimer } from '../../platform/runtime/guard.js';
import { readEvents } from '../../record/event-store/event-store.js';
import type { ControlEvent } from '../../record/event-log/events/index.js';
import { LONG_AGO, momentNow, msSince } from '../../platform/runtime/clock.js';
import type { Database, Tx } from '../../platform/postgres/database.js';
import { errorText, log } from '../../platform/runtime/log.js';
import { sameHash, tokenGrantId, tokenHash } from '../../platform/crypto/tokens.js';
import type { Vault } from '../../platform/crypto/vault.js';
import type { Authenticated, GrantFacts, IdentityFacts, OrganizationFacts, PolicyFacts, ServerFacts } from './facts.js';
import {
  loadEndedSessions,
  loadGrants,
  loadIdentities,
  loadOrganizations,
  loadPolicies,
  loadServers,
  replace,
  type RowSelection,
  type Owned,
} from './load.js';
import { PinsCache, PolicyCache } from './policy-cache.js';

const POLL_MS = 100;
const BATCH_SIZE = 1000;
/**
 * How long a query may take, so that a silent connection does not make the directory stale. The bound doubles while the
 * database is slow.
 */
const QUERY_TIMEOUT_MS = 3000;
const MAX_QUERY_TIMEOUT_MS = 24_000;

const SELECT_XMIN = 'select pg_snapshot_xmin(pg_current_snapshot())::text as xmin';

/** Approvals change no facts: a flood of them must not reload servers again and again. */
const changesFacts = (event: ControlEvent): boolean => !event.type.startsWith('approval.');

/** The ids that an event names. Their rows are loaded again. */
const idsIn = (event: ControlEvent): readonly string[] =>
  Object.entries(event).flatMap(([key, value]) =>
    key.endsWith('Id') && key !== 'organizationId' && typeof value === 'string' ? [value] : [],
  );

const takes = (server: ServerFacts | undefined, via: GrantFacts['via']): boolean =>
  server?.clientAuth === 'both' || server?.clientAuth === via;

/**
 * Holds all grants, servers, policies and identities in memory for the hot path. It loads them in one snapshot. Then it
 * finds organizations that changed by their event heads, and loads the rows that their new events name again. It has
 * every change that was committed `ageMs()` ago or earlier.
 */
export class Directory {
  readonly #db: Database;
  readonly #vault: Vault;
  readonly #connectUrlOf: (serverId: string) => string;
  readonly #grants = new Map<string, GrantFacts>();
  readonly #identities = new Map<string, IdentityFacts & Owned>();
  readonly #servers = new Map<string, ServerFacts>();
  readonly #policies = new Map<string, PolicyFacts & Owned>();
  readonly #organizations = new Map<string, OrganizationFacts>();
  readonly #endedSessions = new Map<string, Readonly<{ id: string; expiresAtMs: number }>>();
  readonly #positions = new Map<string, number>();
  /** What `lookUp` answered by grant, until anything changes. */
  readonly #authenticated = new Map<string, Authenticated>();
  readonly #compiled = new PolicyCache();
  readonly #pins = new PinsCache();
  readonly #listeners: ((event: ControlEvent) => void)[] = [];
  #since = '0';
  #completeAt = LONG_AGO;
  #queryTimeoutMs = QUERY_TIMEOUT_MS;
  #turn: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(db: Database, vault: Vault, publicUrl: () => string = () => '') {
    this.#db = db;
    this.#vault = vault;
    this.#connectUrlOf = (serverId) => `${publicUrl()}/app/servers/${serverId}`;
  }

  /** Loads everything and begins to follow changes. */
  async start(): Promise<void> {
    const began = momentNow();
    await this.#db.asWorker(async (tx) => {
      await tx.query('set transaction isolation level repeatable read read only');
      this.#since = (await tx.query<{ xmin: string }>(SELECT_XMIN)).rows[0]?.xmin ?? '0';
      const heads = await tx.query<{ organization_id: string; position: number }>(
        'select organization_id, position from event_heads',
      );
      for (const head of heads.rows) this.#positions.set(head.organization_id, head.position);
      await this.#load(tx, 'all');
    });
    this.#completeAt = began;
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#turn;
  }

  /** Tells of each control event that was committed since the start, at least once, within about 100 ms. */
  onEvent(listener: (event: ControlEvent) => void): void {
    this.#listeners.push(listener);
  }

  /** Milliseconds since the directory last knew that it had every committed change. */
  ageMs(): number {
    return msSince(this.#completeAt);
  }

  /**
   * Loads an organization's committed changes now, for the process that made them. Never rejects: polling repeats what
   * failed.
   */
  refresh(organizationId: string): Promise<void> {
    return this.#inTurn(() => this.#follow((tx) => this.#catchUp(tx, organizationId)));
  }

  /**
   * The facts of a grant token or of an access token of a sign-in; undefined when the token is malformed, unknown,
   * expired, revoked, or of a kind that the server does not take. Takes constant time in the secret.
   */
  authenticate(token: string, nowMs: number): Authenticated | undefined {
    const grantId = tokenGrantId(token);
    return grantId === undefined ? undefined : this.lookUp(grantId, tokenHash(token), nowMs);
  }

  /** The same for a token that was authenticated before, by its hash: is it still good, and what holds now? */
  lookUp(grantId: string, hash: Buffer, nowMs: number): Authenticated | undefined {
    const known = this.#authenticated.get(grantId);
    // The very buffer that was compared before needs no second comparison.
    if (known && known.goodUntilMs > nowMs && (known.tokenHash === hash || sameHash(known.tokenHash, hash)))
      return known;
    const who = this.#lookUp(grantId, hash, nowMs);
    if (who) this.#authenticated.set(grantId, who);
    return who;
  }

  /** What became of a token that `lookUp` refuses; undefined where the directory doesn't know. */
  stateOfToken(grantId: string, hash: Buffer, nowMs: number): 'expired' | 'rotated' | undefined {
    const grant = this.#grants.get(grantId);
    const token = grant?.tokens.find((one) => sameHash(one.hash, hash));
    if (!grant || !token) return undefined;
    if (grant.expiresAtMs <= nowMs) return 'expired';
    return token.expiresAtMs <= nowMs ? 'rotated' : undefined;
  }

  #lookUp(grantId: string, hash: Buffer, nowMs: number): Authenticated | undefined {
    const grant = this.#grants.get(grantId);
    if (!grant || grant.expiresAtMs <= nowMs) return undefined;
    const token = grant.tokens.find((one) => sameHash(one.hash, hash) && one.expiresAtMs > nowMs);
    if (!token) return undefined;
    const organization = this.#organizations.get(grant.organizationId);
    const identity = this.#identities.get(grant.identityId);
    const server = this.#servers.get(grant.serverId);
    if (!organization || !identity || !server || !takes(server, grant.via)) return undefined;
    return {
      grant,
      organization,
      identity,
      server,
      policy: this.#policy(grant.policyId),
      shadow: this.#policy(grant.shadowPolicyId),
      tokenHash: hash,
      goodUntilMs: Math.min(grant.expiresAtMs, token.expiresAtMs),
    };
  }

  /** Whether a grant may still call: it is there, not expired, and neither it nor what it stands on is disabled. */
  mayCall(grantId: string, nowMs: number): boolean {
    const grant = this.#grants.get(grantId);
    if (!grant || grant.expiresAtMs <= nowMs) return false;
    const on = [
      grant,
      this.#organizations.get(grant.organizationId),
      this.#identities.get(grant.identityId),
      this.#servers.get(grant.serverId),
    ];
    return on.every((one) => one !== undefined && !one.disabled);
  }

  /** Whether clients can sign in to a server: false also for one that is not there. */
  takesSignIns = (serverId: string): boolean => takes(this.#servers.get(serverId), 'oauth');

  /** The tools of a server as they were last discovered; undefined for a server that is not there. */
  toolsOf(serverId: string): ServerFacts['tools'] | undefined {
    return this.#servers.get(serverId)?.tools;
  }

  /** Whether a session was ended by its client before it expired. */
  isEnded(sessionId: string): boolean {
    return this.#endedSessions.has(sessionId);
  }

  #policy(id: string | undefined): PolicyFacts | undefined {
    return id === undefined ? undefined : this.#policies.get(id);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(work).catch((error: unknown) => {
      if (!this.#stopped)
        log.warn('the directory could not take in changes; trying again', { error: errorText(error) });
    });
    return this.#turn;
  }

  #schedule(delayMs = POLL_MS): void {
    const poll = async (): Promise<void> => {
      const began = performance.now();
      await this.#inTurn(() => this.#poll());
      // After a slow poll the next one is due at once: its result is already old.
      if (!this.#stopped) this.#schedule(Math.max(0, POLL_MS - (performance.now() - began)));
    };
    this.#timer = startTimer('directory', delayMs, poll, () => this.#schedule());
  }

  async #follow(work: (tx: Tx) => Promise<void>): Promise<void> {
    const answerMs = this.#queryTimeoutMs;
    this.#queryTimeoutMs = Math.min(answerMs * 2, MAX_QUERY_TIMEOUT_MS);
    await this.#db.asWorker(work, answerMs);
    this.#queryTimeoutMs = QUERY_TIMEOUT_MS;
  }

  async #poll(): Promise<void> {
    const began = momentNow();
    await this.#follow(async (tx) => {
      const xmin = (await tx.query<{ xmin: string }>(SELECT_XMIN)).rows[0]?.xmin ?? '0';
      const { rows } = await tx.query<{ organization_id: string; position: number }>(
        'select organization_id, position from event_heads where changed_xid >= $1::xid8',
        [this.#since],
      );
      for (const row of rows)
        if (row.position > (this.#positions.get(row.organization_id) ?? 0))
          await this.#catchUp(tx, row.organization_id);
      this.#since = xmin;
    });
    this.#completeAt = began;
    this.#forgetSessions(Date.now());
  }

  async #catchUp(tx: Tx, organizationId: string): Promise<void> {
    for (;;) {
      const events = await readEvents(tx, organizationId, this.#positions.get(organizationId) ?? 0, BATCH_SIZE);
      const last = events.at(-1);
      if (!last) return;
      const changes = events.filter(({ event }) => changesFacts(event));
      if (changes.length > 0)
        await this.#load(tx, { organizationId, ids: [...new Set(changes.flatMap(({ event }) => idsIn(event)))] });
      if (events.some(({ event }) => event.type === 'organization.deleted')) this.#forget(organizationId);
      for (const { event } of events) for (const listener of this.#listeners) listener(event);
      this.#positions.set(organizationId, last.position);
    }
  }

  /** An organization that was deleted has no rows any more that its events could name. */
  #forget(organizationId: string): void {
    this.#organizations.delete(organizationId);
    for (const held of [this.#grants, this.#servers, this.#identities, this.#policies])
      for (const [id, one] of held) if (one.organizationId === organizationId) held.delete(id);
    this.#authenticated.clear();
  }

  async #load(tx: Tx, wanted: RowSelection): Promise<void> {
    for (const organization of await loadOrganizations(tx, this.#vault, wanted))
      this.#organizations.set(organization.id, organization);
    this.#authenticated.clear();
    const [identities, servers, policies, ended, grants] = [
      await loadIdentities(tx, wanted),
      await loadServers(tx, { vault: this.#vault, connectUrlOf: this.#connectUrlOf }, wanted),
      await loadPolicies(tx, wanted),
      await loadEndedSessions(tx, wanted),
      await loadGrants(tx, wanted),
    ];
    replace(this.#identities, wanted, identities);
    replace(this.#servers, wanted, servers);
    replace(
      this.#policies,
      wanted,
      policies.map((row) => ({
        organizationId: row.organizationId,
        id: row.id,
        version: row.version,
        compiled: this.#compiled.get(row.document),
        pins: this.#pins.get(row),
      })),
    );
    for (const session of ended) this.#endedSessions.set(session.id, session);
    replace(this.#grants, wanted, grants);
    this.#authenticated.clear();
  }

  #forgetSessions(nowMs: number): void {
    for (const [id, session] of this.#endedSessions) {
      if (session.expiresAtMs > nowMs) break;
      this.#endedSessions.delete(id);
    }
  }
}
