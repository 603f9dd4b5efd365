import { JSON_RPC_CODES, OWN_CODES } from '../../../mcp/protocol/codes.js';
import { guarded, inBackground } from '../../../platform/runtime/guard.js';
import { editObject, set, editNested } from '../../../mcp/wire/json-text.js';
import { isObject, type Json } from '../../../platform/json/json-object.js';
import { jsonRpcError, jsonRpcResult, sendJson } from '../../../mcp/protocol/answers.js';
import { META } from '../../../mcp/protocol/modern.js';
import type { Request } from '../../../mcp/protocol/read-message.js';
import { takesTasks } from '../../../mcp/protocol/task-messages.js';
import { collectAnswer, isUpstreamFailure, type Collected } from '../../relay/collect-answer.js';
import { passableMessage } from '../../relay/passable-message.js';
import { describeFailure } from '../../relay/relayed.js';
import { within } from '../../../platform/runtime/within.js';
import { upstreamPost } from '../../relay/upstream-post.js';
import type { UpstreamFailure } from '../../../mcp/upstream/forward.js';
import type { ApprovalRequests, ApprovalProgress } from '../../enforcement/request-approval.js';
import type { Outcome } from '../../enforcement/call.js';
import type { WaitEnd } from './approval-waits.js';
import { ApprovalTask, RESULT_TTL_MS, type HeldTask, type TaskState } from './approval-tasks.js';
import { refusalResult } from '../refusal-messages.js';
import type { Exchange, ModernExchange } from '../../relay/exchange.js';
import type { HoldDeps } from '../gateway-deps.js';

const POLL_INTERVAL_MS = 2000;
/** Longer than a node takes to make a call once its approval is given. */
const RESUME_TIMEOUT_MS = 60_000;
/** Timers go no further; a client that still waits then repeats the call. */
const MAX_WAIT_MS = 24 * 86_400_000;
const APPROVALS_TIMEOUT_MS = 2000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const HELD_TASK_PREFIX = 'toolgate.';
/** When a gateway ends, its approvals stay: the next call like this one uses them. */
const ABANDONED = 'nobody waits for the approval of this call any more; repeat the same call to go on';

/** A task in the form that clients get. */
const taskView = (taskId: string, { state, createdAt, updatedAt, held }: ApprovalTask): Json => ({
  taskId,
  createdAt: createdAt.toISOString(),
  lastUpdatedAt: updatedAt.toISOString(),
  ttlMs: Math.max(0, Math.round(held.wait.expiresInMs)) + RESULT_TTL_MS,
  pollIntervalMs: POLL_INTERVAL_MS,
  ...(state.status === 'working' ? { statusMessage: held.reason } : {}),
  ...(state.status === 'failed' ? { statusMessage: state.error.message } : {}),
  ...state,
});

/**
 * The call as it goes upstream, without client capabilities: no client is there to answer questions or to take a task,
 * so the response must be the result.
 */
const withoutClientCapabilities = (exchange: ModernExchange): ModernExchange => {
  const body = Buffer.from(
    editObject(exchange.body.toString('utf8'), {
      params: editNested({ _meta: editNested({ [META.clientCapabilities]: set({}) }) }),
    }),
  );
  return { ...exchange, body, session: { ...exchange.session, clientCapabilities: {} } };
};

const failedState = (code: number, message: string): TaskState => ({ status: 'failed', error: { code, message } });

type EndedTask = Readonly<{ state: TaskState; outcome: Outcome }>;

const endedByFailure = (failure: UpstreamFailure): EndedTask => {
  const { status, code, message } = describeFailure(failure);
  return {
    state: failedState(code, message),
    outcome: { status, upstreamStatus: null, responseBytes: 0, sent: failure.sent },
  };
};

/** The end of a task by the upstream's response, and the outcome for the record. */
const endedBy = (answer: Collected): EndedTask => {
  const { result, error } = passableMessage(answer.body) ?? {};
  const outcome = { upstreamStatus: answer.status, responseBytes: answer.body.length, sent: true };
  if (isObject(result) && (result['resultType'] ?? 'complete') === 'complete')
    return {
      state: { status: 'completed', result },
      outcome: { ...outcome, status: result['isError'] === true ? 'tool_error' : 'ok' },
    };
  const state = isObject(error)
    ? failedState(Number(error['code']), String(error['message']))
    : failedState(OWN_CODES.upstreamError, 'the MCP server answered with something that is no result');
  return { state, outcome: { ...outcome, status: 'upstream_error' } };
};

