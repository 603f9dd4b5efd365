import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import { databaseProblem } from '../postgres/database-problem.js';
import { errorText, log } from '../runtime/log.js';
import { Problem, problemBody, problems, type ProblemCode } from '../runtime/problems.js';

const byStatus: Readonly<Record<number, ProblemCode>> = {
  400: 'invalid_body',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  413: 'too_large',
  415: 'invalid_body',
};

const statusOf = (error: unknown): number | undefined => {
  if (error instanceof HttpException) return error.getStatus();
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  return typeof status === 'number' ? status : undefined;
};

const details: Readonly<Partial<Record<ProblemCode, string>>> = {
  not_found: 'There is nothing at this path. The API is described at /docs.',
  invalid_body: 'Send well-formed JSON with Content-Type: application/json.',
};

/**
 * Anything thrown, as the problem that the client may see; what is not expected becomes `internal` and is logged
 * without its values.
 */
export const toProblem = (error: unknown): Problem => {
  if (error instanceof Problem) return error;
  const status = statusOf(error);
  const code = status === undefined ? undefined : byStatus[status];
  if (code) return new Problem(code, details[code] ?? problems[code].title);
  const ofDatabase = databaseProblem(error);
  if (ofDatabase) {
    log.warn('the database failed a request', { code: ofDatabase.code, error: errorText(error) });
    return ofDatabase;
  }
  log.error('a request failed', {
    error: error instanceof Error ? error.message : 'not an Error',
    stack: error instanceof Error ? (error.stack ?? '').split('\n').slice(1, 6).join(' | ') : '',
  });
  return new Problem(
    'internal',
    'The error is in our log. Try again; if it stays, tell your operator the time of this answer.',
  );
};

const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE']);

/** Writes a problem as `application/problem+json`. */
export const sendProblem = (response: Response, problem: Problem): void => {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (problem.code === 'unauthorized') response.setHeader('WWW-Authenticate', 'Bearer realm="toolgate"');
  if (problem.retryAfterSeconds !== undefined) response.setHeader('Retry-After', String(problem.retryAfterSeconds));
  // As bytes: Express adds a charset to texts, which this media type does not have (RFC 9457, 6.1).
  response
    .status(problems[problem.code].status)
    .setHeader('Content-Type', 'application/problem+json')
    .send(Buffer.from(JSON.stringify(problemBody(problem, !BODILESS.has(response.req.method)))));
};

/** Answers a problem in another form, and says whether it did. */
export type ShowProblem = (problem: Problem, request: Request, response: Response) => boolean;

/** Answers whatever was thrown as a problem, or as `show` shows it. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #show: ShowProblem;

  constructor(show: ShowProblem = () => false) {
    this.#show = show;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const [problem, response] = [toProblem(error), http.getResponse<Response>()];
    if (!this.#show(problem, http.getRequest<Request>(), response)) sendProblem(response, problem);
  }
}
