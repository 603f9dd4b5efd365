import { follow, type StreamState } from './follow.js';
import { LogBuffer, type Gap, type LogLine } from './log-buffer.js';
import type { LogRecord } from '../records.js';

export type Line = LogLine<LogRecord>;

/** What the log shows at one time. Lines are oldest first; `older` are from before them, newest first. */
export type LogView = Readonly<{
  lines: readonly Line[];
  older: readonly Line[];
  /** How many lines were ever added by the stream. */
  added: number;
  state: StreamState;
  status: 'loading' | 'ready' | 'failed';
  hasOlder: boolean;
  fault: string;
}>;

const SIZE = 5000;
const MAX_OLDER = 20_000;
const PAGE_SIZE = 500;
/** A page that is not shown gets no animation frames. */
const HIDDEN_MS = 1000;

type Page = Readonly<{ items: readonly LogRecord[]; nextCursor: string | null; hasMore: boolean }>;

/** The log of one search: its newest records, those before them on demand, and what is added while it is open. */
export class LogStore {
  readonly #query: URLSearchParams;
  readonly #ended = new AbortController();
  readonly #listeners = new Set<() => void>();
  readonly #buffer = new LogBuffer<LogRecord>(SIZE);
  #pending: (LogRecord | Gap)[] = [];
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** How many lines the buffer took before the stream began. */
  #shift = 0;
  #cursor: string | null = null;
  #isLoading = false;
  #view: LogView = {
    lines: [],
    older: [],
    added: 0,
    state: 'connecting',
    status: 'loading',
    hasOlder: false,
    fault: '',
  };

  /** `to` ends the log: then nothing is followed. */
  constructor(
    query: URLSearchParams,
    readonly to: string | undefined,
  ) {
    this.#query = query;
  }

  readonly view = (): LogView => this.#view;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Loads the newest records and follows the log until `end`. */
  start(): void {
    this.#run().catch((error: unknown) => this.#set({ status: 'failed', fault: textOf(error) }));
  }

  async #run(): Promise<void> {
    try {
      const head = (await this.#page(new URLSearchParams({ order: 'desc', limit: '1' }))).items[0]?.seq ?? 0;
      const page = await this.#older(null);
      const newest = page.items[0]?.seq ?? 0;
      this.#buffer.take(page.items.toReversed());
      this.#buffer.skipTo(Math.max(head, newest));
      this.#shift = this.#buffer.added;
      this.#set({ ...this.#taken(), status: 'ready', hasOlder: page.hasMore });
    } catch (error) {
      if (!this.#ended.signal.aborted) this.#set({ status: 'failed', fault: textOf(error) });
      return;
    }
    if (this.to !== undefined) return;
    await follow({
      url: `/v1/audit/events?order=asc&${this.#query}`,
      lastSeq: () => this.#pendingSeq(),
      signal: this.#ended.signal,
      onItems: (items) => this.#receive(items),
      onState: (state) => this.#set({ state }),
    });
  }

  end(): void {
    this.#ended.abort();
    this.#listeners.clear();
  }

  /** Loads the page before the oldest line. */
  loadOlder(): void {
    this.#loadOlder().catch((error: unknown) => this.#set({ fault: textOf(error) }));
  }

  async #loadOlder(): Promise<void> {
    if (this.#isLoading || !this.#view.hasOlder || this.#view.older.length >= MAX_OLDER) return;
    this.#isLoading = true;
    try {
      const oldest = this.#oldest();
      const lines = new LogBuffer<LogRecord>(PAGE_SIZE);
      let page = await this.#older(this.#cursor, oldest);
      // Without a cursor the page begins at a time, and records of the same time may be there already.
      const isNew = ({ seq }: LogRecord): boolean => oldest === undefined || seq < oldest.seq;
      while (page.hasMore && !page.items.some(isNew)) page = await this.#older(this.#cursor, oldest);
      lines.take(page.items.filter(isNew).toReversed());
      this.#set({ older: [...this.#view.older, ...lines.lines.toReversed()], hasOlder: page.hasMore });
    } finally {
      this.#isLoading = false;
    }
  }

  #oldest(): LogRecord | undefined {
    const line =
      this.#view.older.findLast(({ kind }) => kind === 'item') ?? this.#view.lines.find(({ kind }) => kind === 'item');
    return line?.kind === 'item' ? line.item : undefined;
  }

  /** The newest page; behind a cursor the next one, else that which begins with the record `from`. */
  async #older(after: string | null, from?: LogRecord): Promise<Page> {
    const query = new URLSearchParams(this.#query);
    query.set('order', 'desc');
    query.set('limit', String(PAGE_SIZE));
    const to = after === null && from?.recordedAt !== undefined ? Date.parse(from.recordedAt) + 1 : this.to;
    if (to !== undefined) query.set('to', new Date(to).toISOString());
    if (after !== null) query.set('after', after);
    const page = await this.#page(query);
    this.#cursor = page.nextCursor;
    return page;
  }

  async #page(query: URLSearchParams): Promise<Page> {
    const response = await fetch(`/v1/audit/events?${query}`, {
      signal: this.#ended.signal,
      headers: { 'x-toolgate-console': '1' },
    });
    const body = (await response.json()) as Page & Readonly<{ detail?: string }>;
    if (!response.ok) throw new Error(body.detail ?? `The answer was ${response.status}.`);
    return body;
  }

  #pendingSeq(): number {
    const last = this.#pending.at(-1);
    return last === undefined ? this.#buffer.lastSeq : 'toSeq' in last ? last.toSeq : last.seq;
  }

  /** Collects what arrives for the next frame. What is more than the buffer holds would be dropped anyway. */
  #receive(items: readonly (LogRecord | Gap)[]): void {
    this.#pending.push(...items);
    if (this.#pending.length > 2 * SIZE) this.#flush();
    if (this.#timer !== undefined) return;
    this.#frame = requestAnimationFrame(() => this.#flush());
    this.#timer = setTimeout(() => this.#flush(), HIDDEN_MS);
  }

  #flush(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const delivered = this.#pending;
    this.#pending = [];
    if (delivered.length === 0 || !this.#buffer.take(delivered)) return;
    const taken = this.#taken();
    const isCut = this.#view.lines[0] !== undefined && taken.lines[0]?.seq !== this.#view.lines[0].seq;
    // What was loaded before lines that are gone no longer joins the rest.
    if (isCut) this.#cursor = null;
    this.#set(isCut ? { ...taken, older: [], hasOlder: true } : taken);
  }

  #taken(): Pick<LogView, 'lines' | 'added'> {
    return { lines: this.#buffer.lines, added: this.#buffer.added - this.#shift };
  }

  #set(change: Partial<LogView>): void {
    if (this.#ended.signal.aborted) return;
    this.#view = { ...this.#view, ...change };
    for (const listener of this.#listeners) listener();
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : 'The log can not be read.');
