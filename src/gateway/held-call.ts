import type { GovernedCall, Verdict, Waiting } from '../enforcement/call.js';
import { jsonRpcError, OWN_CODES, refuseHttp, sendJson } from '../mcp/answers.js';
import type { GatewayParts, InSession } from './exchange.js';

/** What a held call has come to: whose it is now, and how it was decided. Undefined: it was answered here, or nobody waits for an answer. */
type Resumed = Readonly<{ exchange: InSession; verdict: Verdict }> | undefined;

/**
 * A held call waits here for its approval, for as long as its policy says. Once that is settled the call is judged anew, with all that holds by then: whose
 * token it is, the policy, the limits. A client that leaves or cancels meanwhile has nothing forwarded.
 */
export const waitForApproval = async (parts: GatewayParts, exchange: InSession, held: Readonly<{ id: string | number; call: GovernedCall; verdict: Verdict; waiting: Waiting }>): Promise<Resumed> => {
  const { response, session, who } = exchange;
  // Closes the connection when the grant is revoked or the session ended.
  parts.streams.add(response, who, { sessionId: session.sessionId, standing: false, tool: held.call.tool });
  const cancelled = (cancel: () => void): (() => void) => {
    let forget = (): void => undefined;
    parts.running.begin(session.sessionId, held.id, (done) => {
      forget = done;
      return { resume: () => undefined, abort: cancel };
    });
    return () => forget();
  };
  const how = await parts.parked.wait(held.waiting, who.grant.id, response, cancelled);
  if (how === 'over') return { exchange, verdict: held.verdict };
  if (how === 'gone' || response.destroyed) {
    sendJson(response, 200, jsonRpcError(held.id, OWN_CODES.upstreamError, 'the request was cancelled'));
    return undefined;
  }
  const now = parts.directory.lookUp(who.grant.id, who.tokenHash, Date.now());
  if (!now) {
    refuseHttp(response, 401, { code: OWN_CODES.unauthorized, message: 'the grant token is no longer valid', headers: { 'www-authenticate': 'Bearer realm="toolgate"' } });
    return undefined;
  }
  return { exchange: { ...exchange, who: now }, verdict: await parts.enforcement.enforce({ ...held.call, who: now }) };
};
