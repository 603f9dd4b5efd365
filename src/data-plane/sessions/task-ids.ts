import { createHmac, timingSafeEqual } from 'node:crypto';

/** The grant and server that a task belongs to. */
type TaskOwner = Readonly<{ grant: Readonly<{ id: string }>; server: Readonly<{ id: string }> }>;

/** Ids of tasks as clients see them: the server's id with a proof that this grant got it. */
export type TaskIds = Readonly<{
  /** The same text for the same task, grant and server, on every gateway. */
  sealed: (owner: TaskOwner, taskId: string) => string;
  /** The server's id; undefined when it was never given to this grant. */
  opened: (owner: TaskOwner, sealed: unknown) => string | undefined;
}>;

const TAG_BYTES = 16;
const SEPARATOR = '.';

/**
 * Makes task ids that only their grant can use. A server that many grants share through one credential can't tell
 * grants apart, so that an id alone would open every grant's tasks (2025-11-25, "Task Isolation and Access Control").
 * `key` is 32 bytes that every gateway has.
 */
export const makeTaskIds = (key: Buffer): TaskIds => {
  const tagOf = ({ grant, server }: TaskOwner, taskId: string): Buffer =>
    createHmac('sha256', key)
      .update(JSON.stringify([grant.id, server.id, taskId]))
      .digest()
      .subarray(0, TAG_BYTES);
  return {
    sealed: (owner, taskId) => `${taskId}${SEPARATOR}${tagOf(owner, taskId).toString('base64url')}`,
    opened: (owner, sealed) => {
      if (typeof sealed !== 'string') return undefined;
      const at = sealed.lastIndexOf(SEPARATOR);
      const tag = Buffer.from(sealed.slice(at + 1), 'base64url');
      const taskId = sealed.slice(0, Math.max(0, at));
      return at > 0 && tag.length === TAG_BYTES && timingSafeEqual(tag, tagOf(owner, taskId)) ? taskId : undefined;
    },
  };
};
