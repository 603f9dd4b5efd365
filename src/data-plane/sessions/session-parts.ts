import type { EventStore } from '../../record/event-store/event-store.js';
import type { RelayParts } from '../relay/exchange.js';

/** What opening and ending sessions takes. */
export type SessionParts = RelayParts & Readonly<{ store: EventStore; sessionKey: Buffer }>;
