import type { ServerResponse } from 'node:http';
import type { Directory } from '../directory/directory.js';
import type { Authenticated } from '../directory/facts.js';

const SWEEP_MS = 250;

type Stream = Readonly<{ response: ServerResponse; grantId: string; tokenHash: Buffer; sessionId: string }>;

/**
 * Every open event stream to a client. One whose grant is no longer good (revoked, rotated past its grace, expired, disabled, deleted) or whose session
 * was ended is closed within `SWEEP_MS` of this process knowing it.
 */
export class LiveStreams {
  readonly #directory: Directory;
  readonly #streams = new Set<Stream>();
  readonly #timer: NodeJS.Timeout;

  constructor(directory: Directory) {
    this.#directory = directory;
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  add(response: ServerResponse, who: Authenticated, sessionId: string): void {
    const stream = { response, grantId: who.grant.id, tokenHash: who.tokenHash, sessionId };
    this.#streams.add(stream);
    response.once('close', () => this.#streams.delete(stream));
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Closes all; clients reconnect elsewhere. */
  stop(): void {
    clearInterval(this.#timer);
    for (const { response } of this.#streams) response.end();
  }

  #sweep(): void {
    const now = Date.now();
    for (const { response, grantId, tokenHash, sessionId } of this.#streams) {
      const who = this.#directory.lookUp(grantId, tokenHash, now);
      const good = who !== undefined && !who.server.disabled && !who.identity.disabled && !who.organization.disabled && !this.#directory.isEnded(sessionId);
      if (!good) response.destroy();
    }
  }
}
