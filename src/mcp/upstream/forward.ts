import type { CookieJar } from '../http-client/cookie-jar.js';
import { decorateSink, type Failure, type HeaderFields, type PendingRequest, type Sink } from '../http-client/sink.js';
import type { OpenTransport } from '../../platform/runtime/transport.js';
import type { Era } from '../protocol/era.js';

/**
 * An MCP server: where it is reached, and in which eras of the protocol it was seen to speak (the preferred one first;
 * none while it was never reached).
 */
export type UpstreamServer = Readonly<{
  id: string;
  organizationId: string;
  transport: OpenTransport;
  eras: readonly Era[];
  /** Whether sessions whose channel is gone may be started again; true unless given. */
  restartSessions?: boolean;
}>;

/**
 * One request in the terms of Streamable HTTP, whatever the server really speaks. `era` is the one that it is written
 * in; what lives longer than a request (a session, a process) belongs to `grantId`. `headers` hold the upstream's
 * credential, `cookies` those of the legacy session that the request belongs to.
 */
export type UpstreamRequest = Readonly<{
  server: UpstreamServer;
  grantId: string;
  era: Era;
  method: 'GET' | 'POST' | 'DELETE';
  headers: Readonly<Record<string, string>>;
  body: Buffer | undefined;
  silenceMs: number;
  cookies?: CookieJar | undefined;
}>;

export { decorateSink, type PendingRequest, type Sink };
export type UpstreamHeaders = HeaderFields;
export type UpstreamFailure = Failure;

/**
 * Sends one request to its server and hands the answer's bytes to `sink` unparsed. Never throws and never rejects.
 * Every transport and every translation between eras has this one shape, so that none of them knows of another.
 */
export type Forward = (request: UpstreamRequest, sink: Sink) => PendingRequest;
