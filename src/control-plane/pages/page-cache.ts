import type { Rendered } from './rendered.js';

const MAX_BYTES = 24 * 2 ** 20;
/** What an entry takes beside its text. */
const ENTRY_BYTES = 500;

const bytesOf = (key: string, { body }: Rendered): number => 2 * (body.length + key.length) + ENTRY_BYTES;

/**
 * Pages that were rendered, the least recently used leaving first when they take more than 24 MiB together. A page
 * that one asker wants several times at once is rendered once.
 */
export class PageCache {
  readonly #pages = new Map<string, Rendered>();
  readonly #running = new Map<string, Promise<Rendered | undefined>>();
  #bytes = 0;

  /**
   * The page of this key; `render` makes it, in the turn of `asker`, when it is not there: nobody waits in the turn of
   * another. What is undefined is not kept.
   */
  async get(key: string, asker: string, render: () => Promise<Rendered | undefined>): Promise<Rendered | undefined> {
    const known = this.#pages.get(key);
    if (known) {
      this.#pages.delete(key);
      this.#pages.set(key, known);
      return known;
    }
    const turn = JSON.stringify([asker, key]);
    const running = this.#running.get(turn);
    if (running) return running;
    const rendering = this.#render(key, render).finally(() => this.#running.delete(turn));
    this.#running.set(turn, rendering);
    return rendering;
  }

  async #render(key: string, render: () => Promise<Rendered | undefined>): Promise<Rendered | undefined> {
    const made = await render();
    if (made) this.#keep(key, made);
    return made;
  }

  #keep(key: string, page: Rendered): void {
    // Another asker may have had it rendered meanwhile.
    if (this.#pages.has(key)) return;
    this.#pages.set(key, page);
    this.#bytes += bytesOf(key, page);
    for (const [oldest, old] of this.#pages) {
      if (this.#bytes <= MAX_BYTES) return;
      this.#pages.delete(oldest);
      this.#bytes -= bytesOf(oldest, old);
    }
  }
}
