import { OWN_CODES, refuseHttp } from '../mcp/answers.js';
import { headerOf, isEventStream, upstreamHeaders } from '../mcp/headers.js';
import type { InSession, RelayParts } from './exchange.js';

const TOOLS_CHANGED = 'notifications/tools/list_changed';

/** The client's GET stream: the upstream's, chunk by chunk, with back-pressure, until either side ends it. 405 where the upstream has none. */
export const relayStream = (parts: RelayParts, exchange: Omit<InSession, 'body'>): void => {
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
        parts.streams.add(response, who, { sessionId: session.sessionId, standing: true, tool: null });
      },
      data: (chunk) => {
        // One that is cut in two between chunks is missed: then the next discovery finds the change.
        if (streaming && chunk.includes(TOOLS_CHANGED)) parts.toolsChanged({ organizationId: who.organization.id, serverId: who.server.id });
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
