import type { EventStore } from '../../record/event-store/event-store.js';
import type { RelayDeps } from '../relay/exchange.js';

/** What opening and ending sessions takes. */
export type SessionDeps = RelayDeps & Readonly<{ store: EventStore; sessionKey: Buffer }>;
