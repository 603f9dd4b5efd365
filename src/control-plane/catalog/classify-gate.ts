import type { NextFunction, Request, Response } from 'express';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { guarded } from '../../platform/runtime/guard.js';
import { Problem } from '../../platform/runtime/problems.js';
import { networkOf } from '../accounts/login-limits.js';

/** How many requests a minute allows to one network address. */
export const CLASSIFICATIONS_A_MINUTE = 30;

/** Requests whose bodies are in memory: of all strangers, and of one of them. */
const MAX_IN_FLIGHT = 16;
const MAX_IN_FLIGHT_OF_ONE = 2;
/** How long the body of a request may come in while others wait for its place. */
const BODY_TIMEOUT_MS = 2000;

const tooMany = (detail: string, retryAfterSeconds: number): Problem =>
  new Problem('too_many_requests', detail, { retryAfterSeconds });

/**
 * Stands before the classifier, which anyone may ask: it refuses before the body of a request is read. Counts are in
 * memory, and each process has its own.
 */
export class ClassifyGate {
  readonly #limiter = new RateLimiterMemory({
    keyPrefix: 'classify',
    points: CLASSIFICATIONS_A_MINUTE,
    duration: 60,
  });
  readonly #inFlight = new Map<string, number>();
  /** When each request began whose place is taken, the oldest first. */
  readonly #begun = new Map<Request, number>();

  /** Middleware: passes a request on, or throws a Problem too_many_requests. */
  async use(request: Request, response: Response, next: NextFunction): Promise<void> {
    const network = networkOf(request.ip ?? '');
    await this.#count(network);
    const own = this.#inFlight.get(network) ?? 0;
    if (own >= MAX_IN_FLIGHT_OF_ONE || (this.#begun.size >= MAX_IN_FLIGHT && !this.#endSlowBody()))
      throw tooMany('Too many definitions are being classified. Wait, then try again.', 1);
    this.#inFlight.set(network, own + 1);
    this.#begun.set(request, performance.now());
    response.once(
      'close',
      guarded('classify', () => this.#leave(request, network)),
    );
    next();
  }

  /** Bodies that never end must not hold all places: the oldest one makes room. Whether there was one. */
  #endSlowBody(): boolean {
    for (const [request, begunAt] of this.#begun) {
      if (request.complete || performance.now() - begunAt < BODY_TIMEOUT_MS) continue;
      this.#begun.delete(request);
      request.socket.destroy();
      return true;
    }
    return false;
  }

  async #count(network: string): Promise<void> {
    await this.#limiter.consume(network).catch((used: unknown) => {
      if (!(used instanceof RateLimiterRes)) throw used;
      throw tooMany(
        `Classify at most ${CLASSIFICATIONS_A_MINUTE} times a minute.`,
        Math.max(1, Math.ceil(used.msBeforeNext / 1000)),
      );
    });
  }

  #leave(request: Request, network: string): void {
    this.#begun.delete(request);
    const own = (this.#inFlight.get(network) ?? 0) - 1;
    if (own > 0) this.#inFlight.set(network, own);
    else this.#inFlight.delete(network);
  }
}
