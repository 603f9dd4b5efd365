import type { ServerResponse } from 'node:http';
import { refuseHttp } from '../../mcp/protocol/answers.js';
import { databaseProblem } from '../../platform/postgres/database-problem.js';
import { reportFailure } from '../../platform/runtime/guard.js';
import { Problem, problems } from '../../platform/runtime/problems.js';
import { JSON_RPC_CODES, OWN_CODES } from '../../mcp/protocol/codes.js';

/** Answers a request for which the database has no turn, or no answer, right now. */
const refuseBusy = (response: ServerResponse, { code, detail, retryAfterSeconds }: Problem): void =>
  refuseHttp(response, problems[code].status, {
    code: OWN_CODES.unavailable,
    message: detail,
    headers: { 'retry-after': String(retryAfterSeconds) },
  });

/** Does a piece of the work on a request. What fails unexpectedly is answered, whether it throws or rejects. */
export const guarded = (response: ServerResponse, work: () => void | Promise<void>): void => {
  const failed = (error: unknown): void => {
    const busy = error instanceof Problem ? error : databaseProblem(error);
    if (busy?.retryAfterSeconds !== undefined) return refuseBusy(response, busy);
    reportFailure('gateway_request', error);
    refuseHttp(response, 500, { code: JSON_RPC_CODES.internalError, message: 'internal error' });
  };
  try {
    work()?.catch(failed);
  } catch (error) {
    failed(error);
  }
};
