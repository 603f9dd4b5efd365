/** Every `code` a REST answer may carry, with its status and title (RFC 9457). Stable: clients switch on them. */
export const problems = {
  invalid_body: { status: 400, title: 'The request is not valid' },
  unauthorized: { status: 401, title: 'A valid credential is needed' },
  second_factor_needed: { status: 401, title: 'A code of your second factor is needed' },
  forbidden: { status: 403, title: 'Your role may not do this' },
  four_eyes: { status: 403, title: 'Another person must decide this' },
  bad_origin: { status: 403, title: 'The request comes from another web origin' },
  signup_closed: { status: 403, title: 'Sign-up is closed on this installation' },
  not_found: { status: 404, title: 'Not found' },
  conflict: { status: 409, title: 'The request conflicts with the current state' },
  precondition_failed: { status: 412, title: 'The object has changed since you read it' },
  too_large: { status: 413, title: 'The request body is too large' },
  policy_invalid: { status: 422, title: 'The policy document is not valid' },
  policy_of_other_server: { status: 422, title: 'The policy belongs to another server' },
  unsupported_key: { status: 422, title: 'The policy document has a key that this release does not enforce' },
  unsupported: { status: 422, title: 'This release does not support that' },
  command_not_allowed: { status: 422, title: 'The command may not be run' },
  url_not_allowed: { status: 422, title: 'The URL may not be used' },
  search_timeout: { status: 422, title: 'The search takes too long' },
  idempotency_mismatch: { status: 422, title: 'This Idempotency-Key was used with another request' },
  precondition_required: { status: 428, title: 'Send If-Match with the version you read' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Something went wrong on our side' },
  unavailable: { status: 503, title: 'Not available right now' },
} as const;

export type ProblemCode = keyof typeof problems;

/** How many of the things that are wrong an answer names at most. */
export const MAX_PROBLEM_ERRORS = 100;

/**
 * One of several things that are wrong at once; `pointer` is a JSON Pointer (RFC 6901) into the body that was sent.
 * `parameter` names a parameter of the query instead; the pointer is empty then.
 */
export type ProblemDetail = Readonly<{ pointer: string; parameter?: string; code: string; message: string }>;

/**
 * An expected refusal on its way to the client as `application/problem+json`. `detail` says what to do next and never
 * holds a secret or a value. Of `errors` it keeps the first `MAX_PROBLEM_ERRORS`.
 */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly errors: readonly ProblemDetail[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ProblemCode,
    detail: string,
    more?: Readonly<{ errors?: readonly ProblemDetail[]; retryAfterSeconds?: number }>,
  ) {
    super(`${code}: ${detail}`);
    this.code = code;
    this.detail = detail;
    this.errors = more?.errors?.slice(0, MAX_PROBLEM_ERRORS);
    this.retryAfterSeconds = more?.retryAfterSeconds;
  }
}

/** What is wrong with a request without a body is wrong with its query. */
const inQuery = ({ pointer, ...detail }: ProblemDetail): ProblemDetail => ({
  pointer: '',
  parameter: pointer.slice(1),
  ...detail,
});

/** The body of RFC 9457 for a problem; `hasBody` is of the request. */
export const problemBody = (problem: Problem, hasBody = true): Readonly<Record<string, unknown>> => ({
  type: `urn:toolgate:problem:${problem.code}`,
  title: problems[problem.code].title,
  status: problems[problem.code].status,
  code: problem.code,
  detail: problem.detail,
  ...(problem.errors ? { errors: hasBody ? problem.errors : problem.errors.map(inQuery) } : {}),
});

/**
 * The refusal of a URL that the outbound guard refused: a text that is no URL is an invalid body, a URL that may not be
 * used is another matter.
 */
export const urlProblem = (pointer: string, { code, message }: Readonly<{ code: string; message: string }>): Problem =>
  code === 'url_invalid'
    ? new Problem('invalid_body', 'Correct what errors[] names and send the request again.', {
        errors: [{ pointer, code: 'invalid', message }],
      })
    : new Problem('url_not_allowed', `The URL may not be used: ${message}.`, {
        errors: [{ pointer, code: 'url_not_allowed', message }],
      });

/**
 * The refusal for an id that does not exist or belongs to another organization: the two are the same answer, so that
 * existence does not leak.
 */
export const notFound = (noun: string): Problem => new Problem('not_found', `No such ${noun} in your organization.`);
