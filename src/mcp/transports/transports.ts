import { parseObject } from '../../platform/json/json-object.js';
import type { Handshake } from '../upstream/probe.js';
import type { HttpClient } from '../http-client/http-client.js';
import type { OpenChannel } from './channel.js';
import { DEFAULT_SESSION_LIMITS, type ChannelRules, type SessionLimits } from './channel-registry.js';
import { HttpSessions } from './http-sessions.js';
import { LegacyChannels } from './legacy-channels.js';
import { ModernChannels } from './modern-channels.js';
import type { OpenSessions } from './open-sessions.js';
import { NO_SESSION_STORE, type SessionStore } from './session-store.js';
import { sseChannels } from './sse-channel.js';
import { stdioChannels, type StdioRules } from './stdio-channel.js';
import type { Forward, PendingRequest, Sink, UpstreamRequest } from '../upstream/forward.js';

/**
 * `endSession` ends a session that its client ended at another gateway; `stop` ends the processes and streams that
 * outlive requests.
 */
export type Transports = Readonly<{ forward: Forward; endSession: (id: string) => void; stop: () => void }>;

/**
 * Sessions over channels end with their channel unless there is a `store`; `openSessions` learns of those that are open
 * here.
 */
export type TransportDeps = Pick<ChannelRules, 'isGrantActive'> &
  Readonly<{
    http: HttpClient;
    stdio: StdioRules;
    limits?: SessionLimits;
    store?: SessionStore;
    openSessions?: OpenSessions;
  }>;

/** Answers an `initialize` with a session that discovery began. */
const handOver = (request: UpstreamRequest, { result, session = '' }: Handshake, sink: Sink): PendingRequest => {
  const id = parseObject(request.body?.toString('utf8') ?? '')?.['id'] ?? null;
  sink.head(200, { 'content-type': 'application/json', 'mcp-session-id': session });
  sink.data(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, result })));
  sink.end();
  return { resume: () => undefined, abort: () => undefined };
};

/** Sends requests over Streamable HTTP; `open` learns of the sessions there. */
const overHttp =
  (http: HttpClient, sessions: HttpSessions | undefined, open: OpenSessions | undefined) =>
  (request: UpstreamRequest, url: URL, sink: Sink): PendingRequest => {
    const { method, headers, body, silenceMs, grantId, cookies } = request;
    const { organizationId } = request.server;
    const watched = sessions ? sessions.watch(request, sink) : sink;
    const kept = open?.take(request);
    if (kept) return handOver(request, kept, watched);
    return http({ url, method, headers, body, silenceMs, organizationId, grantId, cookies }, watched);
  };

/** Forwards requests over each server's transport; `http` must use the guarded connections of platform/outbound. */
export const openTransports = (deps: TransportDeps): Transports => {
  const { http, openSessions, isGrantActive, limits = DEFAULT_SESSION_LIMITS, store = NO_SESSION_STORE } = deps;
  const rules = { isGrantActive, limits, store };
  const overChannels = (open: OpenChannel) => ({
    legacy: new LegacyChannels(open, rules),
    modern: new ModernChannels(open, rules),
  });
  const sse = overChannels(sseChannels(http));
  const stdio = overChannels(stdioChannels(deps.stdio));
  const sessions = openSessions ? new HttpSessions() : undefined;
  const sendHttp = overHttp(http, sessions, openSessions);
  const forward: Forward = (request, sink) => {
    const { transport } = request.server;
    switch (transport.type) {
      case 'streamable-http':
        return sendHttp(request, transport.url, sink);
      case 'sse':
        return sse[request.era].forward(request, sink);
      case 'stdio':
        return stdio[request.era].forward(request, sink);
    }
  };
  const finds = [sse.legacy.findSession, stdio.legacy.findSession, ...(sessions ? [sessions.find] : [])];
  const removals = finds.map((find) => openSessions?.add({ find, forward }));
  return {
    forward,
    endSession: (id) => [sse.legacy, stdio.legacy].forEach((host) => host.endSession(id)),
    stop: () => {
      for (const remove of removals) remove?.();
      for (const host of [sse.legacy, sse.modern, stdio.legacy, stdio.modern]) host.stop();
    },
  };
};
