import { isObject } from '../json/json-object.js';
import type { RequestId } from '../mcp/answers.js';

/** The member of each list's result that holds its items; `resource` begins two of them. */
const LISTED = ['tools', 'prompts', 'resources', 'resourceTemplates'];
const NEEDLES = ['"tools"', '"prompts"', '"resource', '\\u'];

/** Whether a message could be a list's result: those that can't need no parsing. */
export const mayHoldList = (bytes: Buffer): boolean => NEEDLES.some((needle) => bytes.includes(needle));

/**
 * A list's result where no list was asked for: on a stream that was taken up again, or under the id of another request. Clients match answers by id on any
 * stream, and what a policy hides is taken out of lists only where they are asked for. `own`: the id of the request that is answered here.
 */
export const isStrayList = (message: unknown, own?: RequestId): boolean => {
  if (Array.isArray(message)) return message.some((one) => isStrayList(one, own));
  if (!isObject(message) || !isObject(message['result']) || (own !== undefined && message['id'] === own)) return false;
  const { result } = message;
  return LISTED.some((items) => Array.isArray((result as Readonly<Record<string, unknown>>)[items]));
};
