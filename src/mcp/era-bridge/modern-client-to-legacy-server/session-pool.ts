import { inBackground, startInterval } from '../../../platform/runtime/guard.js';
import { POOLED_SESSION_QUOTA } from '../../../platform/fair-shares/data-plane-quotas.js';
import { Quota } from '../../../platform/fair-shares/quota.js';
import { isDeepStrictEqual } from 'node:util';
import type { Json } from '../../../platform/json/json-object.js';
import { errorMessage } from '../errors.js';
import { isEraRefusal, MISDIRECTED } from '../upstream-target.js';
import type { UpstreamAnswer } from '../../upstream/ask.js';
import type { UpstreamFailure } from '../../upstream/forward.js';
import { openLegacySession, type UpstreamTarget } from '../../upstream/probe.js';
import { upstreamError, type HttpResponse } from './results.js';
import { UpstreamSession } from './upstream-session.js';
import { JSON_RPC_CODES } from '../../protocol/codes.js';

const IDLE_TIMEOUT_MS = 5 * 60_000;
const SWEEP_INTERVAL_MS = 30_000;
const OPEN_TIMEOUT_MS = 30_000;
const MAX_BYTES = 4 * 2 ** 20;
/** A client declares its capabilities in one or two ways, so that few sessions per grant and server suffice. */
const MAX_SESSIONS_PER_GRANT = 8;
const MAX_CAPABILITIES_LENGTH = 64 * 1024;

export type Client = Readonly<{ info: unknown; capabilities: Json }>;

export type OpenResult =
  | Readonly<{ session: UpstreamSession }>
  | Readonly<{ refused: UpstreamAnswer }>
  | Readonly<{ full: true }>
  | Readonly<{ oversized: true }>;

/** The response to a request that got no session; nothing of the request was sent. */
export const explainUnopened = (
  opened: Exclude<OpenResult, { session: UpstreamSession }>,
  id: string,
): HttpResponse | UpstreamFailure => {
  if ('full' in opened)
    return { text: upstreamError(id, 'too many sessions of this grant are in use at the MCP server'), status: 200 };
  if ('oversized' in opened)
    return {
      text: errorMessage(id, JSON_RPC_CODES.invalidParams, 'the declared capabilities are over 64 KiB'),
      status: 200,
    };
  const { refused } = opened;
  if (refused.kind === 'failed')
    return refused.failure.kind === 'too_large' ? { kind: 'broken', sent: false } : { ...refused.failure, sent: false };
  if (refused.status < 300) return { text: upstreamError(id, 'the MCP server did not begin a session'), status: 200 };
  return { text: '', status: isEraRefusal(refused.status) ? MISDIRECTED : refused.status };
};

/** The longest unused session that is not in use now. */
const idlestOf = (
  sessions: readonly (readonly [string, UpstreamSession])[],
): readonly [string, UpstreamSession] | undefined => {
  const now = Date.now();
  let idlest: readonly [string, UpstreamSession] | undefined;
  for (const one of sessions) if (one[1].lastUsedAt() < (idlest?.[1].lastUsedAt() ?? now)) idlest = one;
  return idlest;
};

/**
 * Legacy sessions for modern requests: one for each grant, server, credential and set of declared capabilities, opened
 * on first use and ended after five minutes without use. A grant has at most eight at a server, including those being
 * opened; a ninth ends the longest idle one. POOLED_SESSION_QUOTA limits the sessions of an organization in the same
 * way. Sessions live on this node.
 */
