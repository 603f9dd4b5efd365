declare module '../../../platform/crypto/ids.js' {
  interface IdPrefixes {
    evt: true;
  }
}

/** Who made a change: a member through a session, an API key, the agent's side of a grant, or Toolgate itself. */
export type Actor = Readonly<{
  type: 'member' | 'apiKey' | 'grant' | 'system' | 'anonymous';
  id: string;
  name?: string;
}>;

/**
 * What every event carries. `version` is the version of the event's type; `time` is RFC 3339 UTC and fixed when the
 * event is made.
 */
export type Envelope = Readonly<{ id: string; version: number; time: string; organizationId: string }>;

/** What an event of this type tells beside its envelope. */
export type EventOf<Type extends string, Body> = Readonly<{ type: Type }> & Readonly<Body>;
