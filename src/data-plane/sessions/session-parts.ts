import type { EventStore } from '../../record/event-store/event-store.js';
import type { RelayParts } from '../relay/exchange.js';

/** What opening and ending sessions takes. */
export type SessionParts = RelayParts & Readonly<{ store: EventStore; sessionKey: Buffer }>;

/** The session-era revisions that are spoken to clients and upstreams, newest first. */
export const PROTOCOL_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26'] as const;

/** Whether this gateway speaks a protocol revision of the legacy era. */
export const isSpoken = (version: unknown): version is string => PROTOCOL_VERSIONS.some((one) => one === version);