/** Judges a call anew once people have decided on its approval, and makes it if it is allowed now. */
const callWhenDecided = async (deps: HoldDeps, { exchange, request, call }: HeldTask): Promise<TaskState> => {
  const who = deps.directory.lookUp(exchange.who.grant.id, exchange.who.tokenHash, Date.now());
  if (!who) return failedState(OWN_CODES.unauthorized, 'the grant token is no longer valid');
  const enforced = await deps.enforcement.enforce({ ...call, who, readAtMs: performance.now() });
  const { decision } = enforced;
  deps.metrics.decisions.inc({ effect: decision.effect, code: decision.code });
  if (!enforced.allowed)
    return { status: 'completed', result: refusalResult(request.id, decision, exchange.session.era).result as Json };
  const answer = await collectAnswer(
    deps,
    upstreamPost(deps, withoutClientCapabilities({ ...exchange, who }), request),
    { maxBytes: MAX_ANSWER_BYTES, id: request.id },
  );
  const { state, outcome } = isUpstreamFailure(answer) ? endedByFailure(answer) : endedBy(answer);
  deps.metrics.outcomes.inc({ status: outcome.status });
  enforced.complete(outcome);
  return state;
};

/** Waits until people have decided on the approval of a task, or the wait ends in another way. */
const waitForApproval = ({ approvalWaits }: HoldDeps, task: ApprovalTask): Promise<WaitEnd> => {
  const { exchange, wait } = task.held;
  const { grant, organization } = exchange.who;
  return approvalWaits.wait(
    { ...wait, waitMs: Math.min(wait.expiresInMs, MAX_WAIT_MS) },
    { organizationId: organization.id, grantId: grant.id, bytes: exchange.body.length },
    task,
    (cancel) => {
      const cancelled = guarded('held_task', cancel);
      task.once('cancelled', cancelled);
      return () => void task.off('cancelled', cancelled);
    },
  );
};

/** Whether the caller withdrew the request for approval: asking anew would open another. */
const isWithdrawn = async ({ approvals }: HoldDeps, { exchange, wait }: HeldTask): Promise<boolean> => {
  const { grant, organization } = exchange.who;
  const key = { organizationId: organization.id, grantId: grant.id, approvalId: wait.approvalId };
  return (await within(approvals.find(key), APPROVALS_TIMEOUT_MS))?.status === 'withdrawn';
};

const runTask = async (deps: HoldDeps, task: ApprovalTask): Promise<void> => {
  const endWith = (state: TaskState): void => deps.approvalTasks.end(task, state, new Date());
  switch (await waitForApproval(deps, task)) {
    case 'over':
      return endWith(failedState(OWN_CODES.unavailable, ABANDONED));
    case 'gone':
      return endWith({ status: 'cancelled' });
    case 'ready':
      return endWith(
        (await isWithdrawn(deps, task.held)) ? { status: 'cancelled' } : await callWhenDecided(deps, task.held),
      );
  }
};

const comesFromTaskClient = (exchange: Exchange): exchange is ModernExchange => takesTasks(exchange.session);

/**
 * Answers a held call with a task, for a client that takes tasks; the call is made when it is approved. Undefined when
 * the client takes none, or the quota is used up.
 */
export const beginHeldTask = (
  deps: HoldDeps,
  { exchange, ...call }: Omit<HeldTask, 'exchange'> & Readonly<{ exchange: Exchange }>,
): Json | undefined => {
  const { request, wait } = call;
  if (request.method !== 'tools/call' || !comesFromTaskClient(exchange)) return undefined;
  const { who } = exchange;
  const known = deps.approvalTasks.find(wait.approvalId, who.grant.id);
  const task =
    known ??
    (deps.approvalWaits.isFull({
      organizationId: who.organization.id,
      grantId: who.grant.id,
      bytes: exchange.body.length,
    })
      ? undefined
      : deps.approvalTasks.add({ ...call, exchange }, new Date()));
  if (!task) return undefined;
  if (!known)
    inBackground('held_task', runTask(deps, task), () =>
      deps.approvalTasks.end(task, failedState(JSON_RPC_CODES.internalError, ABANDONED), new Date()),
    );
  return { resultType: 'task', ...taskView(deps.taskIds.sealed(who, HELD_TASK_PREFIX + wait.approvalId), task) };
};

