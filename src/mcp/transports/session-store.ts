import { createHash } from 'node:crypto';
import { canonicalJson } from '../../platform/json/canonical-json.js';

/** What it takes to start a session again on a new channel, and to see whether the server is still the same. */
export type SessionSnapshot = Readonly<{
  /** The text of the client's `initialize`. */
  initialize: string;
  /** The digest of its result. */
  resultDigest: string;
  /** The digest of the tools that the server last listed; undefined while no list is known. */
  toolsDigest: string | undefined;
  logLevel: string | undefined;
  subscriptions: readonly string[];
}>;

/** Whose session it is: a claim by another grant or for another server finds nothing. */
export type SessionOwner = Readonly<{ id: string; organizationId: string; grantId: string; serverId: string }>;

/**
 * Keeps the snapshots of sessions beyond this process. A snapshot is leased to the process that runs its session;
 * `claim` takes the lease when no living process holds it.
 */
export interface SessionStore {
  /** Saves a session of this process with its lease; false when it is not to be kept, or can't be. Never rejects. */
  save(owner: SessionOwner, snapshot: SessionSnapshot): Promise<boolean>;
  /** Takes the lease and returns the snapshot; undefined when there is none, it ended, or another process holds it. */
  claim(owner: SessionOwner): Promise<SessionSnapshot | undefined>;
  /** Gives the lease back: any process may start the session again. */
  release(owner: SessionOwner): Promise<void>;
  /** The session ended for good. */
  delete(owner: SessionOwner): Promise<void>;
  /** Records that a session was started again. Never rejects. */
  recordRestart(owner: SessionOwner): Promise<void>;
  /** Those of these sessions whose lease this process no longer holds. */
  findLost(owners: readonly SessionOwner[]): Promise<readonly string[]>;
  /** The digest of the tools that discovery last found; undefined when unknown. */
  discoveredTools(serverId: string): string | undefined;
}

const nothing = async (): Promise<undefined> => undefined;

/** For processes whose sessions end with them. */
export const NO_SESSION_STORE: SessionStore = {
  save: async () => false,
  claim: nothing,
  release: nothing,
  delete: nothing,
  recordRestart: nothing,
  findLost: async () => [],
  discoveredTools: () => undefined,
};

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64');

/** The digest of a result, whatever the order of its keys. */
export const digestOf = (value: unknown): string => sha256(canonicalJson(value));

/** The digest of tools, whatever their order. */
export const toolsDigestOf = (tools: Iterable<Readonly<{ name: string; definitionHash: string }>>): string =>
  sha256(JSON.stringify([...tools].map(({ name, definitionHash }) => `${definitionHash} ${name}`).sort()));