export class SessionPool {
  readonly #sessions = new Map<string, UpstreamSession>();
  readonly #opening = new Map<string, Readonly<{ reach: UpstreamTarget; opened: Promise<OpenResult> }>>();
  readonly #quota = new Quota(POOLED_SESSION_QUOTA);
  /** The bytes that each session holds in the quota. */
  readonly #weights = new Map<UpstreamSession, number>();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = startInterval('session_pool', SWEEP_INTERVAL_MS, () => this.#sweep());
    this.#timer.unref();
  }

  async session(reach: UpstreamTarget, client: Client): Promise<OpenResult> {
    const capabilities = JSON.stringify(client.capabilities);
    if (capabilities.length > MAX_CAPABILITIES_LENGTH) return { oversized: true };
    const key = JSON.stringify([reach.grantId, reach.server.id, reach.credential, capabilities]);
    const known = this.#sessions.get(key);
    if (known && isDeepStrictEqual(known.reach.server.transport, reach.server.transport)) return { session: known };
    if (known) inBackground('session_pool', this.#end(key, known));
    const opening = this.#opening.get(key);
    if (opening) return opening.opened;
    const opened = this.#open(key, reach, client).finally(() => this.#opening.delete(key));
    this.#opening.set(key, { reach, opened });
    return opened;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([...this.#sessions].map(([key, session]) => this.#end(key, session)));
  }

  async #open(key: string, reach: UpstreamTarget, client: Client): Promise<OpenResult> {
    if (!this.#hasRoom(reach) || !this.#takeQuota(reach)) return { full: true };
    const { grantId, server } = reach;
    const { answer, handshake } = await openLegacySession(
      reach,
      { timeoutMs: OPEN_TIMEOUT_MS, maxBytes: MAX_BYTES },
      client,
    ).catch((error: unknown) => {
      this.#quota.free(server.organizationId, grantId);
      throw error;
    });
    if (!handshake) {
      this.#quota.free(server.organizationId, grantId);
      return { refused: answer };
    }
    const session = new UpstreamSession(reach, { handshake, capabilities: client.capabilities }, (lost) =>
      this.#remove(key, lost),
    );
    this.#weights.set(session, 0);
    const bytes = JSON.stringify(handshake.result).length + JSON.stringify(client.capabilities).length;
    if (this.#quota.grow(server.organizationId, grantId, bytes) !== undefined) {
      inBackground('session_pool', this.#end(key, session));
      return { full: true };
    }
    this.#weights.set(session, bytes);
    this.#sessions.set(key, session);
    return { session };
  }

  /**
   * Takes quota for one more session; where there is none left, the longest idle session of the organization or grant
   * ends first.
   */
  #takeQuota({ grantId, server: { organizationId } }: UpstreamTarget): boolean {
    for (;;) {
      const exceeded = this.#quota.take(organizationId, grantId);
      if (exceeded === undefined) return true;
      const own = [...this.#sessions].filter(
        ([, { reach }]) =>
          reach.server.organizationId === organizationId && (exceeded !== 'grant' || reach.grantId === grantId),
      );
      const idlest = idlestOf(own);
      if (!idlest) return false;
      inBackground('session_pool', this.#end(...idlest));
    }
  }

  #remove(key: string, session: UpstreamSession): void {
    if (this.#sessions.get(key) === session) this.#sessions.delete(key);
    const bytes = this.#weights.get(session);
    if (bytes === undefined) return;
    this.#weights.delete(session);
    this.#quota.free(session.reach.server.organizationId, session.reach.grantId, bytes);
  }

  #hasRoom({ grantId, server }: UpstreamTarget): boolean {
    const isOwn = ({ reach }: Readonly<{ reach: UpstreamTarget }>): boolean =>
      reach.grantId === grantId && reach.server.id === server.id;
    const own = [...this.#sessions].filter(([, session]) => isOwn(session));
    const opening = [...this.#opening.values()].filter(isOwn);
    if (own.length + opening.length < MAX_SESSIONS_PER_GRANT) return true;
    const idlest = idlestOf(own);
    if (!idlest) return false;
    inBackground('session_pool', this.#end(...idlest));
    return true;
  }

  #end(key: string, session: UpstreamSession): Promise<void> {
    this.#remove(key, session);
    return session.end();
  }

  #sweep(): void {
    const now = Date.now();
    for (const [key, session] of this.#sessions)
      if (now - session.lastUsedAt() > IDLE_TIMEOUT_MS) inBackground('session_pool', this.#end(key, session));
  }
}
