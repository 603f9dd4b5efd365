import { parseObject, type Json } from '../../platform/json/json-object.js';
import { jsonRpcError, sendJson } from '../../mcp/protocol/answers.js';
import { createdTask, takesTasks, TASK_MARKER, withTaskIds } from '../../mcp/protocol/task-messages.js';
import type { Request } from '../../mcp/protocol/read-message.js';
import type { Era } from '../../mcp/protocol/era.js';
import { relayAnswer, type AnswerOptions } from '../relay/relay-answer.js';
import { rewriteMessages } from '../relay/rewrite-messages.js';
import { upstreamPost } from '../relay/upstream-post.js';
import type { Exchange, GatewayParts, SessionExchange } from './exchange.js';
import { governed } from './governed.js';
import { approvalOf, askOfHeldTask } from './held/held-task.js';
import { JSON_RPC_CODES } from '../../mcp/protocol/codes.js';

type Through = NonNullable<AnswerOptions['transform']>;

/**
 * What each era can ask of a task. `tasks/list` is not among them: a server that many grants share would list the tasks
 * of all.
 */
const METHODS: Readonly<Record<Era, readonly string[]>> = {
  legacy: ['tasks/get', 'tasks/result', 'tasks/cancel'],
  modern: ['tasks/get', 'tasks/update', 'tasks/cancel'],
};

/** Whether a method of this era asks for a task or changes one. */
export const isOfTask = (era: Era, method: string): boolean => METHODS[era].includes(method);

/**
 * Whether a call may be answered by a task: in a session when the client asks for it, else when it says that it takes
 * one.
 */
const mayBecomeTask = ({ session }: Exchange, { params }: Request): boolean =>
  session.era === 'legacy' ? params?.['task'] !== undefined : takesTasks(session);

/** The way of a call's answer when it may be a task: its id becomes one that this grant alone can use. */
export const throughNewTask = (parts: GatewayParts, exchange: Exchange, request: Request): Through | undefined => {
  if (!mayBecomeTask(exchange, request)) return undefined;
  const seal = (message: Json): Json => {
    const made = createdTask(message);
    return made === undefined
      ? message
      : withTaskIds(message, (id) => (id === made ? parts.taskIds.sealed(exchange.who, id) : id));
  };
  return (sink) => rewriteMessages(sink, { marker: TASK_MARKER, rewrite: seal });
};

/**
 * What is asked of a task belongs to the call that made it, and what was decided of that holds: it passes for the grant
 * that the task was given to, and for nobody else.
 */
export const askOfTask = async (parts: GatewayParts, exchange: Exchange, request: Request): Promise<void> => {
  const { id, method, params } = request;
  const sealed = params?.['taskId'];
  const taskId = parts.taskIds.opened(exchange.who, sealed);
  if (taskId === undefined) {
    await parts.enforcement.refuseUnread(
      governed(exchange, request, { tool: null, arguments: undefined }),
      'malformed',
      `${method} of no task that was given to this grant`,
    );
    parts.metrics.decisions.inc({ effect: 'deny', code: 'malformed' });
    return sendJson(exchange.response, 200, jsonRpcError(id, JSON_RPC_CODES.invalidParams, 'no such task'));
  }
  const approvalId = approvalOf(taskId);
  if (approvalId !== undefined) return askOfHeldTask(parts, exchange, request, approvalId);
  const asked = { method, params: { ...params, taskId } };
  const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, ...asked }));
  const rewrite = (message: Json): Json => withTaskIds(message, (one) => (one === taskId ? String(sealed) : one));
  const asking = { ...exchange, body };
  relayAnswer(parts, asking, upstreamPost(parts, asking, asked), {
    id,
    tool: null,
    transform: (sink) => rewriteMessages(sink, { marker: TASK_MARKER, rewrite }),
    done: () => undefined,
  });
  return undefined;
};

/**
 * A client's message with the server's own ids of tasks: answers to what a task asked say to which task they belong.
 */
export const withServersTaskIds = (parts: GatewayParts, exchange: SessionExchange): SessionExchange => {
  const { body, who } = exchange;
  if (!body.includes(TASK_MARKER)) return exchange;
  const message = withTaskIds(parseObject(body.toString('utf8')) ?? {}, (id) => parts.taskIds.opened(who, id) ?? id);
  return { ...exchange, body: Buffer.from(JSON.stringify(message)) };
};
