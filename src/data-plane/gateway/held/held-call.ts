import { OWN_CODES } from '../../../mcp/protocol/codes.js';
import { jsonRpcError, jsonRpcResult, keepAlive, sendJson } from '../../../mcp/protocol/answers.js';
import type { Request } from '../../../mcp/protocol/read-message.js';
import {
  toolOf,
  type ApprovalWait,
  type EnforcedCall,
  type GovernedCall,
  type RefusedCall,
} from '../../enforcement/call.js';
import type { Exchange } from '../../relay/exchange.js';
import type { HoldDeps } from '../gateway-deps.js';
import { challengeOf, refuseToken } from '../refuse-token.js';
import { beginHeldTask } from './held-task.js';

/** Who the call belongs to by now, and its decision. Undefined: it was answered here, or nobody waits for an answer. */
type Resumed = Readonly<{ exchange: Exchange; call: EnforcedCall }> | undefined;

type WaitingCall = Readonly<{ id: Request['id']; call: GovernedCall; refused: RefusedCall; wait: ApprovalWait }>;

/** Lets the client cancel a call that waits, and keeps its connection alive. Returns what ends that. */
const onCancel =
  ({ running }: HoldDeps, { request, response, session }: Exchange, id: Request['id']) =>
  (cancel: () => void): (() => void) => {
    let forget = (): void => undefined;
    running.begin(session.sessionId, id, ({ ended }) => {
      forget = ended;
      return { resume: () => undefined, abort: cancel, keepAlive: () => keepAlive(request, response) };
    });
    return () => forget();
  };

/**
 * Keeps a held call here until people have decided on its approval, for as long as its policy says. Then the call is
 * judged anew with the token, policy and limits of that moment. Nothing is forwarded for a client that left or
 * cancelled.
 */
const waitForApproval = async (
  deps: HoldDeps,
  exchange: Exchange,
  { id, call, refused, wait }: WaitingCall,
): Promise<Resumed> => {
  const { response, session, who } = exchange;
  // Closes the connection when the grant is revoked or the session ended.
  deps.streams.add(response, who, { sessionId: session.sessionId, standing: false, tool: toolOf(call) });
  const end = await deps.approvalWaits.wait(
    wait,
    { organizationId: who.organization.id, grantId: who.grant.id, bytes: exchange.body.length },
    response,
    onCancel(deps, exchange, id),
  );
  if (end === 'over') return { exchange, call: refused };
  if (end === 'gone' || response.destroyed) {
    sendJson(response, 200, jsonRpcError(id, OWN_CODES.upstreamError, 'the request was cancelled'));
    return undefined;
  }
  const now = deps.directory.lookUp(who.grant.id, who.tokenHash, Date.now());
  if (!now) {
    const state = await deps.refusedTokens.stateOfHash(who.grant.id, who.tokenHash);
    if (!response.headersSent) refuseToken(response, state, challengeOf(exchange.request.url, deps));
    else sendJson(response, 200, jsonRpcError(id, OWN_CODES.unauthorized, `the grant token is ${state}`));
    return undefined;
  }
  const enforced = await deps.enforcement.enforce({ ...call, who: now, readAtMs: performance.now() });
  deps.metrics.decisions.inc({ effect: enforced.decision.effect, code: enforced.decision.code });
  return { exchange: { ...exchange, who: now }, call: enforced };
};

/**
 * Goes on with a refused call: one that is held for an approval waits for it here, or as a task where the client takes
 * tasks; any other refusal stands.
 */
export const resumeHeld = async (
  deps: HoldDeps,
  exchange: Exchange,
  { request, call, refused }: Readonly<{ request: Request; call: GovernedCall; refused: RefusedCall }>,
): Promise<Resumed> => {
  const { wait } = refused;
  if (wait === undefined) return { exchange, call: refused };
  const task = beginHeldTask(deps, { exchange, request, call, wait, reason: refused.decision.reason });
  if (!task) return waitForApproval(deps, exchange, { id: request.id, call, refused, wait });
  sendJson(exchange.response, 200, jsonRpcResult(request.id, task));
  return undefined;
};
