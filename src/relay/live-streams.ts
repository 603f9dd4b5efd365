import type { ServerResponse } from 'node:http';
import type { Directory } from '../directory/directory.js';
import { switchedOff, type Authenticated } from '../directory/facts.js';

const SWEEP_MS = 250;

/** `standing`: the client's GET stream, which ends only when somebody ends it; the other kind carries the answer of one call, of `tool` if it names one. */
type Kind = Readonly<{ sessionId: string | null; standing: boolean; tool: string | null }>;

type Stream = Kind & Readonly<{ response: ServerResponse; grantId: string; tokenHash: Buffer }>;

/**
 * Every open event stream to a client. One whose grant is no longer good (revoked, rotated past its grace, expired, disabled, deleted) or whose session
 * was ended is closed within `SWEEP_MS` of this process knowing it.
 */
export class LiveStreams {
  readonly #directory: Directory;
  readonly #streams = new Set<Stream>();
  readonly #timer: NodeJS.Timeout;
  #draining = false;

  constructor(directory: Directory) {
    this.#directory = directory;
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  add(response: ServerResponse, who: Authenticated, kind: Kind): void {
    if (kind.standing && this.#draining) return void response.end();
    const stream = { ...kind, response, grantId: who.grant.id, tokenHash: who.tokenHash };
    this.#streams.add(stream);
    response.once('close', () => this.#streams.delete(stream));
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Ends the standing streams, and those to come; clients reconnect elsewhere. Answers of calls go on. */
  drain(): void {
    this.#draining = true;
    for (const { response, standing } of this.#streams) if (standing) response.end();
  }

  /** Ends all. */
  stop(): void {
    clearInterval(this.#timer);
    for (const { response } of this.#streams) response.end();
  }

  #sweep(): void {
    const now = Date.now();
    for (const { response, grantId, tokenHash, sessionId, tool } of this.#streams) {
      const who = this.#directory.lookUp(grantId, tokenHash, now);
      const good = who !== undefined && switchedOff(who, tool) === undefined && (sessionId === null || !this.#directory.isEnded(sessionId));
      if (!good) response.destroy();
    }
  }
}
