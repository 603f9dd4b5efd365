import { LIVE_SESSION_QUOTA } from '../../../platform/fair-shares/data-plane-quotas.js';
import { Quota } from '../../../platform/fair-shares/quota.js';
import type { UpstreamRequest } from '../../upstream/forward.js';
import type { LegacyEventStream } from './event-stream.js';

/** The state of a session on this node beyond its id. */
export type LiveSession = {
  logLevel: string | undefined;
  readonly subscriptions: Set<string>;
  listen: LegacyEventStream | undefined;
};

type Owner = Readonly<{ organizationId: string; grantId: string }>;
type Entry = LiveSession & Readonly<{ owner: Owner }> & { bytes: number };

const MAX_SUBSCRIPTIONS = 1000;
/** Roughly what a subscription takes beside its URI. */
const SUBSCRIPTION_BYTES = 128;

const weightOf = (uri: string): number => uri.length + SUBSCRIPTION_BYTES;

/**
 * The log level, subscriptions and standing stream of legacy sessions on this node; other nodes don't know them. Where
 * the quota is used up, a new session replaces the longest unused one of the same organization that has no open stream.
 */
export class LiveSessions {
  readonly #sessions = new Map<string, Entry>();
  readonly #quota = new Quota(LIVE_SESSION_QUOTA);

  find(id: string): LiveSession | undefined {
    return this.#sessions.get(id);
  }

  /** The session of a request; undefined when the quota is used up. */
  of(id: string, { server, grantId }: Pick<UpstreamRequest, 'server' | 'grantId'>): LiveSession | undefined {
    const known = this.#sessions.get(id);
    if (known) {
      this.#sessions.delete(id);
      this.#sessions.set(id, known);
      return known;
    }
    const owner = { organizationId: server.organizationId, grantId };
    for (let exceeded = this.#take(owner); exceeded !== undefined; exceeded = this.#take(owner))
      if (!this.#endOldest(owner, exceeded === 'grant')) return undefined;
    const kept: Entry = { logLevel: undefined, subscriptions: new Set<string>(), listen: undefined, owner, bytes: 0 };
    this.#sessions.set(id, kept);
    return kept;
  }

  /** Subscribes a session to a resource; false when the limit or quota is used up. */
  subscribe(id: string, uri: string): boolean {
    const kept = this.#sessions.get(id);
    if (!kept || kept.subscriptions.has(uri)) return kept !== undefined;
    const { organizationId, grantId } = kept.owner;
    if (
      kept.subscriptions.size >= MAX_SUBSCRIPTIONS ||
      this.#quota.grow(organizationId, grantId, weightOf(uri)) !== undefined
    )
      return false;
    kept.subscriptions.add(uri);
    kept.bytes += weightOf(uri);
    return true;
  }

  unsubscribe(id: string, uri: string): void {
    const kept = this.#sessions.get(id);
    if (!kept?.subscriptions.delete(uri)) return;
    kept.bytes -= weightOf(uri);
    this.#quota.shrink(kept.owner.organizationId, kept.owner.grantId, weightOf(uri));
  }

  /** The session ended. */
  end(id: string): void {
    const kept = this.#sessions.get(id);
    if (!kept) return;
    this.#sessions.delete(id);
    this.#quota.free(kept.owner.organizationId, kept.owner.grantId, kept.bytes);
    kept.listen?.close();
  }

  #take({ organizationId, grantId }: Owner): ReturnType<Quota['take']> {
    return this.#quota.take(organizationId, grantId);
  }

  /** Ends the longest unused session of the organization or grant that has no stream. */
  #endOldest({ organizationId, grantId }: Owner, ofGrant: boolean): boolean {
    for (const [id, { owner, listen }] of this.#sessions) {
      if (listen || owner.organizationId !== organizationId || (ofGrant && owner.grantId !== grantId)) continue;
      this.end(id);
      return true;
    }
    return false;
  }
}
