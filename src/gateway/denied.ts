import type { Decided } from '../enforcement/call.js';
import { jsonRpcResult, type RequestId } from '../mcp/answers.js';

/**
 * A refused call as the agent reads it (contract, section 3): a result with `isError`, never a transport error, so that the session lives on and the
 * model sees the reason.
 */
export const deniedResult = (id: RequestId, decided: Decided) => {
  const { reason, ...meta } = decided;
  const mark = decided.effect === 'hold' ? '[APPROVAL REQUIRED]' : '[POLICY DENIED]';
  return jsonRpcResult(id, { content: [{ type: 'text', text: `${mark} ${reason}` }], isError: true, _meta: { 'io.toolgate/decision': meta } });
};
