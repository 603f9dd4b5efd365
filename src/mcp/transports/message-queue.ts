const MAX_MESSAGES = 64;
const MAX_BYTES = 2 ** 20;

/** Messages of a server that wait for a stream to their client: the last 64, with 1 MiB at most. */
export class MessageQueue {
  /** As bytes: a string may be a slice of a longer one, and would keep that in memory. */
  #messages: Buffer[] = [];
  #bytes = 0;

  add(text: string): void {
    const message = Buffer.from(text);
    if (message.length > MAX_BYTES) return;
    this.#bytes += message.length;
    this.#messages.push(message);
    while (this.#messages.length > MAX_MESSAGES || this.#bytes > MAX_BYTES)
      this.#bytes -= this.#messages.shift()?.length ?? 0;
  }

  /** Takes all messages out. */
  take(): readonly string[] {
    this.#bytes = 0;
    return this.#messages.splice(0).map((message) => message.toString('utf8'));
  }
}
