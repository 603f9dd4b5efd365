import { Problem } from '../runtime/problems.js';

const STATEMENT_CANCELED = '57014';
/**
 * Connection exceptions (08), too many connections or no resources (53), shutdown and crash (57P), deadlock and
 * serialization (40).
 */
const TEMPORARY = /^(08...|53...|57P..|40...)$/;
const NETWORK = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENOTFOUND', 'EAI_AGAIN']);
/** What pg and its pool throw without a code. */
const MESSAGES = new RegExp(
  '^(timeout exceeded when trying to connect|Connection terminated|Query read timeout|' +
    'Client has encountered a connection error)',
);

const codeOf = (error: Error): string => ('code' in error && typeof error.code === 'string' ? error.code : '');

/** Whether an error is pg's or its network's, and says that another try may succeed. */
const isTemporary = (error: Error): boolean => {
  const code = codeOf(error);
  return TEMPORARY.test(code) || NETWORK.has(code) || MESSAGES.test(error.message);
};

/** The refusal that a failure of the database is for the client; undefined for what is a fault of ours. */
export const databaseProblem = (error: unknown): Problem | undefined => {
  if (!(error instanceof Error)) return undefined;
  if (codeOf(error) === STATEMENT_CANCELED)
    return new Problem(
      'search_timeout',
      'Narrow it: bring from and to closer together, or name a grant, an identity, a tool or an effect.',
    );
  return isTemporary(error)
    ? new Problem('unavailable', 'The database is busy or away. Try again in a moment.', { retryAfterSeconds: 2 })
    : undefined;
};
