import { APPROVAL_REQUIRED, POLICY_DENIED } from '../../mcp/protocol/own-marks.js';
import type { Era } from '../../mcp/protocol/era.js';
import type { Decided } from '../enforcement/call.js';
import { jsonRpcResult, type RequestId } from '../../mcp/protocol/answers.js';
import { OWN_CODES } from '../../mcp/protocol/codes.js';

const told = ({ effect, reason }: Decided): string =>
  `${effect === 'hold' ? APPROVAL_REQUIRED : POLICY_DENIED} ${reason}`;

/**
 * A refused call as the agent reads it (contract, section 3): a result with `isError`, never a transport error, so that
 * the session lives on and the model sees the reason.
 */
export const deniedResult = (id: RequestId, decided: Decided, era: Era) => {
  const { reason: _told, ...meta } = decided;
  const result = {
    content: [{ type: 'text', text: told(decided) }],
    isError: true,
    _meta: { 'io.toolgate/decision': meta },
  };
  return jsonRpcResult(id, era === 'modern' ? { resultType: 'complete', ...result } : result);
};

/**
 * The same where a result has no place for it: a JSON-RPC error with a code of our own and the decision in its data.
 */
export const deniedError = (id: RequestId, decided: Decided) => {
  const { reason: _told, ...meta } = decided;
  return {
    jsonrpc: '2.0',
    id,
    error: { code: OWN_CODES.denied, message: told(decided), data: { 'io.toolgate/decision': meta } },
  } as const;
};
