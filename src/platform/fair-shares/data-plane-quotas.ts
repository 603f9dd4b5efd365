import type { QuotaLimits } from './quota.js';

const MIB = 2 ** 20;
const ANY = Number.MAX_SAFE_INTEGER;

const counts = (total: number, organization: number, grant: number): QuotaLimits => ({
  total: { count: total, bytes: ANY },
  organization: { count: organization, bytes: ANY },
  grant: { count: grant, bytes: ANY },
});

/**
 * How many calls may be under way at once; each has a client's and an upstream's connection, some 50 KiB. Settings, as
 * they depend on the machine.
 */
export type CallLimits = Readonly<{ perProcess: number; perOrganization: number; perGrant: number }>;

/** The shares of calls that are under way at once, for the process, an organization and a grant. */
export const callQuota = ({ perProcess, perOrganization, perGrant }: CallLimits): QuotaLimits =>
  counts(perProcess, perOrganization, perGrant);

/**
 * Standing streams. A client has one or two open for as long as it runs, and they cost little while nothing happens:
 * several times as many as calls.
 */
export const STREAM_QUOTA: QuotaLimits = counts(20_000, 8000, 4000);

/**
 * Answers that are collected before they are passed on (lists, initialize, server/discover). They take a moment each; a
 * fleet of a few hundred agents that all begin at once must fit.
 */
export const COLLECTION_QUOTA: QuotaLimits = counts(2000, 500, 100);

/**
 * Held calls whose clients wait for an approval, weighed by the body of the request. Whoever finds no place is answered
 * at once, and repeats the call later.
 */
export const HELD_CALL_QUOTA: QuotaLimits = {
  total: { count: 1000, bytes: 64 * MIB },
  organization: { count: 400, bytes: 24 * MIB },
  grant: { count: 20, bytes: 8 * MIB },
};

/**
 * Calls of modern clients at legacy servers that wait for their client to answer a question, weighed by what they hold.
 */
export const PARKED_CALL_QUOTA: QuotaLimits = {
  total: { count: 5000, bytes: 64 * MIB },
  organization: { count: 2000, bytes: 24 * MIB },
  grant: { count: 100, bytes: 8 * MIB },
};

/**
 * Held calls that nobody keeps a connection open for, and their results for a while, weighed by the request and then by
 * the result.
 */
export const APPROVAL_TASK_QUOTA: QuotaLimits = {
  total: { count: 1000, bytes: 64 * MIB },
  organization: { count: 400, bytes: 24 * MIB },
  grant: { count: 100, bytes: 12 * MIB },
};

/**
 * Sessions of legacy clients at modern servers that have a log level, subscriptions or a stream, weighed by what they
 * subscribed to. More than standing streams, so that whoever has a stream has a place here too.
 */
export const LIVE_SESSION_QUOTA: QuotaLimits = {
  total: { count: 30_000, bytes: 64 * MIB },
  organization: { count: 10_000, bytes: 24 * MIB },
  grant: { count: 5000, bytes: 8 * MIB },
};

/** Requests of modern servers that wait for the answer of a legacy client. */
export const QUESTION_QUOTA: QuotaLimits = counts(10_000, 4000, 400);

/**
 * Sessions at legacy servers that modern clients share, weighed by what the client declared and the server said of
 * itself.
 */
export const POOLED_SESSION_QUOTA: QuotaLimits = {
  total: { count: 10_000, bytes: 128 * MIB },
  organization: { count: 4000, bytes: 48 * MIB },
  grant: { count: 200, bytes: 16 * MIB },
};

/**
 * What waits to be appended to the log, of all partitions together. It has no grants: an organization's events are of
 * its control plane too.
 */
export const PENDING_APPEND_QUOTA: QuotaLimits = {
  total: { count: ANY, bytes: 128 * MIB },
  organization: { count: ANY, bytes: 48 * MIB },
  grant: { count: ANY, bytes: ANY },
};

/**
 * Processes of stdio servers and connections to SSE servers, each kept for a session; more where the settings let a
 * grant or a server have more. A process may take 100 MiB.
 */
export const channelQuota = ({ perGrant, perServer }: Readonly<{ perGrant: number; perServer: number }>): QuotaLimits =>
  counts(Math.max(1000, 2 * perServer), Math.max(400, perServer), Math.max(100, perGrant));

/**
 * Bytes of answers that are collected before they are passed on: two of the largest messages that are translated for a
 * grant, four for an organization.
 */
export const COLLECTED_BYTES_QUOTA: QuotaLimits = {
  total: { count: ANY, bytes: 256 * MIB },
  organization: { count: ANY, bytes: 128 * MIB },
  grant: { count: ANY, bytes: 64 * MIB },
};

/**
 * A call that waited longer than this before it was judged is refused: its client has probably given up, and those
 * behind it have not.
 */
export const MAX_WAIT_BEFORE_JUDGED_MS = 10_000;
