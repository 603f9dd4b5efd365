import type { FaultyRequest, Request } from '../../mcp/protocol/read-message.js';
import { clip } from '../../platform/runtime/clip.js';
import type { RecordedDecision } from '../enforcement/call.js';
import type { AuthenticatedRequest } from '../relay/exchange.js';
import type { OpenSession } from '../sessions/sealed-session.js';
import type { DecideDeps } from './gateway-deps.js';

/** Clients choose methods and ids, up to a whole body: a record keeps the beginning. */
const MAX_RECORDED_LENGTH = 256;

/** The method and the id of a body for the record, as far as they could be read. */
const recordedOf = (faulty?: FaultyRequest): Readonly<{ method: string; requestId: Request['id'] | null }> => {
  if (faulty === undefined) return { method: 'unknown', requestId: null };
  const { method, id } = faulty;
  return {
    method: clip(method, MAX_RECORDED_LENGTH),
    requestId: typeof id === 'string' ? clip(id, MAX_RECORDED_LENGTH) : id,
  };
};

/** Records the refusal of a body that can't be read, under the session of the request when there is a good one. */
export const recordMalformed = async (
  deps: DecideDeps & Readonly<{ openSession: OpenSession }>,
  exchange: AuthenticatedRequest,
  reason: string,
  faulty?: FaultyRequest,
): Promise<RecordedDecision> => {
  const { request, who, traceId, sourceIp } = exchange;
  const sealed = request.headers['mcp-session-id'];
  const opened = typeof sealed === 'string' ? deps.openSession(sealed, Date.now()) : undefined;
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
  const decided = await deps.enforcement.refuseUnread(unread, 'malformed', reason);
  deps.metrics.decisions.inc({ effect: 'deny', code: 'malformed' });
  return decided;
};
