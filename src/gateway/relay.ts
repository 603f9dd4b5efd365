import { headerOf, isEventStream, upstreamHeaders } from '../upstream/mcp-headers.js';
import { OWN_CODES, refuseHttp } from './answers.js';
import type { Request } from './call-tool.js';
import { collectAnswer, isFailure } from './collect-answer.js';
import type { GatewayParts, InSession } from './exchange.js';
import { relayAnswer } from './relay-answer.js';

const SMALL = 64 * 1024;

const upstreamRequest = (parts: GatewayParts, { who, session, body }: InSession) =>
  ({ server: who.server, grantId: who.grant.id, era: 'legacy', method: 'POST', headers: upstreamHeaders(who.server.headers, session), body, silenceMs: parts.upstreamTimeoutMs }) as const;

/** ping: whether the upstream lives is what the client wants to know, so it goes there. */
export const relayRequest = (parts: GatewayParts, exchange: InSession, request: Request): void =>
  void relayAnswer(parts, exchange, upstreamRequest(parts, exchange), { id: request.id, sessionId: exchange.session.sessionId, done: () => undefined });

const FORWARDED = new Set(['notifications/initialized', 'notifications/cancelled', 'notifications/progress', 'notifications/roots/list_changed']);

/** Notifications of governed methods, and the client's answers to the server's own requests, go upstream; other notifications end here. Always 202. */
export const relayMessage = async (parts: GatewayParts, exchange: InSession, method: string | undefined): Promise<void> => {
  const { response } = exchange;
  if (method === undefined || FORWARDED.has(method)) {
    const answer = await collectAnswer(parts, upstreamRequest(parts, exchange), SMALL);
    if (!isFailure(answer) && answer.status === 404) return refuseHttp(response, 404, { code: OWN_CODES.upstreamError, message: 'the session has ended; initialize again' });
  }
  if (response.destroyed) return;
  response.writeHead(202, { 'content-length': 0 });
  response.end();
};

/** The client's GET stream: the upstream's, chunk by chunk, with back-pressure, until either side ends it. 405 where the upstream has none. */
export const relayStream = (parts: GatewayParts, exchange: Omit<InSession, 'body'>): void => {
  const { response, who, session, request } = exchange;
  const lastEventId = request.headers['last-event-id'];
  const headers = upstreamHeaders(who.server.headers, session, 'text/event-stream');
  if (typeof lastEventId === 'string') headers['last-event-id'] = lastEventId;
  let streaming = false;
  const running = parts.forward(
    { server: who.server, grantId: who.grant.id, era: 'legacy', method: 'GET', headers, body: undefined, silenceMs: 0 },
    {
      head: (status, fields) => {
        streaming = status === 200 && isEventStream(headerOf(fields, 'content-type'));
        if (!streaming) return refuseHttp(response, status === 404 ? 404 : 405, { code: OWN_CODES.upstreamError, message: 'the MCP server offers no stream here', headers: { allow: 'POST, DELETE' } });
        response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' });
        response.flushHeaders();
        parts.streams.add(response, who, { sessionId: session.sessionId, standing: true });
      },
      data: (chunk) => {
        if (!streaming || response.destroyed || response.writableEnded || response.write(chunk)) return true;
        response.once('drain', () => running.resume());
        return false;
      },
      end: () => void response.end(),
      fail: () => {
        if (response.headersSent) response.end();
        else refuseHttp(response, 502, { code: OWN_CODES.upstreamUnreachable, message: 'the MCP server could not be reached' });
      },
    },
  );
  response.once('close', () => running.abort());
};
