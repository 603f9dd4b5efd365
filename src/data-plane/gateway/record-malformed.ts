import type { Faulty, Request } from '../../mcp/protocol/read-message.js';
import { clip } from '../../platform/runtime/clip.js';
import type { Decided } from '../enforcement/call.js';
import type { AuthenticatedRequest } from '../relay/exchange.js';
import type { GatewayParts } from './exchange.js';

/** How much of a method or an id, which are the client's to choose, a record keeps. */
const MAX_RECORDED = 256;

/** What a record keeps of the method and the id, as far as they could be read. */
const recordedOf = (faulty?: Faulty): Readonly<{ method: string; requestId: Request['id'] | null }> => {
  if (faulty === undefined) return { method: 'unknown', requestId: null };
  const { method, id } = faulty;
  return { method: clip(method, MAX_RECORDED), requestId: typeof id === 'string' ? clip(id, MAX_RECORDED) : id };
};

/** A body that can't be read is a refusal like any other, on record under the session when there is a good one. */
export const recordMalformed = async (
  parts: GatewayParts,
  exchange: AuthenticatedRequest,
  reason: string,
  faulty?: Faulty,
): Promise<Decided> => {
  const { request, who, traceId, sourceIp } = exchange;
  const sealed = request.headers['mcp-session-id'];
  const opened = typeof sealed === 'string' ? parts.openSession(sealed, Date.now()) : undefined;
  const session = opened?.grantId === who.grant.id ? opened : undefined;
  const { sessionId, protocolVersion } = session ?? { sessionId: null, protocolVersion: null };
  const call = {
    who,
    ...recordedOf(faulty),
    tool: null,
    arguments: undefined,
    params: undefined,
    sessionId,
    protocolVersion,
  };
  const unread = { ...call, readAtMs: performance.now(), traceId, sourceIp, client: null };
  const decided = await parts.enforcement.refuseUnread(unread, 'malformed', reason);
  parts.metrics.decisions.inc({ effect: 'deny', code: 'malformed' });
  return decided;
};
