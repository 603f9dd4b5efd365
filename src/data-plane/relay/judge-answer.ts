import { isUtf8 } from 'node:buffer';
import { serverMessageText } from '../../mcp/protocol/response.js';
import { parseObject } from '../../platform/json/json-object.js';
import { editObject, set } from '../../mcp/wire/json-text.js';
import type { RequestId } from '../../mcp/protocol/answers.js';
import { scanMessage } from './passable-message.js';
import { outcomeOf, type ToolOutcome } from './tool-outcome.js';

const OPENING_BRACE = 0x7b;

/** A message without a byte order mark before it, and out of a batch that holds nothing else. */
const undressed = (body: Buffer): Buffer =>
  body[0] !== OPENING_BRACE && isUtf8(body) ? Buffer.from(serverMessageText(body.toString('utf8'))) : body;

/**
 * What of a body may go on to the client as the answer to request `id`, and its outcome; undefined when the body is no
 * answer, or lists something. An error without an id, from a server that could not read the request, gets that id.
 */
export const judgeAnswer = (
  body: Buffer,
  id: RequestId,
): Readonly<{ passed: Buffer; outcome: ToolOutcome }> | undefined => {
  const bare = undressed(body);
  const { scan, passed } = scanMessage(bare);
  const message = scan.isBroken ? undefined : parseObject(bare.toString('utf8'));
  if (!message || scan.has('result') === scan.has('error')) return undefined;
  const outcome = outcomeOf(message);
  if (outcome === 'error' && !scan.has('error')) return undefined;
  if (scan.hasList || (scan.hasDeepList && message['id'] !== id)) return undefined;
  const isUnaddressed = outcome === 'error' && (message['id'] ?? null) === null;
  return {
    passed: isUnaddressed ? Buffer.from(editObject(passed.toString('utf8'), { id: set(id) })) : passed,
    outcome,
  };
};
