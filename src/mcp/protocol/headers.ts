import type { HeaderFields } from '../http-client/sink.js';

/** What the upstream is told beside its credential: nothing that the client sent travels here. */
export const upstreamHeaders = (
  credential: Readonly<Record<string, string>>,
  session: Readonly<{ upstreamSession: string | undefined; protocolVersion: string | undefined }>,
  accept = 'application/json, text/event-stream',
): Record<string, string> => ({
  'content-type': 'application/json',
  accept,
  'user-agent': 'toolgate',
  ...(session.upstreamSession === undefined ? {} : { 'mcp-session-id': session.upstreamSession }),
  ...(session.protocolVersion === undefined ? {} : { 'mcp-protocol-version': session.protocolVersion }),
  ...credential,
});

type Session = Parameters<typeof upstreamHeaders>[1];
type Headers = Readonly<Record<string, string>>;
const ofSessions = new WeakMap<Session, Readonly<{ credential: Headers; headers: Headers }>>();

/**
 * `upstreamHeaders` of a session: one object for as long as session and credential are the same, so that the HTTP
 * client needs to write them only once.
 */
export const sessionHeaders = (credential: Headers, session: Session): Headers => {
  const known = ofSessions.get(session);
  if (known?.credential === credential) return known.headers;
  const headers = upstreamHeaders(credential, session);
  ofSessions.set(session, { credential, headers });
  return headers;
};

/** One header of an answer as text; undefined when absent or repeated. */
export const headerOf = (headers: HeaderFields, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
};

/** Whether a Content-Type is that of an event stream, whatever its parameters. */
export const isEventStream = (contentType: string | undefined): boolean =>
  /^\s*text\/event-stream\s*(;|$)/i.test(contentType ?? '');
