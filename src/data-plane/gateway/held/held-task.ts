import { guarded, inBackground } from '../../../platform/runtime/guard.js';
import { isObject, parseObject, type Json } from '../../../platform/json/json-object.js';
import { jsonRpcError, jsonRpcResult, sendJson } from '../../../mcp/protocol/answers.js';
import { META } from '../../../mcp/protocol/modern.js';
import type { Request } from '../../../mcp/protocol/read-message.js';
import { takesTasks } from '../../../mcp/protocol/task-messages.js';
import { collectAnswer, isUpstreamFailure, messageIn, type Collected } from '../../relay/collect-answer.js';
import { FAILURE_RESPONSES } from '../../relay/relayed.js';
import { within } from '../../../platform/runtime/within.js';
import { upstreamPost } from '../../relay/upstream-post.js';
import type { UpstreamFailure } from '../../../mcp/upstream/forward.js';
import type { ApprovalRequests, ApprovalProgress } from '../../enforcement/request-approval.js';
import type { Outcome, Verdict } from '../../enforcement/call.js';
import { ApprovalTask, RESULT_KEPT_MS, type HeldTask, type TaskState } from './approval-tasks.js';
import { deniedResult } from '../denied.js';
import type { Exchange, GatewayParts, ModernExchange } from '../exchange.js';
import { JSON_RPC_CODES, OWN_CODES } from '../../../mcp/protocol/codes.js';

const POLL_MS = 2000;
/** Longer than it takes a node to go on with a call whose approval it waits for. */
const GOES_ON_MS = 60_000;
/** Timers go no further; who still waits then repeats the call. */
const LONGEST_WAIT_MS = 24 * 86_400_000;
const LOOK_MS = 2000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const PREFIX = 'toolgate.';
/** A gateway that ends leaves the approval to whoever asks next. */
const LEFT = 'nobody waits for the approval of this call any more; repeat the same call to go on';

/** A task as clients see it. */
const shown = (taskId: string, { state, createdAt, updatedAt, held }: ApprovalTask): Json => ({
  taskId,
  createdAt: createdAt.toISOString(),
  lastUpdatedAt: updatedAt.toISOString(),
  ttlMs: Math.max(0, Math.round(held.waiting.expiresInMs)) + RESULT_KEPT_MS,
  pollIntervalMs: POLL_MS,
  ...(state.status === 'working' ? { statusMessage: held.reason } : {}),
  ...(state.status === 'failed' ? { statusMessage: state.error.message } : {}),
  ...state,
});

/**
 * The call as it goes upstream without anybody who could be asked, or be given a task in its turn: what it answers must
 * be its result.
 */
const withoutClientCapabilities = (exchange: ModernExchange): ModernExchange => {
  const message = parseObject(exchange.body.toString('utf8')) ?? {};
  const params = isObject(message['params']) ? message['params'] : {};
  const meta = isObject(params['_meta']) ? params['_meta'] : {};
  const body = Buffer.from(
    JSON.stringify({ ...message, params: { ...params, _meta: { ...meta, [META.clientCapabilities]: {} } } }),
  );
  return { ...exchange, body, session: { ...exchange.session, clientCapabilities: {} } };
};

const failed = (code: number, message: string): TaskState => ({ status: 'failed', error: { code, message } });

/** What an upstream's answer makes of a task, and what is recorded of it. */
const ended = (
  answer: Collected | UpstreamFailure,
  id: Request['id'],
): Readonly<{ state: TaskState; outcome: Outcome }> => {
  if (isUpstreamFailure(answer)) {
    const { status, code, message } = FAILURE_RESPONSES[answer.kind];
    return {
      state: failed(code, message),
      outcome: { status, upstreamStatus: null, responseBytes: 0, sent: answer.sent },
    };
  }
  const { result, error } = messageIn(answer, id);
  const outcome = { upstreamStatus: answer.status, responseBytes: answer.body.length, sent: true };
  if (isObject(result) && (result['resultType'] ?? 'complete') === 'complete')
    return {
      state: { status: 'completed', result },
      outcome: { ...outcome, status: result['isError'] === true ? 'tool_error' : 'ok' },
    };
  const told = isObject(error)
    ? { code: Number(error['code']), message: String(error['message']) }
    : { code: OWN_CODES.upstreamError, message: 'the MCP server answered with something that is no result' };
  return { state: { status: 'failed', error: told }, outcome: { ...outcome, status: 'upstream_error' } };
};

/** Judges the call anew, once its approval is settled, and makes it if it is allowed now. */
const goOn = async (parts: GatewayParts, { exchange, request, call }: HeldTask): Promise<TaskState> => {
  const who = parts.directory.lookUp(exchange.who.grant.id, exchange.who.tokenHash, Date.now());
  if (!who) return failed(OWN_CODES.unauthorized, 'the grant token is no longer valid');
  const verdict: Verdict = await parts.enforcement.enforce({ ...call, who, readAtMs: performance.now() });
  parts.metrics.decisions.inc({ effect: verdict.decided.effect, code: verdict.decided.code });
  if (!verdict.allowed)
    return {
      status: 'completed',
      result: deniedResult(request.id, verdict.decided, exchange.session.era).result as Json,
    };
  const answer = await collectAnswer(
    parts,
    upstreamPost(parts, withoutClientCapabilities({ ...exchange, who }), request),
    {
      maxBytes: MAX_ANSWER_BYTES,
      id: request.id,
    },
  );
  const { state, outcome } = ended(answer, request.id);
  parts.metrics.outcomes.inc({ status: outcome.status });
  verdict.complete(outcome);
  return state;
};

/**
 * Waits for the approval and goes on. An approval that ended before its time was withdrawn: asking anew would open
 * another.
 */
