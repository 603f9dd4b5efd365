import type { OutcomeStatus } from '../../record/event-log/events/index.js';
import { jsonRpcError, type RequestId } from '../../mcp/protocol/answers.js';
import type { UpstreamFailure } from '../../mcp/upstream/forward.js';
import { OWN_CODES } from '../../mcp/protocol/codes.js';

/** How a relayed request ended. `sent`: whether any byte of it may have reached the upstream. */
export type Relayed = Readonly<{
  status: OutcomeStatus;
  upstreamStatus: number | null;
  responseBytes: number;
  sent: boolean;
}>;

const FAILURE_RESPONSES = {
  unreachable: {
    status: 'upstream_unreachable',
    code: OWN_CODES.upstreamUnreachable,
    message: 'the MCP server could not be reached',
  },
  timeout: { status: 'timeout', code: OWN_CODES.upstreamTimeout, message: 'the MCP server did not answer in time' },
  broken: {
    status: 'upstream_error',
    code: OWN_CODES.upstreamError,
    message: 'the MCP server broke off before its answer was whole; the request may have taken effect',
  },
  aborted: { status: 'cancelled', code: OWN_CODES.upstreamError, message: 'the request was cancelled' },
} as const satisfies Record<
  UpstreamFailure['kind'],
  Readonly<{ status: OutcomeStatus; code: number; message: string }>
>;

/** What the client is told of a failure, in the failure's own words where it has some, and what is recorded of it. */
export const describeFailure = ({
  kind,
  reason,
}: Pick<UpstreamFailure, 'kind' | 'reason'>): Readonly<{ status: OutcomeStatus; code: number; message: string }> =>
  reason === undefined ? FAILURE_RESPONSES[kind] : { ...FAILURE_RESPONSES[kind], message: reason };

/** The JSON-RPC error, not yet serialized, that a client gets for a failure. */
export const failureResponse = (id: RequestId, failure: UpstreamFailure): ReturnType<typeof jsonRpcError> => {
  const { code, message } = describeFailure(failure);
  return jsonRpcError(id, code, message);
};
