import { EventEmitter } from 'node:events';
import type { ModernExchange } from '../../relay/exchange.js';
import type { GovernedCall, ApprovalWait } from '../../enforcement/call.js';
import type { Json } from '../../../platform/json/json-object.js';
import { APPROVAL_TASK_QUOTA } from '../../../platform/fair-shares/data-plane-quotas.js';
import { startTimer } from '../../../platform/runtime/guard.js';
import { Quota } from '../../../platform/fair-shares/quota.js';
import type { Request } from '../../../mcp/protocol/read-message.js';
import { JSON_RPC_CODES } from '../../../mcp/protocol/codes.js';

/** What has become of a held call that its client asks for as a task. */
export type TaskState =
  | Readonly<{ status: 'working' | 'cancelled' }>
  | Readonly<{ status: 'completed'; result: Json }>
  | Readonly<{ status: 'failed'; error: Readonly<{ code: number; message: string }> }>;

/** A held call that a client of tasks has made. */
export type HeldTask = Readonly<{
  exchange: ModernExchange;
  request: Request;
  call: GovernedCall;
  wait: ApprovalWait;
  reason: string;
}>;

/** How long a result waits to be asked for. */
export const RESULT_TTL_MS = 10 * 60_000;

/** One held call that nobody keeps a connection open for. */
export class ApprovalTask extends EventEmitter {
  readonly held: HeldTask;
  readonly createdAt: Date;
  /** As for a connection: nobody leaves this one. */
  readonly destroyed = false;
  state: TaskState = { status: 'working' };
  updatedAt: Date;
  bytes: number;

  constructor(held: HeldTask, now: Date) {
    super();
    this.held = held;
    [this.createdAt, this.updatedAt, this.bytes] = [now, now, held.exchange.body.length];
  }

  get isOver(): boolean {
    return this.state.status !== 'working';
  }
}

/**
 * The tasks of held calls on this node, by their approval. What is asked for here lives here: with the process the wait
 * is lost, and the approval is not. How many there may be, APPROVAL_TASK_QUOTA says; a call that finds no place is
 * answered as one that nobody waits for.
 */
export class ApprovalTasks {
  readonly #tasks = new Map<string, ApprovalTask>();
  readonly #places = new Quota(APPROVAL_TASK_QUOTA);

  find(approvalId: string, grantId: string): ApprovalTask | undefined {
    const task = this.#tasks.get(approvalId);
    return task?.held.exchange.who.grant.id === grantId ? task : undefined;
  }

  /** A new task; undefined when there is no place for it. */
  add(held: HeldTask, now: Date): ApprovalTask | undefined {
    const { organization, grant } = held.exchange.who;
    const task = new ApprovalTask(held, now);
    if (this.#places.take(organization.id, grant.id, task.bytes) !== undefined) return undefined;
    this.#tasks.set(held.wait.approvalId, task);
    return task;
  }

  /**
   * The end of a task, the first that is told. Its result, if that has a place, can be asked for until `RESULT_KEPT_MS`
   * later.
   */
  end(task: ApprovalTask, state: TaskState, now: Date): void {
    if (task.isOver) return;
    const bytes = state.status === 'completed' ? JSON.stringify(state.result).length : 0;
    const isKept = this.#weigh(task, bytes);
    task.state = isKept
      ? state
      : {
          status: 'failed',
          error: {
            code: JSON_RPC_CODES.internalError,
            message: 'the call was made, and its result is too large to be kept',
          },
        };
    task.updatedAt = now;
    startTimer('approval_tasks', RESULT_TTL_MS, () => this.#forget(task)).unref();
  }

  /** Makes a task weigh so much from now on; nothing at all when there is no room for that. */
  #weigh(task: ApprovalTask, bytes: number): boolean {
    const { organization, grant } = task.held.exchange.who;
    this.#places.shrink(organization.id, grant.id, task.bytes);
    const isTaken = this.#places.grow(organization.id, grant.id, bytes) === undefined;
    task.bytes = isTaken ? bytes : 0;
    return isTaken;
  }

  #forget(task: ApprovalTask): void {
    const { organization, grant } = task.held.exchange.who;
    if (this.#tasks.delete(task.held.wait.approvalId)) this.#places.free(organization.id, grant.id, task.bytes);
  }
}
