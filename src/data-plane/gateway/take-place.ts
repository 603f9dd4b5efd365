import type { ServerResponse } from 'node:http';
import { refuseHttp, sendJson } from '../../mcp/protocol/answers.js';
import type { Request } from '../../mcp/protocol/read-message.js';
import type { Exceeded, Quota } from '../../platform/fair-shares/quota.js';
import type { AuthenticatedRequest } from '../relay/exchange.js';
import { deniedError } from './denied.js';
import type { GatewayParts, Exchange } from './exchange.js';
import { governed } from './governed.js';
import { OWN_CODES } from '../../mcp/protocol/codes.js';

/**
 * What is asked for, as it is recorded when it is too much; `id` is null where there is no JSON-RPC request to answer.
 */
type Asked = Readonly<{ method: string; id: Request['id'] | null }>;

/** Before a session began there is none. */
type InOrBeforeSession = AuthenticatedRequest & Partial<Pick<Exchange, 'session'>>;

const NO_SESSION: Exchange['session'] = {
  era: 'legacy',
  sessionId: null,
  upstreamSession: undefined,
  protocolVersion: 'unknown',
  clientCapabilities: {},
};
const RETRY_AFTER_SECONDS = 5;

const closed = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    if (response.closed) resolve();
    else response.once('close', resolve);
  });

/** Puts a request that is too much on record as `overloaded`, and answers it. */
const refuse = async (
  parts: GatewayParts,
  exchange: InOrBeforeSession,
  asked: Asked,
  exceeded: Readonly<{ quota: Quota; by: Exceeded }>,
): Promise<void> => {
  const { response, who, sourceIp, traceId, session = NO_SESSION } = exchange;
  const sender = { who, sourceIp, traceId, session, readAtMs: performance.now() };
  const { decided } = await parts.enforcement.refuseExcess(
    governed(sender, asked, { tool: null, arguments: undefined }),
    exceeded.quota,
    exceeded.by,
  );
  parts.metrics.decisions.inc({ effect: decided.effect, code: decided.code });
  if (asked.id !== null) return sendJson(response, 200, deniedError(asked.id, decided));
  return refuseHttp(response, 503, {
    code: OWN_CODES.denied,
    message: decided.reason,
    headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
  });
};

/**
 * Does the work on a request and counts it in `quota` until both the work is done and its answer has ended. One too
 * many is refused, which is on record.
 */
export const withPlace = async (
  parts: GatewayParts,
  quota: Quota,
  exchange: InOrBeforeSession,
  { asked, work }: Readonly<{ asked: Asked; work: () => void | Promise<void> }>,
): Promise<void> => {
  const { organization, grant } = exchange.who;
  const by = quota.take(organization.id, grant.id);
  if (by !== undefined) return refuse(parts, exchange, asked, { quota, by });
  try {
    await work();
    await closed(exchange.response);
  } finally {
    quota.free(organization.id, grant.id);
  }
};
