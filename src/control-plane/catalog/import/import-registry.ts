import type { Database, Tx } from '../../../platform/postgres/database.js';
import type { Outbound } from '../../../platform/outbound/outbound.js';
import { isObject, type Json } from '../../../platform/json/json-object.js';
import { lockCatalog, recountWords } from '../save-entries.js';
import { CursorRefused, fetchPage, ImportStopped, listUrlOf, type Wait } from './fetch-page.js';
import { importedOf } from './registry-entry.js';
import type { RegistryPage } from './registry-page.js';
import { addProgress, NO_PROGRESS, saveImported, type ImportProgress } from './save-imported.js';

/**
 * How far a registry has been read. A pass that is under way began at `begunAt`, is to go on at `cursor` (null at its
 * beginning), and wants what changed since `since` (null: all). Times are RFC 3339.
 */
type RegistryState = Readonly<{ since: string | null; begunAt: string | null; cursor: string | null }>;

const NEW: RegistryState = { since: null, begunAt: null, cursor: null };

/** The clock of a registry may be behind ours; what is read twice is saved twice, and is the same. */
const OVERLAP_MS = 3_600_000;
const MAX_PAGES = 20_000;
const MAX_EMPTY_PAGES = 5;

const textOrNull = (value: Json, name: string): string | null => {
  const text = value[name];
  return typeof text === 'string' ? text : null;
};

const loadState = async (db: Database, source: string): Promise<RegistryState> => {
  const { rows } = await db.asWorker((tx) =>
    tx.query<{ state: unknown }>('select state from catalog_sources where source = $1', [source]),
  );
  const state = rows[0]?.state;
  if (!isObject(state)) return NEW;
  return {
    since: textOrNull(state, 'since'),
    begunAt: textOrNull(state, 'begunAt'),
    cursor: textOrNull(state, 'cursor'),
  };
};

const saveState = async (tx: Tx, source: string, state: RegistryState): Promise<void> => {
  await tx.query(
    `insert into catalog_sources(source, state) values ($1, $2)
     on conflict (source) do update set state = excluded.state, read_at = now()`,
    [source, JSON.stringify(state)],
  );
};

/** What an import needs; `wait` and `now` stand in for the clock. */
export type RegistryImport = Readonly<{
  db: Database;
  outbound: Outbound;
  registry: string;
  onProgress: (progress: ImportProgress) => void;
  now?: () => Date;
  wait?: Wait;
}>;

const before = (time: string): string => new Date(new Date(time).getTime() - OVERLAP_MS).toISOString();

/** One pass over a registry: its pages, one after the other. */
class Pass {
  readonly #deps: RegistryImport;
  readonly #list: URL;
  readonly #source: string;
  readonly #seen = new Set<string>();
  readonly #begunAt: string;
  #state: RegistryState;
  #empty = 0;
  progress = NO_PROGRESS;

  constructor(deps: RegistryImport, list: URL, known: RegistryState) {
    this.#deps = deps;
    this.#list = list;
    this.#source = `registry ${list.href}`;
    this.#begunAt = known.begunAt ?? (deps.now ?? (() => new Date()))().toISOString();
    this.#state = { ...known, begunAt: this.#begunAt };
  }

  async run(): Promise<ImportProgress> {
    for (let pages = 0; pages < MAX_PAGES; pages += 1) {
      const next = await this.#page();
      if (next === null) return this.#end();
    }
    throw new ImportStopped(`The registry has more than ${MAX_PAGES} pages. Run the import again to go on.`);
  }

  /** Saves the next page, and answers where the one after it begins. */
  async #page(): Promise<string | null> {
    const page = await this.#fetch();
    const today = this.#begunAt.slice(0, 10);
    const next = this.#judged(page);
    this.#state = { ...this.#state, cursor: next };
    const state = this.#state;
    const done = await saveImported(
      this.#deps.db,
      page.servers.map((one) => importedOf(one, today)),
      (tx) => saveState(tx, this.#source, state),
    );
    this.progress = addProgress(this.progress, done);
    this.#deps.onProgress(this.progress);
    return next;
  }

  /** A place that a registry has forgotten is no reason to stop: the pass begins again. */
  async #fetch(): Promise<RegistryPage> {
    const { outbound, wait } = this.#deps;
    const { cursor, since } = this.#state;
    try {
      return await fetchPage({ outbound, list: this.#list, wait }, { cursor, since });
    } catch (error) {
      if (!(error instanceof CursorRefused) || this.progress.read > 0) throw error;
      return fetchPage({ outbound, list: this.#list, wait }, { cursor: null, since });
    }
  }

  /** The cursor of a page. @throws ImportStopped for a registry that leads in a circle, or on and on to nothing */
  #judged({ servers, nextCursor }: RegistryPage): string | null {
    this.#empty = servers.length === 0 ? this.#empty + 1 : 0;
    if (nextCursor === null) return null;
    if (this.#seen.has(nextCursor) || this.#empty > MAX_EMPTY_PAGES)
      throw new ImportStopped('The registry leads in a circle: its next page was there before, or is always empty.');
    this.#seen.add(nextCursor);
    return nextCursor;
  }

  async #end(): Promise<ImportProgress> {
    await this.#deps.db.asWorker(async (tx) => {
      await lockCatalog(tx);
      await saveState(tx, this.#source, { since: before(this.#begunAt), begunAt: null, cursor: null });
      await recountWords(tx);
    });
    return this.progress;
  }
}

/**
 * Reads a registry that speaks the API v0.1 of the MCP Registry: all of it the first time, later what changed since.
 * Each page is saved with the place behind it, so that an import that was cut off goes on there.
 * @throws ImportStopped for a registry that gives no pages; what was read until then stays
 */
export const importRegistry = async (deps: RegistryImport): Promise<ImportProgress> => {
  const checked = deps.outbound.check(deps.registry);
  if (!checked.ok) throw new ImportStopped(checked.message);
  const list = listUrlOf(checked.url.href);
  list.search = '';
  return new Pass(deps, list, await loadState(deps.db, `registry ${list.href}`)).run();
};