/** The approval that a task's id names; undefined for a task of the upstream. */
export const approvalOf = (taskId: string): string | undefined =>
  taskId.startsWith(HELD_TASK_PREFIX) ? taskId.slice(HELD_TASK_PREFIX.length) : undefined;

/** The state of a task that another node runs, or ran, as far as its approval tells. */
const stateOnOtherNode = ({ status, since }: ApprovalProgress): TaskState => {
  const ageMs = Date.now() - since.getTime();
  if (status === 'withdrawn') return { status: 'cancelled' };
  if (status === 'rejected') return failedState(OWN_CODES.denied, 'a reviewer rejected this call');
  if (status === 'expired')
    return failedState(OWN_CODES.denied, 'the approval of this call has expired; repeat the call to ask again');
  if (status === 'pending' || ageMs < (status === 'approved' ? RESUME_TIMEOUT_MS : RESULT_TTL_MS))
    return { status: 'working' };
  return status === 'approved'
    ? failedState(OWN_CODES.unavailable, ABANDONED)
    : failedState(OWN_CODES.unavailable, 'this call was made, and its result is not known here');
};

const viewFromOtherNode = (taskId: string, approval: ApprovalProgress): Json => ({
  taskId,
  createdAt: approval.requestedAt.toISOString(),
  lastUpdatedAt: approval.since.toISOString(),
  ttlMs: approval.expiresAt.getTime() - approval.requestedAt.getTime() + RESULT_TTL_MS,
  pollIntervalMs: POLL_INTERVAL_MS,
  ...stateOnOtherNode(approval),
});

type ApprovalKey = Parameters<ApprovalRequests['withdraw']>[0];

/** Withdraws the request for an approval; undefined when it is not known whether that happened. */
const withdraw = ({ approvals }: HoldDeps, key: ApprovalKey): Promise<true | undefined> =>
  within(
    approvals.withdraw(key).then(() => true),
    APPROVALS_TIMEOUT_MS,
  );

/** The approval of a task that this node does not have; `none` when there is none, undefined when that is not known. */
const findOnOtherNodes = ({ approvals }: HoldDeps, key: ApprovalKey): Promise<ApprovalProgress | 'none' | undefined> =>
  within(
    approvals.find(key).then((progress) => progress ?? 'none'),
    APPROVALS_TIMEOUT_MS,
  );

/**
 * Answers tasks/get, tasks/update and tasks/cancel of a held call. Cancelling withdraws the request for approval; a
 * call that is being made goes on.
 */
export const answerHeldTask = async (
  deps: HoldDeps,
  { response, who }: Exchange,
  { id, method, params }: Request,
  approvalId: string,
): Promise<void> => {
  const key = { organizationId: who.organization.id, grantId: who.grant.id, approvalId };
  const task = deps.approvalTasks.find(approvalId, who.grant.id);
  const found = task ?? (await findOnOtherNodes(deps, key));
  if (found === 'none') return sendJson(response, 200, jsonRpcError(id, JSON_RPC_CODES.invalidParams, 'no such task'));
  const isCancel = method === 'tasks/cancel';
  if (isCancel) task?.emit('cancelled');
  if (found === undefined || (isCancel && !(await withdraw(deps, key))))
    return sendJson(
      response,
      200,
      jsonRpcError(id, OWN_CODES.unavailable, 'approvals are out of reach; try again shortly'),
    );
  const taskId = String(params?.['taskId']);
  const view = found instanceof ApprovalTask ? taskView(taskId, found) : viewFromOtherNode(taskId, found);
  return sendJson(
    response,
    200,
    jsonRpcResult(id, { resultType: 'complete', ...(method === 'tasks/get' ? view : {}) }),
  );
};
