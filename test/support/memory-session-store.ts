import { NO_SESSION_STORE, type SessionSnapshot, type SessionStore } from '../../src/mcp/transports/session-store.js';

/** Keeps sessions for this process, as the database does for all: a session whose channel is gone is started again. */
export const memorySessionStore = (): SessionStore => {
  const snapshots = new Map<string, SessionSnapshot>();
  return {
    ...NO_SESSION_STORE,
    save: async ({ id }, snapshot) => {
      snapshots.set(id, snapshot);
      return true;
    },
    claim: async ({ id }) => snapshots.get(id),
    delete: async ({ id }) => void snapshots.delete(id),
  };
};
