const MAX_SHOWN = 600;

/** How a process ended: its exit code, or the signal that ended it. */
export type Exit = Readonly<{ exitCode: number | null; signal: string | null }>;

/** The process of a stdio server ended, or was not to be run. `stderr` is what it wrote last, without secrets. */
export class ProcessEnded extends Error {
  readonly #exit: Exit;
  readonly #stderr: string;

  constructor(exit: Exit, stderr: string) {
    super('the process of a stdio server ended');
    this.#exit = exit;
    this.#stderr = stderr;
  }

  /** For the administrator of the server. */
  get detail(): string {
    const { exitCode, signal } = this.#exit;
    const how = signal === null ? (exitCode === null ? '' : ` with exit code ${exitCode}`) : ` by the signal ${signal}`;
    // PostgreSQL keeps no U+0000, and terminals act on control characters.
    const shown = this.#stderr
      .replaceAll(/[^\P{Cc}\n]/gu, '')
      .slice(-MAX_SHOWN)
      .trim();
    return (
      `The server ended the connection before it answered: its process ended${how}. ` +
      (shown === '' ? 'Check its command, arguments and environment.' : `It wrote last: ${shown}`)
    );
  }
}
