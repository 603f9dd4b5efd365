import { JSON_RPC_CODES } from '../../mcp/protocol/codes.js';
import { toJsonText } from '../../platform/json/exact-number.js';
import type { Json } from '../../platform/json/json-object.js';
import { jsonRpcError, sendJson } from '../../mcp/protocol/answers.js';
import { createdTask, takesTasks, TASK_MARKER, withTaskIds } from '../../mcp/protocol/task-messages.js';
import type { Request } from '../../mcp/protocol/read-message.js';
import type { Era } from '../../mcp/protocol/era.js';
import { relayUntilOver, type AnswerOptions } from '../relay/relay-answer.js';
import { rewriteMessages } from '../relay/rewrite-messages.js';
import { upstreamPost } from '../relay/upstream-post.js';
import type { Exchange, SessionExchange } from '../relay/exchange.js';
import type { HoldDeps } from './gateway-deps.js';
import { governedCall } from './governed-call.js';
import { approvalOf, answerHeldTask } from './held/held-task.js';

type TaskDeps = Pick<HoldDeps, 'taskIds'>;
type AnswerTransform = NonNullable<AnswerOptions['transform']>;

/**
 * The methods on tasks. `tasks/list` is not among them: a server that many grants share would list the tasks of all.
 */
const METHODS: Readonly<Record<Era, readonly string[]>> = {
  legacy: ['tasks/get', 'tasks/result', 'tasks/cancel'],
  modern: ['tasks/get', 'tasks/update', 'tasks/cancel'],
};

/** Whether a method of this era reads a task or changes one. */
export const isTaskMethod = (era: Era, method: string): boolean => METHODS[era].includes(method);

/** Whether a task may answer a call: a legacy client asks for one, a modern one declares that it takes tasks. */
const mayBecomeTask = ({ session }: Exchange, { params }: Request): boolean =>
  session.era === 'legacy' ? params?.['task'] !== undefined : takesTasks(session);

/** Seals the id of a task in a call's answer, so that this grant alone can use it; undefined when no task can come. */
export const throughNewTask = (deps: TaskDeps, exchange: Exchange, request: Request): AnswerTransform | undefined => {
  if (!mayBecomeTask(exchange, request)) return undefined;
  const seal = (text: string, message: Json): string => {
    const made = createdTask(message);
    return made === undefined
      ? text
      : withTaskIds(text, (id) => (id === made ? deps.taskIds.sealed(exchange.who, id) : id));
  };
  return (sink) => rewriteMessages(sink, { marker: TASK_MARKER, rewrite: seal });
};

/**
 * Serves a request about a task. The decision on the call that made the task covers it: it passes for the grant that
 * got the task, and for nobody else.
 */
export const relayTaskRequest = async (deps: HoldDeps, exchange: Exchange, request: Request): Promise<void> => {
  const { id, method, params } = request;
  const sealed = params?.['taskId'];
  const taskId = deps.taskIds.opened(exchange.who, sealed);
  if (taskId === undefined) {
    await deps.enforcement.refuseUnread(
      governedCall(exchange, request, { tool: null, arguments: undefined }),
      'malformed',
      `${method} of a task that does not belong to this grant`,
    );
    deps.metrics.decisions.inc({ effect: 'deny', code: 'malformed' });
    return sendJson(exchange.response, 200, jsonRpcError(id, JSON_RPC_CODES.invalidParams, 'no such task'));
  }
  const approvalId = approvalOf(taskId);
  if (approvalId !== undefined) return answerHeldTask(deps, exchange, request, approvalId);
  const opened = { method, params: { ...params, taskId } };
  const body = Buffer.from(toJsonText({ jsonrpc: '2.0', id, ...opened }));
  const rewrite = (text: string): string => withTaskIds(text, (one) => (one === taskId ? String(sealed) : one));
  const forwarded = { ...exchange, body };
  return relayUntilOver(deps, forwarded, upstreamPost(deps, forwarded, opened), {
    id,
    transform: (sink) => rewriteMessages(sink, { marker: TASK_MARKER, rewrite }),
  });
};

/** A client's message with the server's own task ids: an answer to a task's question names the task. */
export const withServersTaskIds = (deps: TaskDeps, exchange: SessionExchange): SessionExchange => {
  const { body, who } = exchange;
  if (!body.includes(TASK_MARKER)) return exchange;
  const message = withTaskIds(body.toString('utf8'), (id) => deps.taskIds.opened(who, id) ?? id);
  return { ...exchange, body: Buffer.from(message) };
};
