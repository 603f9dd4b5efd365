import type { ServerResponse } from 'node:http';
import { guarded } from '../../platform/runtime/guard.js';

/** Writes to a client with back-pressure. */
export class ClientWriter {
  readonly #response: ServerResponse;
  readonly #resume: () => void;
  #isWaiting = false;

  /** `resume` is called when the client takes more again, or has left. */
  constructor(response: ServerResponse, resume: () => void) {
    this.#response = response;
    this.#resume = resume;
  }

  /** False when no more should come until `resume`. A client that left takes everything. */
  write(bytes: Buffer): boolean {
    const response = this.#response;
    if (bytes.length === 0 || response.destroyed || response.writableEnded || response.write(bytes)) return true;
    if (this.#isWaiting) return false;
    this.#isWaiting = true;
    const resume = guarded('relay', () => {
      this.#isWaiting = false;
      response.off('drain', resume).off('close', resume);
      this.#resume();
    });
    response.on('drain', resume).on('close', resume);
    return false;
  }
}
