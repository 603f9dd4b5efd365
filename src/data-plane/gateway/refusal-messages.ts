import { OWN_CODES } from '../../mcp/protocol/codes.js';
import { APPROVAL_REQUIRED, POLICY_DENIED } from '../../mcp/protocol/own-marks.js';
import type { Era } from '../../mcp/protocol/era.js';
import type { RecordedDecision } from '../enforcement/call.js';
import { jsonRpcResult, type RequestId } from '../../mcp/protocol/answers.js';

const refusalText = ({ effect, reason }: RecordedDecision): string =>
  `${effect === 'hold' ? APPROVAL_REQUIRED : POLICY_DENIED} ${reason}`;

/**
 * The response to a refused call: a result with `isError`, never a transport error, so that the session lives on and
 * the model reads the reason.
 */
export const refusalResult = (id: RequestId, decision: RecordedDecision, era: Era) => {
  const { reason: _inText, ...meta } = decision;
  const result = {
    content: [{ type: 'text', text: refusalText(decision) }],
    isError: true,
    _meta: { 'io.toolgate/decision': meta },
  };
  return jsonRpcResult(id, era === 'modern' ? { resultType: 'complete', ...result } : result);
};

/**
 * The response to a refused request whose results have no `isError`: a JSON-RPC error with a code of our own and the
 * decision in its data.
 */
export const refusalError = (id: RequestId, decision: RecordedDecision) => {
  const { reason: _inMessage, ...meta } = decision;
  return {
    jsonrpc: '2.0',
    id,
    error: { code: OWN_CODES.denied, message: refusalText(decision), data: { 'io.toolgate/decision': meta } },
  } as const;
};