const run = async (parts: GatewayParts, task: ApprovalTask): Promise<void> => {
  const { exchange, waiting } = task.held;
  const { grant, organization } = exchange.who;
  const how = await parts.parked.wait(
    { ...waiting, waitMs: Math.min(waiting.expiresInMs, LONGEST_WAIT_MS) },
    { organizationId: organization.id, grantId: grant.id, bytes: exchange.body.length },
    task,
    (cancel) => {
      const left = guarded('held_task', cancel);
      task.once('cancelled', left);
      return () => void task.off('cancelled', left);
    },
  );
  const stands =
    how === 'ready'
      ? await within(
          parts.approvals.find({ organizationId: organization.id, grantId: grant.id, approvalId: waiting.approvalId }),
          LOOK_MS,
        )
      : undefined;
  const isCancelled = how === 'gone' || stands?.status === 'withdrawn';
  const state =
    how === 'over'
      ? failed(OWN_CODES.unavailable, LEFT)
      : isCancelled
        ? ({ status: 'cancelled' } as const)
        : await goOn(parts, task.held);
  parts.approvalTasks.end(task, state, new Date());
};

const isOfTaskClient = (exchange: Exchange): exchange is ModernExchange => takesTasks(exchange.session);

/**
 * A held call as a task, for a client that takes one: it is answered at once, and made when it is approved, for whoever
 * asks for the task then. Undefined when the client takes none, or there is no place.
 */
export const beginHeldTask = (
  parts: GatewayParts,
  { exchange, ...call }: Omit<HeldTask, 'exchange'> & Readonly<{ exchange: Exchange }>,
): Json | undefined => {
  const { request, waiting } = call;
  if (request.method !== 'tools/call' || !isOfTaskClient(exchange)) return undefined;
  const { who } = exchange;
  const known = parts.approvalTasks.find(waiting.approvalId, who.grant.id);
  const task =
    known ??
    (parts.parked.isFull({ organizationId: who.organization.id, grantId: who.grant.id, bytes: exchange.body.length })
      ? undefined
      : parts.approvalTasks.add({ ...call, exchange }, new Date()));
  if (!task) return undefined;
  if (!known)
    inBackground('held_task', run(parts, task), () =>
      parts.approvalTasks.end(task, failed(JSON_RPC_CODES.internalError, LEFT), new Date()),
    );
  return { resultType: 'task', ...shown(parts.taskIds.sealed(who, PREFIX + waiting.approvalId), task) };
};

/** The approval whose call a task's id stands for; undefined for a task of the upstream's. */
export const approvalOf = (taskId: string): string | undefined =>
  taskId.startsWith(PREFIX) ? taskId.slice(PREFIX.length) : undefined;

/** What can be told of a task that another node has, or had. */
const elsewhere = ({ status, since }: ApprovalProgress): TaskState => {
  const ageMs = Date.now() - since.getTime();
  if (status === 'withdrawn') return { status: 'cancelled' };
  if (status === 'rejected') return failed(OWN_CODES.denied, 'a reviewer rejected this call');
  if (status === 'expired')
    return failed(OWN_CODES.denied, 'the approval of this call has expired; repeat the call to ask again');
  if (status === 'pending' || ageMs < (status === 'approved' ? GOES_ON_MS : RESULT_KEPT_MS))
    return { status: 'working' };
  return status === 'approved'
    ? failed(OWN_CODES.unavailable, LEFT)
    : failed(OWN_CODES.unavailable, 'this call was made, and its result is not known here');
};

const shownElsewhere = (taskId: string, stands: ApprovalProgress): Json => ({
  taskId,
  createdAt: stands.requestedAt.toISOString(),
  lastUpdatedAt: stands.since.toISOString(),
  ttlMs: stands.expiresAt.getTime() - stands.requestedAt.getTime() + RESULT_KEPT_MS,
  pollIntervalMs: POLL_MS,
  ...elsewhere(stands),
});

/** Withdraws the request for an approval; undefined when that is not known to have happened. */
const withdraw = (parts: GatewayParts, of: Parameters<ApprovalRequests['withdraw']>[0]): Promise<true | undefined> =>
  within(
    parts.approvals.withdraw(of).then(() => true),
    LOOK_MS,
  );

/**
 * Answers tasks/get, tasks/update and tasks/cancel of a held call. Cancelling withdraws the request for approval; a
 * call that is being made goes on.
 */
export const askOfHeldTask = async (
  parts: GatewayParts,
  exchange: Exchange,
  request: Request,
  approvalId: string,
): Promise<void> => {
  const { response, who } = exchange;
  const { id, method, params } = request;
  const of = { organizationId: who.organization.id, grantId: who.grant.id, approvalId };
  const task = parts.approvalTasks.find(approvalId, who.grant.id);
  const found =
    task ??
    (await within(
      parts.approvals.find(of).then((stands) => stands ?? 'none'),
      LOOK_MS,
    ));
  if (found === 'none') return sendJson(response, 200, jsonRpcError(id, JSON_RPC_CODES.invalidParams, 'no such task'));
  const isCancel = method === 'tasks/cancel';
  if (isCancel) task?.emit('cancelled');
  if (found === undefined || (isCancel && !(await withdraw(parts, of))))
    return sendJson(
      response,
      200,
      jsonRpcError(id, OWN_CODES.unavailable, 'approvals are out of reach; try again shortly'),
    );
  const done = { resultType: 'complete' };
  if (method !== 'tasks/get') return sendJson(response, 200, jsonRpcResult(id, done));
  const taskId = String(params?.['taskId']);
  return sendJson(
    response,
    200,
    jsonRpcResult(id, {
      ...done,
      ...(found instanceof ApprovalTask ? shown(taskId, found) : shownElsewhere(taskId, found)),
    }),
  );
};
