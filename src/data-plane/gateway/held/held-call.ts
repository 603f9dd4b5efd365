import { toolOf, type GovernedCall, type Verdict, type Waiting } from '../../enforcement/call.js';
import { jsonRpcError, jsonRpcResult, refuseHttp, sendJson } from '../../../mcp/protocol/answers.js';
import type { Request } from '../../../mcp/protocol/read-message.js';
import type { GatewayParts, Exchange } from '../exchange.js';
import { beginHeldTask } from './held-task.js';
import { OWN_CODES } from '../../../mcp/protocol/codes.js';

/**
 * What a held call has come to: whose it is now, and how it was decided. Undefined: it was answered here, or nobody
 * waits for an answer.
 */
type Resumed = Readonly<{ exchange: Exchange; verdict: Verdict }> | undefined;

/**
 * A held call waits here for its approval, for as long as its policy says. Once that is settled the call is judged
 * anew, with all that holds by then: whose token it is, the policy, the limits. A client that leaves or cancels
 * meanwhile has nothing forwarded.
 */
const waitForApproval = async (
  parts: GatewayParts,
  exchange: Exchange,
  held: Readonly<{ id: string | number; call: GovernedCall; verdict: Verdict; waiting: Waiting }>,
): Promise<Resumed> => {
  const { response, session, who } = exchange;
  // Closes the connection when the grant is revoked or the session ended.
  parts.streams.add(response, who, { sessionId: session.sessionId, standing: false, tool: toolOf(held.call) });
  const cancelled = (cancel: () => void): (() => void) => {
    let forget = (): void => undefined;
    parts.running.begin(session.sessionId, held.id, (done) => {
      forget = done;
      return { resume: () => undefined, abort: cancel };
    });
    return () => forget();
  };
  const how = await parts.parked.wait(
    held.waiting,
    { organizationId: who.organization.id, grantId: who.grant.id, bytes: exchange.body.length },
    response,
    cancelled,
  );
  if (how === 'over') return { exchange, verdict: held.verdict };
  if (how === 'gone' || response.destroyed) {
    sendJson(response, 200, jsonRpcError(held.id, OWN_CODES.upstreamError, 'the request was cancelled'));
    return undefined;
  }
  const now = parts.directory.lookUp(who.grant.id, who.tokenHash, Date.now());
  if (!now) {
    refuseHttp(response, 401, {
      code: OWN_CODES.unauthorized,
      message: 'the grant token is no longer valid',
      headers: { 'www-authenticate': 'Bearer realm="toolgate"' },
    });
    return undefined;
  }
  return {
    exchange: { ...exchange, who: now },
    verdict: await parts.enforcement.enforce({ ...held.call, who: now, readAtMs: performance.now() }),
  };
};

/**
 * A refused request as it stands; one that is held for an approval that may come soon, once it has, or, for a client of
 * tasks, as a task. Decides anew, and counts what it decides.
 */
export const resumeHeld = async (
  parts: GatewayParts,
  exchange: Exchange,
  held: Readonly<{ request: Request; call: GovernedCall; verdict: Extract<Verdict, { allowed: false }> }>,
): Promise<Resumed> => {
  const { request, call, verdict } = held;
  const { waiting } = verdict;
  if (waiting === undefined) return { exchange, verdict };
  const task = beginHeldTask(parts, { exchange, request, call, waiting, reason: verdict.decided.reason });
  if (task) {
    sendJson(exchange.response, 200, jsonRpcResult(request.id, task));
    return undefined;
  }
  const resumed = await waitForApproval(parts, exchange, { id: request.id, call, verdict, waiting });
  if (resumed && resumed.verdict !== verdict)
    parts.metrics.decisions.inc({ effect: resumed.verdict.decided.effect, code: resumed.verdict.decided.code });
  return resumed;
};
