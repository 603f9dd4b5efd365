import type { Rendered } from './rendered.js';

const MAX_BYTES = 24 * 2 ** 20;
/** What an entry takes beside its text. */
const ENTRY_BYTES = 500;

const bytesOf = (key: string, { body }: Rendered): number => 2 * (body.length + key.length) + ENTRY_BYTES;

/**
 * Pages that were rendered, the least recently used leaving first when they take more than 24 MiB together. A page
 * that several visitors want at once is rendered once.
 */
export class PageCache {
  readonly #pages = new Map<string, Rendered>();
  readonly #running = new Map<string, Promise<Rendered | undefined>>();
  #bytes = 0;

  /** The page of this key; `render` makes it when it is not there. What is undefined is not kept. */
  async get(key: string, render: () => Promise<Rendered | undefined>): Promise<Rendered | undefined> {
    const known = this.#pages.get(key);
    if (known) {
      this.#pages.delete(key);
      this.#pages.set(key, known);
      return known;
    }
    const running = this.#running.get(key);
    if (running) return running;
    const rendering = this.#render(key, render);
    this.#running.set(key, rendering);
    return rendering;
  }

  async #render(key: string, render: () => Promise<Rendered | undefined>): Promise<Rendered | undefined> {
    try {
      const made = await render();
      if (made) this.#keep(key, made);
      return made;
    } finally {
      this.#running.delete(key);
    }
  }

  #keep(key: string, page: Rendered): void {
    this.#pages.set(key, page);
    this.#bytes += bytesOf(key, page);
    for (const [oldest, old] of this.#pages) {
      if (this.#bytes <= MAX_BYTES) return;
      this.#pages.delete(oldest);
      this.#bytes -= bytesOf(oldest, old);
    }
  }
}
