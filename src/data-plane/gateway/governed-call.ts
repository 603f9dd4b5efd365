import type { GovernedCall } from '../enforcement/call.js';
import type { Request } from '../../mcp/protocol/read-message.js';
import { clip } from '../../platform/runtime/clip.js';
import type { Exchange } from '../relay/exchange.js';

/** Clients choose ids and methods, up to a whole body: a record keeps the beginning. */
const MAX_RECORDED_LENGTH = 256;

const clientOf = ({ clientName: name, clientVersion: version }: Exchange['session']): GovernedCall['client'] => {
  if (name === undefined) return null;
  return version === undefined ? { name } : { name, version };
};

/** Who sends a request, and when it was read. */
export type Sender = Pick<Exchange, 'who' | 'session' | 'readAtMs' | 'traceId' | 'sourceIp'>;

/** A request as enforcement sees it. */
export const governedCall = (
  exchange: Sender,
  request: Readonly<{ id: Request['id'] | null; method: string; params?: Request['params'] }>,
  call: Readonly<{ tool: string | null; arguments: unknown }>,
): GovernedCall => {
  const { session, who } = exchange;
  return {
    who,
    method: clip(request.method, MAX_RECORDED_LENGTH),
    tool: call.tool,
    arguments: call.arguments,
    readAtMs: exchange.readAtMs,
    params: request.params,
    requestId: typeof request.id === 'string' ? clip(request.id, MAX_RECORDED_LENGTH) : request.id,
    sessionId: session.sessionId,
    protocolVersion: session.protocolVersion,
    traceId: exchange.traceId,
    sourceIp: exchange.sourceIp,
    client: clientOf(session),
  };
};
