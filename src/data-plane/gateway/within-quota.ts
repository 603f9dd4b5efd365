import { OWN_CODES } from '../../mcp/protocol/codes.js';
import type { ServerResponse } from 'node:http';
import { refuseHttp, sendJson } from '../../mcp/protocol/answers.js';
import type { Request } from '../../mcp/protocol/read-message.js';
import type { Exceeded, Quota } from '../../platform/fair-shares/quota.js';
import { refusalError } from './refusal-messages.js';
import type { AuthenticatedRequest, Exchange } from '../relay/exchange.js';
import type { DecideDeps } from './gateway-deps.js';
import { governedCall } from './governed-call.js';

/** What the record says of a request over its quota; `id` is null where there is no JSON-RPC request to answer. */
type QuotaRequest = Readonly<{ method: string; id: Request['id'] | null }>;

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

/** Records a request over its quota as `overloaded`, and answers it. */
const refuse = async (
  deps: DecideDeps,
  exchange: InOrBeforeSession,
  quotaRequest: QuotaRequest,
  exceeded: Readonly<{ quota: Quota; by: Exceeded }>,
): Promise<void> => {
  const { response, who, sourceIp, traceId, session = NO_SESSION } = exchange;
  const sender = { who, sourceIp, traceId, session, readAtMs: performance.now() };
  const { decision } = await deps.enforcement.refuseExcess(
    governedCall(sender, quotaRequest, { tool: null, arguments: undefined }),
    exceeded.quota,
    exceeded.by,
  );
  deps.metrics.decisions.inc({ effect: decision.effect, code: decision.code });
  if (quotaRequest.id !== null) return sendJson(response, 200, refusalError(quotaRequest.id, decision));
  return refuseHttp(response, 503, {
    code: OWN_CODES.denied,
    message: decision.reason,
    headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
  });
};

/**
 * Does the work on a request and counts it in `quota` until the work is done and its response has ended. Records and
 * refuses a request over the quota.
 */
export const withinQuota = async (
  deps: DecideDeps,
  quota: Quota,
  exchange: InOrBeforeSession,
  { quotaRequest, work }: Readonly<{ quotaRequest: QuotaRequest; work: () => void | Promise<void> }>,
): Promise<void> => {
  const { organization, grant } = exchange.who;
  const by = quota.take(organization.id, grant.id);
  if (by !== undefined) return refuse(deps, exchange, quotaRequest, { quota, by });
  try {
    await work();
    await closed(exchange.response);
  } finally {
    quota.free(organization.id, grant.id);
  }
};
